"""The CDS archive: an engine's loaded classes as a file that a starting JVM maps.

It saves more than half of a start and belongs to one Java build and one class path. It is made
by really starting Spark Connect, running queries and stopping it. Nothing depends on it: where
it cannot be made, engines start without, slower.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import PlatformError, Terminal
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine import training
from spark_testkit.engine.connect import TOKEN_VARIABLE, connect_url
from spark_testkit.engine.launcher import CONNECT_SERVER, launch
from spark_testkit.engine.model import Engine
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import as_recorded, read_json, record

__all__ = [
    "ensure_archive",
    "find_archive",
    "fingerprint",
    "has_failed",
    "training_conf",
    "with_archive",
]

# part of every fingerprint: raise it when the training or the launch options change
_REVISION = 1
_START_TIMEOUT_S = 120.0
_TRAINING_TIMEOUT_S = 240.0
_STOP_TIMEOUT_S = 120.0
_HEAP_MIB = 1024
_SERVER = "server.json"
_STARTED = re.compile(r"Spark Connect server started at: .*:(?P<port>\d+)")
# a port that nothing listens on: connecting fails at once
_NOWHERE = "http://127.0.0.1:9"


def fingerprint(engine: Engine) -> str:
    """What an archive of this engine is good for: one Java build, one class path, one training.

    The JVM refuses an archive whose jars have another path, size or time of change, so all
    three are in.
    """
    digest = hashlib.sha256(f"{_REVISION}\n{engine.java.build}\n".encode())
    for jar in engine.jars:
        status = jar.stat()
        digest.update(f"{jar}\n{status.st_size}\n{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()[:20]


def with_archive(engine: Engine, archive: Path | None) -> Engine:
    """The same engine, starting from that archive."""
    return dataclasses.replace(engine, cds_archive=archive)


def _archive_path(engine: Engine, cache_dir: Path) -> Path:
    return cache_dir / "cds" / f"{engine.spec.version}-{fingerprint(engine)}.jsa"


def find_archive(engine: Engine, cache_dir: Path) -> Path | None:
    """The engine's archive if there is one that fits and is whole."""
    archive = _archive_path(engine, cache_dir)
    return archive if as_recorded(archive) else None


def has_failed(engine: Engine, cache_dir: Path, progress: OnProgress) -> bool:
    """Whether building just this archive has failed before; if so, ``progress`` is warned."""
    reason = read_json(_failure_path(engine, cache_dir)).get("reason")
    if reason:
        again = f"spark-testkit engines install {engine.spec.version}"
        _warn(progress, f"{reason} (it is not tried again before `{again}`)")
    return reason is not None


def ensure_archive(
    engine: Engine, cache_dir: Path, progress: OnProgress, *, retry: bool = False
) -> Path | None:
    """The engine's archive, built where it is wanting; None, with a warning, where it cannot be.

    A failure takes minutes and mostly comes again, so it is remembered. Only the holder of the
    cache's lock may call this.

    Args:
        retry: build it also where that has failed before.
    """
    if archive := find_archive(engine, cache_dir):
        return archive
    if not retry and has_failed(engine, cache_dir, progress):
        return None
    archive = _archive_path(engine, cache_dir)
    progress(Progress("cds", "building the CDS archive, about a minute", 0, 1))
    try:
        with _training_folder(archive.parent) as folder:
            partial = folder / "archive.jsa"
            _train(engine, folder, partial)
            os.replace(partial, archive)
            record(archive, java=str(engine.java.binary), spark_home=str(engine.spark_home))
    except (OSError, PlatformError) as error:
        _remember_failure(engine, cache_dir, error)
        _warn(progress, str(error))
        return None
    _failure_path(engine, cache_dir).unlink(missing_ok=True)
    _forget_others(engine, archive)
    progress(Progress("cds", f"{archive.name}, {archive.stat().st_size / 1e6:.0f} MB", 1, 1))
    return archive


def _failure_path(engine: Engine, cache_dir: Path) -> Path:
    return _archive_path(engine, cache_dir).with_suffix(".failed")


def _remember_failure(engine: Engine, cache_dir: Path, error: Exception) -> None:
    reason = str(error).partition("\n")[0] or type(error).__name__
    # on a full disk even this may fail; then the next install tries again
    with contextlib.suppress(OSError):
        write_atomically(_failure_path(engine, cache_dir), json.dumps({"reason": reason}))


def _warn(progress: OnProgress, reason: str) -> None:
    text = f"warning: engines start slower, without a CDS archive: {reason}"
    progress(Progress("cds", text, 1, 1))


