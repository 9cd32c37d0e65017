"""Spark's own scheduler for Kubernetes, unmodified, on the emulated one: pods really run."""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kube_nodes import need_namespaces
from kubernetes import client, config

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.faults import Faults
from spark_testkit.engine import engine_spec, install
from spark_testkit.settings import Settings

QUICK = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
EXECUTORS = "spark-role=executor"
DRIVER = "spark-role=driver"
# shorter than what ends a test that hangs, so that it tells what it waited for
TIMEOUT_S = 240
CONNECT = ("SPARK_CONNECT_MODE_ENABLED", "SPARK_REMOTE", "SPARK_LOCAL_REMOTE", "MASTER")
# what an example of Spark's that takes its time, and needs its executors, is given to do
LONG = ("local:///opt/spark/examples/src/main/python/pi.py", "2000")


# busy until two executors are there, then idle until none is
COMES_AND_GOES = """
import time
from pyspark.sql import SparkSession

context = SparkSession.builder.getOrCreate().sparkContext
# the driver counts
executors = lambda: context._jsc.sc().getExecutorMemoryStatus().size() - 1
deadline = time.monotonic() + 120
while executors() < 2 and time.monotonic() < deadline:
    context.parallelize(range(8), 8).map(lambda each: time.sleep(0.2)).count()
assert executors() == 2
while executors() > 0 and time.monotonic() < deadline:
    time.sleep(0.1)
assert executors() == 0
print("two, then none", flush=True)
"""


def _without_connect(environ):
    """An environment in which pyspark is Spark itself; a client in this process leaves its mark."""
    return {key: value for key, value in environ.items() if key not in CONNECT}


