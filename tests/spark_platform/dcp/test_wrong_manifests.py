"""Wrong manifests, and every word that is said of them.

The words are in ``wrong_manifests.txt``. After a change on purpose, write and read them again::

    PYTHONPATH=tests/support python tests/spark_platform/dcp/test_wrong_manifests.py
"""

import re
from pathlib import Path

import pytest
from manifests import PYTHON, SCALA, STREAM, also, but, conf, resources

from spark_platform.dcp.problems import BadManifest
from spark_platform.dcp.reading import load
from spark_platform.kernel.errors import InvalidInput

GOLDEN = Path(__file__).with_name("wrong_manifests.txt")
ENGINES = ("3.5", "4.0", "4.1")

CASES = {
    # not one YAML document
    "empty": "",
    "comments only": "# nothing yet\n",
    "a list": "- apiVersion: dcp.pedregal/v1\n",
    "a text": "flights\n",
    "two documents": f"{PYTHON}---\n{PYTHON}",
    "a tab": but(("  name:", "\tname:")),
    "a tab between keys": but(("  domain:", "\tdomain:")),
    "an unclosed bracket": also("outputs: [unity.a.b"),
    "an unclosed quote": but(('"4.1"', '"4.1')),
    "a colon in a value": but(("name: flights", "name: flights: daily")),
    "an indentation that fits nothing": but(("  domain:", " domain:")),
    "no UTF-8": PYTHON.replace("flights\n", "fl\u00fcge\n").encode("latin-1"),
    "a control character": but(("name: flights", "name: fli\x07ghts")),
    "an escape beyond Unicode": but(("name: flights", r'name: "\UFFFFFFFF"')),
    "half a character": but(("name: flights", r'name: "\ud800"')),
    "too large": PYTHON + "#" * 1024 * 1024,
    "too deep": also("inputs: " + "[" * 50),
    "a billion laughs": "a: &a [x, x, x, x, x, x, x, x, x]\n"
    + "".join(
        f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]\n"
        for before, name in zip("abcdefgh", "bcdefghi", strict=True)
    ),
    "an alias of what it is in": also("inputs: &inputs [*inputs]"),
    "an alias of nothing": also("inputs: *inputs"),
    "an unquoted star": also("schedule: {cron: */5 * * * *}"),
    "an unquoted at sign": also("schedule: {cron: @daily}"),
    # what YAML 1.1 makes of text
    "a version that is a decimal number": but(('"4.1"', "4.1")),
    "a version that would lose its zero": but(('"4.1"', "4.10")),
    "an owner called no": but(("travel-data@example.com", "no")),
    "a name that is true": but(("name: flights", "name: true")),
    "a name that is a number": but(("name: flights", "name: 737")),
    "a date, an octal, a sexagesimal": also("  args: [2026-01-01, 010, 1:30, 1_000, 0x1F]"),
    "an on in the conf": conf("spark.sql.ansi.enabled: on"),
    "keys without values": but(
        ("  owner: travel-data@example.com", "  owner:"), ("kind: CoreETLJob", "kind:")
    ),
    "a key given twice": but(("  domain: travel", "  domain: travel\n  domain: web")),
    "a key that is a number": conf("8: spark"),
    "a key that is a list": conf("? [a]\n    : b"),
    "a merge key": also("resources:", "  driver: &size {cores: 2}", "  executor: {<<: *size}"),
    "tags": but(("name: flights", "name: !name flights"), ("metadata:", "metadata: !!python/dict")),
    # keys
    "no keys at all": "{}\n",
    "a misspelt key": but(("language:", "langauge:")),
    "snake case": but(("mainClass:", "main_class:"), of=SCALA),
    "an unknown key": also("colour: blue"),
    "a key of another place": also("cores: 2"),
    "nothing but a kind": "kind: ContinuousJob\n",
    # values of fields
    "a wrong apiVersion": but(("pedregal/v1", "pedregal/v2")),
    "a misspelt kind": but(("CoreETLJob", "CoreEtlJob")),
    "a kind of something else": but(("CoreETLJob", "SparkApplication")),
    "names": but(("name: flights", "name: Flights_Daily"), ("domain: travel", "domain: -travel")),
    "a version of three numbers": but(('"4.1"', '"4.1.4"')),
    "an engine that is not there": but(('"4.1"', '"4.2"')),
    "an unknown language": but(("language: python", "language: Pyhton")),
    "mappings and lists where others belong": also(
        "inputs: unity.a.b",
        "outputs: {table: unity.a.b}",
        "sparkConf: [a]",
        "resources: 5",
        "ttl: [1d]",
    ),
    # the application
    "a jar for python": but(("flights/job.py", "flights.jar")),
    "a class for python": also("  mainClass: com.example.Flights"),
    "no class for scala": but(("\n    mainClass: com.example.Flights", ""), of=SCALA),
    "a script for scala, with modules": but(
        ("main: flights.jar", "main: flights.py\n    pyFiles: [lib.zip]"), of=SCALA
    ),
    "no class's name": but(("com.example.Flights", "com/example/Flights"), of=SCALA),
    "no main": but(("    main: flights/job.py\n", "")),
    "files that cannot be": also(
        "  pyFiles: [lib, file:///lib.py, ../lib.py, 'a b.py', s3a:lib.py]",
        "  jars: [lib.zip, local://host/lib.jar]",
    ),
    # inputs and outputs
    "datasets that are none": also(
        "inputs: [flights, a.b, 's3://A/b', ftp://host/x]",
        "outputs: [{}, {topic: a b}, {table: a.b.c, path: s3a://bucket}, {topic: a, format: csv}]",
    ),
    "an unknown format": also("inputs: [{path: s3a://bucket/raw, format: parket}]"),
    # sizes
    "memory that two read differently": resources(
        "{driver: {memory: 2G}, executor: {memory: 512MB}}"
    ),
    "memory without a unit": resources("{driver: {memory: 2048}, executor: {memory: '2048'}}"),
    "a fraction of memory": resources("{driver: {memory: 1.5g}, executor: {memory: 1000k}}"),
    "too little memory": resources("{driver: {memory: 300m}, executor: {memory: 0g}}"),
    "cores": resources("{driver: {cores: 0}, executor: {cores: '4'}}"),
    "instances and bounds": resources("{executor: {instances: 2, min: 1, max: 4}}"),
    "a bound alone": resources("{executor: {max: 4}}"),
    "bounds in the wrong order": resources("{executor: {min: 4, max: 2}}"),
    # conf and secrets
    "settings of the platform": conf(
        "spark.executor.memory: 4g",
        "spark.dynamicAllocation.maxExecutors: 4",
        "spark.jars: a.jar",
        "spark.master: local",
        "spark.kubernetes.container.image: mine",
    ),
    "secrets in the conf": conf(
        "spark.hadoop.fs.s3a.secret.key: hunter2",
        "spark.hadoop.fs.s3a.access.key: [hunter2]",
        "spark.sql.catalog.unity.token: 1.5",
    ),
    "no settings of Spark": conf("fs.s3a.endpoint: http://localhost", "sparc.x: 1"),
    "a conf of decimals and lists": conf("spark.memory.fraction: 0.8", "spark.x: [1]"),
    "a secret in the place of its name": also("secrets: {DB_PASS: hunter2, 1X: a:b, PIN: 12345}"),
    "what is no name of a secret at all": also(
        "secrets:", "  DB_PASS: [hunter2]", "  PIN: 1.5", "  KEY: hunter2", "  KEY: hunter2"
    ),
    # times
    "no cron": also("schedule: {cron: 0 6 * *}", "retries: {backoff: 1 minute}"),
    "a macro": also("schedule: {cron: '@daily'}"),
    "a minute too many": also("schedule: {cron: 60 6 * * *}"),
    "a weekday that is none": also("schedule: {cron: 0 6 * * MON-FRX}"),
    "a day that no month has": also("schedule: {cron: 0 6 30 2 *}"),
    "a range that goes down": also("schedule: {cron: 0 18-6 * * *}"),
    "durations": also("timeout: 30min", "ttl: 90", "retries: {backoff: 0s}"),
    "too many attempts": also("retries: {maxAttempts: 1000}"),
    "a schedule and a limit for ever": also(
        "schedule: {cron: 0 6 * * *}", "timeout: 1h", of=STREAM
    ),
    "many at once": but(("metadata:", "metdata:"), ("main:", "mian:"), ("4.1", "9.9")),
}


