"""From the command to the first query's result: a stack's Connect server and ``spark-submit``'s."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from benchmarks import probe
from benchmarks.connect import ConnectServer, plan_context, planned_as_stack, planned_as_stock
from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment, finish, log_tail, started
from spark_platform.kernel.errors import Terminal
from spark_testkit.stack import Stack

__all__ = ["SUMMARY", "run"]

SUMMARY = "start of Spark Connect to the first query's result"
_REPEAT = 5
_UP_TIMEOUT_S = 180.0
_STACK = "bench"


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Measure the three starts in turn, so that what else the machine does hits all alike."""
    ways: dict[str, Callable[[], float]] = {
        "ours": lambda: _engine_start_s(space),
        "stock": lambda: _stock_start_s(space),
        "up": lambda: _stack_start_s(space),
    }
    measured: dict[str, list[float]] = {way: [] for way in ways}
    if not options.quick:
        for way, start in ways.items():
            say(f"start: {way}, not counted: {start():.2f} s")
    repeat = options.repetitions(_REPEAT)
    for number in range(repeat):
        for way, start in ways.items():
            measured[way].append(start())
            say(f"start: {way} {number + 1}/{repeat}: {measured[way][-1]:.2f} s")
    stock = Series("spark-submit", tuple(measured["stock"]))
    return [
        Comparison(
            "Connect server",
            "s",
            Series("engine with CDS archive", tuple(measured["ours"])),
            stock,
            Goal("ratio", 2.5, aim=3),
        ),
        Comparison(
            "whole `up spark-connect` (with S3 and catalog)",
            "s",
            Series("spark-testkit up", tuple(measured["up"])),
            stock,
        ),
    ]


def _engine_start_s(space: Workspace) -> float:
    """A stack's way. That it looks the engine up and plans the command counts."""
    context = plan_context(space)
    return _server_start_s(space, lambda: planned_as_stack(context))


def _stock_start_s(space: Workspace) -> float:
    """Spark's way. What it takes to know the command to type does not count."""
    server = planned_as_stock(plan_context(space))
    return _server_start_s(space, lambda: server)


def _server_start_s(space: Workspace, plan: Callable[[], ConnectServer]) -> float:
    with _client(space) as client:
        begin = time.monotonic()
        server = plan()
        log = server.folder / "log"
        with started(server.argv, cwd=server.folder, env=server.environment, log=log):
            try:
                _first_result(client, server.url)
            except Terminal as error:
                raise Terminal(f"{error.message}\n{log_tail(log)}") from None
            return time.monotonic() - begin


def _stack_start_s(space: Workspace) -> float:
    """From the `up` command of a new stack to the first result."""
    folder = space.folder("up")
    stack = Stack(_STACK, settings=space.settings)
    argv = [sys.executable, "-m", "spark_testkit.cli", "up", "spark-connect", "--name", _STACK]
    environment = clean_environment(space.settings.as_env())
    log = folder / "log"
    try:
        with _client(space) as client:
            begin = time.monotonic()
            with started(argv, cwd=folder, env=environment, log=log) as command:
                finish(command, what="spark-testkit up", timeout_s=_UP_TIMEOUT_S, log=log)
            _first_result(client, stack.env()["SPARK_REMOTE"])
            return time.monotonic() - begin
    finally:
        stack.down()


@contextlib.contextmanager
def _client(space: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A client that has imported what it needs and waits to be told an address."""
    folder = space.folder("client")
    argv = [sys.executable, probe.__file__]
    with started(
        argv, cwd=folder, env=clean_environment({}), log=folder / "log", talks=True
    ) as client:
        _expect(client, "ready")
        yield client


def _first_result(client: subprocess.Popen[str], url: str) -> None:
    assert client.stdin is not None
    with contextlib.suppress(OSError):
        # a client that has died is noticed below
        client.stdin.write(f"{url}\n")
        client.stdin.flush()
    _expect(client, "done")


def _expect(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdout is not None
    if client.stdout.readline().strip() != word:
        raise Terminal(f"the benchmark's client ended before it was {word}")
