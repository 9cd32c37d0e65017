"""Applications as jobs, jobs as statuses, selectors: without any effect."""

import copy
import string
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.backends.sk8.manifest import manifest
from spark_platform.backends.sk8.status import finished_at, observation
from spark_platform.gateway.members.jobs import job_of, name_of
from spark_platform.gateway.members.selectors import selector
from spark_platform.gateway.members.statuses import failed_to_start, pod_of, status_of
from spark_platform.kernel.errors import InvalidInput
from spark_platform.model import Executors, JobKind, JobSpec, Observation, RunState, Size

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
JOB = JobSpec(name="job", image="i:1", spark_version="4.1.4", main="local:///a.py")
WORDS = st.text(string.ascii_letters, min_size=1, max_size=8)
FILES = st.lists(WORDS.map(lambda word: f"s3://b/{word}.jar"), max_size=3).map(tuple)
SIZES = st.builds(Size, st.integers(1, 8), st.integers(512, 8192))
EXECUTORS = st.tuples(SIZES, st.integers(0, 3), st.integers(1, 9)).map(
    lambda found: Executors(found[0], min(found[1:]), max(found[1:]))
)
SETTINGS = st.dictionaries(WORDS.map(lambda word: f"spark.sql.{word}"), WORDS, max_size=3)


@st.composite
def jobs(draw):
    given = {
        "arguments": draw(st.lists(st.text(max_size=5), max_size=3).map(tuple)),
        "conf": draw(SETTINGS),
        "driver": draw(SIZES),
        "executors": draw(EXECUTORS),
        "secrets": draw(st.dictionaries(WORDS, WORDS.map(lambda word: f"keys:{word}"), max_size=2)),
        "labels": draw(st.dictionaries(WORDS, WORDS, max_size=2)),
        "service_account": draw(WORDS),
        "timeout_s": draw(st.none() | st.integers(1, 10_000)),
        "ttl_s": draw(st.none() | st.integers(0, 10_000)),
        "kind": draw(st.sampled_from([JobKind.BATCH, JobKind.STREAM])),
        "jars": draw(FILES),
    }
    if draw(st.booleans()):
        return replace(JOB, **given, main="s3://b/a.jar", main_class=draw(st.just("") | WORDS))
    return replace(JOB, **given, py_files=draw(FILES))


def application(**spec):
    made = manifest(JOB, "jobs", kept_s=60)
    return {**made, "spec": {**made["spec"], **spec}}


