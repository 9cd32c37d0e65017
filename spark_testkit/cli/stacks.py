"""A stack's life on the command line: up, status, env, logs, down."""

from __future__ import annotations

import os
import shlex
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from spark_platform.kernel.wait import SystemClock
from spark_testkit.cli.output import (
    Format,
    NameOption,
    OutputOption,
    StackProgress,
    people,
    print_json,
    print_table,
)
from spark_testkit.engine import engine_spec
from spark_testkit.providers import PROVIDERS
from spark_testkit.service import ServiceRequest
from spark_testkit.services import DEFAULT_SERVICES, SERVICES, guarded
from spark_testkit.services.lineage import TELLING
from spark_testkit.stack import DEFAULT_TIMEOUT_S, Stack
from spark_testkit.supervisor.protocol import ServiceStatus
from spark_testkit.variables import SPOILERS

__all__ = ["down", "env", "logs", "requests_for", "status", "up"]

_FOLLOW_INTERVAL_S = 0.2
_SPARK_SERVICES = ("spark-connect", "history-server", "emr")


def up(
    services: Annotated[
        list[str] | None,
        typer.Argument(
            help=f"Which services: {', '.join(SERVICES)}. "
            f"When none is named: {', '.join(DEFAULT_SERVICES)}."
        ),
    ] = None,
    name: NameOption = "default",
    provider: Annotated[
        str, typer.Option("--provider", help=f"How services run: {', '.join(PROVIDERS)}.")
    ] = "process",
    engine: Annotated[
        str | None, typer.Option("--engine", help="Spark version; see `engines list`.")
    ] = None,
    lineage: Annotated[
        bool, typer.Option("--lineage", help="Spark tells the catalog what comes from what.")
    ] = False,
    auth: Annotated[
        bool,
        typer.Option("--auth", help="The catalog asks who one is, and what that one may do."),
    ] = False,
    timeout: Annotated[
        float, typer.Option("--timeout", help="Seconds for each service to answer.", min=1)
    ] = DEFAULT_TIMEOUT_S,
    output: OutputOption = Format.TEXT,
) -> None:
    """Start a stack and leave it running. What already runs is left alone.

    Example: spark-testkit up && eval "$(spark-testkit env)"
    """
    if engine is not None:
        # also where no service asked for runs Spark: a misspelt option is not passed over
        engine_spec(engine)
    stack = Stack(name, provider=provider)
    with StackProgress() as progress:
        stack.up(
            *requests_for(services or DEFAULT_SERVICES, engine, lineage=lineage, auth=auth),
            timeout_s=timeout,
            on_progress=progress.engine,
            on_service=progress.service,
        )
    if output is Format.JSON:
        print_json(_document(stack, stack.status()))
        return
    option = "" if name == "default" else f" --name {name}"
    people.print(f"\nStack [bold]{name}[/] is up. Point clients at it with:\n")
    people.print(f'  eval "$(spark-testkit env{option})"\n')


def requests_for(
    services: tuple[str, ...] | list[str],
    engine: str | None,
    *,
    lineage: bool = False,
    auth: bool = False,
) -> list[ServiceRequest]:
    """Service requests with their options.

    Args:
        engine: set where a service runs Spark.
        lineage: asked for where a service runs Spark.
        auth: whether the catalog asks who one is.
    """
    requests = []
    for kind in services:
        options: dict[str, Any] = {}
        if engine and kind in _SPARK_SERVICES:
            options["engine"] = engine
        if lineage and kind in TELLING:
            options["lineage"] = True
        requests.append(ServiceRequest.of(kind, **options))
    return guarded(requests) if auth else requests


def status(name: NameOption = "default", output: OutputOption = Format.TEXT) -> None:
    """Show what of a stack is running, and where."""
    stack = Stack(name)
    services = stack.status() or [ServiceStatus(kind, "stopped") for kind in DEFAULT_SERVICES]
    if output is Format.JSON:
        print_json(_document(stack, services))
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("SERVICE", "STATE", "ENDPOINT", "STARTED IN", "DETAIL"):
        table.add_column(heading, no_wrap=True)
    for each in services:
        started = f"{each.started_in_s:.1f} s" if each.started_in_s is not None else ""
        table.add_row(each.name, each.state, each.endpoint, started, each.detail.partition("\n")[0])
    print_table(table)


def env(name: NameOption = "default", output: OutputOption = Format.TEXT) -> None:
    """Print the environment that points clients at a stack: eval "$(spark-testkit env)"."""
    exports = Stack(name).env()
    if output is Format.JSON:
        print_json(exports)
        return
    for key, value in exports.items():
        print(f"export {key}={shlex.quote(value)}")  # noqa: T201
    for spoiler in SPOILERS:
        if spoiler.spoils in exports and spoiler.name in os.environ:
            print(f"unset {spoiler.name}")  # noqa: T201


def logs(
    service: Annotated[str, typer.Argument(help="Which service.")],
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until it ends.")] = False,
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Print what a service printed."""
    stack = Stack(name)
    path = stack.log_file(service)
    if output is Format.JSON:
        print_json({"service": service, "lines": path.read_text(errors="replace").splitlines()})
        return
    _copy(path, follow)


def down(name: NameOption = "default", output: OutputOption = Format.TEXT) -> None:
    """Stop a stack and delete its data."""
    existed = Stack(name).down()
    if output is Format.JSON:
        print_json({"name": name, "stopped": existed})
    elif existed:
        people.print(f" [green]✓[/] stack {name} is down; its data is deleted")
    else:
        people.print(f"stack {name} was not running")


def _copy(path: Path, follow: bool) -> None:
    clock = SystemClock()
    with path.open(errors="replace") as file:
        while True:
            text = file.read()
            sys.stdout.write(text)
            sys.stdout.flush()
            if not text:
                if not (follow and path.exists()):
                    return
                clock.sleep(_FOLLOW_INTERVAL_S)


def _document(stack: Stack, services: list[ServiceStatus]) -> dict[str, Any]:
    return {
        "name": stack.name,
        "provider": services[0].provider,
        "services": [asdict(service) for service in services],
    }
