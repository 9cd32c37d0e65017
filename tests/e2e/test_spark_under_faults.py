"""SparkApplications with real Spark whose node, or whose executor's memory, does not last."""

import dataclasses
import os
import secrets
import shutil

import pytest
from application_sites import NAME, ApplicationSite, application
from kube_nodes import need_namespaces
from spark_operators import pods_made

from requirements import need
from spark_platform.kernel.kubernetes.client import PODS
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.faults import Faults
from spark_testkit.settings import Settings

# its first attempt never ends by itself
STAYS_ONCE = """
import os, time
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
print("rows", session.range(1000).count(), flush=True)
while os.environ["SPARK_APPLICATION_ID"].endswith("-0"):
    time.sleep(1)
session.stop()
"""

# the first try of a task takes more memory than its pod may have
GREEDY_ONCE = """
from pyspark import TaskContext
from pyspark.sql import SparkSession
def work(each):
    if TaskContext.get().attemptNumber() == 0:
        taken = [bytearray(b"x" * (1 << 26)) for _ in range(64)]
    return each
context = SparkSession.builder.getOrCreate().sparkContext
print("sum", context.parallelize(range(10), 1).map(work).sum(), flush=True)
"""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    need_namespaces()
    settings = Settings.from_env(os.environ)
    clusters = Clusters(dataclasses.replace(settings, state_dir=tmp_path_factory.mktemp("state")))
    yield clusters.up("faults", "emulated", wanted=Wanted(nodes=2, operator=True))
    clusters.down("faults")


@pytest.fixture
def site(cluster, tmp_path):
    site = ApplicationSite(cluster.kubeconfig, f"t-{secrets.token_hex(5)}", tmp_path)
    yield site
    site.close()


@pytest.fixture
def faults(cluster):
    found = Faults(cluster.kubeconfig)
    yield found
    found.close()


def driver_node(site):
    return site.kubernetes.get(PODS, site.namespace, f"{NAME}-0-driver")["spec"]["nodeName"]


@pytest.mark.parametrize("known_by", ["its return", "an administrator"])
def test_a_driver_whose_node_is_lost_is_run_again(site, faults, known_by):
    restarts = {"restartPolicy": "OnFailure", "restartBackoffMillis": 100}
    with pods_made(site) as made:
        site.apply(application(STAYS_ONCE, tolerations={"restartConfig": restarts}))
        site.prints("rows 1000")
        lost = driver_node(site)
        faults.lose_node(lost)
        try:
            if known_by == "an administrator":
                site.kubectl("cordon", lost)
                site.kubectl("delete", "pod", f"{NAME}-0-driver", "--force", "--grace-period=0")
                site.comes_to("Succeeded")
        finally:
            site.kubectl("uncordon", lost)
            faults.return_node(lost)
        site.comes_to("Succeeded")
    assert site.attempt() == 1
    before = site.status()["previousAttemptSummary"]["stateTransitionHistory"]
    assert "Failed" in str(before), site.told()
    drivers = [each for each in made if each.endswith("-driver")]
    assert drivers == [f"{NAME}-0-driver", f"{NAME}-1-driver"]


def test_an_executor_that_takes_too_much_memory_is_replaced(site):
    conf = {
        "spark.executor.memory": "512m",
        "spark.executor.memoryOverhead": "384m",
        "spark.kubernetes.executor.deleteOnTermination": "false",
    }
    site.apply(application(GREEDY_ONCE, conf=conf))
    site.comes_to("Succeeded")
    site.prints("sum 45")
    pods, _ = site.kubernetes.list(PODS, site.namespace, "spark-role=executor")
    ends = [
        state["terminated"]["reason"]
        for each in pods
        for status in each["status"].get("containerStatuses", ())
        if "terminated" in (state := status["state"])
    ]
    assert ends.count("OOMKilled") == 1, ends
    assert len(pods) == 2, "there is another in its place"
    assert "RunningWithBelowThresholdExecutors" in site.states(), site.told()
