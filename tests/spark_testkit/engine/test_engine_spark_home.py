"""SPARK_HOME: the environment's own pyspark when it is the right one, else a whole copy."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from engine_fakes import environment_home

from spark_platform.kernel.errors import Terminal
from spark_testkit.engine import Progress, engine_spec, pyspark_home
from spark_testkit.engine.progress import silent
from spark_testkit.engine.pyspark_home import find_spark_home, install_spark_home

ELSEWHERE = replace(engine_spec("4.0"), pyspark="0.0.1")


def write_site(site: Path) -> None:
    """What an installed pyspark of that version looks like, small."""
    jars = site / "pyspark" / "jars"
    jars.mkdir(parents=True)
    (jars / "ivy-1.jar").write_bytes(b"12345")
    lib = site / "pyspark" / "python" / "lib"
    lib.mkdir(parents=True)
    (lib / "py4j-1-src.zip").touch()
    info = site / "pyspark-0.0.1.dist-info"
    info.mkdir()
    (info / "RECORD").write_text(
        "pyspark/__init__.py,sha256=x,0\npyspark/jars/ivy-1.jar,sha256=x,5\n"
        "pyspark-0.0.1.dist-info/RECORD,,\n"
    )


def installing(write: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """Let the install command write with ``write``; returns the commands it was given."""
    commands: list[list[str]] = []

    def run(argv: Sequence[str], **_: object) -> str:
        commands.append(list(argv))
        write(Path(argv[argv.index("--target") + 1]))
        return ""

    monkeypatch.setattr(pyspark_home.process, "run", run)
    monkeypatch.setattr(pyspark_home, "resource", Path)
    return commands


def test_the_environments_own_pyspark_is_used_when_it_is_the_engines(tmp_path: Path) -> None:
    own = environment_home()
    version = importlib.metadata.version("pyspark")
    spec = replace(engine_spec("4.1"), pyspark=version)

    assert find_spark_home(spec, tmp_path) == own
    assert find_spark_home(ELSEWHERE, tmp_path) is None


def test_another_version_goes_into_the_cache_with_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = installing(write_site, monkeypatch)
    news: list[Progress] = []

    home = install_spark_home(ELSEWHERE, tmp_path, news.append)

    site = tmp_path / "engines" / "pyspark-0.0.1"
    assert home == find_spark_home(ELSEWHERE, tmp_path)
    assert home.path == site / "pyspark"
    assert home.python_path == (site, site / "pyspark" / "python" / "lib" / "py4j-1-src.zip")
    assert home.ivy_program.name == "ivy-1.jar"
    assert {"--require-hashes", "--no-deps"} <= set(commands[0])
    assert [entry.name for entry in site.parent.iterdir()] == ["pyspark-0.0.1"]
    assert news[-1].done == news[-1].total


@pytest.mark.parametrize("damage", [b"123", None])
def test_a_copy_with_a_damaged_or_missing_jar_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, damage: bytes | None
) -> None:
    installing(write_site, monkeypatch)
    home = install_spark_home(ELSEWHERE, tmp_path, silent)
    if damage is None:
        home.jars[0].unlink()
    else:
        home.jars[0].write_bytes(damage)

    assert find_spark_home(ELSEWHERE, tmp_path) is None
    assert find_spark_home(ELSEWHERE, tmp_path) != install_spark_home(ELSEWHERE, tmp_path, silent)


def test_an_install_that_left_too_little_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installing(lambda site: site.mkdir(parents=True), monkeypatch)

    with pytest.raises(Terminal, match="not whole"):
        install_spark_home(ELSEWHERE, tmp_path, silent)


def test_a_home_without_ivy_says_so(tmp_path: Path) -> None:
    with pytest.raises(Terminal, match=r"no ivy-\*\.jar"):
        _ = replace(environment_home(), path=tmp_path).ivy_program
