"""The CDS archive: used when it fits, rebuilt when it does not, never fatal."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from engine_fakes import environment_home

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import Terminal
from spark_testkit.engine import CONNECT_SERVER, Engine, Progress, cds, engine_spec, launch
from spark_testkit.engine.java import Java, find_java


@pytest.fixture
def engine(tmp_path: Path) -> Engine:
    jar = tmp_path / "a.jar"
    jar.write_bytes(b"jar")
    java = Java(tmp_path / "java", 17, "build 1")
    java.binary.touch()
    return Engine(engine_spec("4.1"), tmp_path, (jar,), java, None, ())


class Training:
    """Stands in for the training run; counts and may fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.runs = 0
        self.failure: BaseException | None = None
        self.news: list[Progress] = []
        monkeypatch.setattr(cds, "_train", self._train)

    def _train(self, engine: Engine, folder: Path, archive: Path) -> None:
        self.runs += 1
        archive.write_bytes(b"archive")
        if self.failure:
            raise self.failure

    def ensure(self, engine: Engine, cache_dir: Path, *, retry: bool = False) -> Path | None:
        return cds.ensure_archive(engine, cache_dir, self.news.append, retry=retry)


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> Training:
    return Training(monkeypatch)


def test_an_archive_is_built_once(engine: Engine, training: Training, tmp_path: Path) -> None:
    archive = training.ensure(engine, tmp_path)

    assert archive is not None
    assert archive.read_bytes() == b"archive"
    assert training.ensure(engine, tmp_path) == cds.find_archive(engine, tmp_path) == archive
    assert training.runs == 1
    assert set(archive.parent.iterdir()) == {archive, archive.with_suffix(".json")}


@pytest.mark.parametrize("damage", [b"", b"changed"])
def test_a_damaged_archive_is_built_again(
    engine: Engine, training: Training, tmp_path: Path, damage: bytes
) -> None:
    archive = training.ensure(engine, tmp_path)
    assert archive is not None
    archive.write_bytes(damage)
    os.utime(archive, ns=(1, 1))

    assert cds.find_archive(engine, tmp_path) is None
    assert training.ensure(engine, tmp_path) == archive
    assert archive.read_bytes() == b"archive"


