"""The connector jars in the cache: shared by engines, checked by hash, healed when damaged."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from spark_platform.kernel.errors import Terminal
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import Coordinate
from spark_testkit.engine.ivy import Ivy, arrived
from spark_testkit.engine.java import Java
from spark_testkit.engine.lockfile import LockedJar
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import Fingerprint, read_json, sha256_of

__all__ = ["JarStore"]


class JarStore:
    """``<cache>/jars/<group>/<artifact>-<version>.jar`` and a record of how each one looked.

    A jar is in the store only whole and with the right hash: it is moved in, in one step, after
    its bytes were checked. The record spares reading 70 MB at every start.

    Args:
        cache_dir: the toolkit's cache folder.
        repository: URL of a Maven-shaped repository in place of Ivy's default one.
    """

    def __init__(self, cache_dir: Path, *, repository: str | None = None) -> None:
        self._folder = cache_dir / "jars"
        self._record_file = self._folder / "record.json"
        self._scratch = cache_dir / "ivy"
        self._repository = repository

    def path(self, coordinate: Coordinate) -> Path:
        """Where that jar is, or would be."""
        return self._folder / coordinate.group / coordinate.file_name

    def wanting(self, jars: Iterable[LockedJar]) -> tuple[LockedJar, ...]:
        """Those that are absent or damaged.

        A jar that looks as recorded costs one ``stat``; one that does not is read and hashed.
        """
        record = read_json(self._record_file)
        return tuple(jar for jar in jars if not self._sound(jar, record.get(str(jar.coordinate))))

    def _sound(self, jar: LockedJar, known: dict[str, object] | None) -> bool:
        path = self.path(jar.coordinate)
        if known and known["sha256"] == jar.sha256:
            fingerprint = Fingerprint(**known)  # type: ignore[arg-type]
            if fingerprint.describes(path):
                return True
        try:
            return path.stat().st_size == jar.size_bytes and sha256_of(path) == jar.sha256
        except FileNotFoundError:
            return False

    def heal(
        self, jars: Sequence[LockedJar], *, java: Java, ivy_program: Path, progress: OnProgress
    ) -> None:
        """Fetch what is wanting. Only the holder of the cache's lock may call this.

        Each jar moves into the store as it arrives, so a run that is killed loses only the
        download it was in.

        Raises:
            Terminal: a jar came with another hash than the lock's.
            CommandFailed: Ivy could not get them all.
        """
        wanting = {jar.coordinate: jar for jar in self.wanting(jars)}
        if wanting:
            with self._scratch_folder() as scratch:
                ivy = Ivy(java, ivy_program, scratch, repository=self._repository)
                self._fetch(ivy, wanting, progress)
        self._remember(jars)

    def _fetch(self, ivy: Ivy, wanting: dict[Coordinate, LockedJar], progress: OnProgress) -> None:
        total = len(wanting)
        adopted: set[Coordinate] = set()
        # as Ivy names them
        known = {replace(coordinate, classifier=""): coordinate for coordinate in wanting}

        def adopt(line: str) -> None:
            ended = arrived(line)
            if ended in known:
                coordinate = known[ended]
                self._adopt(ivy.path(coordinate), wanting[coordinate])
                adopted.add(coordinate)
                progress(Progress("jars", coordinate.file_name, len(adopted), total))

        size_mb = sum(jar.size_bytes for jar in wanting.values()) / 1e6
        progress(Progress("jars", f"fetching {total} jars, {size_mb:.0f} MB", 0, total))
        ivy.fetch(wanting, on_line=adopt)
        if missed := wanting.keys() - adopted:
            raise Terminal(f"Ivy ended well but did not fetch {', '.join(map(str, missed))}")

    def _adopt(self, source: Path, jar: LockedJar) -> None:
        got = sha256_of(source)
        if got != jar.sha256:
            raise Terminal(
                f"{jar.coordinate} arrived with the wrong content: "
                f"expected sha256 {jar.sha256}, got {got}",
                hint="it is not used. A mirror or proxy may have replaced it; "
                "never mend this by editing the lock",
            )
        target = self.path(jar.coordinate)
        target.parent.mkdir(parents=True, exist_ok=True)
        os.replace(source, target)

    def _remember(self, jars: Iterable[LockedJar]) -> None:
        """Record how the sound jars look now."""
        record = read_json(self._record_file)
        for jar in jars:
            known = record.get(str(jar.coordinate))
            path = self.path(jar.coordinate)
            if not (known and Fingerprint(**known).describes(path)):
                status = path.stat()
                seen = Fingerprint(status.st_size, status.st_mtime_ns, jar.sha256)
                record[str(jar.coordinate)] = asdict(seen)
        write_atomically(self._record_file, json.dumps(record, indent=1, sort_keys=True))

    @contextlib.contextmanager
    def _scratch_folder(self) -> Iterator[Path]:
        # a new folder each time: the Java of an installer that was killed may still be writing
        # into its own, which therefore may not go at the first try
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir(parents=True, exist_ok=True)
        scratch = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            yield scratch
        finally:
            shutil.rmtree(self._scratch, ignore_errors=True)
