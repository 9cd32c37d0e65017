"""The Spark operator against a ``spark-submit`` for each application, on one emulated cluster."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.kernel.errors import Terminal
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes, connect
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.engine import install

__all__ = ["SUMMARY", "run"]

SUMMARY = "the Spark operator: a driver's start, a thousand applications at once, memory"
_STARTS, _MANY, _STOCK = 10, 1000, 3
_SPACE, _IMAGE = "benchmark", "stand-in:latest"
# what the stand-in is started with is Spark's; it tells the time, and is done
_STAND_IN = "#!/bin/sh\nexec date +%s%N\n"
_APPLICATIONS = Resource("spark.apache.org/v1", "sparkapplications")
_DONE = "TerminatedWithoutReleaseResources"
_TIMEOUT_S = 600.0
_LABELS = ("operator", "spark-submit --deploy-mode cluster")


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure both on one cluster, whose drivers are a stand-in that ends at once."""
    many = _MANY // (20 if options.quick else 1)
    with _cluster(space) as (kubernetes, kubeconfig, operator):
        _warm_up(kubernetes)
        memory = [operator.memory_info().rss / 2**20]
        ours = [_start(kubernetes, f"start-{n}") for n in range(options.repetitions(_STARTS))]
        say(f"operator: a driver starts after {min(ours):.0f} to {max(ours):.0f} ms")
        stock = [_submit(space, kubernetes, kubeconfig, n) for n in range(_STOCK)]
        say(f"operator: by spark-submit after {min(stock):.0f} to {max(stock):.0f} ms")
        run_s = _many(kubernetes, many // 4, "run", _application)
        say(f"operator: {many // 4} applications run, {1 / run_s:.1f} a second")
        with _played(kubernetes):
            reconciled_s = _many(kubernetes, many, "played", _nobodys)
        say(f"operator: {many} applications reconciled, {1 / reconciled_s:.1f} a second")
        memory.append(operator.memory_info().rss / 2**20)
    starts = _comparison("submitted to driver started", "ms", ours, stock, Goal("median", 150))
    ran = Comparison(
        f"an application of {many // 4} at once, run as processes",
        "ms",
        Series("operator", (run_s * 1000,)),
        Series(_LABELS[1], tuple(stock)),
        paired=False,
    )
    reconciled = _comparison(
        f"an application of {many} at once, its driver played",
        "ms", [reconciled_s * 1000], stock, Goal("median", 50),
    )  # fmt: skip
    held = Comparison(
        f"memory of the operator with {many} applications (RSS)",
        "MiB",
        Series("operator", (memory[1],)),
        Series("idle", (memory[0],)),
        paired=False,
    )
    return [starts, ran, reconciled, held]


def _comparison(
    name: str, unit: str, ours: list[float], stock: list[float], goal: Goal
) -> Comparison:
    first, second = _LABELS
    return Comparison(
        name, unit, Series(first, tuple(ours)), Series(second, tuple(stock)), goal, paired=False
    )


@contextlib.contextmanager
def _cluster(space: Workspace) -> Iterator[tuple[Kubernetes, Path, psutil.Process]]:
    folder = space.folder("operator")
    images = folder / "images.json"
    images.write_text(json.dumps([_stand_in(folder)]))
    kubeconfig, ready = folder / "kubeconfig", folder / "ready"
    server = [sys.executable, "-m", "spark_emulators.kubernetes", "--port", "0", "--nodes", "4"]
    server += ["--kubeconfig", str(kubeconfig), "--images", str(images)]
    operator = [sys.executable, "-m", "spark_emulators.spark_operator"]
    operator += ["--kubeconfig", str(kubeconfig), "--ready-file", str(ready)]
    env = clean_environment({})
    with started(server, cwd=folder, env=env, log=folder / "server.log"):
        _until_there(kubeconfig, "the cluster")
        with (
            contextlib.closing(connect(kubeconfig)) as kubernetes,
            started(operator, cwd=folder, env=env, log=folder / "operator.log") as process,
        ):
            _until_there(ready, "the operator")
            spaces = Resource("v1", "namespaces")
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": _SPACE}}
            kubernetes.create(spaces, "", body)
            accounts = Resource("v1", "serviceaccounts")
            kubernetes.create(accounts, _SPACE, {"metadata": {"name": "spark"}})
            yield kubernetes, kubeconfig, psutil.Process(process.pid)


def _until_there(file: Path, what: str) -> None:
    def there() -> None:
        if not file.exists():
            raise NotYet("it does not listen yet")

    poll(there, what=what, timeout_s=60)


def _stand_in(folder: Path) -> dict[str, Any]:
    script = folder / "entrypoint.sh"
    script.write_text(_STAND_IN)
    script.chmod(0o755)
    return {
        "names": [_IMAGE],
        "entrypoint": ["/opt/entrypoint.sh"],
        "environment": {"PATH": "/usr/bin:/bin"},
        "folders": {"/opt/entrypoint.sh": str(script)},
    }


def _application(name: str) -> dict[str, Any]:
    conf = {
        "spark.kubernetes.container.image": _IMAGE,
        "spark.kubernetes.driver.request.cores": "0.01",
        "spark.driver.memory": "16m",
        "spark.driver.memoryOverhead": "16m",
    }
    return {
        "apiVersion": _APPLICATIONS.group_version,
        "kind": "SparkApplication",
        "metadata": {"name": name},
        "spec": {
            "runtimeVersions": {"sparkVersion": "4.1.4"},
            "pyFiles": "local:///job.py",
            "sparkConf": conf,
            "applicationTolerations": {"resourceRetainPolicy": "Always"},
        },
    }


def _warm_up(kubernetes: Kubernetes) -> None:
    _start(kubernetes, "warm-up")


def _start(kubernetes: Kubernetes, name: str) -> float:
    """Milliseconds from before the creation to the driver's first instruction."""
    begin = time.time_ns()
    kubernetes.create(_APPLICATIONS, _SPACE, _application(name))

    def done() -> None:
        status = kubernetes.get(_APPLICATIONS, _SPACE, name).get("status") or {}
        state = (status.get("currentState") or {}).get("currentStateSummary")
        if state != _DONE:
            raise NotYet(str(state))

    poll(done, what=name, timeout_s=60)
    return (int(kubernetes.logs(_SPACE, f"{name}-0-driver")) - begin) / 1e6


def _submit(space: Workspace, kubernetes: Kubernetes, kubeconfig: Path, number: int) -> float:
    """The same by Spark's own submission."""
    home = install(None, space.settings).spark_home
    name = f"submitted-{number}"
    conf = {
        "spark.kubernetes.namespace": _SPACE,
        "spark.kubernetes.container.image": _IMAGE,
        "spark.kubernetes.driver.pod.name": name,
        "spark.kubernetes.authenticate.driver.serviceAccountName": "spark",
        "spark.kubernetes.submission.waitAppCompletion": "false",
    }
    argv = [
        *(str(home / "bin" / "spark-submit"), "--master", f"k8s://{kubernetes.url}"),
        *("--deploy-mode", "cluster", "--name", name),
        *(part for key, value in conf.items() for part in ("--conf", f"{key}={value}")),
        "local:///job.py",
    ]
    env = clean_environment({"KUBECONFIG": str(kubeconfig), "SPARK_HOME": str(home)})
    begin = time.time_ns()
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=_TIMEOUT_S)
    if done.returncode:
        raise Terminal(f"spark-submit failed: {done.stderr[-2000:]}")

    def ended() -> None:
        phase = kubernetes.get(PODS, _SPACE, name)["status"].get("phase")
        if phase != "Succeeded":
            raise NotYet(str(phase))

    poll(ended, what=name, timeout_s=60)
    return (int(kubernetes.logs(_SPACE, name)) - begin) / 1e6


