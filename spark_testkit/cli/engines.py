"""`spark-testkit engines`: which Spark versions there are, and getting one."""

from __future__ import annotations

import os
from typing import Annotated

import typer
from rich.table import Table

from spark_testkit.cli.output import (
    Format,
    OutputOption,
    StackProgress,
    print_json,
    print_table,
)
from spark_testkit.engine import engine_spec, engine_specs, install, is_installed
from spark_testkit.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Spark versions: list them, install one.", no_args_is_help=True)


@app.command("list")
def list_(output: OutputOption = Format.TEXT) -> None:
    """List the engines, and which are installed."""
    settings = Settings.from_env(os.environ)
    rows = [
        {
            "version": spec.version,
            "pyspark": spec.pyspark,
            "scala": spec.scala,
            "default": spec.version == engine_spec().version,
            "installed": is_installed(spec.version, settings),
        }
        for spec in engine_specs().values()
    ]
    if output is Format.JSON:
        print_json(rows)
        return
    table = Table(box=None, pad_edge=False)
    for column in rows[0]:
        table.add_column(column.upper())
    for row in rows:
        table.add_row(*(_words(value) for value in row.values()))
    print_table(table)


@app.command("install")
def install_(
    version: Annotated[str, typer.Argument(help="4.1, 4.0 or 3.5.")],
    output: OutputOption = Format.TEXT,
) -> None:
    """Fetch an engine, check it and prepare its fast start. Harmless when it is there."""
    with StackProgress() as progress:
        engine = install(
            version,
            Settings.from_env(os.environ),
            progress=progress.engine,
            retry_archive=True,
        )
    if output is Format.JSON:
        print_json(
            {
                "version": engine.spec.version,
                "pyspark": engine.spec.pyspark,
                "spark_home": engine.spark_home,
                "jars": len(engine.jars),
                "cds_archive": engine.cds_archive,
            }
        )


def _words(value: object) -> str:
    return (
        {True: "yes", False: ""}.get(value, str(value)) if isinstance(value, bool) else str(value)
    )