class Site:
    """A namespace of a cluster, and Spark's submission to it."""

    def __init__(self, cluster, namespace):
        self.kubeconfig = cluster.kubeconfig
        self.namespace = namespace
        self.http = config.new_client_from_config(str(cluster.kubeconfig))
        self.core = client.CoreV1Api(self.http)
        self.url = self.http.configuration.host
        self.core.create_namespace({"metadata": {"name": namespace}})
        self.core.create_namespaced_service_account(namespace, {"metadata": {"name": "spark"}})
        client.RbacAuthorizationV1Api(self.http).create_namespaced_role_binding(
            namespace,
            {
                "metadata": {"name": "spark"},
                "roleRef": {
                    "apiGroup": "rbac.authorization.k8s.io",
                    "kind": "ClusterRole",
                    "name": "edit",
                },
                "subjects": [{"kind": "ServiceAccount", "name": "spark", "namespace": namespace}],
            },
        )

    def submitted(self, *application, waits=True, mode="cluster", **conf):
        """Run spark-submit; returns what it printed."""
        settings = {
            "spark.kubernetes.namespace": self.namespace,
            "spark.kubernetes.container.image": engine_spec().image,
            "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
            "spark.kubernetes.submission.waitAppCompletion": str(waits).lower(),
            "spark.kubernetes.executor.request.cores": "0.1",
            "spark.executor.instances": "2",
            "spark.ui.enabled": "false",
            # these live for seconds
            "spark.driver.extraJavaOptions": QUICK,
            "spark.executor.extraJavaOptions": QUICK,
            **{key.replace("__", "."): value for key, value in conf.items()},
        }
        home = install(None, Settings.from_env(os.environ)).spark_home
        done = subprocess.run(
            [
                str(home / "bin" / "spark-submit"),
                *("--master", f"k8s://{self.url}", "--deploy-mode", mode, "--name", "job"),
                *(part for pair in settings.items() for part in ("--conf", "=".join(pair))),
                *application,
            ],
            env={
                **_without_connect(os.environ),
                "KUBECONFIG": str(self.kubeconfig),
                "SPARK_HOME": str(home),
            }
            | {"SPARK_SUBMIT_OPTS": QUICK}
            # workers run in the Python that a driver outside names
            | ({"PYSPARK_PYTHON": sys.executable} if mode == "client" else {}),
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
        # what a driver in Python says of its errors is on the one, Java's on the other
        assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
        return done.stdout + done.stderr

    def pods(self, labels):
        return self.core.list_namespaced_pod(self.namespace, label_selector=labels).items

    def running(self, labels, count):
        """Those pods, as soon as so many run."""

        def found():
            pods = [each for each in self.pods(labels) if each.status.phase == "Running"]
            if len(pods) < count:
                raise NotYet(f"{len(pods)} run; {self.said()}")
            return pods

        return poll(found, what=f"{count} pods of {labels}", timeout_s=TIMEOUT_S)

    def gone(self, labels):
        def none():
            left = [
                (each.metadata.name, each.metadata.deletion_timestamp, each.status.phase)
                for each in self.pods(labels)
            ]
            if left:
                raise NotYet(f"there are {left}; {self.said()}")

        poll(none, what=f"no pods of {labels}", timeout_s=TIMEOUT_S)

    def said(self):
        """The last words of the driver."""
        for pod in self.pods(DRIVER):
            with contextlib.suppress(client.ApiException):
                return self.core.read_namespaced_pod_log(
                    pod.metadata.name, self.namespace, tail_lines=30
                )
        return "there is no driver"

    def ended(self):
        """The driver's phase, as soon as it is over."""

        def over():
            (pod,) = self.pods(DRIVER)
            if pod.status.phase not in ("Succeeded", "Failed"):
                raise NotYet(f"{pod.status.phase}; {self.said()}")
            return pod.status.phase

        return poll(over, what="the driver to end", timeout_s=TIMEOUT_S)


@pytest.fixture(scope="module")
def cluster(request, tmp_path_factory):
    runtime = getattr(request, "param", "process")
    if runtime == "docker":
        request.getfixturevalue("docker_stack_images")
    else:
        need_namespaces()
    settings = Settings.from_env(os.environ)
    clusters = Clusters(dataclasses.replace(settings, state_dir=tmp_path_factory.mktemp("state")))
    yield clusters.up("spark", "emulated", wanted=Wanted(runtime=runtime))
    clusters.down("spark")


@pytest.fixture
def site(cluster, request):
    name = re.sub("[^a-z]+", "-", request.node.name)[:40].rstrip("-")
    site = Site(cluster, name)
    yield site
    site.core.delete_namespace(name)
    site.http.close()


@pytest.mark.parametrize("cluster", ["process", "docker"], indirect=True)
def test_a_job_runs_in_cluster_mode_and_leaves_its_driver_only(site):
    application = Path("/opt/spark/examples/src/main/python/pi.py")
    site.submitted(f"local://{application}", "20")
    assert site.ended() == "Succeeded", site.said()
    (driver,) = site.pods(DRIVER)
    log = site.core.read_namespaced_pod_log(driver.metadata.name, site.namespace)
    assert "Pi is roughly 3.1" in log
    state = driver.status.container_statuses[0].state.terminated
    assert (state.exit_code, state.reason) == (0, "Completed")
    site.gone(EXECUTORS)
    assert site.core.list_namespaced_service(site.namespace).items == []


def test_a_job_that_fails_tells_its_exit_code(site):
    site.submitted("local:///opt/spark/examples/src/main/python/pi.py", "nonsense")
    assert site.ended() == "Failed"
    (driver,) = site.pods(DRIVER)
    assert driver.status.container_statuses[0].state.terminated.exit_code == 1
    site.gone(EXECUTORS)


def test_a_lost_executor_is_replaced(site):
    site.submitted(*LONG, waits=False)
    lost, _ = site.running(EXECUTORS, 2)
    site.core.delete_namespaced_pod(
        lost.metadata.name, site.namespace, body={"gracePeriodSeconds": 0}
    )

    def replaced():
        running = [each.metadata.name for each in site.running(EXECUTORS, 2)]
        if lost.metadata.name in running:
            raise NotYet("it still runs")

    poll(replaced, what="another executor", timeout_s=TIMEOUT_S)


def test_executors_go_with_their_driver(site):
    site.submitted(*LONG, waits=False)
    site.running(EXECUTORS, 2)
    (driver,) = site.pods(DRIVER)
    site.core.delete_namespaced_pod(driver.metadata.name, site.namespace)
    site.gone(DRIVER)
    site.gone(EXECUTORS)
    assert site.core.list_namespaced_service(site.namespace).items == []


def test_an_executor_that_is_out_of_memory_is_replaced(cluster, site):
    site.submitted(*LONG, waits=False)
    lost, _ = site.running(EXECUTORS, 2)
    faults = Faults(cluster.kubeconfig)
    faults.oom_kill(site.namespace, lost.metadata.name)
    faults.close()

    def replaced():
        running = [each.metadata.name for each in site.running(EXECUTORS, 2)]
        if lost.metadata.name in running:
            raise NotYet("it still runs")

    poll(replaced, what="another executor", timeout_s=TIMEOUT_S)


def test_executors_come_with_the_work_and_go_without(site, tmp_path):
    (tmp_path / "job.py").write_text(COMES_AND_GOES)
    mount = "spark__kubernetes__driver__volumes__hostPath__job__"
    site.submitted(
        "local:///job/job.py",
        waits=False,
        **{f"{mount}mount__path": "/job", f"{mount}options__path": str(tmp_path)},
        spark__executor__instances="0",
        spark__dynamicAllocation__enabled="true",
        spark__dynamicAllocation__shuffleTracking__enabled="true",
        spark__dynamicAllocation__maxExecutors="2",
        spark__dynamicAllocation__schedulerBacklogTimeout="1s",
        spark__dynamicAllocation__executorIdleTimeout="2s",
    )
    site.running(EXECUTORS, 2)
    assert site.ended() == "Succeeded", site.said()
    assert "two, then none" in site.said()


def test_a_driver_outside_the_cluster_has_executors_inside(cluster, site):
    home = install(None, Settings.from_env(os.environ)).spark_home
    printed = site.submitted(
        str(home / "examples/src/main/python/pi.py"),
        "20",
        mode="client",
        # pods are processes of this machine
        spark__driver__host="127.0.0.1",
    )
    assert "Pi is roughly 3.1" in printed
    site.gone(EXECUTORS)