def test_a_changed_class_path_or_java_replaces_the_archive(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    first = training.ensure(engine, tmp_path)
    engine.jars[0].write_bytes(b"another jar")
    second = training.ensure(engine, tmp_path)
    third = training.ensure(replace(engine, java=replace(engine.java, build="2")), tmp_path)

    assert len({first, second, third}) == 3
    assert third is not None
    assert list(third.parent.glob("*.jsa")) == [third]


def test_another_environments_archive_stays(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "b.jar").write_bytes(b"jar")
    other = replace(engine, spark_home=elsewhere, jars=(elsewhere / "b.jar",))
    archive = training.ensure(engine, tmp_path)

    training.ensure(other, tmp_path)

    assert cds.find_archive(engine, tmp_path) == archive


@pytest.mark.parametrize("failure", [Terminal("no archive"), OSError(28, "No space left")])
def test_a_failed_training_is_a_warning(
    engine: Engine, training: Training, tmp_path: Path, failure: Exception
) -> None:
    training.failure = failure

    assert training.ensure(engine, tmp_path) is None
    assert training.news[-1].detail.startswith("warning: engines start slower")
    assert [path.suffix for path in (tmp_path / "cds").iterdir()] == [".failed"]


def test_a_failed_training_is_not_tried_again_by_itself(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    training.failure = Terminal("no archive\nmany lines of log")
    training.ensure(engine, tmp_path)
    training.news.clear()

    assert training.ensure(engine, tmp_path) is None
    assert training.runs == 1
    [news] = training.news
    assert "without a CDS archive: no archive (" in news.detail
    assert "`spark-testkit engines install 4.1`" in news.detail
    assert "log" not in news.detail


def test_a_retry_that_ends_well_forgets_the_failure(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    training.failure = Terminal("no archive")
    training.ensure(engine, tmp_path)
    assert training.ensure(engine, tmp_path, retry=True) is None
    assert training.runs == 2
    training.failure = None

    archive = training.ensure(engine, tmp_path, retry=True)

    assert archive is not None
    assert set(archive.parent.iterdir()) == {archive, archive.with_suffix(".json")}
    archive.unlink()
    assert training.ensure(engine, tmp_path) == archive


def test_another_java_is_tried_where_one_has_failed(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    training.failure = Terminal("no archive")
    training.ensure(engine, tmp_path)
    training.failure = None

    assert training.ensure(replace(engine, java=replace(engine.java, build="2")), tmp_path)
    assert training.ensure(engine, tmp_path) is None


def test_an_interrupted_training_is_no_failure(
    engine: Engine, training: Training, tmp_path: Path
) -> None:
    training.failure = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        training.ensure(engine, tmp_path)
    training.failure = None

    assert training.ensure(engine, tmp_path)


@pytest.fixture
def orphan() -> Iterator[process.ProcessId]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        identity = process.ProcessId.of(child.pid)
        assert identity is not None
        yield identity


def test_the_server_of_a_killed_installer_is_ended_by_the_next(
    engine: Engine, training: Training, tmp_path: Path, orphan: process.ProcessId
) -> None:
    leftover = tmp_path / "cds" / "training-killed"
    leftover.mkdir(parents=True)
    (leftover / "server.json").write_text(json.dumps(asdict(orphan)))

    training.ensure(engine, tmp_path)

    wait.poll(lambda: ended(orphan), what="the orphan to end", timeout_s=10)
    assert not leftover.exists()


@pytest.mark.parametrize("change", [{"boot": "another"}, {"boot": "", "started_at": 1.0}])
def test_a_stranger_with_that_servers_pid_lives_on(
    engine: Engine,
    training: Training,
    tmp_path: Path,
    orphan: process.ProcessId,
    change: dict[str, str | float],
) -> None:
    leftover = tmp_path / "cds" / "training-killed"
    leftover.mkdir(parents=True)
    (leftover / "server.json").write_text(json.dumps({**asdict(orphan), **change}))

    training.ensure(engine, tmp_path)

    assert orphan.alive()
    assert not leftover.exists()


def test_a_java_that_cannot_start_spark_is_a_warning(engine: Engine, tmp_path: Path) -> None:
    broken = replace(engine, java=replace(engine.java, binary=Path("/bin/false")))
    news: list[Progress] = []

    assert cds.ensure_archive(broken, tmp_path, news.append) is None
    assert "exited with 1" in news[-1].detail


TRAINER = """
import signal, sys
from pathlib import Path
from spark_testkit.engine import Engine, cds, engine_spec
from spark_testkit.engine.java import Java

# a shell that starts us in the background lets us ignore it
signal.signal(signal.SIGINT, signal.default_int_handler)
folder = Path(sys.argv[1])
engine = Engine(engine_spec("3.5"), folder, (), Java(folder / "java", 17, "build"), None, ())
cds.ensure_archive(engine, folder, print)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the next installer ends it")
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_training_server_ends_with_its_installer(tmp_path: Path, end: signal.Signals) -> None:
    program, pid_file = tmp_path / "java", tmp_path / "pid"
    program.write_text(
        f"#!/bin/sh\necho $$ > {pid_file}.new\nmv {pid_file}.new {pid_file}\nexec sleep 300\n"
    )
    program.chmod(0o700)
    with subprocess.Popen(
        [sys.executable, "-c", TRAINER, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as installer:
        server = wait.poll(lambda: identity_in(pid_file), what="the server", timeout_s=60)
        assert server.alive()

        installer.send_signal(end)

    wait.poll(lambda: ended(server), what="the server to end", timeout_s=10)


def identity_in(pid_file: Path) -> process.ProcessId:
    if not pid_file.exists():
        raise wait.NotYet("it has not started")
    identity = process.ProcessId.of(int(pid_file.read_text()))
    assert identity is not None
    return identity


def ended(server: process.ProcessId) -> None:
    if server.alive():
        raise wait.NotYet("it runs")


def test_the_jvm_starts_past_a_corrupt_archive(tmp_path: Path) -> None:
    archive = tmp_path / "broken.jsa"
    archive.write_bytes(b"not an archive" * 1000)
    home = environment_home()
    java = find_java(17, environ=os.environ, cache_dir=tmp_path)
    engine = Engine(engine_spec("4.1"), home.path, home.jars, java, archive, ())
    # without a class to run, it prints its version and ends
    started = launch(
        engine,
        CONNECT_SERVER,
        conf={},
        heap_mib=64,
        folder=tmp_path,
        jvm_options=("-version",),
    )
    started.write_files()

    assert "OpenJDK" in process.run(started.argv, timeout_s=60)
