"""What the isolated ``spark`` fixture costs a test, over one session that all tests share."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.suites import new_suite, pytest_argv
from benchmarks.workspace import Workspace, clean_environment, finish, started
from spark_testkit.service import ServiceRequest
from spark_testkit.stack import Stack

__all__ = ["SUMMARY", "run"]

SUMMARY = "a test's time with the isolated `spark` fixture, over one shared session"
_REPEAT = 3
_TESTS = 60
_QUICK_TESTS = 20
_STACK = "fixture"
_TIMEOUT_S = 240.0


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Run both suites in turn, each in a pytest process of its own, on one server."""
    tests = _QUICK_TESTS if options.quick else _TESTS
    measured_ms: dict[str, list[float]] = {"isolated": [], "shared": []}
    repeat = options.repetitions(_REPEAT)
    with Stack(_STACK, settings=space.settings) as stack:
        exports = stack.up(ServiceRequest.of("spark-connect", event_log=False))
        server = {"SPARKTK_PROVIDER": "remote", **exports["spark-connect"]}
        say("fixture: the server is up; one run of each suite is not counted")
        for way in measured_ms:
            _durations_ms(space, way, tests, server)
        for number in range(repeat):
            for way in _in_turn(number):
                durations_ms = _durations_ms(space, way, tests, server)
                measured_ms[way] += durations_ms
                median_ms = statistics.median(durations_ms)
                say(f"fixture: {way} {number + 1}/{repeat}: median {median_ms:.1f} ms a test")
    return [
        Comparison(
            f"one small query a test, {tests} tests",
            "ms",
            Series("isolated `spark` fixture", tuple(measured_ms["isolated"])),
            Series("one session-scoped session", tuple(measured_ms["shared"])),
            Goal("difference", 50),
            paired=False,
        )
    ]


def _in_turn(number: int) -> tuple[str, str]:
    """Who goes first changes: the server gets quicker while it runs."""
    return ("shared", "isolated") if number % 2 else ("isolated", "shared")


def _durations_ms(space: Workspace, way: str, tests: int, server: Mapping[str, str]) -> list[float]:
    """Each test's set-up, call and tear-down, by pytest's own clock; the first test's excluded.

    The first pays for the import of pyspark and for what lasts the whole session.
    """
    folder = new_suite(space, "fixture")
    report, log = folder / "durations.json", folder / "log"
    environment = clean_environment(
        {
            **space.settings.as_env(),
            **server,
            "BENCHMARK_TESTS": str(tests + 1),
            "BENCHMARK_REPORT": str(report),
        }
    )
    argv = pytest_argv(f"test_{way}.py")
    with started(argv, cwd=folder, env=environment, log=log) as pytest:
        finish(pytest, what=f"the {way} suite", timeout_s=_TIMEOUT_S, log=log)
    durations_s: list[float] = json.loads(report.read_text())
    assert len(durations_s) == tests + 1, "every test reports once"
    return [duration_s * 1000 for duration_s in durations_s[1:]]
