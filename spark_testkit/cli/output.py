"""How commands speak: results on stdout, everything for people on stderr."""

from __future__ import annotations

import json
import sys
import time
from enum import Enum
from types import TracebackType
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from spark_platform.kernel.errors import PlatformError
from spark_testkit.engine.progress import Progress
from spark_testkit.supervisor.protocol import ServiceStatus

__all__ = [
    "Format",
    "NameOption",
    "OutputOption",
    "StackProgress",
    "people",
    "print_error",
    "print_json",
    "print_table",
]

# columns of a table that a program or a file gets
_WIDEST = 1000

people = Console(stderr=True, highlight=False, soft_wrap=True)


class Format(str, Enum):
    """What stdout carries."""

    TEXT = "text"
    JSON = "json"


OutputOption = Annotated[
    Format, typer.Option("-o", "--output", help="text for people, json for programs.")
]
NameOption = Annotated[
    str, typer.Option("--name", help="Which stack; all but `default` get free ports.")
]


def print_json(document: Any) -> None:
    """The one JSON document of a command, on stdout."""
    json.dump(document, sys.stdout, indent=2, default=str)
    sys.stdout.write("\n")


def print_error(error: PlatformError, output: Format) -> None:
    """An error, once: a sentence and a hint for people; a document too where JSON was asked for."""
    people.print(f"[bold red]error:[/] {_escaped(error.message)}")
    if error.hint:
        people.print(f"  [bold]hint:[/] {_escaped(error.hint)}")
    if output is Format.JSON:
        kind = type(error).__name__
        print_json({"error": {"type": kind, "message": error.message, "hint": error.hint}})


def _escaped(text: str) -> str:
    from rich.markup import escape

    return escape(text)


class StackProgress:
    """Progress lines of `up`, as kind draws them: a tick per finished step, with its time."""

    def __init__(self) -> None:
        self._bars = Bars(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[detail]}"),
            TimeElapsedColumn(),
            console=people,
            transient=True,
            disable=not people.is_terminal,
        )
        self._tasks: dict[str, TaskID] = {}
        self._begun: dict[str, float] = {}

    def __enter__(self) -> StackProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def engine(self, progress: Progress) -> None:
        """A step in getting an engine ready."""
        self._begin(progress.step, progress.total)
        self._bars.update(
            self._tasks[progress.step], completed=progress.done, detail=progress.detail
        )
        if progress.done >= progress.total:
            self._end(progress.step, True, progress.step, progress.detail)

    def service(self, status: ServiceStatus) -> None:
        """A service that starts to start, or has ended doing so."""
        if status.state == "starting":
            self._begin(status.name, None)
        elif status.state == "running":
            self._end(status.name, True, status.name, status.endpoint)
        else:
            self._end(status.name, False, status.name, "did not start")

    def _begin(self, key: str, total: int | None) -> None:
        if key not in self._tasks:
            self._tasks[key] = self._bars.add_task(key, total=total, detail="")
            self._begun[key] = time.monotonic()

    def _end(self, key: str, good: bool, name: str, detail: str) -> None:
        task = self._tasks.pop(key, None)
        if task is None:
            return
        self._bars.remove_task(task)
        mark = "[green]✓[/]" if good else "[red]✗[/]"
        elapsed_s = time.monotonic() - self._begun.pop(key)
        people.print(f" {mark} {_escaped(name)}  [dim]{_escaped(detail)}  {elapsed_s:.1f} s[/]")


def print_table(table: Any) -> None:
    """A rich table, on stdout; whole, where no terminal has to show it."""
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = _WIDEST
    console.print(table)
