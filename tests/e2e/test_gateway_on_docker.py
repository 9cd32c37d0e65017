"""SparkApplications behind the gateway that are containers of this machine's Docker engine."""

import contextlib
import secrets

import pytest
from gateways import Gateway, application

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_platform.backends.docker.backend import DockerJobs
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.backends.sk8.status import observation
from spark_platform.gateway.members.backend import BackendMember
from spark_platform.gateway.members.objects import Objects
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Cluster
from spark_platform.gateway.upkeep import repeated
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import RunState
from spark_testkit.engine import engine_spec

TIMEOUT_S = 300
PI = "local:///opt/spark/examples/src/main/python/pi.py"
SPARE = frozenset({"docker-1"})
POLICY = Policy(
    domains={"travel": Domain(namespace="travel", clusters=frozenset({"east"}), fallback=SPARE)}
)


@pytest.fixture
def docker(images):
    images()
    jobs = DockerJobs(prefix=f"gateway-{secrets.token_hex(3)}-")
    yield jobs
    for each in jobs.list():
        jobs.cancel(each.name)
        jobs.remove(each.name)
    assert jobs.list() == []
    jobs.close()


@pytest.fixture
def gateway(docker, tmp_path):
    """One cluster that does not answer, and the Docker engine."""
    away = tmp_path / "away"
    with ApiServer(ClusterSettings(name="east", port=0, kubeconfig=away)):
        pass
    database = sqlite_url(tmp_path / "gateway.sqlite")
    member = BackendMember(
        Cluster("docker-1", named_only=True),
        docker,
        Objects(database, "docker-1"),
        conf={"spark.ui.enabled": "false"},
    )
    served = Gateway(
        {"east": away}, tmp_path, database, policy=POLICY, backends={"docker-1": member}
    )
    with contextlib.closing(served), repeated("looking at docker-1", 0.2, member.look):
        yield served


@pytest.fixture
def client(gateway):
    with gateway.client() as client:
        yield client


def pi(name, slices):
    value = application(name)
    value["spec"] = {
        "runtimeVersions": {"sparkVersion": engine_spec().pyspark},
        "pyFiles": PI,
        "driverArgs": [slices],
        "sparkConf": {"spark.kubernetes.container.image": engine_spec().image},
    }
    return value


def ended(client, name, state):
    def check():
        found = observation(client.get(APPLICATIONS, "travel", name))
        if found.state is not state:
            assert not found.state.ended, client.logs("travel", f"{name}-0-driver", tail=30)
            raise NotYet(str(found))

    poll(check, what=f"{name} to be {state.value}", timeout_s=TIMEOUT_S)


def gone(docker):
    def check():
        if left := docker.list():
            raise NotYet(str(left))

    poll(check, what="the containers to be removed", timeout_s=TIMEOUT_S)


def test_an_application_runs_in_a_container_where_no_cluster_answers(gateway, client, docker):
    client.create(APPLICATIONS, "travel", pi("good", "4"))
    assert gateway.placements.find("travel", "good").cluster == "docker-1"
    ended(client, "good", RunState.SUCCEEDED)
    assert "Pi is roughly 3.1" in client.logs("travel", "good-0-driver")
    client.create(APPLICATIONS, "travel", pi("bad", "nonsense"))
    ended(client, "bad", RunState.FAILED)
    assert "ValueError: invalid literal" in client.logs("travel", "bad-0-driver")
    for name in ("good", "bad"):
        client.delete(APPLICATIONS, "travel", name)
    gone(docker)
    with pytest.raises(NotFound):
        client.get(APPLICATIONS, "travel", "good")


def test_who_deletes_a_running_application_ends_its_container(client, docker):
    client.create(APPLICATIONS, "travel", pi("long", "100000"))

    def runs():
        found = observation(client.get(APPLICATIONS, "travel", "long"))
        if found.state is not RunState.RUNNING:
            raise NotYet(str(found))

    poll(runs, what="the driver", timeout_s=TIMEOUT_S)
    client.delete(APPLICATIONS, "travel", "long")
    gone(docker)
