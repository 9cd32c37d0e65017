"""The Runner against creating SparkApplications directly, on one emulated Kubernetes."""

from __future__ import annotations

import contextlib
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.backends.sk8.manifest import manifest
from spark_platform.kernel.database import open_database, reading, sqlite_url, writing
from spark_platform.kernel.kubernetes.client import Kubernetes, connect
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import Job, RunState
from spark_platform.runner.client import RunnerClient
from spark_platform.runner.store import RUNS
from spark_testkit import postgresql
from spark_testkit.ports import free_ports
from spark_testkit.tokens import issued

__all__ = ["SUMMARY", "run"]

SUMMARY = "the Runner: submissions of 16 clients, Check among many runs"
_CLIENTS, _EACH, _MANY, _ASKED = 16, 50, 100_000, 500
_DOMAIN, _SPACE, _SECRET = "travel", "default", "benchmark"
# submissions a second, and how long one of them should take
_RATE, _GOAL_MS = 200, 20.0
_AT_ONCE = 5_000
_TIMEOUT_S = 60.0


@dataclass(frozen=True)
class _Site:
    kubernetes: Kubernetes
    url: str
    token: str
    database: str


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure on SQLite, and on a PostgreSQL of its own where its programs are installed."""
    found = []
    with _site(space, None) as site:
        found += _measured(site, "SQLite", options, say)
    if postgresql.programs() is None:
        say(f"runner: PostgreSQL is skipped, since it is not installed: {postgresql.HINT}")
        return found
    with postgresql.server() as url, _site(space, f"{url}postgres") as site:
        return found + _measured(site, "PostgreSQL", options, say)


def _measured(site: _Site, product: str, options: Options, say: Say) -> list[Comparison]:
    # first, as long as the worker has nothing to do
    checks = _checks(site, product, options, say)
    return [*_submissions(site, product, options, say), checks]


def _submissions(site: _Site, product: str, options: Options, say: Say) -> list[Comparison]:
    """At once, each client one after the other; then at the rate that is the goal."""
    each = _EACH // (10 if options.quick else 1)
    total = _CLIENTS * each
    clients = [RunnerClient(site.url, site.token) for _ in range(_CLIENTS)]

    def submit(client: int, key: str) -> None:
        clients[client].submit(key, _job())

    def create(_: int, key: str) -> None:
        value = manifest(_job().spec(key, "none:1", "4.1.4"), _SPACE, kept_s=60)
        site.kubernetes.create(APPLICATIONS, _SPACE, value)

    clients[0].list()
    many, paced = [], []
    for way, act in (("ours", submit), ("stock", create)):
        many.append(_many(act, f"{way}-many", each))
        _settle(clients[0])
        paced.append(_many(act, f"{way}-paced", each, pace_s=1 / _RATE)[0])
        _settle(clients[0])
    for client in clients:
        client.__exit__()
    labels = f"Runner on {product}", "created directly"
    (ours, ours_s), (stock, stock_s) = many
    say(f"runner: {total} submissions on {product}, {total / ours_s:.0f} a second")
    return [
        Comparison(
            f"submit, {_CLIENTS} clients at once, {product}", "ms",
            Series(labels[0], tuple(ours)), Series(labels[1], tuple(stock)), paired=False,
        ),
        Comparison(
            f"a submission of {total}, {product}", "ms",
            Series(labels[0], (ours_s / total * 1000,)),
            Series(labels[1], (stock_s / total * 1000,)), Goal("median", 1000 / _RATE),
        ),
        Comparison(
            f"submit, {_CLIENTS} clients, {_RATE} a second, {product}", "ms",
            Series(labels[0], tuple(paced[0])), Series(labels[1], tuple(paced[1])),
            Goal("median", _GOAL_MS), paired=False,
        ),
    ]  # fmt: skip


def _settle(client: RunnerClient) -> None:
    """Wait until the cluster has all that was submitted."""
    what = "the end of what was submitted"
    _until(lambda: not client.list(states=[RunState.ACCEPTED], limit=1), what)


def _checks(site: _Site, product: str, options: Options, say: Say) -> Comparison:
    many, asked = _MANY // (100 if options.quick else 1), _ASKED // (10 if options.quick else 1)
    with RunnerClient(site.url, site.token) as client:
        run_id = client.submit("checked", _job()).run_id
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


def _many(
    act: Callable[[int, str], None], name: str, each: int, *, pace_s: float = 0.0
) -> tuple[list[float], float]:
    """Milliseconds of every call, and the seconds that all of them took together.

    Args:
        each: how many calls of each client.
        pace_s: seconds from one client's call to the next one's, each timed from when it was due;
            0 to call as soon as the call before is answered.
    """
    found: list[list[float]] = [[] for _ in range(_CLIENTS)]

    def work(client: int) -> None:
        for number in range(each):
            due = time.perf_counter()
            if pace_s:
                due = begin + (number * _CLIENTS + client) * pace_s
                time.sleep(max(0.0, due - time.perf_counter()))
            act(client, f"{name}-{client}-{number}")
            found[client].append((time.perf_counter() - due) * 1000)

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
    """Runs that nobody is to look at, as a Runner of some age has them: copies of one."""
    engine = open_database(database, RUNS.metadata)
    with reading(engine) as connection:
        one = connection.execute(select(RUNS)).mappings().one()
    old = {**one, "state": RunState.SUCCEEDED.value, "due_at": None}
    for first in range(0, many, _AT_ONCE):
        names = [f"old-{number}" for number in range(first, min(first + _AT_ONCE, many))]
        with writing(engine) as connection:
            rows = [{**old, "run_id": name, "token": name} for name in names]
            connection.execute(insert(RUNS), rows)
    engine.dispose()


@contextlib.contextmanager
def _site(space: Workspace, database: str | None) -> Iterator[_Site]:
    """A Kubernetes, an issuer and a Runner, each a process; nobody acts on applications there.

    Args:
        database: its URL; None for SQLite.
    """
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

    def process(name: str, module: str, *arguments: str) -> AbstractContextManager[Any]:
        argv = [sys.executable, "-m", module, *arguments]
        log = folder / f"{name}.log"
        return started(argv, cwd=folder, env=clean_environment({}), log=log)

    with contextlib.ExitStack() as processes:

        def start(name: str, module: str, *arguments: str) -> None:
            processes.enter_context(process(name, module, *arguments))

        start("kubernetes", *server)
        _until(kubeconfig.exists, "the cluster")
        kubernetes = processes.enter_context(contextlib.closing(connect(kubeconfig)))
        ready = folder / "ready"
        operator = ("--kubeconfig", str(kubeconfig), "--ready-file", str(ready))
        with process("operator", "spark_emulators.spark_operator", *operator):
            # for the resource that it brings
            _until(ready.exists, "the operator")
        start("issuer", "spark_emulators.token_issuer", "--config", _file(folder, "i", issues))
        start("runner", "spark_platform.runner", "--config", _file(folder, "r", runs))
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
