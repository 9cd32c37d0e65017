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
