"""The sample manifests that ship with the fixtures."""

from importlib.resources import files
from pathlib import Path

import pytest

from spark_platform.dcp.jobs import job_of
from spark_platform.dcp.manifest import KINDS
from spark_platform.dcp.reading import load
from spark_platform.model import JobKind
from spark_testkit.engine import engine_spec, engine_specs

MANIFESTS = files("spark_fixtures") / "manifests"
EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


@pytest.mark.parametrize(
    ("name", "kind"), [("flights", JobKind.BATCH), ("clickstream", JobKind.STREAM)]
)
def test_a_sample_is_right_and_becomes_a_job(name, kind):
    manifest = load((MANIFESTS / f"{name}.yaml").read_bytes(), engines=engine_specs())
    engine = engine_spec(manifest.spec.engine.version)
    job = job_of(manifest).spec(name, engine.image, engine.pyspark)
    assert job.kind is kind


def test_there_is_one_of_each_kind():
    kinds = {load(each.read_bytes()).kind for each in MANIFESTS.iterdir()}
    assert kinds == set(KINDS)


def test_the_flights_job_is_the_examples():
    example = EXAMPLES / "coreetl_flights" / "manifest.yaml"
    assert example.read_text() == (MANIFESTS / "flights.yaml").read_text()
