"""Installing: once, by one process at a time, whole or not at all."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import engine_fakes
import psutil
import pytest
from engine_fakes import environment_home, make_repository, small_engine, small_kafka

from spark_platform.kernel.errors import CommandFailed, Terminal, TimedOut
from spark_testkit.engine import (
    Engine,
    Progress,
    cds,
    install,
    install_kafka,
    is_installed,
)
from spark_testkit.engine import jars as jars_module
from spark_testkit.engine.jars import JarStore
from spark_testkit.engine.lockfile import LockedJar
from spark_testkit.engine.storage import exclusive
from spark_testkit.settings import Settings


class Bench:
    """A cache folder, a repository, and the news of every install."""

    def __init__(self, folder: Path) -> None:
        self.repository = folder / "repository"
        self.settings = Settings(folder / "state", folder / "cache")
        self.locked = make_repository(self.repository)
        self.store = JarStore(self.settings.cache_dir)
        self.news: list[Progress] = []

    def install(self, locked: tuple[LockedJar, ...] | None = None) -> Engine:
        with small_engine(self.repository, locked or self.locked):
            return install("4.1", self.settings, progress=self.news.append)

    def fetched(self) -> list[str]:
        return [news.detail for news in self.news if news.step == "jars" and news.done]

    def path(self, index: int) -> Path:
        return self.store.path(self.locked[index].coordinate)

    def spawn(self, how: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [
                sys.executable,
                engine_fakes.__file__,
                str(self.repository),
                str(self.settings.cache_dir),
                how,
            ],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def test_an_engine_has_sparks_jars_then_the_locked_ones_in_the_locks_order(bench: Bench) -> None:
    engine = bench.install()

    home = environment_home()
    assert engine.jars == (*home.jars, bench.path(0), bench.path(1), bench.path(2))
    assert engine.spark_home == home.path
    assert all(jar.is_file() for jar in engine.jars)
    assert bench.fetched() == ["alpha-1.0.jar", "beta-1.0.jar", "gamma-1.0-shaded.jar"]


def test_a_second_install_fetches_nothing(bench: Bench) -> None:
    first = bench.install()
    bench.news.clear()

    assert bench.install() == first
    assert bench.news == []


def test_kafka_shares_the_store_and_the_lock_of_engines(bench: Bench) -> None:
    with small_kafka(bench.repository, bench.locked):
        news = bench.news.append
        kafka = install_kafka(bench.settings, progress=news, environ=os.environ)
        assert kafka.jars == (bench.path(0), bench.path(1), bench.path(2))
        assert len(bench.fetched()) == 3
        bench.news.clear()
        assert install_kafka(bench.settings, progress=news) == kafka
        bench.path(1).write_bytes(b"damaged")
        lock = bench.settings.cache_dir / "install.lock"
        with (
            exclusive(lock, purpose="a test", timeout_s=1, on_wait=lambda _: None),
            mock.patch("spark_testkit.engine.installer._LOCK_TIMEOUT_S", 0.1),
            pytest.raises(TimedOut, match="a test"),
        ):
            install_kafka(bench.settings)
        install_kafka(bench.settings, progress=news)
    assert bench.fetched() == ["beta-1.0.jar"]


def test_a_failed_archive_is_built_again_only_when_asked(bench: Bench) -> None:
    ensure_archive = cds.ensure_archive
    failing = mock.Mock(side_effect=Terminal("no archive"))
    with (
        small_engine(bench.repository, bench.locked),
        mock.patch.object(cds, "ensure_archive", ensure_archive),
        mock.patch.object(cds, "_train", failing),
    ):
        runs = []
        for retry in (False, False, True):
            bench.news.clear()
            engine = install("4.1", bench.settings, progress=bench.news.append, retry_archive=retry)
            assert engine.cds_archive is None
            assert bench.news[-1].detail.startswith("warning: engines start slower")
            runs.append(failing.call_count)
    assert runs == [1, 1, 2]


def test_is_installed_needs_no_java(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.install()
    monkeypatch.setenv("JAVA_HOME", str(bench.repository))
    with small_engine(bench.repository, bench.locked):
        assert is_installed("4.1", bench.settings)


def test_is_installed_follows_the_jars(bench: Bench) -> None:
    with small_engine(bench.repository, bench.locked):
        assert not is_installed("4.1", bench.settings)
        bench.install()
        assert is_installed("4.1", bench.settings)
        bench.path(1).unlink()
        assert not is_installed("4.1", bench.settings)


@pytest.mark.parametrize("damage", ["truncated", "changed", "gone"])
def test_a_damaged_jar_is_noticed_and_fetched_again(bench: Bench, damage: str) -> None:
    bench.install()
    victim = bench.path(1)
    good = victim.read_bytes()
    if damage == "gone":
        victim.unlink()
    else:
        victim.write_bytes(good[:10] if damage == "truncated" else b"x" * len(good))
    bench.news.clear()

    bench.install()

    assert victim.read_bytes() == good
    assert bench.fetched() == ["beta-1.0.jar"]


def test_a_touched_jar_is_read_again_but_not_fetched(bench: Bench) -> None:
    bench.install()
    os.utime(bench.path(0), ns=(1, 1))
    bench.news.clear()

    bench.install()

    assert bench.fetched() == []


def test_a_jar_with_the_wrong_content_is_refused_by_name(bench: Bench) -> None:
    wrong = LockedJar(bench.locked[1].coordinate, "0" * 64, bench.locked[1].size_bytes)

    with pytest.raises(Terminal) as caught:
        bench.install((bench.locked[0], wrong, bench.locked[2]))

    assert "org.example:beta:1.0" in caught.value.message
    assert "0" * 64 in caught.value.message
    assert bench.locked[1].sha256 in caught.value.message
    assert not bench.path(1).exists()


def test_a_jar_the_repository_does_not_have_fails_with_ivys_words(bench: Bench) -> None:
    for jar in bench.repository.rglob("gamma-1.0-shaded.jar"):
        jar.unlink()

    with pytest.raises(CommandFailed, match="gamma"):
        bench.install()


def test_a_full_disk_leaves_no_half_jar(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(jars_module, "os", SimpleNamespace(replace=full))
    with pytest.raises(Terminal) as caught:
        bench.install()
    monkeypatch.undo()

    assert "no space left" in caught.value.message
    assert "SPARK_TESTKIT_CACHE_DIR" in caught.value.hint
    assert not list(bench.settings.cache_dir.rglob("*.jar"))
    bench.install()


def test_two_processes_install_once(bench: Bench) -> None:
    first, second = bench.spawn("go"), bench.spawn("go")
    outputs = [child.communicate(timeout=120)[0] for child in (first, second)]

    assert (first.returncode, second.returncode) == (0, 0)
    assert sum(output.count("jars 1/3") for output in outputs) == 1
    assert not bench.store.wanting(bench.locked)


def test_a_killed_install_keeps_what_arrived_and_resumes(bench: Bench) -> None:
    child = bench.spawn("stall")
    assert child.stdin is not None
    assert child.stdout is not None
    for line in child.stdout:
        if line == "jars 1/3\n":
            break
    fetching = psutil.Process(child.pid).children(recursive=True)
    child.send_signal(signal.SIGKILL)
    child.communicate()

    if sys.platform == "linux":
        assert psutil.wait_procs(fetching, timeout=10)[1] == []
    assert [jar.coordinate.artifact for jar in bench.store.wanting(bench.locked)] == [
        "beta",
        "gamma",
    ]
    bench.install()
    assert bench.fetched() == ["beta-1.0.jar", "gamma-1.0-shaded.jar"]


def test_waiting_for_the_lock_ends_and_names_the_holder(tmp_path: Path) -> None:
    lock = tmp_path / "install.lock"
    told: list[str] = []
    with (
        exclusive(lock, purpose="a long install", timeout_s=1, on_wait=told.append),
        pytest.raises(TimedOut) as caught,
        exclusive(lock, purpose="another", timeout_s=0.05, on_wait=told.append),
    ):
        pytest.fail("two processes were inside")

    assert str(lock) in caught.value.message
    assert f"process {os.getpid()} (a long install)" in caught.value.message
    assert told == [f"process {os.getpid()} (a long install)"]
