"""The whole way of the demo, and how much of it is Spark's own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

from benchmarks.measure import Comparison, Goal, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, clean_environment
from spark_platform.kernel.errors import Terminal

__all__ = ["SUMMARY", "run"]

SUMMARY = "the demo from the command to its end, against what Spark takes of it"
_REPEAT, _TIMEOUT_S = 3, 900.0
_SPARKS = ("job", "query")


def run(space: Workspace, options: Options, say: Say) -> list[Comparison]:
    """Run the demo as a user does; its own report says what each hop took."""
    whole: list[float] = []
    sparks: list[float] = []
    for _ in range(options.repetitions(_REPEAT)):
        report = _demo(space)
        whole.append(report["seconds"])
        hops = {hop["name"]: hop["seconds"] for hop in report["hops"]}
        sparks.append(sum(hops[each] for each in _SPARKS))
        told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in hops.items())
        say(f"path: {whole[-1]:.1f} s, but for Spark {whole[-1] - sparks[-1]:.1f} s ({told})")
    return [
        Comparison(
            "the demo, set-up done; the difference is all that is not Spark",
            "s",
            Series("spark-testkit demo", tuple(whole)),
            Series("its job and its query", tuple(sparks)),
            Goal("median", 120),
        )
    ]


def _demo(space: Workspace) -> dict[str, Any]:
    argv = [sys.executable, "-m", "spark_testkit.cli", "demo", "-o", "json"]
    done = subprocess.run(
        argv,
        env=clean_environment(space.settings.as_env()),
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_S,
    )
    if done.returncode:
        raise Terminal(f"the demo failed: {done.stderr[-2000:]}")
    report: dict[str, Any] = json.loads(done.stdout)
    return report
