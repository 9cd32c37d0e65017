"""`spark-testkit sql`: one query against a running stack."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

import typer
from rich.table import Table

from spark_platform.kernel.errors import InvalidInput, Missing, Terminal
from spark_testkit.cli.output import Format, NameOption, OutputOption, print_json, print_table
from spark_testkit.stack import Stack

__all__ = ["sql"]

# of a job that failed, the JVM's stack is part of the message
_STACK = re.compile(r"\s+(at |\.\.\. \d+ more)")


def sql(
    query: Annotated[str, typer.Argument(help="A Spark SQL statement.")],
    name: NameOption = "default",
    limit: Annotated[int, typer.Option("--limit", help="Rows to show at most.", min=1)] = 100,
    output: OutputOption = Format.TEXT,
) -> None:
    """Run one query on the stack's Spark.

    Example: spark-testkit sql "SHOW CATALOGS"
    """
    exports = Stack(name).env()
    if "SPARK_REMOTE" not in exports:
        raise Missing(
            f"stack {name!r} runs no Spark Connect", hint="`spark-testkit up spark-connect`"
        )
    columns, rows = _run(exports["SPARK_REMOTE"], query, limit)
    if output is Format.JSON:
        keys = _unique(columns)
        print_json([dict(zip(keys, row, strict=True)) for row in rows])
        return
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column)
    for row in rows:
        table.add_row(*("NULL" if value is None else str(value) for value in row))
    print_table(table)


def _run(remote: str, query: str, limit: int) -> tuple[list[str], list[tuple[Any, ...]]]:
    import os

    # pyspark refuses a remote while a master is set
    os.environ.pop("MASTER", None)
    from pyspark.errors import PySparkException
    from pyspark.logger import PySparkLogger

    from spark_testkit.connect import end_session, open_session

    # pyspark logs an error before it raises it
    PySparkLogger.getLogger("SQLQueryContextLogger").disabled = True
    try:
        spark = open_session(remote)
        try:
            result = spark.sql(query)
            return result.columns, [tuple(row) for row in result.limit(limit).collect()]
        finally:
            end_session(spark)
    except PySparkException as error:
        message = _without_stack(str(error))
        if error.getCondition():
            raise InvalidInput(message) from None
        raise Terminal(message, hint="`spark-testkit status` shows whether Spark runs") from None


def _without_stack(text: str) -> str:
    lines = text.partition("\n\nJVM stacktrace")[0].splitlines()
    return "\n".join(line for line in lines if not _STACK.match(line))


def _unique(columns: Sequence[str]) -> list[str]:
    """Names for a document's keys: of columns named alike, the later ones get a number."""
    names: list[str] = []
    for column in columns:
        name, number = column, 2
        while name in names or (name != column and name in columns):
            name, number = f"{column}_{number}", number + 1
        names.append(name)
    return names
