"""``python -m benchmarks [NAME…]``: measure, print, and keep the figures in ``results/``."""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

from benchmarks import (
    catalog,
    container,
    fixture,
    flights,
    gateway,
    kubernetes,
    operator,
    path,
    runner,
    start,
    suite,
)
from benchmarks.measure import Comparison, Series
from benchmarks.options import Options, Say
from benchmarks.workspace import Workspace, workspace
from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import Missing, PlatformError
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine import Engine, install
from spark_testkit.settings import Settings

_RESULTS = Path(__file__).parent / "results" / "latest.json"
_Benchmark = Callable[[Workspace, Options, Say], list[Comparison]]
_BENCHMARKS: dict[str, tuple[str, _Benchmark]] = {
    "start": (start.SUMMARY, start.run),
    "fixture": (fixture.SUMMARY, fixture.run),
    "suite": (suite.SUMMARY, suite.run),
    "container": (container.SUMMARY, container.run),
    "kubernetes": (kubernetes.SUMMARY, kubernetes.run),
    "operator": (operator.SUMMARY, operator.run),
    "flights": (flights.SUMMARY, flights.run),
    "runner": (runner.SUMMARY, runner.run),
    "gateway": (gateway.SUMMARY, gateway.run),
    "path": (path.SUMMARY, path.run),
    "catalog": (catalog.SUMMARY, catalog.run),
}
# above this load before the start, per core, the figures say little
_QUIET_LOAD = 0.25
_TABLE_WIDTH = 160

people = Console(stderr=True, highlight=False, soft_wrap=True)


def main() -> int:
    """Run what was asked for; goals that are not met are shown, and are no error."""
    arguments = _parse()
    options = Options(arguments.repeat, arguments.quick)
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        results = _run(arguments.names or _default_names(), options)
    except PlatformError as error:
        people.print(f"error: {error}", markup=False)
        return error.exit_code
    except KeyboardInterrupt:
        people.print("interrupted")
        return 130
    if arguments.output == "json":
        sys.stdout.write(_RESULTS.read_text())
    else:
        _print_tables(results)
    people.print(f"written to benchmarks/results/{_RESULTS.name}")
    return 0


def _default_names() -> list[str]:
    """All of them, but for those of containers where there is no Docker engine."""
    try:
        with Daemon():
            return list(_BENCHMARKS)
    except Missing as error:
        people.print(f"no containers are measured: {error}", markup=False)
        return [name for name in _BENCHMARKS if name not in ("container", "kubernetes")]


def _parse() -> argparse.Namespace:
    names = "\n".join(f"  {name:<10} {summary}" for name, (summary, _) in _BENCHMARKS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure the toolkit against the stock way, in the same run.",
        epilog=f"benchmarks:\n{names}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="which; all when none is named")
    parser.add_argument("-o", "--output", choices=["text", "json"], default="text")
    parser.add_argument("--repeat", type=_positive, metavar="N", help="measurements of each way")
    parser.add_argument("--quick", action="store_true", help="see only that everything runs")
    arguments = parser.parse_args()
    for name in arguments.names:
        if name not in _BENCHMARKS:
            parser.error(f"unknown benchmark {name!r}; there are: {', '.join(_BENCHMARKS)}")
    return arguments


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("at least 1")
    return number


def _interrupt(*_: object) -> None:
    """An end from outside cleans up as Ctrl-C does."""
    raise KeyboardInterrupt


def _run(names: list[str], options: Options) -> dict[str, list[Comparison]]:
    """Run benchmarks one after the other; what was measured is kept if a later one fails."""
    engine = install(None, Settings.from_env(os.environ))
    facts = _facts(engine, options)
    cores, load = facts["cores"], facts["load_before"]
    if load > _QUIET_LOAD * cores:
        people.print(f"[yellow]the machine is busy[/] (load {load:.1f}): expect noisy figures")
    results: dict[str, list[Comparison]] = {}
    with workspace() as space:
        for name in names:
            results[name] = _BENCHMARKS[name][1](space, options, people.print)
            document = {**facts, "benchmarks": _as_json(results)}
            write_atomically(_RESULTS, json.dumps(document, indent=2) + "\n", mode=0o644)
    return results


def _facts(engine: Engine, options: Options) -> dict[str, Any]:
    """What the figures depend on, and nothing that names the machine."""
    return {
        "measured_at": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "quick": options.quick,
        "cores": os.cpu_count() or 1,
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load_before": round(os.getloadavg()[0], 2),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "spark": engine.spec.pyspark,
        "java": engine.java.build,
    }


def _as_json(results: dict[str, list[Comparison]]) -> dict[str, Any]:
    return {
        name: {
            "summary": _BENCHMARKS[name][0],
            "comparisons": [comparison.as_json() for comparison in comparisons],
        }
        for name, comparisons in results.items()
    }


def _print_tables(results: dict[str, list[Comparison]]) -> None:
    console = Console(highlight=False)
    # a pipe has no width: nothing may be cut off there
    console.width = max(console.width, _TABLE_WIDTH)
    for name, comparisons in results.items():
        for each in comparisons:
            console.print(f"\n[bold]{name}[/]: {each.name}")
            console.print(_table(each))


def _table(comparison: Comparison) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column("", no_wrap=True, min_width=27)
    for heading in ("MEDIAN", "LEAST", "MOST", "N", "STOCK/OURS", "OF PAIRS", "DIFFERENCE"):
        table.add_column(heading, no_wrap=True, justify="right", min_width=9)
    table.add_column("GOAL", no_wrap=True)
    unit = comparison.unit
    table.add_row(
        *(comparison.ours.label, *_cells(comparison.ours, unit)),
        *(f"{comparison.ratio:.2f}x", _pairs(comparison)),
        *(f"{comparison.difference:+.1f} {unit}", _goal(comparison)),
    )
    table.add_row(comparison.stock.label, *_cells(comparison.stock, unit))
    return table


def _cells(series: Series, unit: str) -> tuple[str, ...]:
    """Median, least, most, and how many values there are."""
    return (
        f"{_number(series.median)} {unit}",
        _number(min(series.values)),
        _number(max(series.values)),
        str(len(series.values)),
    )


def _pairs(comparison: Comparison) -> str:
    ratios = comparison.pair_ratios
    return f"{min(ratios):.2f}-{max(ratios):.2f}x" if len(ratios) > 1 else ""


def _number(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def _goal(comparison: Comparison) -> str:
    if comparison.goal_is_met is None:
        return "-"
    word = "[green]met[/]" if comparison.goal_is_met else "[red]not met[/]"
    return f"{word}: {comparison.goal_text}"


if __name__ == "__main__":
    sys.exit(main())
