"""The operator as a Deployment of the cluster, with the rights of its manifests and no others."""

import dataclasses
import os
import secrets
import shutil
import sys

import pytest
import yaml
from application_sites import NAME, NAMESPACES, QUICK, ApplicationSite, application
from cluster_fixtures import kind_clusters
from kube_kubectl import Kubectl
from kube_nodes import need_namespaces

from requirements import need
from spark_emulators.spark_operator.deployment import Deployment, manifests
from spark_platform.kernel.kubernetes.client import PODS
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.engine import engine_spec
from spark_testkit.services import unity_catalog
from spark_testkit.settings import Settings

CLUSTERS = Resource("spark.apache.org/v1", "sparkclusters")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")
LEASES = Resource("coordination.k8s.io/v1", "leases")
ROLLOUT_S = 80

STANDALONE = {
    "apiVersion": CLUSTERS.group_version,
    "kind": "SparkCluster",
    "metadata": {"name": "small"},
    "spec": {
        "runtimeVersions": {"sparkVersion": engine_spec().pyspark},
        "clusterTolerations": {
            "instanceConfig": {"initWorkers": 1, "minWorkers": 1, "maxWorkers": 1}
        },
        "sparkConf": {"spark.kubernetes.container.image": engine_spec().image},
    },
}

MADE = (
    ("pods configmaps services", ""),
    ("statefulsets", "apps"),
    ("poddisruptionbudgets", "policy"),
    ("ingresses networkpolicies", "networking.k8s.io"),
)


@pytest.fixture(scope="module", params=["emulated", "kind"])
def cluster(request, tmp_path_factory):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    if request.param == "kind":
        made = request.getfixturevalue("kind_cluster")
        request.getfixturevalue("images")()
        wanted = [engine_spec().image, unity_catalog.IMAGE]
        kind_clusters(request.config).load(made.name, wanted)
        yield made
        return
    need_namespaces()
    settings = Settings.from_env(os.environ)
    clusters = Clusters(dataclasses.replace(settings, state_dir=tmp_path_factory.mktemp("state")))
    yield clusters.up("inside", "emulated")
    clusters.down("inside")


@pytest.fixture
def site(cluster, tmp_path):
    return ApplicationSite(cluster.kubeconfig, f"t-{secrets.token_hex(5)}", tmp_path)


@pytest.fixture
def operator(cluster, site, tmp_path):
    """Two replicas in a namespace of their own, which look after the site's."""
    own = f"{site.namespace}-operator"
    wanted = Deployment(unity_catalog.IMAGE, own, watched=site.namespace, replicas=2)
    text = yaml.safe_dump_all(manifests(wanted))
    everywhere = Kubectl(cluster.kubeconfig, "", tmp_path)
    everywhere("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=text)
    try:
        rollout = ("rollout", "status", f"deployment/{wanted.name}", "-n", own)
        site.kubectl(*rollout, f"--timeout={ROLLOUT_S}s")
        yield wanted
        # its rights would go with the namespace, before the applications
        site.kubectl("delete", "sparkapplications,sparkclusters", "--all")
        site.close()
    finally:
        selector = f"app.kubernetes.io/name={wanted.name}"
        # pytest shows it of a test that failed
        sys.stderr.write(site.kubectl.run("logs", "-n", own, "-l", selector, "--tail=50").stdout)
        site.kubernetes.delete(NAMESPACES, "", own)


def leader(site, operator):
    """The pod of the replica that works."""
    lease = site.kubernetes.get(LEASES, operator.namespace, operator.name)
    holder = lease["spec"].get("holderIdentity") or ""
    pods, _ = site.kubernetes.list(PODS, operator.namespace)
    names = [each["metadata"]["name"] for each in pods]
    return next((name for name in names if holder.startswith(f"{name}-")), "")


def test_it_runs_applications_and_another_replica_takes_over(site, operator):
    site.apply(application(QUICK))
    site.comes_to("Succeeded")
    site.prints("rows 1000")

    first = leader(site, operator)
    assert first, "it is a pod that leads"
    site.kubernetes.delete(PODS, operator.namespace, first, grace_s=0)
    site.kubectl("delete", "sparkapplication", NAME, "--wait=true", f"--timeout={ROLLOUT_S}s")
    assert leader(site, operator) not in ("", first)


def test_it_may_do_all_that_a_standalone_cluster_takes(site, operator):
    site.apply(STANDALONE)

    def judged():
        status = site.kubernetes.get(CLUSTERS, site.namespace, "small").get("status")
        if not status or status["currentState"]["currentStateSummary"] == "Submitted":
            raise NotYet("it is yet to be made")
        return status["currentState"]

    state = poll(judged, what="the standalone cluster", timeout_s=ROLLOUT_S)
    assert state["currentStateSummary"] == "RunningHealthy", state
    sets, _ = site.kubernetes.list(STATEFUL_SETS, site.namespace)
    assert {each["metadata"]["name"] for each in sets} == {"small-master", "small-worker"}
    site.kubernetes.delete(CLUSTERS, site.namespace, "small")


def test_it_may_make_each_kind_that_it_makes(site, operator):
    account = f"system:serviceaccount:{operator.namespace}:{operator.name}"
    for kinds, group in MADE:
        for kind in kinds.split():
            about = f"{kind}.{group}" if group else kind
            assert site.kubectl("auth", "can-i", "--as", account, "create", about), about


def test_it_may_not_look_into_other_namespaces(site, operator):
    account = f"system:serviceaccount:{operator.namespace}:{operator.name}"
    asked = ("auth", "can-i", "--as", account)
    assert site.kubectl(*asked, "create", "pods").strip() == "yes"
    for verb, what, namespace in (
        ("create", "pods", operator.namespace),
        ("list", "sparkapplications", "default"),
        ("get", "secrets", site.namespace),
    ):
        answer = site.kubectl(*asked, verb, what, "-n", namespace, fails=True)
        assert answer.strip().startswith("no"), (verb, what, answer)
