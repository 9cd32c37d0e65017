"""Each backend, on what it runs jobs on, with a stand-in for Spark: what counts is how jobs end."""

import contextlib
import dataclasses
import os
import secrets
import threading

import emr_jobs
import pytest
import stand_ins
import uvicorn
from containers import engine_or_skip
from kube_nodes import need_namespaces

from spark_emulators.emr.domain import Domain, steady_clock
from spark_emulators.emr.settings import Settings as EmrSettings
from spark_emulators.emr.wire.app import create_app
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import NodeOptions, Settings
from spark_emulators.spark_operator.operator import Operator
from spark_emulators.spark_operator.resources.definitions import install
from spark_emulators.spark_operator.settings import OperatorSettings
from spark_platform.backends.docker.backend import DockerJobs
from spark_platform.backends.emr.backend import Emr
from spark_platform.backends.sk8.backend import Sk8
from spark_platform.kernel.files import write_atomically
from spark_platform.kernel.kubernetes.client import connect
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.service import ServiceRequest
from spark_testkit.services import s3
from spark_testkit.settings import Settings as ToolkitSettings
from spark_testkit.stack import Stack

NAMESPACE = "jobs"


@pytest.fixture(scope="session")
def sk8(tmp_path_factory):
    """An emulated cluster with nodes and the operator."""
    import json

    need_namespaces()
    folder = tmp_path_factory.mktemp("sk8")
    images = folder / "images.json"
    write_atomically(images, json.dumps([stand_ins.process_image(folder / "image")]))
    settings = Settings(
        port=0, kubeconfig=folder / "kubeconfig", nodes=(NodeOptions(),), images=images
    )
    with ApiServer(settings), contextlib.closing(connect(settings.kubeconfig)) as kubernetes:
        install(kubernetes)
        _furnish(kubernetes)
        stop = threading.Event()
        operator = Operator(kubernetes, OperatorSettings(workers=2))
        thread = threading.Thread(target=operator.run, args=(stop,))
        thread.start()
        yield settings.kubeconfig
        stop.set()
        thread.join()


def _furnish(kubernetes):
    from spark_platform.kernel.kubernetes.resources import Resource

    spaces, accounts = Resource("v1", "namespaces"), Resource("v1", "serviceaccounts")
    kubernetes.create(
        spaces, "", {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    )
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "spark"}}
    kubernetes.create(accounts, NAMESPACE, account)


@pytest.fixture(scope="session")
def docker_stand_in(images):
    # what the stand-in is made on
    images()
    with engine_or_skip() as daemon:
        yield stand_ins.docker_image(daemon.client)


class Clock:
    """EMR's, whose shortest limit is five minutes."""

    def __init__(self):
        self._now, self._added_s = steady_clock(), 0.0

    def __call__(self):
        return self._now() + self._added_s

    def hurry(self):
        self._added_s += 5 * 60


@pytest.fixture(scope="session")
def store(tmp_path_factory):
    """Where EMR writes logs."""
    settings = dataclasses.replace(
        ToolkitSettings.from_env(os.environ), state_dir=tmp_path_factory.mktemp("state")
    )
    with Stack("emr-logs", settings=settings) as stack:
        yield dict(stack.up(ServiceRequest.of("s3"))["s3"])


@pytest.fixture(scope="session")
def emr(tmp_path_factory, store):
    """An emulated EMR, its clock, and a client of it."""
    folder, clock = tmp_path_factory.mktemp("emr"), Clock()
    settings = EmrSettings.model_validate(
        {
            "spark_home": str(stand_ins.spark_home(folder / "spark")),
            "temp_dir": str(folder / "jobs"),
            "state_pause_s": 0.05,
            "stop_grace_s": 5,
            "s3": {
                "endpoint_url": store["AWS_ENDPOINT_URL_S3"],
                "region": store["AWS_REGION"],
                "access_key": store["AWS_ACCESS_KEY_ID"],
                "secret_key": store["AWS_SECRET_ACCESS_KEY"],
            },
        }
    )
    config = uvicorn.Config(
        create_app(Domain.build(settings, now=clock)), port=0, ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()

    def listens():
        if not server.started:
            raise NotYet("it does not listen")

    poll(listens, what="EMR", timeout_s=30)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield clock, f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def hurry(request):
    """Lets five minutes pass where limits are that coarse."""
    if "emr" in request.fixturenames or request.node.callspec.params.get("backend") == "emr":
        clock, _ = request.getfixturevalue("emr")
        return clock.hurry
    return lambda: None


def emr_backend(request):
    _, url = request.getfixturevalue("emr")
    store = request.getfixturevalue("store")
    bucket = f"logs-{secrets.token_hex(4)}"
    files = s3.client(store)
    files.create_bucket(Bucket=bucket)
    client = emr_jobs.client("emr-serverless", url)
    made = client.create_application(name=bucket, releaseLabel=emr_jobs.RELEASE, type="SPARK")
    return Emr(
        client, made["applicationId"], emr_jobs.ROLE, log_uri=f"s3://{bucket}/logs", s3=files,
        looks_every_s=0.02,
    )  # fmt: skip


@pytest.fixture
def emr_only(request):
    """EMR alone."""
    made = emr_backend(request)
    yield made
    made.close()
    made._s3.close()


@pytest.fixture(params=["sk8", "docker", "emr"])
def backend(request):
    if request.param == "emr":
        made = emr_backend(request)
    elif request.param == "docker":
        request.getfixturevalue("docker_stand_in")
        made = DockerJobs(prefix=f"test-{secrets.token_hex(3)}-")
    else:
        made = Sk8(connect(request.getfixturevalue("sk8")), NAMESPACE)
    yield made
    for each in made.list():
        made.cancel(each.name)
        made.remove(each.name)
    made.close()
    if request.param == "emr":
        made._s3.close()
