"""A gateway over a cluster and a backend whose jobs are as a test tells."""

import contextlib
from datetime import datetime, timezone

from gateways import POLICY, Gateway, application, status
from runs import Told

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.members.backend import BackendMember
from spark_platform.gateway.members.objects import Objects
from spark_platform.gateway.policy import Domain
from spark_platform.gateway.routing import Cluster
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Transient
from spark_platform.model import RunState

START = datetime(2026, 1, 1, tzinfo=timezone.utc)
NATIVE = {
    RunState.RUNNING: ("RunningHealthy",),
    RunState.SUCCEEDED: ("RunningHealthy", "Succeeded", "ResourceReleased"),
}
DIGEST = {"spark-platform/digest": "1"}


class Site:
    """A gateway, and the one of its clusters to which all applications go."""

    def __init__(self, gateway, cluster):
        self.gateway, self.cluster = gateway, cluster

    def annotated(self, name, **annotations):
        wants = {"spark-platform/wants-cluster": self.cluster, **annotations}
        return application(name, annotations=wants)


class OnKubernetes(Site):
    def becomes(self, name, state):
        kubernetes = self.gateway.clusters[self.cluster]
        found = kubernetes.get(APPLICATIONS, "travel", name)
        told = {**found, "status": status(*NATIVE[state])}
        kubernetes.replace(APPLICATIONS, told, "status")

    def settles(self):
        """Nothing is left to be done."""


class OnBackend(Site):
    def __init__(self, gateway, cluster, told, member):
        super().__init__(gateway, cluster)
        self.told, self.member = told, member

    def job(self, name):
        found = self.member.get("travel", name)["metadata"]
        (job,) = [each for each in self.told.specs if found["uid"].replace("-", "")[:12] in each]
        return job

    def becomes(self, name, state):
        ended = START if state.ended else None
        self.told.tell(self.job(name), state, started_at=START, ended_at=ended, exit_code=0)
        self.settles()

    def settles(self):
        self.member.look()


def behind(told, database, **given):
    cluster = Cluster("spare", named_only=True)
    return BackendMember(cluster, told, Objects(database, "spare"), **given)


def policy_with(**domain):
    travel = Domain(namespace="travel", **domain)
    return POLICY.model_copy(update={"domains": {**POLICY.domains, "travel": travel}})


ALL = policy_with(clusters=frozenset({"east", "spare"}))
FALLBACK = policy_with(clusters=frozenset({"east"}), fallback=frozenset({"spare"}))


@contextlib.contextmanager
def serving(kubeconfigs, tmp_path, policy=ALL, **given):
    """A gateway over a cluster and a backend."""
    database, told = sqlite_url(tmp_path / "gateway.sqlite"), Told()
    member = behind(told, database, **given)
    gateway = Gateway(kubeconfigs, tmp_path, database, policy=policy, backends={"spare": member})
    try:
        yield OnBackend(gateway, "spare", told, member)
    finally:
        for kubernetes in gateway.clusters.values():
            with contextlib.suppress(Transient):
                for each in kubernetes.list(APPLICATIONS)[0]:
                    kubernetes.delete(APPLICATIONS, "travel", each["metadata"]["name"])
        gateway.close()
