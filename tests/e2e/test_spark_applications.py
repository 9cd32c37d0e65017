"""SparkApplications with real Spark, on the emulated cluster and on a real one."""

import contextlib
import dataclasses
import os
import secrets
import shutil
import subprocess
import sys

import pytest
from application_sites import LIGHT, NAME, QUICK, ApplicationSite, application
from cluster_fixtures import kind_clusters
from flights_stores import EXAMPLE, store_of_pods, store_of_processes
from kube_nodes import need_namespaces
from spark_operators import pods_made

from requirements import need
from spark_platform.backends.sk8.backend import Sk8
from spark_platform.kernel.kubernetes.client import PODS, connect
from spark_platform.kernel.wait import NotYet
from spark_platform.model import JobKind, JobSpec, RunState
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.engine import engine_spec
from spark_testkit.services import s3, unity_catalog
from spark_testkit.settings import Settings

CLIENT_TIMEOUT_S = 80

FAILS_ONCE = """
import os, sys
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
print("rows", session.range(1000).count(), flush=True)
if os.environ["SPARK_APPLICATION_ID"].endswith("-0"):
    sys.exit("the first attempt fails")
session.stop()
"""

LONG = """
import time
from pyspark.sql import SparkSession
context = SparkSession.builder.getOrCreate().sparkContext
context.parallelize(range(600), 600).map(lambda each: time.sleep(1)).count()
"""

STREAM = """
from pyspark.sql import SparkSession
session = SparkSession.builder.getOrCreate()
rates = session.readStream.format("rate").option("rowsPerSecond", 10).load()
def told(batch, number):
    print(f"batch {number} has {batch.count()} rows", flush=True)
rates.writeStream.foreachBatch(told).start().awaitTermination()
"""

CLIENT = """
import sys
from pyspark.sql import SparkSession
session = SparkSession.builder.remote(sys.argv[1]).create()
print("sum", session.range(1000).selectExpr("sum(id) AS total").first()["total"])
session.stop()
"""


@pytest.fixture(scope="module", params=["emulated", "kind"])
def cluster(request, tmp_path_factory):
    need("kubectl", shutil.which("kubectl") is not None, "it is a development dependency")
    if request.param == "kind":
        made = request.getfixturevalue("kind_cluster")
        layers = request.getfixturevalue("images")()
        need("minio", "minio" in layers, "`make minio` builds it")
        # what the node has already is not loaded again
        wanted = [engine_spec().image, s3.MINIO_IMAGE, unity_catalog.IMAGE]
        kind_clusters(request.config).load(made.name, wanted)
        yield made
        return
    need_namespaces()
    settings = Settings.from_env(os.environ)
    clusters = Clusters(dataclasses.replace(settings, state_dir=tmp_path_factory.mktemp("state")))
    yield clusters.up("applications", "emulated", wanted=Wanted(operator=True))
    clusters.down("applications")


@pytest.fixture
def site(cluster, tmp_path):
    site = ApplicationSite(cluster.kubeconfig, f"t-{secrets.token_hex(5)}", tmp_path)
    # the run's kind cluster has none, since other tests bring their own
    own = cluster.flavor == "kind"
    with site.operator(tmp_path / "operator.log") if own else contextlib.nullcontext():
        yield site
        site.close()


@pytest.fixture
def bucket():
    return f"flights-{secrets.token_hex(4)}"


@pytest.fixture
def store(cluster, site, bucket, tmp_path):
    """S3 and a catalog that the cluster's pods reach, with the flights job in ``bucket``."""
    if cluster.flavor == "kind":
        with store_of_pods(site, bucket) as made:
            yield made
        return
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "stacks")
    with store_of_processes(site, bucket, settings) as made:
        yield made


def test_a_job_that_fails_is_run_again(site):
    restarts = {"restartPolicy": "OnFailure", "restartBackoffMillis": 100}
    with pods_made(site) as made:
        site.apply(application(FAILS_ONCE, tolerations={"restartConfig": restarts}))
        site.comes_to("TerminatedWithoutReleaseResources")
    states = site.states()
    assert states[0] == "ScheduledToRestart", site.told()
    assert states[-2] == "Succeeded", site.told()
    assert site.attempt() == 1
    before = site.status()["previousAttemptSummary"]
    assert before["attemptInfo"]["id"] == 0
    assert "Failed" in str(before["stateTransitionHistory"])
    drivers = [each for each in made if each.endswith("-driver")]
    assert drivers == [f"{NAME}-0-driver", f"{NAME}-1-driver"]
    assert "rows 1000" in site.log()


