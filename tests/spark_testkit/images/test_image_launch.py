"""How a container starts Connect, without a container."""

import importlib.util
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_testkit.engine import engine_spec
from spark_testkit.images.launching import launch_files
from spark_testkit.resources import resource

FACTS = {"java_options": ["-XX:+UseSerialGC", "-Xshare:auto"]}


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """The image's program, in a SPARK_HOME of this test's own."""
    file = resource("images/spark-runtime/launch/launch.py")
    spec = importlib.util.spec_from_file_location("image_launch", file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    home = tmp_path / "spark"
    for name in ("conf", "jars", "launch/classpath"):
        (home / name).mkdir(parents=True)
    monkeypatch.setattr(module, "SPARK_HOME", home)
    return module


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("spark.a  b", {"spark.a": "b"}),
        ("spark.a=b\nspark.a: c ", {"spark.a": "c"}),
        ("# no\n! no\n\n  spark.a = b=c", {"spark.a": "b=c"}),
        ("spark.a one \\\n   two", {"spark.a": "one two"}),
        (r"spark.a C:\\x\ty", {"spark.a": "C:\\x\ty"}),
        (r"spark\:a \u00e9", {"spark:a": "é"}),
        ("spark.a", {"spark.a": ""}),
        ("", {}),
    ],
)
def test_properties_are_read_as_java_reads_them(launch, text, read):
    assert launch.properties(text) == read


def test_any_simple_property_comes_back(launch):
    keys = st.text("abc.XYZ0-", min_size=1).map("spark.".__add__)
    values = st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S")), min_size=1)

    @given(st.dictionaries(keys, values))
    def check(conf):
        text = "".join(f"{key}={value}\n".replace("\\", "\\\\") for key, value in conf.items())
        wanted = {key: value.lstrip("=:") for key, value in conf.items()}
        found = launch.properties(text)
        assert {key: value.lstrip("=:") for key, value in found.items()} == wanted

    check()


def test_the_later_word_wins(launch, tmp_path):
    platform, job = tmp_path / "platform.conf", tmp_path / "job.conf"
    platform.write_text("spark.a platform\nspark.b platform\nspark.c platform\nother x\n")
    job.write_text("spark.b job\nspark.c job\n")
    options = launch._parsed(
        ["connect", "--properties-file", str(job), "--conf", "spark.c=argument=1"]
    )
    conf = launch.configuration(options, {"SPARK_PLATFORM_DEFAULTS": str(platform)})
    assert conf == {"spark.a": "platform", "spark.b": "job", "spark.c": "argument=1"}


@pytest.mark.parametrize("wrong", ["spark.a", "a=b"])
def test_a_wrong_conf_is_refused(launch, wrong, capsys):
    with pytest.raises(SystemExit) as refused:
        launch._parsed(["connect", "--conf", wrong])
    assert refused.value.code == 2
    assert "spark.KEY=VALUE" in capsys.readouterr().err


def test_without_a_token_there_is_no_server_unless_that_is_wanted(launch):
    facts = {"connect": "Guarded", "connect_without_token": "Open"}
    assert launch._connect_class(facts, {launch.TOKEN: "t"}) == "Guarded"
    assert launch._connect_class(facts, {launch.ANONYMOUS: "true"}) == "Open"
    with pytest.raises(SystemExit, match="docker run -e SPARK_CONNECT_AUTHENTICATE_TOKEN"):
        launch._connect_class(facts, {launch.ANONYMOUS: "no"})


def test_the_archives_jars_come_first_and_in_order(launch):
    home = launch.SPARK_HOME
    (home / "launch/classpath/20-connectors").write_text(f"{home}/jars/c.jar\n")
    (home / "launch/classpath/10-spark").write_text(f"{home}/jars/z.jar\n{home}/jars/y.jar\n")
    for name in ("z", "y", "c", "added"):
        (home / "jars" / f"{name}.jar").touch()
    path = launch.class_path({"SPARK_DIST_CLASSPATH": "/opt/platform/jars/*"})
    names = [each.removeprefix(f"{home}/") for each in path]
    assert names[:4] == ["jars/z.jar", "jars/y.jar", "jars/c.jar", "jars/added.jar"]
    assert names[4:] == ["/opt/platform/jars/*", "conf"]


def test_the_archive_is_used_unless_something_stands_before_sparks_jars(launch):
    archive = launch.SPARK_HOME / "launch" / "classes.jsa"
    archive.touch()
    flag = f"-XX:SharedArchiveFile={archive}"
    plain = launch.java_arguments(FACTS, "connect", "M", {}, {})
    assert flag in plain
    assert plain[-1] == "M"
    first = {"spark.driver.extraClassPath": "/my.jar"}
    assert flag not in launch.java_arguments(FACTS, "connect", "M", first, {})


def test_ones_own_collector_takes_the_place_of_ours(launch):
    conf = {"spark.driver.extraJavaOptions": "-XX:+UseG1GC -Dx='a b'", "spark.driver.memory": "3g"}
    arguments = launch.java_arguments(FACTS, "connect", "M", conf, {})
    assert "-XX:+UseSerialGC" not in arguments
    assert {"-XX:+UseG1GC", "-Dx=a b", "-Xmx3g"} <= set(arguments)


def test_a_container_starts_what_a_process_starts():
    facts = {v: json.loads(launch_files(engine_spec(v))["launch.json"]) for v in ("4.1", "3.5")}
    assert "TestkitConnectServer" in facts["3.5"]["connect"]
    assert facts["4.1"]["connect"] == facts["3.5"]["connect_without_token"]
    assert "--add-opens=java.base/java.nio=ALL-UNNAMED" in facts["4.1"]["java_options"]
