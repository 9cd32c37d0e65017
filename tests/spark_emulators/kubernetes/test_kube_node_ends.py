"""What becomes of pods that run when their node ends, well or not."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import yaml
from kube_api import Api, pod
from kube_nodes import need_namespaces

from spark_emulators.kubernetes.node.process import ProcessContainer, first_child
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import NodeOptions, Settings
from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 60
MARK = "spark-testkit-pod-that-sleeps"


@pytest.fixture(autouse=True)
def namespaces():
    need_namespaces()


def sleeper(seed):
    main = {"name": "main", "image": "busybox", "command": ["sh", "-c", f"sleep 600; : {seed}"]}
    return pod(containers=[main], schedulerName="default-scheduler")


def processes(seed):
    found = []
    for each in psutil.process_iter(["cmdline", "status"]):
        line = " ".join(each.info["cmdline"] or ())
        if seed in line and each.info["status"] != psutil.STATUS_ZOMBIE:
            found.append(line)
    return found


def until_running(api, seed):
    def runs():
        status = api.http.get(api.path("pods", "p")).json()["status"]
        if status["phase"] != "Running" or not processes(seed):
            raise NotYet(str(status))

    poll(runs, what="the pod to run", timeout_s=TIMEOUT_S)


def until_gone(seed):
    def gone():
        if left := processes(seed):
            raise NotYet(str(left))

    poll(gone, what="the pod's processes to end", timeout_s=TIMEOUT_S)


def test_a_server_that_stops_leaves_nothing(tmp_path):
    seed, file = f"{MARK}-{os.getpid()}-stops", tmp_path / "kubeconfig"
    settings = Settings(port=0, kubeconfig=file, data=tmp_path / "data", nodes=(NodeOptions(),))
    with ApiServer(settings):
        api = Api(file, "default")
        api.create("pods", sleeper(seed))
        until_running(api, seed)
        api.close()
    assert processes(seed) == []
    assert str(tmp_path) not in Path("/proc/self/mounts").read_text()


def test_pods_end_with_a_server_that_is_killed_and_are_written_off_by_the_next(tmp_path):
    seed, file, data = f"{MARK}-{os.getpid()}-killed", tmp_path / "kubeconfig", tmp_path / "data"
    arguments = ("--port", "0", "--data", str(data), "--kubeconfig", str(file), "--nodes", "1")
    server = subprocess.Popen([sys.executable, "-m", "spark_emulators.kubernetes", *arguments])

    def listens():
        if not file.exists():
            raise NotYet("no kubeconfig")

    try:
        poll(listens, what="the server", timeout_s=TIMEOUT_S)
        api = Api(file, "default")
        api.create("pods", sleeper(seed))
        until_running(api, seed)
        api.close()
    finally:
        server.send_signal(signal.SIGKILL)
        server.wait(TIMEOUT_S)
    until_gone(seed)
    with ApiServer(Settings(port=0, kubeconfig=file, data=data, nodes=(NodeOptions(),))):
        assert yaml.safe_load(file.read_text())["clusters"]
        api = Api(file, "default")

        def written_off():
            status = api.http.get(api.path("pods", "p")).json()["status"]
            if status["phase"] != "Failed":
                raise NotYet(str(status))
            return status["containerStatuses"][0]["state"]["terminated"]

        state = poll(written_off, what="the pod to be written off", timeout_s=TIMEOUT_S)
        assert (state["exitCode"], state["reason"]) == (137, "ContainerStatusUnknown")
        api.close()


def test_a_process_without_children_has_no_first_one():
    """As that of a container has none in the moment in which the container has ended."""
    with subprocess.Popen(["sleep", "60"]) as childless:
        assert first_child(childless.pid) is None
        childless.kill()
    with subprocess.Popen(["sh", "-c", "sleep 60 & wait"]) as parent:
        child = poll(lambda: _child(parent.pid), what="the child", timeout_s=10)
        assert psutil.Process(child).ppid() == parent.pid
        psutil.Process(child).kill()
        parent.kill()
    assert first_child(parent.pid) is None


def _child(pid):
    found = first_child(pid)
    if found is None:
        raise NotYet("there is none")
    return found


def test_a_pod_whose_node_fails_at_it_has_failed_and_can_be_deleted(tmp_path, monkeypatch):
    works = ProcessContainer.signal

    async def fails(self, number):
        if number == signal.SIGTERM:
            raise IndexError("a fault of the node's own")
        await works(self, number)

    settings = Settings(port=0, kubeconfig=tmp_path / "kubeconfig", nodes=(NodeOptions(),))
    with ApiServer(settings):
        api = Api(settings.kubeconfig, "default")
        container = {"name": "c", "image": "busybox", "command": ["sleep", "60"]}
        api.create("pods", pod(containers=[container], schedulerName="default-scheduler"))
        path = api.path("pods", "p")
        api.eventually(path, lambda found: found["status"].get("phase") == "Running")
        with monkeypatch.context() as patched:
            patched.setattr(ProcessContainer, "signal", fails)
            api.http.delete(path)
            api.gone(path)
        api.close()
