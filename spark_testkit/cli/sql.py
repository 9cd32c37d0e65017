"""`spark-testkit sql`: one query against a running stack."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from rich.table import Table

from spark_platform.kernel.errors import InvalidInput, Missing, Terminal
from spark_testkit.cli.output import Format, NameOption, OutputOption, print_json, print_table
from spark_testkit.stack import Stack

__all__ = ["sql"]


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
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
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

    from spark_testkit.connect import end_session, open_session

    spark = open_session(remote)
    try:
        result = spark.sql(query)
        return result.columns, [tuple(row) for row in result.limit(limit).collect()]
    except PySparkException as error:
        kind = InvalidInput if error.getCondition() else Terminal
        raise kind(str(error).partition("\n\nJVM stacktrace")[0]) from None
    finally:
        end_session(spark)
