"""`spark-testkit manifest`: what is wrong with manifests, and what they mean."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape
from rich.table import Table

from spark_platform.dcp.problems import BadManifest, Problem
from spark_testkit.cli.output import Format, OutputOption, people, print_json, print_table
from spark_testkit.engine import engine_spec, engine_specs

if TYPE_CHECKING:
    from spark_platform.dcp.document import Document
    from spark_platform.dcp.explanation import Meaning
    from spark_platform.dcp.manifest import ContinuousJob, CoreETLJob
    from spark_platform.model import JobSpec

__all__ = ["app", "examined", "tell"]

app = typer.Typer(help="Manifests: check them, explain one.", no_args_is_help=True)

_LONGEST_NAME = 40


@app.command()
def validate(
    files: Annotated[list[Path], typer.Argument(help="Manifests.", show_default=False)],
    output: OutputOption = Format.TEXT,
) -> None:
    """Check manifests, and tell everything that is wrong with each.

    Example: spark-testkit manifest validate manifest.yaml
    """
    tell([(file, _problems(file)) for file in files], output)


@app.command()
def explain(
    file: Annotated[Path, typer.Argument(help="A manifest.")], output: OutputOption = Format.TEXT
) -> None:
    """Show what a manifest means: every value, where it comes from, and the job it becomes."""
    try:
        found, job = _meaning(file)
    except BadManifest as error:
        tell([(file, error.problems)], output)
        return
    if output is Format.JSON:
        print_json({"file": file, "values": [asdict(each) for each in found], "job": asdict(job)})
        return
    table = _table("field", "value", "from")
    for each in found:
        source = f"line {each.line}" if each.line else each.source
        table.add_row(escape(each.path), escape(_words(each.value)), source)
    print_table(table)
    people.print("\nThe job of it; its name is of each run's own:\n")
    table = _table("job", "value")
    for key, value in asdict(job).items():
        table.add_row(key, escape(_words(value)))
    print_table(table)


@app.command()
def schema(output: OutputOption = Format.TEXT) -> None:  # noqa: ARG001 - it is JSON either way
    """Print the JSON Schema of manifests, for editors and other checks."""
    from spark_platform.dcp.documents import schema as made

    print_json(made())


def examined(file: Path) -> tuple[CoreETLJob | ContinuousJob, Document]:
    """The manifest of a file; its models are made here, since no other command wants them."""
    from spark_platform.dcp.document import MAX_BYTES
    from spark_platform.dcp.reading import examine

    try:
        with file.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadManifest([Problem(f"cannot be read: {error.strerror}")]) from None
    return examine(content, engines=engine_specs())


def _problems(file: Path) -> tuple[Problem, ...]:
    try:
        examined(file)
    except BadManifest as error:
        return error.problems
    return ()


def _meaning(file: Path) -> tuple[list[Meaning], JobSpec]:
    from spark_platform.dcp.explanation import meanings
    from spark_platform.dcp.jobs import job_of

    manifest, document = examined(file)
    engine = engine_spec(manifest.spec.engine.version)
    name = manifest.metadata.name[:_LONGEST_NAME].rstrip("-")
    job = job_of(manifest).spec(name, engine.image, engine.pyspark)
    return meanings(manifest, document), job


def tell(checked: list[tuple[Path, tuple[Problem, ...]]], output: Format) -> None:
    """What came of the checks; ends the command where there are problems."""
    if output is Format.JSON:
        print_json({"files": [_document(file, problems) for file, problems in checked]})
    for file, problems in checked:
        for problem in problems:
            people.print(problem.at(str(file)), markup=False)
        if not problems and output is Format.TEXT:
            print(f"{file}: ok")  # noqa: T201
    if any(problems for _, problems in checked):
        raise typer.Exit(BadManifest.exit_code)


def _document(file: Path, problems: tuple[Problem, ...]) -> dict[str, Any]:
    return {"file": file, "valid": not problems, "errors": [asdict(each) for each in problems]}


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.upper())
    return table


def _words(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ((key, _words(each), isinstance(each, dict)) for key, each in value.items())
        return ", ".join(
            f"{key}=({text})" if deep else f"{key}={text}" for key, text, deep in pairs
        )
    if isinstance(value, list | tuple):
        return ", ".join(map(_words, value))
    return "" if value is None else str(getattr(value, "value", value))
