"""The `spark-testkit` command's entry point: its groups, and the one place that prints errors."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

import typer

from spark_platform.kernel.errors import PlatformError, Terminal
from spark_testkit.cli import (
    clusters,
    demo,
    doctor,
    engines,
    images,
    lineage,
    manifests,
    runs,
    sql,
    stacks,
)
from spark_testkit.cli.output import Format, people, print_error

__all__ = ["app", "main"]

app = typer.Typer(
    name="spark-testkit",
    help="Real Spark, S3 and Iceberg tables on this machine: start them, use them, drop them.",
    epilog="First time? `spark-testkit doctor`, then `spark-testkit up`. "
    "Exit codes: 0 done, 1 failed, 2 bad input, 3 something is missing, 4 timed out.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_COMMANDS: tuple[Callable[..., None], ...] = (
    *(stacks.up, stacks.status, stacks.env, stacks.logs, stacks.down),
    *(runs.token, runs.submit, runs.check, runs.cancel),
)
for command in _COMMANDS:
    app.command()(command)
app.command()(doctor.doctor)
app.command()(demo.demo)
app.command()(sql.sql)
app.command()(lineage.lineage)
app.add_typer(engines.app, name="engines")
app.add_typer(images.app, name="images")
app.add_typer(clusters.app, name="cluster")
app.add_typer(manifests.app, name="manifest")


def main() -> None:
    """Run the command line; never shows a traceback for an error the project can explain."""
    output = Format.JSON if _asks_for_json(sys.argv[1:]) else Format.TEXT
    signal.signal(signal.SIGINT, _interrupt)
    try:
        app()
    except PlatformError as error:
        print_error(error, output)
        sys.exit(error.exit_code)
    except _Interrupted:
        people.print("interrupted")
        sys.exit(128 + signal.SIGINT)
    except OSError as error:
        print_error(Terminal(str(error), hint=_os_hint(error)), output)
        sys.exit(1)


class _Interrupted(BaseException):
    """Ctrl-C. Not KeyboardInterrupt: the command line's library would answer that one itself."""


def _interrupt(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Interrupted


def _asks_for_json(arguments: list[str]) -> bool:
    """Whether stdout is to carry JSON; known before parsing, which may itself fail."""
    pairs = zip(arguments, [*arguments[1:], ""], strict=True)
    return any(
        argument in ("-ojson", "-o=json", "--output=json")
        or (argument in ("-o", "--output") and value == "json")
        for argument, value in pairs
    )


def _os_hint(error: OSError) -> str:
    return {
        errno.ENOSPC: "free some disk space; `spark-testkit doctor` shows how much is needed",
        errno.EACCES: "check who owns that path; SPARK_TESTKIT_STATE_DIR and "
        "SPARK_TESTKIT_CACHE_DIR move the testkit's folders",
    }.get(error.errno or 0, "")
