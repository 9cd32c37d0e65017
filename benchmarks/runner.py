"""The Runner against creating SparkApplications directly, on one emulated Kubernetes."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.backends.sk8.manifest import manifest
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.kubernetes.client import Kubernetes, connect
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import Job
from spark_platform.runner.client import RunnerClient
from spark_platform.runner.records import ImageRef, Run, run_id_of
from spark_platform.runner.store import Store
from spark_testkit.ports import free_ports
from spark_testkit.tokens import issued

__all__ = ["SUMMARY", "run"]

SUMMARY = "the Runner: submissions of 16 clients, Check among many runs"
_CLIENTS, _EACH, _MANY, _ASKED = 16, 50, 100_000, 500
_DOMAIN, _SPACE, _SECRET = "travel", "default", "benchmark"
_APPLICATIONS = Resource("spark.apache.org/v1", "sparkapplications")
_POSTGRESQL = "SPARK_TESTKIT_BENCH_POSTGRESQL"
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class _Site:
    kubernetes: Kubernetes
    url: str
    token: str
    database: str


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure on SQLite, and on the PostgreSQL that a variable names."""
    databases = {"SQLite": ""}
    if url := os.environ.get(_POSTGRESQL):
        databases["PostgreSQL"] = url
    else:
        say(f"runner: no PostgreSQL, since {_POSTGRESQL} names no empty database")
    found = []
    for product, url in databases.items():
        with _site(space, url) as site:
            found += _submissions(site, product, options, say)
            found.append(_checks(site, product, options, say))
    return found


def _submissions(site: _Site, product: str, options: Options, say: Say) -> list[Comparison]:
    each = _EACH // (10 if options.quick else 1)
    clients = [RunnerClient(site.url, site.token) for _ in range(_CLIENTS)]

    def submit(client: int, number: int) -> None:
        clients[client].submit(f"{product}-{client}-{number}", _job())

    def create(client: int, number: int) -> None:
        spec = _job().spec(f"direct-{product.lower()}-{client}-{number}", "none:1", "4.1.4")
        value = manifest(spec, _SPACE, kept_s=60)
        site.kubernetes.create(_APPLICATIONS, _SPACE, value)

    clients[0].list()
    stock, stock_s = _many(create, each)
    ours, ours_s = _many(submit, each)
    for client in clients:
        client.__exit__()
    total = _CLIENTS * each
    say(f"runner: {total} submissions on {product}, {total / ours_s:.0f} a second")
    labels = f"Runner on {product}", "created directly"
    return [
        Comparison(
            f"submit, {_CLIENTS} clients at once, {product}", "ms",
            Series(labels[0], tuple(ours)), Series(labels[1], tuple(stock)), paired=False,
        ),
        Comparison(
            f"a submission of {total}, {product}", "ms",
            Series(labels[0], (ours_s / total * 1000,)),
            Series(labels[1], (stock_s / total * 1000,)), Goal("median", 5.0),
        ),
    ]  # fmt: skip


def _checks(site: _Site, product: str, options: Options, say: Say) -> Comparison:
    many, asked = _MANY // (100 if options.quick else 1), _ASKED // (10 if options.quick else 1)
    with RunnerClient(site.url, site.token) as client:
        run_id = client.list(limit=1)[0].run_id
        few = _timed(lambda: client.check(run_id), asked)
        begin = time.monotonic()
        _fill(site.database, many)
        say(f"runner: {many} more runs in {time.monotonic() - begin:.0f} s")
        crowded = _timed(lambda: client.check(run_id), asked)
    return Comparison(
        f"Check among {many} runs, {product}", "ms",
        Series(f"among {many}", tuple(crowded)), Series("among few", tuple(few)),
        Goal("ratio", 0.8), paired=False,
    )  # fmt: skip


