"""What a SparkApplication's status means for a job, and what a job becomes."""

from datetime import datetime, timezone

import pytest
from spark_apps import driver

from spark_emulators.spark_operator.states import FAILURES, RUNNING, STOPPING, TERMINATED, State
from spark_platform.backends.sk8.manifest import manifest
from spark_platform.backends.sk8.status import finished_at, observation
from spark_platform.kernel.errors import InvalidInput
from spark_platform.model import Executors, JobKind, JobSpec, RunState, Size

NOW = "2026-01-01T00:00:{:02d}.5Z"


def application(*states, deleting=False, attempt=0, conf=None, main_class=None):
    """A SparkApplication that came to such states, a second after each other."""
    history = {
        str(number): {
            "currentStateSummary": state,
            "lastTransitionTime": NOW.format(number),
            "message": f"it is {state}",
            "lastObservedDriverStatus": driver("Failed", exit_code=3)["status"],
        }
        for number, state in enumerate(states)
    }
    metadata = {"name": "job", "namespace": "jobs", "creationTimestamp": "2026-01-01T00:00:00Z"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:01:00Z"
    found = {"metadata": metadata, "spec": {"sparkConf": conf or {}, "mainClass": main_class}}
    if states:
        found["status"] = {
            "currentState": history[str(len(states) - 1)],
            "stateTransitionHistory": history,
            "currentAttemptSummary": {"attemptInfo": {"id": attempt}},
        }
    return found


@pytest.mark.parametrize("state", list(State))
def test_only_what_its_operator_will_not_try_again_has_finished(state):
    alone = application("Submitted", state.value)
    assert finished_at(alone) is None
    after = application("RunningHealthy", "Failed", state.value)
    at = datetime(2026, 1, 1, 0, 0, 1, 500_000, timezone.utc)
    assert finished_at(after) == (at if state in TERMINATED else None)


@pytest.mark.parametrize("state", list(State))
def test_each_state_of_the_operator_means_something(state):
    found = observation(application("Submitted", "DriverRequested", state.value))
    assert found.native == state.value
    if state in FAILURES:
        assert found.state is RunState.FAILED
        assert found.reason == f"{state.value}: it is {state.value}"
        assert found.exit_code == 3
    elif state is State.SUCCEEDED:
        assert found.state is RunState.SUCCEEDED
    elif state in RUNNING:
        assert found.state is RunState.RUNNING
        assert found.degraded is (state is not State.RUNNING_HEALTHY)
    elif state in TERMINATED:
        # cleaned up, and nobody knows how it ended
        assert found.state is RunState.UNKNOWN
    else:
        assert found.state in (RunState.SUBMITTED, RunState.PENDING, RunState.RUNNING)


def test_a_state_that_is_new_is_unknown_and_no_end():
    found = observation(application("Submitted", "Frozen"))
    assert found.state is RunState.UNKNOWN
    assert not found.state.ended
    assert "Frozen" in found.reason


@pytest.mark.parametrize("verdict", sorted(STOPPING))
@pytest.mark.parametrize("after", sorted(TERMINATED))
def test_the_verdict_outlasts_the_cleaning_up(verdict, after):
    found = observation(application("Submitted", "DriverReady", verdict.value, after.value))
    ended = RunState.SUCCEEDED if verdict is State.SUCCEEDED else RunState.FAILED
    assert found.state is ended
    assert found.ended_at == datetime(2026, 1, 1, 0, 0, 2, 500_000, timezone.utc)
    assert found.started_at == datetime(2026, 1, 1, 0, 0, 1, 500_000, timezone.utc)


def test_what_is_deleted_before_its_end_is_cancelled():
    running = observation(application("Submitted", "RunningHealthy", deleting=True))
    assert (running.state, running.cancelling) == (RunState.RUNNING, True)
    released = observation(application("RunningHealthy", "ResourceReleased", deleting=True))
    assert (released.state, released.cancelling) == (RunState.CANCELLED, False)
    # it had succeeded when it was cancelled
    late = observation(application("Succeeded", "ResourceReleased", deleting=True))
    assert late.state is RunState.SUCCEEDED


def test_another_attempt_is_no_end():
    found = observation(application("Failed", "ScheduledToRestart", attempt=1))
    assert (found.state, found.attempt, found.ended_at) == (RunState.PENDING, 2, None)


def test_one_that_no_operator_has_seen():
    assert observation(application()).state is RunState.SUBMITTED


def test_where_it_is_to_be_found():
    server = "org.apache.spark.sql.connect.service.SparkConnectServer"
    found = observation(application("RunningHealthy", conf={"spark.ui.port": "4050"}))
    assert found.ui == "http://job-0-driver-svc.jobs.svc:4050"
    assert found.connect == ""
    found = observation(application("RunningHealthy", main_class=server))
    assert found.connect == "job-0-driver-svc.jobs.svc:15002"
    assert observation(application("DriverRequested", main_class=server)).connect == ""


def spec(**given):
    return JobSpec(name="job", image="i:1", spark_version="4.1.4", **given)


def test_a_job_is_written_with_its_sizes_and_without_retries():
    executors = Executors(Size(cores=2, memory_mib=4096), minimum=1, maximum=5)
    made = manifest(
        spec(main="local:///job.py", py_files=("local:///lib.py",), executors=executors,
             secrets={"KEY": "s3:key"}, labels={"team": "flights"}, timeout_s=60),
        "jobs", kept_s=60,
    )["spec"]  # fmt: skip
    assert made["pyFiles"] == "local:///job.py,local:///lib.py"
    conf = made["sparkConf"]
    assert conf["spark.executor.memory"] == "4096m"
    assert conf["spark.dynamicAllocation.maxExecutors"] == "5"
    assert "spark.executor.instances" not in conf
    assert conf["spark.kubernetes.executor.secretKeyRef.KEY"] == "s3:key"
    assert conf["spark.kubernetes.driver.label.team"] == "flights"
    tolerations = made["applicationTolerations"]
    assert tolerations["restartConfig"] == {"restartPolicy": "Never"}
    assert made["driverSpec"]["podTemplateSpec"]["spec"]["activeDeadlineSeconds"] == 60


def test_a_jar_and_a_connect_server():
    made = manifest(spec(main="local:///a.jar", main_class="A", jars=("b.jar",)), "jobs", kept_s=1)
    assert (made["spec"]["jars"], made["spec"]["mainClass"]) == ("local:///a.jar,b.jar", "A")
    made = manifest(spec(kind=JobKind.CONNECT), "jobs", kept_s=1)["spec"]
    assert "pyFiles" not in made
    assert "startupProbe" in made["driverSpec"]["podTemplateSpec"]["spec"]["containers"][0]


@pytest.mark.parametrize("key", ["spark.executor.memory", "spark.kubernetes.container.image"])
def test_what_a_job_says_elsewhere_is_no_setting(key):
    with pytest.raises(InvalidInput, match=key.replace(".", r"\.")):
        manifest(spec(main="local:///job.py", conf={key: "x"}), "jobs", kept_s=1)


@pytest.mark.parametrize(("ttl_s", "said"), [(0, "0"), (90, "90"), (None, None)])
def test_how_long_it_is_kept_is_said_only_where_the_job_says_it(ttl_s, said):
    made = manifest(spec(main="local:///job.py", ttl_s=ttl_s), "jobs", kept_s=1)
    assert made["metadata"]["annotations"].get("spark-platform/ttl-s") == said


def test_the_same_job_has_the_same_digest_and_no_other_has():
    one = spec(main="local:///job.py", conf={"a": "1", "b": "2"})
    assert one.digest == spec(main="local:///job.py", conf={"b": "2", "a": "1"}).digest
    assert one.digest != spec(main="local:///job.py", conf={"a": "1"}).digest
