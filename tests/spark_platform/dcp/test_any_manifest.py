"""Any valid manifest is read as it was written; whatever else is read is refused in one way."""

from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as some

import spark_fixtures
from spark_platform.dcp.explanation import meanings
from spark_platform.dcp.jobs import job_of
from spark_platform.dcp.manifest import KINDS, dump
from spark_platform.dcp.problems import BadManifest
from spark_platform.dcp.quantities import mebibytes, seconds
from spark_platform.dcp.reading import examine, load

SAMPLES = [
    path.read_text()
    for path in sorted((Path(spark_fixtures.__file__).parent / "manifests").glob("*"))
]

names = some.from_regex(r"[a-z0-9]([-a-z0-9]{0,20}[a-z0-9])?", fullmatch=True)
words = some.text(some.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
tables = some.from_regex(r"[a-z_0-9]{1,8}(\.[a-z_0-9-]{1,8}){2}", fullmatch=True)
paths = some.from_regex(r"(s3|s3a|gs)://[a-z]{3,9}(/[a-zA-Z0-9=_.]{0,9}){0,3}", fullmatch=True)
durations = some.from_regex(r"[1-9][0-9]{0,3}[smhd]", fullmatch=True)
memories = some.integers(450, 10**6).map("{}m".format) | some.from_regex(
    r"[1-9][0-9]{0,2}(g|gb|Gi|t|Ti)", fullmatch=True
)
datasets = (
    tables
    | paths
    | some.fixed_dictionaries({"topic": names}, optional={"description": words})
    | some.fixed_dictionaries(
        {"path": paths}, optional={"format": some.sampled_from(["csv", "orc"])}
    )
)
sizes = {"cores": some.integers(1, 256), "memory": memories}
bounds = some.tuples(some.integers(1, 99), some.integers(0, 99)).map(
    lambda pair: {"min": min(pair), "max": max(pair)}
)
executors = some.builds(
    lambda size, number: {**size, **number},
    some.fixed_dictionaries({}, optional=sizes),
    some.just({}) | bounds | some.integers(1, 99).map(lambda count: {"instances": count}),
)
python = some.fixed_dictionaries(
    {"language": some.just("python"), "main": names.map("{}/job.py".format)},
    optional={
        "pyFiles": some.lists(names.map("s3a://code/{}.zip".format), max_size=3),
        "args": some.lists(words | some.integers(-9999, 9999) | some.booleans(), max_size=5),
    },
)
jvm = some.fixed_dictionaries(
    {
        "language": some.sampled_from(["scala", "java"]),
        "main": names.map("{}.jar".format),
        "mainClass": some.just("com.example.Main"),
    },
    optional={"jars": some.lists(names.map("/opt/{}.jar".format), max_size=3)},
)
specs = {
    "inputs": some.lists(datasets, max_size=3),
    "outputs": some.lists(datasets, max_size=3),
    "resources": some.fixed_dictionaries(
        {}, optional={"driver": some.fixed_dictionaries({}, optional=sizes), "executor": executors}
    ),
    "sparkConf": some.dictionaries(names.map("spark.sql.{}".format), words, max_size=4),
    "secrets": some.dictionaries(some.just("KEY"), names.map("{}:key".format)),
    "retries": some.fixed_dictionaries(
        {}, optional={"maxAttempts": some.integers(1, 9), "backoff": durations}
    ),
    "ttl": durations,
    "region": names,
}
batch = {"timeout": durations, "schedule": some.just({"cron": "*/5 1-3 * JAN,FEB 0"})}


@some.composite
def manifests(draw):
    kind = draw(some.sampled_from(list(KINDS)))
    optional = {**specs, **batch} if kind == "CoreETLJob" else specs
    needed = {"engine": some.just({"version": "4.10"}), "application": python | jvm}
    return {
        "apiVersion": "dcp.pedregal/v1",
        "kind": kind,
        "metadata": {"name": draw(names), "domain": draw(names), "owner": "a@example.com"},
        "spec": draw(some.fixed_dictionaries(needed, optional=optional)),
    }


@given(manifests())
def test_a_manifest_is_what_was_written(written):
    first, document = examine(yaml.safe_dump(written))
    again = load(dump(first))
    assert again == first
    assert dump(again) == dump(first)
    job = job_of(first).spec("run", "i:1", "4.1.4")
    application = written["spec"]["application"]
    texts = [
        str(each).lower() if isinstance(each, bool) else str(each)
        for each in application.get("args", [])
    ]
    assert list(job.arguments) == texts
    assert dict(job.conf) == written["spec"].get("sparkConf", {})
    found = meanings(first, document)
    assert len({each.path for each in found}) == len(found)
    said = {each.path for each in found if each.source == "file"}
    assert {"kind", "spec.engine.version", "spec.application.main"} <= said


@settings(max_examples=300)
@given(
    some.sampled_from(SAMPLES),
    some.lists(
        some.tuples(
            some.integers(0, 900),
            some.integers(0, 9),
            some.text(
                some.characters() | some.sampled_from("\t\n:-[]{}&*!|>'\"%@#,? \0"), max_size=6
            ),
        ),
        min_size=1,
        max_size=4,
    ),
)
def test_a_spoilt_manifest_is_taken_or_refused(text, edits):
    for start, length, new in edits:
        text = text[:start] + new + text[start + length :]
    _taken_or_refused(text)


@settings(max_examples=200)
@given(some.binary(max_size=80) | some.text(max_size=80))
@example('"\\UFFFFFFFF"')
@example("%YAML " + "9" * 5000 + ".1\n---\na: b")
@example("? ? ? a")
@example("!<tag:yaml.org,2002:int> x")
def test_anything_is_taken_or_refused(source):
    _taken_or_refused(source)


anything = some.recursive(
    some.none()
    | some.booleans()
    | some.integers()
    | some.floats()
    | some.dates()
    | some.text(max_size=9),
    lambda inner: (
        some.lists(inner, max_size=3) | some.dictionaries(some.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)


@settings(max_examples=300)
@given(manifests(), some.data())
def test_a_value_of_any_other_type_is_taken_or_refused(manifest, data):
    place = manifest
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        key = data.draw(some.sampled_from(keys))
        if not isinstance(place[key], dict | list) or not place[key] or data.draw(some.booleans()):
            break
        place = place[key]
    place[key] = data.draw(anything)
    _taken_or_refused(yaml.safe_dump(manifest, allow_unicode=True))


def _taken_or_refused(source):
    problems = ()
    try:
        manifest = load(source)
        assert load(dump(manifest)) == manifest
    except BadManifest as error:
        problems = error.problems
    for problem in problems:
        assert problem.message
        assert min(problem.line, problem.column) > 0
        # for a terminal and for a file alike
        assert problem.at("job.yaml").encode()


@pytest.mark.parametrize(
    "unit", ["k", "kb", "m", "mb", "g", "gb", "t", "tb", "Ki", "Mi", "Gi", "Ti"]
)
def test_memory_is_of_powers_of_two(unit):
    number = {"k": 2**20, "m": 1024, "g": 1, "t": 1}[unit[0].lower()]
    assert mebibytes(f"{number}{unit}") == (2**20 if unit[0].lower() == "t" else 1024)


def test_lengths_of_time():
    assert [seconds(text) for text in ("90s", "15m", "2h", "7d")] == [90, 900, 7200, 604800]
