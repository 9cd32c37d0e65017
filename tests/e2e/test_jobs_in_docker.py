"""The docker backend with Spark itself."""

import secrets

import pytest

from spark_platform.backends.docker.backend import DockerJobs
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobKind, JobSpec, RunState
from spark_testkit.engine import engine_spec

TIMEOUT_S = 300
PI = "local:///opt/spark/examples/src/main/python/pi.py"


@pytest.fixture
def backend(images):
    images()
    made = DockerJobs(prefix=f"real-{secrets.token_hex(3)}-")
    yield made
    for each in made.list():
        made.cancel(each.name)
        made.remove(each.name)
    assert made.list() == []
    made.close()


def job(**given):
    spec = engine_spec()
    return JobSpec(name="job", image=spec.image, spark_version=spec.pyspark, **given)


def until(backend, *states):
    def check():
        found = backend.observe("job")
        if found.state not in states:
            assert not found.state.ended, f"{found}\n{backend.logs('job', tail=30)}"
            raise NotYet(str(found))
        return found

    return poll(check, what=f"the job to be {states}", timeout_s=TIMEOUT_S)


def test_a_script_of_the_image_runs(backend):
    backend.submit(job(main=PI, arguments=("4",), conf={"spark.ui.enabled": "false"}))
    until(backend, RunState.SUCCEEDED)
    assert "Pi is roughly 3.1" in backend.logs("job")


def test_what_python_raises_is_the_jobs_end(backend):
    backend.submit(job(main=PI, arguments=("nonsense",)))
    found = until(backend, RunState.FAILED)
    assert found.exit_code == 1
    assert "ValueError: invalid literal" in backend.logs("job")


def test_what_goes_while_jobs_are_listed_is_left_out(backend, monkeypatch):
    backend.submit(job(main=PI, arguments=("4",)))
    api = backend._daemon.client.api
    listed = api.containers

    def listed_and_gone(*arguments, **given):
        found = listed(*arguments, **given)
        for each in found:
            if any(backend._prefix in name for name in each["Names"]):
                api.remove_container(each["Id"], force=True)
        return found

    monkeypatch.setattr(api, "containers", listed_and_gone)
    assert backend.list() == []


def test_settings_are_in_no_command_line(backend):
    conf = {"spark.hadoop.fs.s3a.secret.key": "a secret = with # signs"}
    backend.submit(job(main=PI, arguments=("4",), conf=conf))
    (container,) = backend._daemon.client.containers.list(all=True, filters={"name": "-job"})
    assert "with # signs" not in str(container.attrs)
    until(backend, RunState.SUCCEEDED)


def test_a_connect_server_runs_when_it_answers(backend):
    from pyspark.sql import SparkSession

    backend.submit(job(kind=JobKind.CONNECT, conf={"spark.ui.enabled": "false"}))
    found = until(backend, RunState.RUNNING)
    assert found.ready
    session = SparkSession.builder.remote(f"sc://{found.connect}").create()
    try:
        assert session.range(5).count() == 5
    finally:
        session.stop()
    backend.cancel("job")
