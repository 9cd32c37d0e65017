"""The command that starts Spark: quoting, privacy, and Spark's own options."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from engine_fakes import environment_home
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.kernel import process
from spark_platform.kernel.errors import InvalidInput
from spark_testkit.engine import CONNECT_SERVER, Engine, engine_spec, launch
from spark_testkit.engine.java import Java, find_java
from spark_testkit.engine.launcher import quoted

ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "f": "\f"}


def read_argument_file(text: str) -> list[str]:
    """Java's grammar for quoted arguments, from the documentation of the ``java`` command."""
    arguments: list[str] = []
    characters = iter(text)
    for character in characters:
        if character != '"':
            assert character == "\n"
            continue
        argument = ""
        for inner in characters:
            if inner == '"':
                break
            assert inner not in "\n\r"
            if inner == "\\":
                escaped = next(characters)
                argument += ESCAPES.get(escaped, escaped)
            else:
                argument += inner
        arguments.append(argument)
    return arguments


def engine(**changes: object) -> Engine:
    values: dict[str, object] = {
        "spec": engine_spec("4.1"),
        "spark_home": Path("/opt/spark"),
        "jars": (Path("/opt/spark/jars/a.jar"), Path("/opt/jars/b.jar")),
        "java": Java(Path("/opt/java/bin/java"), 17, "build"),
        "cds_archive": Path("/cache/4.1.jsa"),
        "python_path": (),
    }
    return Engine(**{**values, **changes})  # type: ignore[arg-type]


@given(st.lists(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))))
def test_quoting_reads_back_as_it_was(arguments: list[str]) -> None:
    assert read_argument_file("".join(f"{quoted(text)}\n" for text in arguments)) == arguments


def test_the_real_java_reads_the_quoting_back(tmp_path: Path) -> None:
    home = environment_home()
    java = find_java(17, environ=os.environ, cache_dir=tmp_path)
    values = [
        "plain",
        "two words",
        'a "quote"',
        "back\\slash\\",
        "#no comment",
        "@at",
        "it's",
        "*",
        "ü",
    ]
    confs = [part for i, value in enumerate(values) for part in ("--conf", f"spark.x{i}={value}")]
    arguments = [
        "-cp",
        os.pathsep.join(map(str, home.jars)),
        "org.apache.spark.launcher.Main",
        "org.apache.spark.deploy.SparkSubmit",
        *confs,
        "--class",
        "Main",
        "app",
    ]
    file = tmp_path / "args"
    file.write_text("".join(f"{quoted(text)}\n" for text in arguments), "utf-8")

    output = process.run([str(java.binary), f"@{file}"], env=spark_environment())

    printed = output.split("\0")
    echoed = [text.partition("=")[2] for text in printed if text.startswith("spark.x")]
    assert sorted(echoed) == sorted(values)


def spark_environment() -> dict[str, str]:
    return {
        "SPARK_HOME": str(environment_home().path),
        "SPARK_SCALA_VERSION": "2.13",
        "LC_ALL": "C.UTF-8",
        "PATH": os.environ["PATH"],
    }


def test_the_options_are_those_of_sparks_own_launcher(tmp_path: Path) -> None:
    java = find_java(17, environ=os.environ, cache_dir=tmp_path)
    printed = process.run(
        [
            str(java.binary),
            "-cp",
            os.pathsep.join(map(str, environment_home().jars)),
            "org.apache.spark.launcher.Main",
            "org.apache.spark.deploy.SparkSubmit",
            "app",
        ],
        env=spark_environment(),
    ).split("\0")
    wanted = {text for text in printed if text.startswith(("--add", "--enable", "-D"))}

    ours = arguments_of(tmp_path)

    assert wanted - set(ours) <= {"--add-modules=jdk.incubator.vector"}


def arguments_of(folder: Path, conf: dict[str, str] | None = None) -> list[str]:
    started = launch(engine(), CONNECT_SERVER, conf=conf or {}, heap_mib=700, folder=folder)
    return read_argument_file(started.files[folder / "java.args"])


def test_the_command_line_shows_no_configuration(tmp_path: Path) -> None:
    secret = {"spark.hadoop.fs.s3a.secret.key": "hunter2"}
    started = launch(engine(), CONNECT_SERVER, conf=secret, heap_mib=700, folder=tmp_path)
    started.write_files()

    assert started.argv == ("/opt/java/bin/java", f"@{tmp_path / 'java.args'}")
    assert "-Dspark.hadoop.fs.s3a.secret.key=hunter2" in arguments_of(tmp_path, secret)
    assert {path.stat().st_mode & 0o777 for path in started.files} == {0o600}


def test_the_class_path_is_jars_alone_in_the_engines_order(tmp_path: Path) -> None:
    arguments = arguments_of(tmp_path)

    assert arguments[-3:] == ["-cp", "/opt/spark/jars/a.jar:/opt/jars/b.jar", CONNECT_SERVER]
    assert "-XX:SharedArchiveFile=/cache/4.1.jsa" in arguments
    assert "-Xmx700m" in arguments


def test_an_engine_without_an_archive_names_none(tmp_path: Path) -> None:
    started = launch(
        engine(cds_archive=None), CONNECT_SERVER, conf={}, heap_mib=700, folder=tmp_path
    )

    assert "SharedArchiveFile" not in started.files[tmp_path / "java.args"]


def test_given_configuration_wins_over_the_defaults(tmp_path: Path) -> None:
    arguments = arguments_of(tmp_path, {"spark.master": "local[1]"})

    assert [text for text in arguments if text.startswith("-Dspark.master=")] == [
        "-Dspark.master=local[1]"
    ]


@pytest.mark.parametrize("key", ["fs.s3a.endpoint", "", "spark.a=b"])
def test_a_key_that_spark_would_ignore_is_refused(tmp_path: Path, key: str) -> None:
    with pytest.raises(InvalidInput, match=r"must start with `spark\.`"):
        launch(engine(), CONNECT_SERVER, conf={key: "x"}, heap_mib=700, folder=tmp_path)


def test_a_nul_character_is_refused() -> None:
    with pytest.raises(InvalidInput, match="NUL"):
        quoted("a\0b")


def test_the_environment_names_spark_java_and_the_workers_python(tmp_path: Path) -> None:
    own = engine(python_path=(Path("/cache/site"), Path("/cache/py4j.zip")))
    environment = launch(own, CONNECT_SERVER, conf={}, heap_mib=700, folder=tmp_path).environment

    assert environment["SPARK_HOME"] == "/opt/spark"
    assert environment["JAVA_HOME"] == "/opt/java"
    assert environment["PYTHONPATH"] == "/cache/site:/cache/py4j.zip"
    assert "SPARK_CONNECT_AUTHENTICATE_TOKEN" not in environment
