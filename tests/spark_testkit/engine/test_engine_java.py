"""Finding Java, and saying what to do without it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spark_platform.kernel.errors import Missing
from spark_testkit.engine.java import find_java, parse_java

OUTPUT = """\
Property settings:
    java.home = /usr/lib/jvm/java-17
    java.specification.version = {release}
    java.vm.name = OpenJDK 64-Bit Server VM
    java.vm.version = 17.0.15+6-Debian-1deb12u1
openjdk version "17.0.15" 2025-04-15
"""


def fake_java(home: Path, release: str, count: Path) -> Path:
    binary = home / "bin" / "java"
    binary.parent.mkdir(parents=True)
    binary.write_text(
        f"#!/bin/sh\necho run >> {count}\ncat <<'E'\n{OUTPUT.format(release=release)}E\n"
    )
    binary.chmod(0o755)
    return binary


def test_java_home_wins_over_path_and_is_asked_once(tmp_path: Path) -> None:
    count = tmp_path / "count"
    binary = fake_java(tmp_path / "jdk", "17", count)
    environ = {"JAVA_HOME": str(tmp_path / "jdk"), "PATH": "/nowhere"}

    found = [find_java(17, environ=environ, cache_dir=tmp_path / "cache") for _ in range(3)]

    assert {java.binary for java in found} == {binary.resolve()}
    assert found[0].release == 17
    assert found[0].build == "OpenJDK 64-Bit Server VM 17.0.15+6-Debian-1deb12u1"
    assert count.read_text() == "run\n"


def test_path_is_searched_without_java_home(tmp_path: Path) -> None:
    binary = fake_java(tmp_path / "jdk", "21", tmp_path / "count")
    environ = {"PATH": str(binary.parent) + ":/bin:/usr/bin"}

    assert find_java(17, environ=environ, cache_dir=tmp_path / "cache").binary == binary.resolve()


@pytest.mark.parametrize("case", ["none", "wrong home", "old", "broken", "chatty"])
def test_a_java_that_will_not_do_comes_with_a_way_out(tmp_path: Path, case: str) -> None:
    home = tmp_path / "jdk"
    environ = {"JAVA_HOME": str(home), "PATH": "/nowhere"}
    if case == "none":
        del environ["JAVA_HOME"]
    elif case != "wrong home":
        binary = fake_java(home, "11", tmp_path / "count")
        if case == "broken":
            binary.write_text("#!/bin/sh\nexit 1\n")
        if case == "chatty":
            binary.write_text("#!/bin/sh\necho hello\n")

    with pytest.raises(Missing) as caught:
        find_java(17, environ=environ, cache_dir=tmp_path / "cache")

    assert "openjdk-17-jre-headless" in caught.value.hint
    assert "JAVA_HOME" in caught.value.hint


def test_java_8_counts_as_8() -> None:
    java = parse_java(Path("java"), OUTPUT.format(release="1.8"))

    assert java is not None
    assert java.release == 8
