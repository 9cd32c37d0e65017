"""The emulated Kubernetes against a real one: start, rates, watches, memory, pods."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks import watchers
from benchmarks.kube_client import KubeClient
from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.kernel.errors import Missing, Terminal
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.kind.flavor import KindFlavor

__all__ = ["SUMMARY", "run"]

SUMMARY = "the emulated Kubernetes and a kind cluster: start, rates, watches, memory, pods"
_STARTS, _ROUNDS, _CALLS, _EVENTS, _PODS, _MANY = 5, 5, 200, 100, 20, 5000
_SPACE = "benchmark"
_MAPS = f"/api/v1/namespaces/{_SPACE}/configmaps"
_POD_PATH = f"/api/v1/namespaces/{_SPACE}/pods"
_MERGE = "application/merge-patch+json"
_DEBIAN = "debian:bookworm-slim"
_TIMEOUT_S = 120
# between two writes: what is measured is how long news take, not how many fit
_PAUSE_S = 0.02
_LABELS = {"emulated": "emulated", "kind": "kind (kube-apiserver)"}


@dataclass(frozen=True)
class _Site:
    """A running cluster.

    Attributes:
        flavor: its flavour.
        image: one with a shell that its nodes have.
        server: processes that are its API server and store.
    """

    flavor: str
    kubeconfig: Path
    client: KubeClient
    image: str
    server: Sequence[psutil.Process]


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure both in turn.

    Raises:
        Missing: kind has nothing to start from.
    """
    if KindFlavor(space.settings).node() is None:
        raise Missing("there is no image of a Kubernetes node", hint="`make kind`")
    clusters = Clusters(space.settings)
    scale = 20 if options.quick else 1
    starts = _starts(clusters, options.repetitions(_STARTS), say)
    sites = [_site(clusters, flavor) for flavor in _LABELS]
    with contextlib.ExitStack() as open_:
        for site in sites:
            open_.callback(site.client.close)
        rounds = options.repetitions(_ROUNDS)
        return [
            starts,
            *_rates(sites, rounds, _CALLS // scale, say),
            *(_fan_out(space, sites, many, _EVENTS // scale, say) for many in (1, 50)),
            _pods(sites, options.repetitions(_PODS), say),
            *_many(sites, _MANY // scale, say),
        ]


def _comparison(
    name: str, unit: str, measured: dict[str, list[float]], goal: Goal | None, paired: bool = False
) -> Comparison:
    ours, stock = (Series(label, tuple(measured[name])) for name, label in _LABELS.items())
    return Comparison(name, unit, ours, stock, goal, paired)


def _starts(clusters: Clusters, repeat: int, say: Say) -> Comparison:
    """From nothing to a cluster that takes pods; the clusters stay."""
    measured: dict[str, list[float]] = {flavor: [] for flavor in _LABELS}
    for flavor, times in measured.items():
        # kind takes half a minute
        for _ in range(repeat if flavor == "emulated" else 1):
            clusters.down(flavor)
            begin = time.monotonic()
            clusters.up(flavor, flavor)
            times.append(time.monotonic() - begin)
            say(f"kubernetes: {flavor} starts: {times[-1]:.2f} s")
    return _comparison("start to ready", "s", measured, Goal("median", 0.5))


def _site(clusters: Clusters, flavor: str) -> _Site:
    cluster = clusters.get(flavor)
    client = KubeClient(cluster.kubeconfig)
    client.call("POST", "/api/v1/namespaces", {"metadata": {"name": _SPACE}})
    if flavor == "kind":
        clusters.load(flavor, [_DEBIAN])
    image = _DEBIAN if flavor == "kind" else "busybox"
    return _Site(flavor, cluster.kubeconfig, client, image, _server(cluster.kubeconfig, flavor))


def _server(kubeconfig: Path, flavor: str) -> list[psutil.Process]:
    """The processes that are a cluster's API server and store."""

    def belongs(command: Sequence[str]) -> bool:
        if flavor == "emulated":
            folder = str(kubeconfig.parent)
            return "spark_emulators.kubernetes" in command and folder in " ".join(command)
        return bool(command) and command[0] in ("kube-apiserver", "etcd")

    everything = psutil.process_iter(["cmdline"])
    return [each for each in everything if belongs(each.info["cmdline"] or ())]


def _rates(sites: Sequence[_Site], rounds: int, calls: int, say: Say) -> Iterator[Comparison]:
    """One client, one call after the other; milliseconds a call."""
    operations: dict[str, tuple[Callable[[KubeClient, str], object], Goal | None]] = {
        "create": (lambda client, name: client.call("POST", _MAPS, _map(name)), Goal("ratio", 1)),
        "get": (lambda client, name: client.call("GET", f"{_MAPS}/{name}"), Goal("ratio", 1)),
        "patch": (
            lambda client, name: client.call(
                "PATCH", f"{_MAPS}/{name}", {"data": {"key": f"{name}-new"}}, _MERGE
            ),
            None,
        ),
        "list": (lambda client, _: client.call("GET", _MAPS), None),
        "delete": (lambda client, name: client.call("DELETE", f"{_MAPS}/{name}"), None),
    }
    measured: dict[str, dict[str, list[float]]] = {
        name: {flavor: [] for flavor in _LABELS} for name in operations
    }
    for turn in range(rounds):
        for site in sites:
            for name, (operation, _) in operations.items():
                count = calls if name != "list" else max(1, calls // 10)
                begin = time.perf_counter()
                for number in range(count):
                    operation(site.client, f"c-{number}")
                took = (time.perf_counter() - begin) / count * 1000
                measured[name][site.flavor].append(took)
        say(f"kubernetes: rates {turn + 1}/{rounds}")
    for name, (_, goal) in operations.items():
        title = f"{name} {calls} config maps" if name == "list" else f"{name} a config map"
        yield _comparison(title, "ms", measured[name], goal, paired=True)


def _map(name: str) -> dict[str, object]:
    return {"metadata": {"name": name}, "data": {"key": "value" * 20}}


def _fan_out(
    space: Workspace, sites: Sequence[_Site], many: int, events: int, say: Say
) -> Comparison:
    """From before a write to each watcher's news of it."""
    measured = {site.flavor: _news(space, site, many, events) for site in sites}
    title = f"news to {many} watcher{'s' if many > 1 else ''}"
    say(f"kubernetes: {title}")
    return _comparison(title, "ms", measured, Goal("median", 5))


def _news(space: Workspace, site: _Site, many: int, events: int) -> list[float]:
    folder = space.folder("watchers")
    version = json.loads(site.client.call("GET", _MAPS))["metadata"]["resourceVersion"]
    path = f"{_MAPS}?watch=true&resourceVersion={version}"
    argv = [sys.executable, "-m", watchers.__name__, str(site.kubeconfig), path]
    argv += [str(many), str(events)]
    sent: dict[str, int] = {}
    with started(
        argv, cwd=Path.cwd(), env=clean_environment({}), log=folder / "log", talks=True
    ) as process:
        assert process.stdout
        if process.stdout.readline().strip() != "ready":
            raise Terminal(f"the watchers ended: {(folder / 'log').read_text()}")
        for number in range(events):
            name = f"w-{number}"
            sent[name] = time.monotonic_ns()
            site.client.call("POST", _MAPS, _map(name))
            time.sleep(_PAUSE_S)
        times: dict[str, list[int]] = json.loads(process.stdout.read())
    for name in sent:
        site.client.call("DELETE", f"{_MAPS}/{name}")
    return [(at - sent[name]) / 1e6 for name, each in times.items() for at in each]


def _pods(sites: Sequence[_Site], count: int, say: Say) -> Comparison:
    """From before a pod's creation to its container's first instruction."""
    measured = {site.flavor: [_pod(site, f"p-{n}") for n in range(count)] for site in sites}
    say("kubernetes: pods")
    return _comparison("pod created to container started", "ms", measured, Goal("median", 100))


def _pod(site: _Site, name: str) -> float:
    container = {
        "name": "main",
        "image": site.image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["date", "+%s%N"],
    }
    begin = time.time_ns()
    body = {
        "metadata": {"name": name},
        "spec": {"containers": [container], "restartPolicy": "Never"},
    }
    site.client.call("POST", _POD_PATH, body)

    def ended() -> None:
        status = json.loads(site.client.call("GET", f"{_POD_PATH}/{name}"))["status"]
        if status["phase"] != "Succeeded":
            raise NotYet(status["phase"])

    poll(ended, what=f"pod {name}", timeout_s=_TIMEOUT_S)
    started_at = int(site.client.call("GET", f"{_POD_PATH}/{name}/log"))
    site.client.call("DELETE", f"{_POD_PATH}/{name}?gracePeriodSeconds=0")
    return (started_at - begin) / 1e6


def _many(sites: Sequence[_Site], count: int, say: Say) -> Iterator[Comparison]:
    """So many pods that nobody runs: what the servers hold for them, and how long a list takes."""
    memory: dict[str, list[float]] = {}
    lists: dict[str, list[float]] = {}
    body = {"containers": [{"name": "main", "image": "busybox"}], "schedulerName": "nobody"}
    for site in sites:
        for number in range(count):
            site.client.call("POST", _POD_PATH, {"metadata": {"name": f"m-{number}"}, "spec": body})
        lists[site.flavor] = []
        for _ in range(3):
            begin = time.perf_counter()
            site.client.call("GET", _POD_PATH)
            lists[site.flavor].append((time.perf_counter() - begin) * 1000)
        held = sum(each.memory_info().rss for each in site.server)
        memory[site.flavor] = [held / 2**20]
        say(f"kubernetes: {count} pods on {site.flavor}")
    yield _comparison(f"list {count} pods", "ms", lists, None)
    yield _comparison(f"memory of the server with {count} pods (RSS)", "MiB", memory, None)