class TestJobs:
    @given(jobs())
    def test_what_the_platform_makes_comes_back(self, job):
        assert job_of(manifest(job, "jobs", kept_s=60), "job") == job

    def test_what_its_operator_would_take_for_granted(self):
        plain = {
            "metadata": {"name": "plain"},
            "spec": {"runtimeVersions": {"sparkVersion": "4.1.4"}, "pyFiles": "local:///a.py",
                     "sparkConf": {"spark.kubernetes.container.image": "i:{{SPARK_VERSION}}",
                                   "spark.executor.memory": "2g"}},
        }  # fmt: skip
        executors = Executors(Size(1, 2048), 2, 2)
        assert job_of(plain, "job") == replace(JOB, image="i:4.1.4", executors=executors)

    def test_what_the_backends_jobs_have_is_not_the_applications(self):
        job = replace(JOB, secrets={"KEY": "s:k", "OTHER": "s:o"}, conf={"spark.sql.a": "1"})
        made = manifest(job, "jobs", kept_s=60)
        found = job_of(made, "job", conf={"spark.sql.a": "2"}, provided=["KEY"])
        assert (found.secrets, found.conf) == ({"OTHER": "s:o"}, {"spark.sql.a": "2"})

    @pytest.mark.parametrize(
        ("spec", "words"),
        [
            ({"configMapSpecs": [{"name": "x"}]}, "spec.configMapSpecs is for Kubernetes alone"),
            ({"executorSpec": {"podTemplateSpec": {}}}, "spec.executorSpec"),
            ({"deploymentMode": "ClientMode"}, "spec.deploymentMode"),
            ({"proxyUser": "root"}, "spec.proxyUser"),
            ({"mainClass": "org.apache.spark.sql.connect.service.SparkConnectServer"},
             "spec.mainClass: a Connect server"),
            ({"mainClass": "a.B"}, "spec.mainClass without spec.jars"),
            ({"jars": "a.jar"}, "spec.pyFiles beside spec.jars"),
            ({"pyFiles": ""}, "there is nothing to run"),
            ({"pyFiles": 5}, "spec.pyFiles is no text"),
            ({"driverArgs": [1]}, "spec.driverArgs is no list of texts"),
            ({"runtimeVersions": {"sparkVersion": 5}}, "spec.runtimeVersions.sparkVersion is no"),
            ({"runtimeVersions": {}}, "spec.runtimeVersions.sparkVersion is missing"),
            ({"sparkConf": []}, "spec.sparkConf is no mapping"),
            ({"sparkConf": {"a": 1}}, r"spec.sparkConf\[a\] is no text"),
            ({"sparkConf": {"spark.kubernetes.driver.node.selector.zone": "a"}},
             r"spec.sparkConf\[spark.kubernetes.driver.node.selector.zone\] is for Kubernetes"),
            ({"sparkConf": {"spark.master": "local"}}, r"spec.sparkConf\[spark.master\]"),
            ({"sparkConf": {"spark.driver.memory": "much"}}, r"\[spark.driver.memory\] is 'much'"),
            ({"sparkConf": {"spark.driver.cores": "x"}}, r"\[spark.driver.cores\] is 'x'"),
            ({"sparkConf": {"spark.driver.cores": "9" * 9999}}, r"\[spark.driver.cores\] is"),
            ({"sparkConf": {"spark.kubernetes.driver.secretKeyRef.KEY": "a:b"}},
             r"\[spark.kubernetes.driver.secretKeyRef.KEY\] of one role"),
            ({"sparkConf": {"spark.dynamicAllocation.enabled": "true"}}, "maxExecutors. is miss"),
            ({"driverSpec": {"podTemplateSpec": {"spec": {"nodeSelector": {"a": "b"}}}}},
             "spec.driverSpec.podTemplateSpec.spec.nodeSelector"),
            ({"driverSpec": {"podTemplateSpec": {"metadata": {"labels": {"a": "b"}}}}},
             "spec.driverSpec.podTemplateSpec.metadata"),
            ({"driverSpec": {"podTemplateSpec": {"spec": {"activeDeadlineSeconds": "1"}}}},
             "activeDeadlineSeconds is '1'"),
            ({"applicationTolerations": {"restartConfig": {"restartPolicy": "Always"}}},
             "restartPolicy Always"),
            ({"applicationTolerations": {"ttlAfterStopMillis": 5}}, "ttlAfterStopMillis"),
        ],
    )  # fmt: skip
    def test_what_only_kubernetes_understands_is_named(self, spec, words):
        with pytest.raises(InvalidInput, match=words):
            job_of(application(**spec), "job")

    def test_names_of_objects(self):
        wrong = application()
        wrong["metadata"] = {**wrong["metadata"], "name": "A b"}
        with pytest.raises(InvalidInput, match=r"metadata.name 'A b'"):
            job_of(wrong, "job")

    def test_two_of_one_name_are_two_jobs(self):
        names = {
            name_of({"metadata": {"name": name, "uid": uid}})
            for name in ("a" * 60, "a.b." + "c" * 30)
            for uid in ("0123456789ab-c", "1123456789ab-c")
        }
        assert len(names) == 4
        for name in names:
            assert replace(JOB, name=name).name == name, "a name that every backend takes"