def _many(act: Callable[[int, int], None], each: int) -> tuple[list[float], float]:
    """Milliseconds of every call, and the seconds that all of them took together."""
    found: list[list[float]] = [[] for _ in range(_CLIENTS)]

    def work(client: int) -> None:
        for number in range(each):
            begin = time.perf_counter()
            act(client, number)
            found[client].append((time.perf_counter() - begin) * 1000)

    threads = [threading.Thread(target=work, args=(client,)) for client in range(_CLIENTS)]
    begin = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return [value for values in found for value in values], time.perf_counter() - begin


def _timed(act: Callable[[], Any], times: int) -> list[float]:
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        act()
        found.append((time.perf_counter() - begin) * 1000)
    return found


def _job() -> Job:
    return Job(name="flights", domain=_DOMAIN, owner="ana", engine="4.1", main="local:///ok.py")


def _fill(database: str, many: int) -> None:
    """Runs that have ended, as a Runner of some age has them."""
    store, now = Store(database), datetime.now(timezone.utc)
    image = ImageRef("spark-platform:4.1-latest", "", "4.1.4")
    for number in range(many):
        token = f"old-{number}"
        store.accept(Run(run_id_of(_job(), token), token, _job(), image, created_at=now))
    store.close()


@contextlib.contextmanager
def _site(space: Workspace, database: str) -> Iterator[_Site]:
    """A Kubernetes without nodes, an issuer and a Runner, each a process."""
    folder = space.folder("runner")
    database = database or sqlite_url(folder / "runs.sqlite")
    kubeconfig = folder / "kubeconfig"
    issuer_port, port = free_ports(2)
    issuer, url = f"http://127.0.0.1:{issuer_port}", f"http://127.0.0.1:{port}"
    issues = {
        "port": issuer_port, "issuer": issuer, "client_secret": _SECRET,
        "key_file": str(folder / "key.pem"),
    }  # fmt: skip
    runs = {
        "port": port, "database": database,
        "engines": {"4.1": {"image": "none:1", "spark_version": "4.1.4"}},
        "issuer": {
            "issuer": issuer, "audience": "spark-platform", "jwks_url": f"{issuer}/jwks.json"
        },
        "sk8": {"kubeconfig": str(kubeconfig), "namespace": _SPACE},
    }  # fmt: skip
    server = ["spark_emulators.kubernetes", "--port", "0", "--kubeconfig", str(kubeconfig)]
    with contextlib.ExitStack() as processes:

        def start(name: str, module: str, *arguments: str) -> None:
            argv = [sys.executable, "-m", module, *arguments]
            env, log = clean_environment({}), folder / f"{name}.log"
            processes.enter_context(started(argv, cwd=folder, env=env, log=log))

        start("kubernetes", *server)
        _until(kubeconfig.exists, "the cluster")
        kubernetes = processes.enter_context(contextlib.closing(connect(kubeconfig)))
        ready = folder / "ready"
        operator = ("--kubeconfig", str(kubeconfig), "--ready-file", str(ready))
        start("operator", "spark_emulators.spark_operator", *operator)
        start("issuer", "spark_emulators.token_issuer", "--config", _file(folder, "i", issues))
        start("runner", "spark_platform.runner", "--config", _file(folder, "r", runs))
        _until(ready.exists, "the operator")
        _until(lambda: _answers(f"{url}/healthz"), "the Runner")
        exports = {"SPARK_TOKEN_ISSUER_URL": issuer, "SPARK_TOKEN_ISSUER_SECRET": _SECRET}
        yield _Site(kubernetes, url, issued(exports, "ana", _DOMAIN, 3600), database)


def _file(folder: Path, name: str, content: dict[str, Any]) -> str:
    file = folder / f"{name}.json"
    file.write_text(json.dumps(content))
    return str(file)


def _answers(url: str) -> bool:
    import httpx

    try:
        with httpx.Client(trust_env=False) as client:
            return client.get(url).is_success
    except httpx.TransportError:
        return False


def _until(holds: Callable[[], bool], what: str) -> None:
    def check() -> None:
        if not holds():
            raise NotYet("it does not answer yet")

    poll(check, what=what, timeout_s=_TIMEOUT_S)