def test_a_driver_whose_image_nobody_has_does_not_start_in_time(site):
    conf = {"spark.kubernetes.driver.container.image": "registry.invalid/nobody/has-it:1"}
    timeouts = {"driverStartTimeoutMillis": 10_000}
    tolerations = {"applicationTimeoutConfig": timeouts, "resourceRetainPolicy": "Never"}
    site.apply(application(QUICK, conf=conf, tolerations=tolerations))
    site.comes_to("DriverStartTimedOut")
    assert "ImagePull" in site.message("DriverStartTimedOut"), site.told()
    site.comes_to("ResourceReleased")


def test_an_application_lives_no_longer_after_its_end_than_it_says(site):
    site.apply(application(QUICK, tolerations={"ttlAfterStopMillis": 5000}))
    site.comes_to("Succeeded")
    site.goes()


def test_a_driver_that_is_deleted_fails_its_application(site):
    site.apply(application(LONG, tolerations={"resourceRetainPolicy": "Never"}))
    site.comes_to("RunningHealthy")
    site.kubectl("delete", "pod", f"{NAME}-0-driver", "--wait=false")
    site.comes_to("ResourceReleased")
    assert site.states()[-2] == "Failed", site.told()
    assert site.left() == [f"sparkapplications/{NAME}"]


def test_a_connect_server_is_ready_when_it_answers(cluster, site):
    with contextlib.closing(Sk8(connect(cluster.kubeconfig), site.namespace)) as backend:
        job = JobSpec(
            name="connect",
            image=engine_spec().image,
            spark_version=engine_spec().pyspark,
            kind=JobKind.CONNECT,
            conf=LIGHT,
        )
        backend.submit(job)
        phases = []

        def ready():
            found = backend.observe(job.name)
            assert not found.state.ended, site.told(job.name)
            assert found.ready == (found.state is RunState.RUNNING)
            if not found.ready:
                pods, _ = site.kubernetes.list(PODS, site.namespace, "spark-role=driver")
                phases.extend(each["status"]["phase"] for each in pods)
                raise NotYet(str(found))

        site.until(ready, "the server to be ready", job.name)
        # a driver that merely runs is not ready
        assert "Running" in phases
        asks = ("sh", "-c", '"${PYSPARK_PYTHON:-python3}" /opt/spark/launch/ready.py')
        site.kubectl("exec", "connect-0-driver", "--", *asks)
        assert "sum 499500" in queried(site, "pod/connect-0-driver")
        backend.cancel(job.name)
        site.goes(job.name)


def queried(site, target):
    """What a stock client prints that reaches a Connect server through kubectl."""
    with site.kubectl.forwarding(target, 15002) as (_, [port]):
        done = subprocess.run(
            [sys.executable, "-c", CLIENT, f"sc://localhost:{port}"],
            capture_output=True,
            text=True,
            timeout=CLIENT_TIMEOUT_S,
        )
    assert done.returncode == 0, f"{done.stderr[-3000:]}\n{site.told('connect')}"
    return done.stdout


def test_a_stream_outlives_its_executor_and_ends_when_it_is_cancelled(site):
    site.apply(application(STREAM))
    site.is_now("RunningHealthy")
    site.prints("batch 2 has")
    (lost,) = site.executors()
    site.kubectl("delete", "pod", lost, "--wait=false")
    site.executors(without=lost)
    site.is_now("RunningHealthy")
    seen = site.log().count(" rows")
    site.prints(f"batch {seen + 2} has")
    site.kubectl("delete", "sparkapplication", NAME, "--wait=false")
    site.goes()


# last: whatever is first waits for its cluster, and for the images to be loaded into it
def test_the_flights_job_runs_as_its_manifest_says(site, store, bucket, tmp_path):
    text = (EXAMPLE / "sparkapplication.yaml").read_text()
    for example, own in {
        "http://localhost:8080": store.catalog,
        "http://localhost:9000": store.endpoint,
        "flights-raw": bucket,
        # a node of two cores runs more than this
        'request.cores: "0.5"': 'request.cores: "0.1"',
    }.items():
        assert example in text
        text = text.replace(example, own)
    manifest = tmp_path / "sparkapplication.yaml"
    manifest.write_text(text)
    site.kubectl("apply", "-f", str(manifest))
    site.comes_to("RunningHealthy", "flights")
    assert len(site.executors()) == 2
    site.comes_to("TerminatedWithoutReleaseResources", "flights")
    assert site.states("flights")[-2] == "Succeeded", site.told("flights")
    printed = site.log("flights")
    for airport, flights in {"EWR": 120835, "JFK": 111279, "LGA": 104662}.items():
        assert f'"{airport}": {flights}' in printed, site.told("flights")
