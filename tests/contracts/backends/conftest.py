"""Each backend, on what it runs jobs on, with a stand-in for Spark: what counts is how jobs end."""

import contextlib
import secrets
import threading

import pytest
import stand_ins
from containers import engine_or_skip
from kube_nodes import need_namespaces

from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import NodeOptions, Settings
from spark_emulators.spark_operator.operator import Operator
from spark_emulators.spark_operator.resources.definitions import install
from spark_emulators.spark_operator.settings import OperatorSettings
from spark_platform.backends.docker.backend import DockerJobs
from spark_platform.backends.sk8.backend import Sk8
from spark_platform.kernel.files import write_atomically
from spark_platform.kernel.kubernetes.client import connect

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


@pytest.fixture(params=["sk8", "docker"])
def backend(request):
    if request.param == "docker":
        request.getfixturevalue("docker_stand_in")
        made = DockerJobs(prefix=f"test-{secrets.token_hex(3)}-")
    else:
        made = Sk8(connect(request.getfixturevalue("sk8")), NAMESPACE)
    yield made
    for each in made.list():
        made.remove(each.name)
    made.close()
