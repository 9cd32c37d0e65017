"""A parallel suite on one shared server, against a stock server for each worker."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from benchmarks.connect import plan_context, planned_as_stock
from benchmarks.measure import Comparison, Series
from benchmarks.options import Options, Say
from benchmarks.suites import new_suite, pytest_argv
from benchmarks.workspace import PeakMemory, Workspace, clean_environment, finish, log_tail, started
from spark_platform.kernel.errors import Terminal
from spark_platform.kernel.files import write_atomically

__all__ = ["SUMMARY", "run"]

SUMMARY = "a suite under xdist on one shared server, against a server for each worker"
_REPEAT = 3
_TESTS = 200
_QUICK_TESTS = 40
_WORKERS = 2
_TIMEOUT_S = 280.0


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Run the suite both ways in turn."""
    tests = _QUICK_TESTS if options.quick else _TESTS
    repeat = options.repetitions(_REPEAT)
    ways: dict[str, Callable[[], tuple[Path, Mapping[str, str]]]] = {
        "shared": lambda: (new_suite(space, "workload"), {}),
        "stock": lambda: _stock_suite(space),
    }
    wall_s: dict[str, list[float]] = {way: [] for way in ways}
    peak_mib: dict[str, list[float]] = {way: [] for way in ways}
    for number in range(repeat):
        for way, prepare in ways.items():
            folder, extra = prepare()
            seconds, mib = _run_suite(space, folder, extra, tests)
            wall_s[way].append(seconds)
            peak_mib[way].append(mib)
            say(f"suite: {way} {number + 1}/{repeat}: {seconds:.1f} s, {mib:.0f} MiB")
    name = f"{tests} tests, {_WORKERS} workers"
    ours, stock = "one shared server", "spark-submit per worker"
    return [
        Comparison(
            f"{name}: wall time",
            "s",
            Series(ours, tuple(wall_s["shared"])),
            Series(stock, tuple(wall_s["stock"])),
        ),
        Comparison(
            f"{name}: peak memory",
            "MiB",
            Series(ours, tuple(peak_mib["shared"])),
            Series(stock, tuple(peak_mib["stock"])),
        ),
    ]


def _stock_suite(space: Workspace) -> tuple[Path, Mapping[str, str]]:
    """The suite with a conftest that gives each worker a server of its own."""
    folder = new_suite(space, "workload")
    (folder / "stock_conftest.py").rename(folder / "conftest.py")
    servers = {}
    for number in range(_WORKERS):
        server = planned_as_stock(plan_context(space))
        servers[f"gw{number}"] = {
            "argv": server.argv,
            "environment": dict(server.environment),
            "folder": str(server.folder),
            "url": server.url,
            "port": urlsplit(server.url).port,
        }
    file = write_atomically(folder / "servers.json", json.dumps(servers))
    return folder, {"BENCHMARK_SERVERS": str(file)}


def _run_suite(
    space: Workspace, folder: Path, extra: Mapping[str, str], tests: int
) -> tuple[float, float]:
    """Wall time of the pytest command in seconds, and the peak memory of all it starts in MiB."""
    log = folder / "log"
    environment = clean_environment(
        {**space.settings.as_env(), "BENCHMARK_TESTS": str(tests), **extra}
    )
    argv = pytest_argv("-n", str(_WORKERS))
    begin = time.monotonic()
    with started(argv, cwd=folder, env=environment, log=log) as pytest:
        root = psutil.Process(pytest.pid)
        with PeakMemory(lambda: [root, *space.stack_processes()]) as memory:
            finish(pytest, what="the suite", timeout_s=_TIMEOUT_S, log=log)
            seconds = time.monotonic() - begin
    if f"{tests} passed" not in log.read_text(errors="replace"):
        raise Terminal(f"not all {tests} tests passed\n{log_tail(log)}")
    return seconds, memory.mib
