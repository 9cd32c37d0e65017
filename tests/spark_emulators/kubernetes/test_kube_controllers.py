"""Controllers on a cluster without HTTP, whose clock the tests turn."""

import asyncio

import pytest
from kube_api import deployment

from spark_emulators.kubernetes.api.objects import copy
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.runner import Controllers
from spark_emulators.kubernetes.controllers.standard import standard_controllers


class World:
    """A cluster, its controllers, a clock, and what a kubelet would say."""

    def __init__(self):
        self.now = 1_000_000_000.0
        self.cluster = Cluster(now=lambda: self.now)
        self.controllers = standard_controllers(self.cluster)

    def create(self, value):
        value["metadata"]["namespace"] = "default"
        self.cluster.create(value)
        self.controllers.settle()

    def turn(self, seconds):
        self.now += seconds
        self.controllers.settle()

    def list(self, api_version, kind):
        found = self.cluster.list(api_version, kind, "default").objects
        return [each.value for each in found]

    def pods(self):
        return [p for p in self.list("v1", "Pod") if "deletionTimestamp" not in p["metadata"]]

    def say(self, phase, ready=False):
        """All pods are in a phase."""
        stamp = self.cluster.context.timestamp()
        for pod in self.pods():
            value = copy(pod)
            condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": stamp}
            value["status"] |= {"phase": phase, "conditions": [condition]}
            self.cluster.update(value, subresource="status")
        self.controllers.settle()


@pytest.fixture
def world():
    return World()


def replica_set(replicas=1, **spec):
    return {**deployment("r", replicas, **spec), "kind": "ReplicaSet"}


def job(**spec):
    template = {
        "spec": {"restartPolicy": "Never", "containers": [{"name": "main", "image": "busybox"}]}
    }
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j"},
        "spec": {"template": template, **spec},
    }


def test_availability_comes_with_time(world):
    world.create(replica_set(minReadySeconds=30))
    world.say("Running", ready=True)

    def available():
        return world.list("apps/v1", "ReplicaSet")[0]["status"].get("availableReplicas", 0)

    assert available() == 0
    world.turn(29)
    assert available() == 0
    world.turn(1)
    assert available() == 1


def test_a_refusal_is_no_reason_to_hurry(world):
    quota = {
        "apiVersion": "v1",
        "kind": "ResourceQuota",
        "metadata": {"name": "q"},
        "spec": {"hard": {"pods": "0"}},
    }
    world.create(quota)
    world.create(replica_set())

    def refusals():
        return sum(each["reason"] == "FailedCreate" for each in world.list("v1", "Event"))

    first = refusals()
    assert first
    world.controllers.settle()
    assert refusals() == first
    for _ in range(100):
        world.turn(1)
    # doubling waits: 0.1, 0.2, … 30 s
    assert first < refusals() < first + 20


def test_a_rollout_that_makes_no_progress_fails_in_time(world):
    world.create(deployment(replicas=1, progressDeadlineSeconds=60))

    def progressing():
        (found,) = world.list("apps/v1", "Deployment")
        conditions = {each["type"]: each for each in found["status"]["conditions"]}
        return conditions["Progressing"]["status"], conditions["Progressing"]["reason"]

    assert progressing()[0] == "True"
    world.turn(59)
    assert progressing()[0] == "True"
    world.turn(2)
    assert progressing() == ("False", "ProgressDeadlineExceeded")


def test_a_name_that_is_taken_is_no_obstacle(world):
    world.create(deployment(replicas=1))
    (first,) = world.list("apps/v1", "ReplicaSet")
    world.cluster.delete("apps/v1", "Deployment", "default", "d")
    world.controllers.settle()
    stranger = replica_set(0)
    stranger["metadata"]["name"] = first["metadata"]["name"]
    world.create(stranger)
    world.create(deployment(replicas=1))
    world.turn(1)
    (found,) = world.list("apps/v1", "Deployment")
    assert found["status"]["collisionCount"] == 1
    assert found["status"]["replicas"] == 1
    assert len(world.list("apps/v1", "ReplicaSet")) == 2


def test_what_was_there_before_is_acted_on(world):
    world.create(replica_set(2))
    for pod in world.pods():
        world.cluster.delete("v1", "Pod", "default", pod["metadata"]["name"])
    # another run of the same cluster
    world.controllers.stop()
    world.controllers = standard_controllers(world.cluster)
    assert len(world.pods()) == 2


def test_a_job_retries_after_a_while_that_grows(world):
    world.create(job(backoffLimit=2))
    for failed, wait_s in ((1, 10), (2, 20)):
        world.say("Failed")
        assert len(world.list("v1", "Pod")) == failed
        # the first second is lost where times are written in whole ones
        world.turn(wait_s - 1)
        assert len(world.list("v1", "Pod")) == failed
        world.turn(wait_s + 2)
        assert len(world.list("v1", "Pod")) == failed + 1
    world.say("Failed")
    (found,) = world.list("batch/v1", "Job")
    reasons = {each["type"]: each["reason"] for each in found["status"]["conditions"]}
    assert reasons["Failed"] == "BackoffLimitExceeded"
    assert found["status"]["failed"] == 3


def test_a_finished_job_goes_in_time_and_its_pods_with_it(world):
    world.create(job(ttlSecondsAfterFinished=100))
    world.say("Succeeded")
    world.turn(99)
    assert len(world.list("batch/v1", "Job")) == 1
    world.turn(1)
    assert world.list("batch/v1", "Job") == []
    assert world.list("v1", "Pod") == []


def test_pods_of_a_job_that_is_deleted_are_let_go(world):
    world.create(job())
    (pod,) = world.pods()
    assert pod["metadata"]["finalizers"] == ["batch.kubernetes.io/job-tracking"]
    world.cluster.delete("batch/v1", "Job", "default", "j")
    world.controllers.settle()
    assert world.list("v1", "Pod") == []


class Alarm:
    """A controller that waits for one moment."""

    def __init__(self, at):
        self.at = at
        self.rang = asyncio.Event()
        self.worked = 0

    def observe(self, change):
        pass

    def next_due(self):
        return None if self.rang.is_set() else self.at

    def work(self):
        self.worked += 1
        if self.now() >= self.at:
            self.rang.set()


def test_the_loop_wakes_a_controller_at_its_time():
    async def run():
        loop = asyncio.get_running_loop()
        cluster = Cluster(now=loop.time)
        alarm = Alarm(loop.time() + 0.05)
        alarm.now = loop.time
        controllers = Controllers(cluster, [alarm])
        controllers.start(loop)
        await asyncio.wait_for(alarm.rang.wait(), 20)
        controllers.stop()
        worked = alarm.worked
        controllers.notice()
        await asyncio.sleep(0)
        assert alarm.worked == worked

    asyncio.run(run())


def test_a_turned_clock_is_noticed():
    async def run():
        now = [0.0]
        alarm = Alarm(1000.0)
        alarm.now = lambda: now[0]
        controllers = Controllers(Cluster(now=alarm.now), [alarm])
        controllers.start(asyncio.get_running_loop())
        now[0] = 1000.0
        controllers.notice()
        await asyncio.wait_for(alarm.rang.wait(), 20)
        controllers.stop()

    asyncio.run(run())