def _nobodys(name: str) -> dict[str, Any]:
    """One whose driver no node takes."""
    made = _application(name)
    made["spec"]["sparkConf"]["spark.kubernetes.driver.scheduler.name"] = "nobody"
    return made


@contextlib.contextmanager
def _played(kubernetes: Kubernetes) -> Iterator[None]:
    """Somebody in the place of the nodes, who says of each driver at once that it succeeded."""
    _, version = kubernetes.list(PODS, _SPACE)
    watch = kubernetes.watch(PODS, _SPACE, version=version)
    ended = {"terminated": {"exitCode": 0, "reason": "Completed"}}
    container = {"name": "spark-kubernetes-driver", "ready": False, "state": ended}
    change = {"status": {"phase": "Succeeded", "containerStatuses": [container]}}

    def play() -> None:
        for kind, pod in watch:
            if kind == "ADDED":
                kubernetes.patch(PODS, _SPACE, pod["metadata"]["name"], change, "status")

    thread = threading.Thread(target=play)
    thread.start()
    yield
    watch.stop()
    thread.join()


def _many(
    kubernetes: Kubernetes, count: int, prefix: str, made: Callable[[str], dict[str, Any]]
) -> float:
    """Seconds an application, from the first's creation to the last's end."""
    names = {f"{prefix}-{number}" for number in range(count)}
    _, version = kubernetes.list(_APPLICATIONS, _SPACE)
    begin = time.monotonic()
    for name in sorted(names):
        kubernetes.create(_APPLICATIONS, _SPACE, made(name))
    for kind, found in kubernetes.watch(_APPLICATIONS, _SPACE, version=version):
        if kind != "MODIFIED":
            continue
        state = (found.get("status") or {}).get("currentState") or {}
        if state.get("currentStateSummary") == _DONE:
            names.discard(found["metadata"]["name"])
            if not names:
                return (time.monotonic() - begin) / count
        if time.monotonic() - begin > _TIMEOUT_S:
            break
    raise Terminal(f"{len(names)} of {count} applications do not end")