def told(*seen, deleting=False):
    """What is read of an application whose job was seen so, one after the other."""
    status = None
    for number, each in enumerate(seen):
        last = deleting and number == len(seen) - 1
        status = status_of(each, status, NOW + timedelta(hours=number), deleting=last)
    metadata = {"name": "job", "namespace": "jobs", "creationTimestamp": "2026-01-01T00:00:00Z"}
    if deleting:
        metadata["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    return {"metadata": metadata, "spec": {}, "status": status}


def seen(state, **more):
    return Observation("job", state, **more)


class TestStatuses:
    RAN = {"started_at": NOW, "ended_at": NOW + timedelta(minutes=1)}  # noqa: RUF012

    @pytest.mark.parametrize("state", [each for each in RunState if each is not RunState.CANCELLED])
    def test_sk8_reads_of_it_what_the_backend_has_said(self, state):
        found = observation(told(seen(state, reason="why", exit_code=3, **self.RAN)))
        expected = {RunState.ACCEPTED: RunState.SUBMITTED, RunState.UNKNOWN: RunState.SUBMITTED}
        assert found.state is expected.get(state, state)
        if state.ended:
            assert (found.exit_code, found.ended_at) == (3, self.RAN["ended_at"])
            assert found.started_at == NOW
            assert "why" in found.reason
        if state is RunState.RUNNING:
            assert (found.native, found.started_at, found.reason) == ("RunningHealthy", NOW, "why")

    def test_an_end_is_one_that_is_archived(self):
        for state in (RunState.SUCCEEDED, RunState.FAILED, RunState.CANCELLED):
            assert finished_at(told(seen(state, **self.RAN))) == self.RAN["ended_at"]
        assert finished_at(told(seen(RunState.RUNNING))) is None

    def test_states_stay_as_they_were_told(self):
        path = [seen(RunState.SUBMITTED), seen(RunState.PENDING), seen(RunState.RUNNING)]
        first = told(*path)["status"]["stateTransitionHistory"]
        then = told(*path, seen(RunState.UNKNOWN), seen(RunState.PENDING), seen(RunState.SUCCEEDED))
        after = then["status"]["stateTransitionHistory"]
        assert {key: after[key] for key in first} == first
        assert [each["currentStateSummary"] for each in after.values()] == [
            "Submitted", "DriverRequested", "DriverReady", "RunningHealthy", "Succeeded",
            "TerminatedWithoutReleaseResources",
        ]  # fmt: skip

    def test_nothing_follows_an_end_but_its_deletion(self):
        ended = told(seen(RunState.SUCCEEDED, **self.RAN))
        assert told(seen(RunState.SUCCEEDED, **self.RAN), seen(RunState.FAILED)) == ended
        gone = observation(told(*[seen(RunState.SUCCEEDED, **self.RAN)] * 2, deleting=True))
        assert (gone.state, gone.native) == (RunState.SUCCEEDED, "ResourceReleased")

    def test_cancelled_by_its_deletion_or_by_somebody_else(self):
        path = seen(RunState.RUNNING), seen(RunState.CANCELLED, reason="by eve")
        deleted, other = observation(told(*path, deleting=True)), observation(told(*path))
        assert deleted.state is RunState.CANCELLED
        assert (other.state, other.reason) == (
            RunState.FAILED, "Failed: it was cancelled: by eve"
        )  # fmt: skip

    def test_one_that_its_backend_refuses(self):
        found = {**told(), "status": failed_to_start("no such role", None, NOW)}
        assert observation(found).reason == "SchedulingFailure: no such role"
        assert finished_at(found) == NOW

    def test_the_drivers_pod(self):
        found = pod_of(told(seen(RunState.RUNNING)), "job-0-driver", RunState.RUNNING)
        assert (found["metadata"]["name"], found["status"]["phase"]) == ("job-0-driver", "Running")
        assert pod_of(found, "p", RunState.SUBMITTED)["status"]["phase"] == "Pending"


class TestSelectors:
    LABELS = {"a": "1", "x.io/b": "two"}  # noqa: RUF012

    @pytest.mark.parametrize(
        "text",
        ["", "a", "!c", "a=1", "a==1", "a!=2", "c!=1", "a in (0, 1)", "c notin (1)",
         "a=1,x.io/b=two", "a in (1,2),!c", "x.io/b notin (one,three)"],
    )  # fmt: skip
    def test_that_match(self, text):
        assert selector(text)(self.LABELS)

    @pytest.mark.parametrize(
        "text", ["c", "!a", "a=2", "a!=1", "a in (2)", "a notin (1)", "c in (1)", "a=1,x.io/b=one"]
    )
    def test_that_do_not(self, text):
        assert not selector(text)(self.LABELS)

    @pytest.mark.parametrize(
        "text", [",", "a=1,", "a in 1", "!a=1", "=1", "a=(1)", "a b", "a in ("]
    )
    def test_that_are_none(self, text):
        with pytest.raises(InvalidInput, match="label selector"):
            selector(text)


def test_what_is_given_is_left_as_it_is():
    given = application()
    before = copy.deepcopy(given)
    job_of(given, "job")
    assert given == before
