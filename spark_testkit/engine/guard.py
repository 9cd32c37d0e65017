"""The guard of Connect for engines whose Spark knows no token: our Java, compiled once per machine.

The sources are ``images/guard``; what they do is said there. The compiler is Eclipse's, since many
machines have a Java runtime and no ``javac``, and one compiler everywhere is one result everywhere.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import EngineSpec
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.java import Java
from spark_testkit.engine.launcher import quoted
from spark_testkit.engine.lockfile import LockedJar, format_lock, read_guard_lock
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import as_recorded, record
from spark_testkit.resources import resource

__all__ = ["Guard", "guard_of"]

_COMPILER = "org.eclipse.jdt.internal.compiler.batch.Main"
_TIMEOUT_S = 300
_SCRATCH = "compile-"
# a jar's bytes shall not tell when it was made
_EPOCH = (1980, 1, 1, 0, 0, 0)


@dataclass(frozen=True)
class Guard:
    """The guard of one engine, compiled or not.

    Attributes:
        compiler: the jars that compile it; none of them belongs on an engine's class path.
        release: the Java feature release it is compiled for.
        jar: where it is once compiled.
    """

    compiler: tuple[LockedJar, ...]
    release: int
    jar: Path

    def is_ready(self) -> bool:
        """Whether it is compiled and whole."""
        return as_recorded(self.jar)

    def ensure(
        self, class_path: Sequence[Path], *, java: Java, store: JarStore, progress: OnProgress
    ) -> None:
        """Compile it where it is absent or damaged.

        Only the holder of the cache's lock may call this, when the compiler is in the store.

        Args:
            class_path: the engine's jars without the guard's.

        Raises:
            CommandFailed: it does not compile against this class path.
        """
        if self.is_ready():
            return
        progress(Progress("guard", "compiling the guard of Spark Connect", 0, 1))
        self.jar.parent.mkdir(parents=True, exist_ok=True)
        for leftover in self.jar.parent.glob(f"{_SCRATCH}*"):
            shutil.rmtree(leftover, ignore_errors=True)
        with tempfile.TemporaryDirectory(prefix=_SCRATCH, dir=self.jar.parent) as scratch:
            folder = Path(scratch)
            self._compile(folder, class_path, java, store)
            partial = folder / self.jar.name
            _pack(folder / "classes", partial)
            os.replace(partial, self.jar)
        record(self.jar)
        progress(Progress("guard", self.jar.name, 1, 1))

    def _compile(
        self, folder: Path, class_path: Sequence[Path], java: Java, store: JarStore
    ) -> None:
        arguments = [
            "-cp",
            os.pathsep.join(str(store.path(jar.coordinate)) for jar in self.compiler),
            _COMPILER,
            # not --release: a JRE has no signatures of other releases to check against
            *("-source", str(self.release), "-target", str(self.release)),
            *("-encoding", "UTF-8", "-proc:none", "-nowarn"),
            *("-d", str(folder / "classes")),
            *("-cp", os.pathsep.join(map(str, class_path))),
            *map(str, _sources()),
        ]
        # three hundred paths are more than some systems take on a command line
        file = write_atomically(
            folder / "java.args", "".join(f"{quoted(argument)}\n" for argument in arguments)
        )
        process.run([str(java.binary), f"@{file}"], timeout_s=_TIMEOUT_S, dies_with_caller=True)


def guard_of(spec: EngineSpec, locked: Sequence[LockedJar], cache_dir: Path) -> Guard | None:
    """The guard that an engine needs, if it needs one.

    Args:
        locked: the engine's connectors, Spark Connect among them.
    """
    if spec.guard_compiler is None:
        return None
    compiler = read_guard_lock(spec.version)
    digest = hashlib.sha256(f"{spec.pyspark}\n{spec.java_minimum}\n".encode())
    digest.update(format_lock((*compiler, *locked)).encode())
    for source in _sources():
        digest.update(f"{source.name}\n".encode() + source.read_bytes())
    jar = cache_dir / "guard" / f"{digest.hexdigest()[:20]}.jar"
    return Guard(compiler, spec.java_minimum, jar)


def _sources() -> tuple[Path, ...]:
    return tuple(sorted(resource("images/guard").rglob("*.java")))


def _pack(classes: Path, jar: Path) -> None:
    """Put compiled classes into a jar: the same classes, the same bytes."""
    with zipfile.ZipFile(jar, "w") as archive:
        for path in sorted(classes.rglob("*.class")):
            entry = zipfile.ZipInfo(path.relative_to(classes).as_posix(), _EPOCH)
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, path.read_bytes())
