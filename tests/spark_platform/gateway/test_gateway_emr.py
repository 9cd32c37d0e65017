"""A manifest, the Runner, the gateway, and EMR, since no cluster answers: with the real engine."""

import contextlib
import dataclasses
import os
import sys
import threading

import emr_jobs
import pytest
import uvicorn
from gateways import Gateway
from manifests import PYTHON, also, but
from runs import IMAGES

from spark_emulators.emr.domain import Domain as EmrDomain
from spark_emulators.emr.domain import steady_clock
from spark_emulators.emr.settings import Settings as EmrSettings
from spark_emulators.emr.wire.app import create_app
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings as ClusterSettings
from spark_platform.backends.emr.backend import Emr
from spark_platform.backends.sk8.backend import APPLICATIONS, Sk8
from spark_platform.dcp.jobs import job_of
from spark_platform.dcp.reading import load
from spark_platform.gateway.members.backend import BackendMember
from spark_platform.gateway.members.objects import Objects
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.gateway.routing import Cluster
from spark_platform.gateway.upkeep import repeated
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import RunState
from spark_platform.runner.advance import Pace
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.worker import Worker, WorkerSettings
from spark_testkit.engine import install
from spark_testkit.service import ServiceRequest
from spark_testkit.services import s3
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

TIMEOUT_S = 400
SPARE = frozenset({"emr-1"})
POLICY = Policy(
    domains={"travel": Domain(namespace="travel", clusters=frozenset({"east"}), fallback=SPARE)}
)
JOB = """
import sys
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
partitions = spark.conf.get("spark.sql.shuffle.partitions")
print("rows:", spark.range(7).count(), "partitions:", partitions)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Where EMR writes logs."""
    settings = dataclasses.replace(
        Settings.from_env(os.environ), state_dir=tmp_path_factory.mktemp("state")
    )
    with Stack("gateway-emr-logs", settings=settings) as stack:
        yield dict(stack.up(ServiceRequest.of("s3"))["s3"])


@pytest.fixture
def emr(store, tmp_path):
    """The platform's EMR backend, of an emulated one that runs the engine."""
    engine = install(None, Settings.from_env(os.environ))
    settings = EmrSettings.model_validate({
        "spark_home": str(engine.spark_home), "python": sys.executable, "state_pause_s": 0.05,
        "temp_dir": str(tmp_path / "jobs"), "stop_grace_s": 5, "s3": emr_jobs.s3_settings(store),
        "environment": {"SPARK_SUBMIT_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"},
    })  # fmt: skip
    app = create_app(EmrDomain.build(settings, now=steady_clock()))
    server = uvicorn.Server(uvicorn.Config(app, port=0, ws="none", log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()

    def listens():
        if not server.started:
            raise NotYet("it does not listen")

    poll(listens, what="EMR", timeout_s=30)
    port = server.servers[0].sockets[0].getsockname()[1]
    client, files = emr_jobs.client("emr-serverless", f"http://127.0.0.1:{port}"), s3.client(store)
    made = client.create_application(name="spare", releaseLabel=emr_jobs.RELEASE, type="SPARK")
    files.create_bucket(Bucket="logs")
    yield Emr(client, made["applicationId"], emr_jobs.ROLE, log_uri="s3://logs/l", s3=files)
    files.close()
    server.should_exit = True
    thread.join()


@pytest.fixture
def gateway(emr, tmp_path):
    """One cluster that does not answer, and EMR."""
    away = tmp_path / "away"
    with ApiServer(ClusterSettings(name="east", port=0, kubeconfig=away)):
        pass
    database = sqlite_url(tmp_path / "gateway.sqlite")
    member = BackendMember(
        Cluster("emr-1", named_only=True), emr, Objects(database, "emr-1"),
        conf={"spark.sql.shuffle.partitions": "3"},
    )  # fmt: skip
    gateway = Gateway({"east": away}, tmp_path, database, policy=POLICY, backends={"emr-1": member})
    with repeated("looking at emr-1", 0.1, member.look):
        yield gateway
    gateway.close()


@pytest.fixture
def runner(gateway, tmp_path):
    """Submits to the gateway, as to any cluster."""
    with contextlib.ExitStack() as stack:
        sk8 = Sk8(stack.enter_context(gateway.client()), "travel")
        store = stack.enter_context(
            contextlib.closing(Store(sqlite_url(tmp_path / "runner.sqlite")))
        )
        worker = Worker(store, lambda _: sk8, settings=WorkerSettings(pace=Pace(0.2, 0.2)))
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,))
        thread.start()
        yield Runner(store, IMAGES, woken=worker.wake)
        stop.set()
        thread.join()


def test_a_manifest_runs_on_emr_where_no_cluster_answers(gateway, runner, tmp_path):
    program = tmp_path / "job.py"
    program.write_text(JOB)
    for code, state in ((0, RunState.SUCCEEDED), (3, RunState.FAILED)):
        text = also(
            "retries: {maxAttempts: 1}", of=but(("flights/job.py", str(program)), of=PYTHON)
        )
        text = text.replace("    language:", f'    args: ["{code}"]\n    language:')
        run, _ = runner.submit(f"token-{code}", job_of(load(text)))
        found = runner.wait(run.run_id, timeout_s=TIMEOUT_S)
        assert found.state is state, found.reason
        attempt, name = found.current, found.current.spec.name
        assert (attempt.cluster, attempt.exit_code) == ("emr-1", code)
        with gateway.client() as client:
            kept = client.get(APPLICATIONS, "travel", name)
            assert "/" in kept["metadata"]["annotations"]["spark-platform/backend-job"]
            assert "rows: 7 partitions: 3" in client.logs("travel", f"{name}-0-driver")
        why = gateway.placements.find("travel", name).why
        assert why.startswith("emr-1: it is the only one that can, of the fallback")
    jobs = tmp_path / "jobs"
    assert not list(jobs.iterdir()), "EMR has cleaned up"
