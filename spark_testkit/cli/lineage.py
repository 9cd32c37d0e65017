"""`spark-testkit lineage`: what a table comes from, and what comes from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spark_platform.kernel.errors import InvalidInput, Missing
from spark_testkit.cli.output import (
    Format,
    NameOption,
    OutputOption,
    people,
    print_json,
    print_table,
)
from spark_testkit.services.unity_catalog import TOKEN
from spark_testkit.stack import Stack

__all__ = ["lineage"]


def lineage(
    table: Annotated[str, typer.Argument(help="A table: catalog.schema.table.")],
    columns: Annotated[bool, typer.Option("--columns", help="Of each of its columns.")] = False,
    svg: Annotated[
        Path | None, typer.Option("--svg", help="Write a picture to this file.", dir_okay=False)
    ] = None,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")] = False,
    name: NameOption = "default",
    output: OutputOption = Format.TEXT,
) -> None:
    """Draw what a table comes from and what comes from it, as told by a Spark that was started
    with `up --lineage`.

    Example: spark-testkit lineage unity.sales.big --columns --svg big.svg
    """
    from spark_testkit.lineage import LineageSource
    from spark_testkit.lineage import mermaid as as_mermaid
    from spark_testkit.lineage import svg as as_svg
    from spark_testkit.lineage import tree as as_tree

    if mermaid and output is Format.JSON:
        raise InvalidInput("--mermaid and -o json both want stdout", hint="leave one of them out")
    exports = Stack(name).env()
    if "UNITY_CATALOG_URI" not in exports:
        raise Missing(
            f"stack {name!r} runs no Unity Catalog",
            hint="`spark-testkit up --lineage unity-catalog spark-connect`",
        )
    source = LineageSource(exports["UNITY_CATALOG_URI"], exports.get(TOKEN, ""))
    graph = source.of_columns(table) if columns else source.of_table(table)
    if svg is not None:
        svg.write_text(as_svg(graph), encoding="utf-8")
        people.print(f" [green]✓[/] {svg}")
    if output is Format.JSON:
        edges = [{"source": source, "target": target} for source, target in graph.edges]
        print_json({"table": table, "names": list(graph.layers), "edges": edges})
    elif mermaid:
        print(as_mermaid(graph), end="")  # noqa: T201
    else:
        print_table(as_tree(graph, table))
