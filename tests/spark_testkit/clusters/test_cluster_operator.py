"""The Spark operator beside a cluster."""

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from kube_nodes import need_namespaces

from spark_platform.kernel.wait import NotYet, poll


@pytest.fixture
def cli(tmp_path):
    need_namespaces()
    environment = {**os.environ, "XDG_STATE_HOME": str(tmp_path / "state")}

    def run(*arguments):
        done = subprocess.run(
            [sys.executable, "-m", "spark_testkit.cli", "cluster", *arguments, "-o", "json"],
            env=environment, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    yield run
    run("down", "ops")


def operators(kubeconfig):
    """The processes that look after a cluster."""
    return [
        each
        for each in psutil.process_iter(["cmdline"])
        if "spark_emulators.spark_operator" in (each.info["cmdline"] or ())
        and str(kubeconfig) in each.info["cmdline"]
    ]


def runs(process):
    """Whether it does; what has ended may still be waited for by whoever adopted it."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def definitions(cluster):
    listed = subprocess.run(
        ["kubectl", "--kubeconfig", cluster["kubeconfig"], "get", "crd", "-o", "name"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    return listed.stdout.split()


def test_it_comes_and_goes_with_the_cluster(cli):
    cluster = cli("up", "ops")
    assert len(definitions(cluster)) == 2
    (process,) = operators(cluster["kubeconfig"])
    cli("down", "ops")
    assert not runs(process)


def test_one_that_has_ended_is_told_of_and_started_again(cli):
    cluster = cli("up", "ops")
    (process,) = operators(cluster["kubeconfig"])
    process.send_signal(signal.SIGKILL)

    def killed():
        if runs(process):
            raise NotYet("it runs")

    poll(killed, what="the operator to be gone", timeout_s=20)
    (listed,) = cli("list")
    assert listed["state"] == "running"
    assert "Spark operator has ended" in listed["detail"]
    assert not cli("up", "ops")["detail"]
    assert len(operators(cluster["kubeconfig"])) == 1
    (listed,) = cli("list")
    assert not listed["detail"]


def test_it_ends_when_the_cluster_is_killed(cli):
    cluster = cli("up", "ops")
    (process,) = operators(cluster["kubeconfig"])
    (emulator,) = [
        each
        for each in psutil.process_iter(["cmdline"])
        if "spark_emulators.kubernetes" in (each.info["cmdline"] or ())
        and "/ops/" in " ".join(each.info["cmdline"])
    ]
    emulator.kill()

    def ended():
        if runs(process):
            raise NotYet("it runs")

    poll(ended, what="the operator to end", timeout_s=20)


def test_a_cluster_without_one(cli):
    cluster = cli("up", "ops", "--no-operator")
    assert definitions(cluster) == []
    assert operators(cluster["kubeconfig"]) == []