def _forget_others(engine: Engine, archive: Path) -> None:
    """Remove this engine's archives that this one replaces or whose Spark or Java is gone."""
    for path in archive.parent.glob(f"{engine.spec.version}-*.jsa"):
        known = read_json(path.with_suffix(".json"))
        home, java = Path(known.get("spark_home", "")), Path(known.get("java", ""))
        replaced = (home, java) == (engine.spark_home, engine.java.binary)
        if path != archive and (not known or replaced or not home.exists() or not java.exists()):
            for file in (path, path.with_suffix(".json")):
                file.unlink(missing_ok=True)


@contextlib.contextmanager
def _training_folder(parent: Path) -> Iterator[Path]:
    parent.mkdir(parents=True, exist_ok=True)
    for leftover in parent.glob("training-*"):
        _stop_orphan(leftover)
        shutil.rmtree(leftover, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix="training-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stop_orphan(leftover: Path) -> None:
    """End the server of a training whose installer was killed, where the kernel did not."""
    known = read_json(leftover / _SERVER)
    if known and process.ProcessId(**known).alive():
        with contextlib.suppress(ProcessLookupError):
            os.kill(known["pid"], signal.SIGKILL)


def training_conf(folder: Path) -> dict[str, str]:
    """The configuration under which an archive is trained; its tables live in ``folder``."""
    unity, here = "spark.sql.catalog.unity", "spark.sql.catalog.training"
    return {
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.connect.grpc.binding.port": "0",
        "spark.master": "local[2]",
        "spark.sql.shuffle.partitions": "2",
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        unity: "org.apache.iceberg.spark.SparkCatalog",
        f"{unity}.type": "rest",
        f"{unity}.uri": _NOWHERE,
        f"{unity}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        here: "org.apache.iceberg.spark.SparkCatalog",
        f"{here}.type": "hadoop",
        f"{here}.warehouse": (folder / "iceberg").as_uri(),
        "spark.hadoop.fs.s3a.endpoint": _NOWHERE,
        "spark.hadoop.fs.s3a.endpoint.region": "us-east-1",
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.access.key": "training",
        "spark.hadoop.fs.s3a.secret.key": "training",
        "spark.hadoop.fs.s3a.attempts.maximum": "0",
        "spark.hadoop.fs.s3a.retry.limit": "0",
    }


def _train(engine: Engine, folder: Path, archive: Path) -> None:
    """Start Connect, run the training queries, and stop it so that it dumps its classes.

    Raises:
        Terminal: no archive came of it.
        TimedOut: the server did not start or stop in time.
    """
    started = launch(
        with_archive(engine, None),
        CONNECT_SERVER,
        conf=training_conf(folder),
        heap_mib=_HEAP_MIB,
        folder=folder,
        jvm_options=(f"-XX:ArchiveClassesAtExit={archive}",),
    )
    started.write_files()
    token = secrets.token_urlsafe(24)
    environment = {**os.environ, **started.environment, TOKEN_VARIABLE: token}
    log = folder / "server.log"
    argv, in_child = process.bound(started.argv, environment)
    with log.open("wb") as output:
        server = subprocess.Popen(
            argv,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=in_child,
        )
    try:
        if identity := process.ProcessId.of(server.pid):
            write_atomically(folder / _SERVER, json.dumps(asdict(identity)))
        port = wait.poll(
            lambda: _port(server, log), what="the training server", timeout_s=_START_TIMEOUT_S
        )
        environment["SPARK_REMOTE"] = connect_url(engine.spec, port, token)
        with contextlib.suppress(PlatformError):
            # what the queries reached before one broke off is in the archive all the same
            process.run(
                [sys.executable, training.__file__],
                env=environment,
                cwd=folder,
                timeout_s=_TRAINING_TIMEOUT_S,
                dies_with_caller=True,
            )
        server.send_signal(signal.SIGTERM)
        wait.poll(
            lambda: _ended(server), what="the CDS archive to be dumped", timeout_s=_STOP_TIMEOUT_S
        )
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()
    if not archive.exists():
        raise Terminal(f"the JVM left no archive behind\n{_tail(log)}")


def _port(server: subprocess.Popen[bytes], log: Path) -> int:
    match = _STARTED.search(log.read_text("utf-8", errors="replace"))
    if match:
        return int(match["port"])
    if server.poll() is not None:
        raise Terminal(f"the training server exited with {server.returncode}\n{_tail(log)}")
    raise wait.NotYet("it has not said which port it listens on")


def _ended(server: subprocess.Popen[bytes]) -> None:
    if server.poll() is None:
        raise wait.NotYet("the server has not exited")


def _tail(log: Path) -> str:
    return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-20:])
