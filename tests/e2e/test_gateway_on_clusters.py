"""The whole path on one cluster, emulated and real: jobs once, sessions apart."""

import contextlib
import dataclasses
import json
import os
import secrets
import shutil
import subprocess

import pytest
from application_sites import LIGHT, ApplicationSite
from cluster_fixtures import kind_clusters
from emulator_servers import Server
from issuers import Issuer
from kube_nodes import need_namespaces

from requirements import need
from spark_platform.backends.sk8.backend import APPLICATIONS, Sk8
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.kubernetes.client import Kubernetes, connect
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet
from spark_platform.model import JobSpec, RunState
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.connect import end_session, open_session
from spark_testkit.engine import engine_spec
from spark_testkit.ports import free_ports
from spark_testkit.settings import Settings

DOMAIN = "travel"
NODES = Resource("v1", "nodes")
# as processes of one machine must, and pods of a real cluster may
OWN_ADDRESS = {"spark.connect.grpc.binding.address": "${env:SPARK_DRIVER_BIND_ADDRESS}"}


@pytest.fixture(scope="module", params=["emulated", "kind"])
def cluster(request, tmp_path_factory):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    if request.param == "kind":
        made = request.getfixturevalue("kind_cluster")
        request.getfixturevalue("images")()
        kind_clusters(request.config).load(made.name, [engine_spec().image])
        with reached(made.kubeconfig):
            yield made
        return
    need_namespaces()
    settings = Settings.from_env(os.environ)
    clusters = Clusters(dataclasses.replace(settings, state_dir=tmp_path_factory.mktemp("state")))
    yield clusters.up("path", "emulated", wanted=Wanted(operator=True))
    clusters.down("path")


@contextlib.contextmanager
def reached(kubeconfig):
    """Ways to the pods of a real cluster, as a gateway inside of it has them."""
    with contextlib.closing(connect(kubeconfig)) as kubernetes:
        nodes, _ = kubernetes.list(NODES)
    ways = [
        (each["spec"]["podCIDR"], address["address"])
        for each in nodes
        for address in each["status"]["addresses"]
        if address["type"] == "InternalIP"
    ]
    for pods, node in ways:
        done = subprocess.run(
            ["ip", "route", "replace", pods, "via", node], capture_output=True, text=True
        )
        need("routes", done.returncode == 0, f"no way to a cluster's pods: {done.stderr.strip()}")
    try:
        yield
    finally:
        for pods, node in ways:
            subprocess.run(["ip", "route", "del", pods, "via", node], check=False)


@pytest.fixture
def site(cluster, tmp_path):
    site = ApplicationSite(cluster.kubeconfig, f"t-{secrets.token_hex(5)}", tmp_path)
    own = cluster.flavor == "kind"
    with site.operator(tmp_path / "operator.log") if own else contextlib.nullcontext():
        yield site
        site.close()


class Door:
    """A gateway process over one cluster, with an issuer of its own."""

    def __init__(self, cluster, namespace, folder):
        self._issuer = Issuer(folder)
        self._issuing = self._issuer.start()
        api, self.connect = free_ports(2)
        policy = folder / "policy.json"
        policy.write_text(json.dumps({
            "domains": {DOMAIN: {"namespace": namespace}}, "platformUsers": ["runner"],
        }))  # fmt: skip
        spec = engine_spec()
        pool = {"image": spec.image, "spark_version": spec.pyspark, "size": 1, "most": 2,
                "conf": {**LIGHT, **OWN_ADDRESS}}  # fmt: skip
        config = folder / "gateway.json"
        config.write_text(json.dumps({
            "port": api, "policy": str(policy),
            "database": sqlite_url(folder / "gateway.sqlite"),
            "clusters": {"one": {"kubeconfig": str(cluster.kubeconfig)}},
            "issuer": self._issuer.settings,
            "connect": {"port": self.connect, "pools": {DOMAIN: pool}},
        }))  # fmt: skip
        self.serving = Server("spark_platform.gateway", config)

    def token(self, user):
        return self._issuer.token(user, domain=DOMAIN, expires_in="600")

    def kubernetes(self, user):
        from kubernetes.client import ApiClient, Configuration

        settings = Configuration(host=self.serving.url)
        settings.api_key = {"authorization": f"Bearer {self.token(user)}"}
        return Kubernetes(ApiClient(settings))

    def session(self, user):
        return open_session(f"sc://localhost:{self.connect}/;token={self.token(user)}")

    def close(self):
        self.serving.stop()
        self._issuing.stop()


@pytest.fixture
def door(cluster, site, tmp_path):
    door = Door(cluster, site.namespace, tmp_path)
    yield door
    door.close()


def test_a_job_runs_once_however_often_it_is_asked_for(door, site):
    job = JobSpec(
        name="once",
        main="local:///opt/spark/examples/src/main/python/pi.py",
        arguments=("2",),
        image=engine_spec().image,
        spark_version=engine_spec().pyspark,
        conf=LIGHT,
    )
    with contextlib.closing(Sk8(door.kubernetes("runner"), site.namespace)) as backend:
        for _ in range(3):
            assert backend.submit(job).name == job.name

        def ended():
            found = backend.observe(job.name)
            if not found.state.ended:
                raise NotYet(str(found))
            return found

        found = site.until(ended, "the job's end", job.name)
        assert found.state is RunState.SUCCEEDED, site.told(job.name)
        assert found.cluster == "one"
        assert "Pi is roughly 3.1" in backend.logs(job.name)
        assert backend.submit(job).state is RunState.SUCCEEDED
        drivers, _ = site.kubernetes.list(APPLICATIONS, site.namespace)
        assert [
            each["metadata"]["name"]
            for each in drivers
            if not each["metadata"]["name"].startswith("connect-")
        ] == [job.name]


def test_users_have_drivers_of_their_own(door, site):
    def warm():
        found, _ = site.kubernetes.list(APPLICATIONS, site.namespace)
        if not found:
            raise NotYet("no driver was made")

    site.until(warm, "a pool's first driver", "connect")
    ana, bob = door.session("ana"), door.session("bob")
    try:
        ana.range(7).createGlobalTempView("mine")
        assert ana.table("global_temp.mine").count() == 7
        assert not bob.catalog.tableExists("global_temp.mine")
        assert bob.range(5).count() == 5
        found, _ = site.kubernetes.list(APPLICATIONS, site.namespace)
        assert len(found) == 2
    finally:
        end_session(ana)
        end_session(bob)
