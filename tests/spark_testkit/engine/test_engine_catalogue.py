"""The catalogue and the locks: what is committed fits together."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine_fakes import environment_home
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.kernel.errors import InvalidInput, Missing
from spark_testkit.engine import engine_spec, engine_specs
from spark_testkit.engine.catalogue import Coordinate, kafka_spec
from spark_testkit.engine.lock import shipped_modules
from spark_testkit.engine.lockfile import (
    LockedJar,
    format_lock,
    parse_lock,
    read_kafka_lock,
    read_lock,
)
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

VERSIONS = list(engine_specs())
WORD = st.from_regex(r"[a-z][a-z0-9._-]{0,12}", fullmatch=True)
LOCKED = st.builds(
    LockedJar,
    st.builds(Coordinate, WORD, WORD, WORD),
    st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    st.integers(0, 10**9),
)


def test_the_engines_are_newest_first_and_the_default_is_one_of_them() -> None:
    assert VERSIONS == ["4.1", "4.0", "3.5"]
    assert engine_spec(None) is engine_spec("4.1")


def test_an_unknown_engine_lists_the_known_and_the_nearest() -> None:
    with pytest.raises(InvalidInput) as caught:
        engine_spec("4.11")

    assert "4.1, 4.0, 3.5" in caught.value.message
    assert "'4.1'" in caught.value.hint


@pytest.mark.parametrize("version", VERSIONS)
def test_the_lock_holds_every_connector_and_nothing_of_a_registry(version: str) -> None:
    spec = engine_spec(version)
    locked = {jar.coordinate for jar in read_lock(version)}

    assert {jar for group in spec.connectors.values() for jar in group} <= locked
    assert not {f"{jar.group}:{jar.artifact}" for jar in locked} & set(spec.provided)
    for name in (f"{version}.lock", f"pyspark-{spec.pyspark}.txt"):
        assert "://" not in resource(f"images/locks/{name}").read_text()
    assert (
        f"pyspark=={spec.pyspark}"
        in resource(f"images/locks/pyspark-{spec.pyspark}.txt").read_text()
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_connectors_fit_sparks_scala_and_hadoop(version: str) -> None:
    spec = engine_spec(version)
    for jar in read_lock(version):
        if jar.coordinate.artifact == "hadoop-aws":
            assert jar.coordinate.version == spec.hadoop
        if "_2.1" in jar.coordinate.artifact:
            assert jar.coordinate.artifact.endswith(f"_{spec.scala}")


def test_the_lock_repeats_no_jar_of_spark() -> None:
    shipped = shipped_modules([jar.name for jar in environment_home().jars])
    locked = {f"*:{jar.coordinate.artifact}" for jar in read_lock("4.1")}

    assert locked.isdisjoint(shipped)


def test_kafkas_lock_holds_what_is_asked_for_and_nothing_of_a_registry() -> None:
    spec = kafka_spec()
    locked = {jar.coordinate for jar in read_kafka_lock()}

    assert set(spec.jars) <= locked
    kafkas = {jar.version for jar in locked if jar.group == "org.apache.kafka"}
    assert kafkas == {spec.version}
    assert "://" not in resource("images/locks/kafka.lock").read_text()


def test_python_ranges_include_both_ends() -> None:
    spec = engine_spec("3.5")

    assert [spec.supports_python((3, minor)) for minor in (7, 8, 11, 12)] == [
        False,
        True,
        True,
        False,
    ]


@given(st.lists(LOCKED, unique_by=lambda jar: (jar.coordinate.group, jar.coordinate.artifact)))
def test_a_lock_reads_back_sorted(jars: list[LockedJar]) -> None:
    assert parse_lock(format_lock(jars)) == tuple(sorted(jars))


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a:b:1 sha256:00  1", "line 1"),
        (f"a:b  sha256:{'0' * 64}  1", "group:artifact:version"),
        (f"a:b:1  sha256:{'0' * 64}  1\na:b:2  sha256:{'0' * 64}  1", "one module, one version"),
    ],
)
def test_a_wrong_lock_says_what_is_wrong(line: str, complaint: str) -> None:
    with pytest.raises(InvalidInput, match=complaint):
        parse_lock(line)


@pytest.mark.parametrize(
    ("jar", "artifact"),
    [
        ("netty-common-4.2.7.Final.jar", "netty-common"),
        ("spark-core_2.13-4.1.4.jar", "spark-core_2.13"),
        ("log4j-1.2-api-2.24.3.jar", "log4j"),
    ],
)
def test_shipped_modules_come_from_jar_names(jar: str, artifact: str) -> None:
    assert shipped_modules([jar]) == (f"*:{artifact}",)


def test_a_resource_that_is_not_there_says_so() -> None:
    with pytest.raises(Missing, match=r"images/none\.toml"):
        resource("images/none.toml")


def test_settings_come_from_the_environment_else_the_users_folders(tmp_path: Path) -> None:
    named = Settings.from_env(
        {"SPARK_TESTKIT_STATE_DIR": str(tmp_path / "s"), "SPARK_TESTKIT_CACHE_DIR": ""}
    )

    assert named.state_dir == tmp_path / "s"
    assert named.cache_dir == Settings.from_env({}).cache_dir
    assert named.cache_dir.name == "spark-testkit"
