"""Real clusters, side by side, used by Kubernetes' own Python client, deleted without a trace."""

import dataclasses
import json
import os
import signal
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cluster_fixtures import need_kind
from kubernetes import client, config
from stacks import cli

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.kind.plan import LABEL, kind_name, node_name
from spark_testkit.engine.catalogue import image_ground
from spark_testkit.images.base import ensure_base
from spark_testkit.settings import Settings

NAMES = ("east", "west")


def done(*arguments, settings):
    result = cli("cluster", *arguments, "-o", "json", settings=settings)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.fixture
def settings(tmp_path):
    return dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "state")


@pytest.fixture
def docker():
    need_kind()
    with Daemon() as daemon:
        yield daemon.client


@pytest.fixture
def pair(docker, settings):
    """Two clusters; whatever the test does, they are deleted."""
    try:
        with ThreadPoolExecutor() as pool:
            made = pool.map(lambda n: done("up", n, "--flavor", "kind", settings=settings), NAMES)
            yield {each["name"]: each for each in made}
    finally:
        for name in NAMES:
            cli("cluster", "down", name, settings=settings)


def left_of(docker, settings, volumes):
    kinds = [kind_name(name, settings.state_dir) for name in NAMES]
    labels = [{"label": f"{LABEL}={each}"} for each in kinds]
    return [
        *(each.name for own in labels for each in docker.containers.list(all=True, filters=own)),
        *(each.name for each in docker.networks.list() if each.name in kinds),
        *(each.name for each in docker.volumes.list() if each.name in volumes),
    ]


def core(cluster):
    # by name: the context is called as the cluster is
    loaded = config.new_client_from_config(cluster["kubeconfig"], context=cluster["name"])
    return client.CoreV1Api(loaded)


def run_pod(api, image, script):
    """Run a pod of a loaded image to its end; its log."""
    pod = client.V1Pod(
        metadata=client.V1ObjectMeta(name="hello"),
        spec=client.V1PodSpec(
            restart_policy="Never",
            containers=[
                client.V1Container(
                    name="main",
                    image=image,
                    image_pull_policy="Never",
                    command=["sh", "-c", script],
                )
            ],
        ),
    )
    api.create_namespaced_pod("default", pod)

    def succeeded():
        status = api.read_namespaced_pod("hello", "default").status
        assert status.phase != "Failed", status
        if status.phase != "Succeeded":
            raise NotYet(status.phase)

    poll(succeeded, what="the pod to succeed", timeout_s=120, interval_s=0.2)
    return api.read_namespaced_pod_log("hello", "default")


def test_two_clusters_live_side_by_side_and_leave_nothing(pair, docker, settings):
    with Daemon() as daemon:
        ensure_base(daemon, image_ground(), lambda line: None)
    kinds = [kind_name(name, settings.state_dir) for name in NAMES]
    nodes = [docker.containers.get(node_name(each)) for each in kinds]
    volumes = {m["Name"] for node in nodes for m in node.attrs["Mounts"] if m["Type"] == "volume"}
    assert volumes

    listed = done("list", settings=settings)
    assert [each["name"] for each in listed] == list(NAMES)
    assert {(each["flavor"], each["state"]) for each in listed} == {("kind", "running")}

    path = cli("cluster", "kubeconfig", "east", settings=settings).stdout
    assert path == f"{pair['east']['kubeconfig']}\n"
    kubeconfig = Path(path.strip())
    assert stat.S_IMODE(kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(kubeconfig.parent.stat().st_mode) == 0o700
    operator = {"operator.json", "operator.log", "operator.ready"}
    files = {each.name for each in kubeconfig.parent.iterdir()}
    assert files == {"cluster.json", "kubeconfig", *operator}

    assert done("up", "east", "--flavor", "kind", settings=settings) == pair["east"]

    image = image_ground().base
    done("load", "east", image, settings=settings)
    script = "getent hosts kubernetes.default.svc.cluster.local | cut -d' ' -f1; echo hello"
    assert run_pod(core(pair["east"]), image, script).splitlines() == ["10.96.0.1", "hello"]
    assert core(pair["west"]).list_namespaced_pod("default").items == []

    for name in NAMES:
        assert done("down", name, settings=settings) == {"name": name, "deleted": True}
    assert left_of(docker, settings, volumes) == []
    assert done("list", settings=settings) == []
    assert os.listdir(settings.state_dir / "clusters") == []


def test_an_interrupted_up_leaves_nothing(docker, settings):
    kind = kind_name("east", settings.state_dir)
    with subprocess.Popen(
        [sys.executable, "-m", "spark_testkit.cli", *("cluster", "up", "east", "--flavor", "kind")],
        env={**os.environ, **settings.as_env()},
        stderr=subprocess.PIPE,
        text=True,
        # a Ctrl-C at a terminal is for all that the command has started
        start_new_session=True,
    ) as up:

        def begun():
            assert up.poll() is None, up.stderr.read()
            # its network is the first thing that kind makes, its container comes next
            if not docker.networks.list(names=[kind]):
                raise NotYet("nothing is made yet")

        poll(begun, what="kind to have begun", timeout_s=60)
        os.killpg(up.pid, signal.SIGINT)
        assert up.wait(timeout=90) == 128 + signal.SIGINT
        assert up.stderr.read().endswith("interrupted\n")
    assert left_of(docker, settings, ()) == []
    assert os.listdir(settings.state_dir / "clusters") == []


def test_the_shared_cluster_is_the_kubernetes_it_says_it_is(kind_cluster):
    loaded = config.new_client_from_config(str(kind_cluster.kubeconfig))
    version = client.VersionApi(loaded).get_code()
    assert version.git_version == f"v{kind_cluster.kubernetes}"