def refused(source):
    """The error that a wrong manifest is refused with."""
    with pytest.raises(BadManifest) as caught:
        load(source, engines=ENGINES)
    return caught.value


def told(source):
    """What is said of a wrong manifest."""
    return "\n".join(problem.at("job.yaml") for problem in refused(source).problems)


def golden():
    sections = re.split(r"^== (.*) ==\n", GOLDEN.read_text(), flags=re.M)[1:]
    return dict(zip(sections[::2], sections[1::2], strict=True))


@pytest.mark.parametrize("name", CASES)
def test_what_is_said_of_a_wrong_manifest(name):
    assert told(CASES[name]) + "\n\n" == golden()[name]


def test_every_word_is_of_a_case():
    assert list(golden()) == list(CASES)


@pytest.mark.parametrize("manifest", [PYTHON, SCALA, STREAM])
def test_what_they_are_made_from_is_right(manifest):
    assert load(manifest, engines=ENGINES).metadata.name == "flights"


def test_a_problem_has_what_programs_need():
    [problem] = refused(but(("language: python", "language: Pyhton"))).problems
    assert problem.path == "spec.application.language"
    assert (problem.line, problem.column) == (10, 15)
    assert problem.value == "Pyhton"
    assert problem.allowed == ("python", "scala", "java")
    assert problem.suggestion == "python"


def test_the_error_is_one_of_bad_input_and_names_its_file():
    error = refused(but(("name: flights", "name: Flights"), ("domain: travel", "domain: '-'")))
    assert isinstance(error, InvalidInput)
    assert str(error.of("a.yaml")).startswith("2 errors in a.yaml\na.yaml:4:9: metadata.name: ")


def test_line_ends_and_a_byte_order_mark_change_no_place():
    text = but(("language: python", "language: Pyhton"))
    for source in (
        text.replace("\n", "\r\n"),
        text.replace("\n", "\r"),
        b"\xef\xbb\xbf" + text.encode(),
    ):
        assert told(source) == told(text)


@pytest.mark.parametrize("name", CASES)
def test_no_secret_is_shown(name):
    error = refused(CASES[name])
    assert "hunter2" not in f"{error} {error.problems!r}"


if __name__ == "__main__":
    GOLDEN.write_text("".join(f"== {name} ==\n{told(case)}\n\n" for name, case in CASES.items()))
