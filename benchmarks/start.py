"""From the command to the first query's result: a stack's Connect server and ``spark-submit``'s."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from benchmarks.client import first_result, waiting_client
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
    with waiting_client(space) as client:
        begin = time.monotonic()
        server = plan()
        log = server.folder / "log"
        with started(server.argv, cwd=server.folder, env=server.environment, log=log):
            try:
                first_result(client, server.url)
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
        with waiting_client(space) as client:
            begin = time.monotonic()
            with started(argv, cwd=folder, env=environment, log=log) as command:
                finish(command, what="spark-testkit up", timeout_s=_UP_TIMEOUT_S, log=log)
            first_result(client, stack.env()["SPARK_REMOTE"])
            return time.monotonic() - begin
    finally:
        stack.down()
