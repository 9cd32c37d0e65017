"""Jobs: pods until enough have succeeded, or too many have not."""

import pytest
from kube_workloads import STAYS, conditions, controller, is_going

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"


@pytest.fixture
def jobs(workloads):
    def start(script, pod=None, **spec):
        template = workloads.template(script, **{"restartPolicy": "Never", **(pod or {})})
        return workloads.make("jobs", "Job", {"template": template, **spec})

    workloads.start = start
    return workloads


def ended(jobs, kind="Complete"):
    return jobs.until("jobs", lambda each: conditions(each).get(kind, ("", ""))[0] == "True")


def test_a_job_completes(jobs):
    made = jobs.start("exit 0")
    found = ended(jobs)
    status = found["status"]
    assert conditions(found) == {
        "SuccessCriteriaMet": ("True", "CompletionsReached"),
        "Complete": ("True", "CompletionsReached"),
    }
    assert status["succeeded"] == 1
    assert status["ready"] == 0
    assert "active" not in status
    assert status["uncountedTerminatedPods"] == {}
    assert status["startTime"] <= status["completionTime"]
    (pod,) = jobs.until_pods(lambda pods: FINALIZER not in str(pods))
    uid, labels = made["metadata"]["uid"], pod["metadata"]["labels"]
    assert labels == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "w",
        "controller-uid": uid,
        "job-name": "w",
    }
    assert controller(pod) == ("Job", "w")
    assert pod["metadata"]["generateName"] == "w-"
    assert jobs.until_event("w", "SuccessfulCreate")["message"].startswith("Created pod: w-")
    assert jobs.until_event("w", "Completed")["message"] == "Job completed"


def test_pods_bear_a_finalizer_until_they_are_counted(jobs):
    # the first process of a pod is not ended by a signal that it does not expect
    jobs.start("exec sleep 300")
    found = jobs.until("jobs", lambda each: each["status"].get("ready") == 1)
    assert found["status"]["active"] == 1
    name = jobs.pods()[0]["metadata"]["name"]
    assert jobs.get("pods", name)["metadata"]["finalizers"] == [FINALIZER]
    jobs.api.http.delete(jobs.path("pods", name))
    jobs.until("jobs", lambda each: each["status"].get("failed") == 1)
    jobs.api.gone(jobs.path("pods", name))


def test_several_at_a_time(jobs):
    jobs.start("sleep 0.2", parallelism=2, completions=3)
    assert ended(jobs)["status"]["succeeded"] == 3
    assert len(jobs.pods()) == 3


def test_too_many_failures(jobs):
    jobs.start("exit 1", backoffLimit=0)
    found = ended(jobs, "Failed")
    assert conditions(found) == {
        "FailureTarget": ("True", "BackoffLimitExceeded"),
        "Failed": ("True", "BackoffLimitExceeded"),
    }
    assert found["status"]["failed"] == 1
    assert "completionTime" not in found["status"]
    text = jobs.until_event("w", "BackoffLimitExceeded")["message"]
    assert text == "Job has reached the specified backoff limit"


def test_containers_that_restart_too_often(jobs):
    jobs.start("exit 1", pod={"restartPolicy": "OnFailure"}, backoffLimit=1)
    assert conditions(ended(jobs, "Failed"))["Failed"] == ("True", "BackoffLimitExceeded")
    jobs.until_pods(lambda pods: not pods)


def test_a_deadline(jobs):
    jobs.start(STAYS, activeDeadlineSeconds=1)
    found = ended(jobs, "Failed")
    assert conditions(found)["Failed"] == ("True", "DeadlineExceeded")
    assert "active" not in found["status"]
    jobs.until_pods(lambda pods: not pods)


def test_indexes(jobs):
    jobs.start(
        'test "$JOB_COMPLETION_INDEX" = "${HOSTNAME##*-}"',
        completions=3, parallelism=3, completionMode="Indexed", backoffLimit=0,
    )  # fmt: skip
    found = ended(jobs)
    assert found["status"]["completedIndexes"] == "0-2"
    pods = jobs.pods()
    for index, pod in enumerate(pods):
        metadata = pod["metadata"]
        assert metadata["generateName"] == f"w-{index}-"
        assert metadata["annotations"][INDEX] == metadata["labels"][INDEX] == str(index)
        assert pod["spec"]["hostname"] == f"w-{index}"
        env = {each["name"]: each["valueFrom"] for each in pod["spec"]["containers"][0]["env"]}
        path = env["JOB_COMPLETION_INDEX"]["fieldRef"]["fieldPath"]
        assert path == f"metadata.labels['{INDEX}']"
    assert len(pods) == 3


def test_suspended_and_resumed(jobs):
    jobs.start("exit 0", suspend=True)
    found = jobs.until("jobs", lambda each: "Suspended" in conditions(each))
    assert conditions(found) == {"Suspended": ("True", "JobSuspended")}
    assert "startTime" not in found["status"]
    assert jobs.pods() == []
    jobs.change("jobs", {"spec": {"suspend": False}})
    assert conditions(ended(jobs))["Suspended"] == ("False", "JobResumed")


def test_suspending_ends_what_runs(jobs):
    jobs.start(STAYS)
    jobs.until("jobs", lambda each: each["status"].get("ready") == 1)
    jobs.change("jobs", {"spec": {"suspend": True}})
    jobs.until("jobs", lambda each: "Suspended" in conditions(each))
    found = jobs.until("jobs", lambda each: not each["status"].get("active"))
    assert not found["status"].get("failed")
    jobs.api.eventually(jobs.api.path("pods"), lambda found: not found["items"])


def test_a_finished_job_goes_when_its_time_is_over(jobs):
    jobs.start("exit 0", ttlSecondsAfterFinished=0)
    jobs.api.gone(jobs.path("jobs"))
    jobs.until_pods(lambda pods: not pods)


def test_kubectl_creates_and_waits(jobs):
    jobs.kubectl("create", "job", "w", f"--image={jobs.image}", "--", "sh", "-c", "echo done")
    jobs.kubectl("wait", "--for=condition=complete", "job/w", "--timeout=80s")
    assert jobs.kubectl("logs", "job/w") == "done\n"
    jobs.kubectl("delete", "job/w", "--timeout=80s")
    jobs.api.eventually(
        jobs.api.path("pods"), lambda found: not [p for p in found["items"] if not is_going(p)]
    )
