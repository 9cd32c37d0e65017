"""`spark-testkit manifest`, as people and programs use it."""

import json

import pytest
from stacks import cli

import spark_fixtures
from spark_platform.dcp.documents import schema

FLIGHTS = f"{spark_fixtures.__path__[0]}/manifests/flights.yaml"
CLICKSTREAM = f"{spark_fixtures.__path__[0]}/manifests/clickstream.yaml"


@pytest.fixture
def wrong(tmp_path):
    file = tmp_path / "wrong.yaml"
    with open(FLIGHTS) as flights:
        text = flights.read()
    file.write_text(text.replace("sparkConf:", "sparkconf:").replace('"4.1"', "4.1"))
    return str(file)


def test_right_manifests_are_ok(settings):
    result = cli("manifest", "validate", FLIGHTS, CLICKSTREAM, settings=settings)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout == f"{FLIGHTS}: ok\n{CLICKSTREAM}: ok\n"


def test_every_fault_is_told_to_people(settings, wrong):
    result = cli("manifest", "validate", FLIGHTS, wrong, settings=settings)
    assert result.returncode == 2
    assert result.stdout == f"{FLIGHTS}: ok\n"
    assert f"{wrong}:9:14: spec.engine.version: 4.1 is a decimal number" in result.stderr
    assert "    9 |     version: 4.1\n      |              ^\n" in result.stderr
    assert 'hint: did you mean "sparkConf"?' in result.stderr


def test_every_fault_is_told_to_programs(settings, wrong):
    result = cli("manifest", "validate", wrong, FLIGHTS, "-o", "json", settings=settings)
    assert result.returncode == 2
    bad, good = json.loads(result.stdout)["files"]
    assert good == {"file": FLIGHTS, "valid": True, "errors": []}
    assert (bad["file"], bad["valid"]) == (wrong, False)
    version, conf = bad["errors"]
    assert (version["path"], version["line"], version["column"]) == ("spec.engine.version", 9, 14)
    assert version["value"] == "4.1"
    assert (conf["path"], conf["suggestion"]) == ("spec.sparkconf", "sparkConf")
    assert "sparkConf" in conf["allowed"]


def test_an_engine_that_is_not_there_is_a_fault(settings, tmp_path):
    file = tmp_path / "manifest.yaml"
    with open(FLIGHTS) as flights:
        file.write_text(flights.read().replace('"4.1"', '"9.9"'))
    result = cli("manifest", "validate", str(file), settings=settings)
    assert result.returncode == 2
    assert "'9.9' is not allowed" in result.stderr


def test_a_file_that_is_not_there_is_one_too(settings, tmp_path):
    result = cli("manifest", "validate", str(tmp_path / "none"), FLIGHTS, settings=settings)
    assert result.returncode == 2
    assert result.stdout == f"{FLIGHTS}: ok\n"
    assert result.stderr == f"{tmp_path / 'none'}: cannot be read: No such file or directory\n"


def test_an_explanation_for_people(settings):
    result = cli("manifest", "explain", CLICKSTREAM, settings=settings)
    assert result.returncode == 0
    lines = {line.split()[0]: line.split()[1:] for line in result.stdout.splitlines()}
    assert lines["spec.resources.executor.memory"][:1] == ["2g"]
    assert "line" in lines["spec.resources.executor.memory"]
    assert lines["spec.resources.driver.memory"] == ["1g", "default"]
    assert lines["kind"] == ["stream"]
    assert "name" in result.stderr


def test_an_explanation_for_programs(settings):
    result = cli("manifest", "explain", FLIGHTS, "-o", "json", settings=settings)
    document = json.loads(result.stdout)
    values = {each["path"]: each for each in document["values"]}
    assert values["spec.region"]["source"] == "default"
    assert values["kind"] == {"path": "kind", "value": "CoreETLJob", "source": "file", "line": 2}
    assert values["spec.sparkConf[spark.sql.shuffle.partitions]"]["value"] == "8"
    assert document["job"]["kind"] == "batch"
    assert document["job"]["executors"]["maximum"] == 2
    assert document["job"]["timeout_s"] == 1800


def test_a_wrong_manifest_is_not_explained(settings, wrong):
    result = cli("manifest", "explain", wrong, "-o", "json", settings=settings)
    assert result.returncode == 2
    assert [each["valid"] for each in json.loads(result.stdout)["files"]] == [False]
    assert "spec.sparkconf: unknown key" in result.stderr


def test_the_schema(settings):
    result = cli("manifest", "schema", settings=settings)
    assert result.returncode == 0
    assert json.loads(result.stdout) == schema()
