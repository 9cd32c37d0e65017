"""`spark-testkit images`: the same engines as container images."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.cli.output import (
    Format,
    OutputOption,
    StackProgress,
    people,
    print_json,
    print_table,
)
from spark_testkit.engine import EngineSpec, engine_spec, engine_specs
from spark_testkit.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Container images: build them, list them, prune them.", no_args_is_help=True)


@app.command("build")
def build_(
    engine: Annotated[
        str | None, typer.Argument(help="4.1, 4.0 or 3.5; the default engine if none is said.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="The images of every engine.")] = False,
    layer: Annotated[
        list[str] | None,
        typer.Option("--layer", help="This layer and what it stands on; may be repeated."),
    ] = None,
    ca: Annotated[
        Path | None, typer.Option("--ca", help="A folder of *.crt files that images shall trust.")
    ] = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Build anew, on today's Debian packages.")
    ] = False,
    output: OutputOption = Format.TEXT,
) -> None:
    """Build images with Docker. What is there unchanged is not built again."""
    from spark_testkit.images import builder

    if all_ and engine:
        raise InvalidInput(f"engine {engine} and --all exclude each other")
    settings = Settings.from_env(os.environ)
    certificates = builder.certificates_in(ca)
    built: dict[str, builder.Built] = {}
    with StackProgress() as progress:
        for spec in _specs(engine, all_):
            for each in builder.build(
                spec,
                settings,
                layers=layer or (),
                certificates=certificates,
                fresh=fresh,
                progress=progress.engine,
            ):
                built.setdefault(each.spec.exact, each)
    if output is Format.JSON:
        print_json([_document(each) for each in built.values()])


@app.command("list")
def list_(output: OutputOption = Format.TEXT) -> None:
    """List the images of every engine, and which are built as they should be now."""
    from spark_platform.kernel.docker.daemon import Daemon
    from spark_testkit.engine.catalogue import image_ground
    from spark_testkit.images import base, builder

    settings = Settings.from_env(os.environ)
    rows: dict[str, dict[str, Any]] = {}
    with Daemon() as daemon:
        ground = base.base_identity(daemon, image_ground())
        for spec in engine_specs().values():
            for image in builder.planned(spec, settings, ground):
                found = daemon.image(image.exact) if ground else None
                rows[image.moving] = {
                    "image": image.moving,
                    "exact": image.exact,
                    "engine": image.engine,
                    "built": found is not None,
                    "size_mb": round(found["Size"] / 1e6) if found else None,
                }
    if output is Format.JSON:
        print_json(list(rows.values()))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("image", "exact", "built", "size_mb"):
        table.add_column(column.replace("_", " ").upper())
    for row in rows.values():
        exact = row["exact"] if row["built"] else ""
        table.add_row(row["image"], exact, "yes" if row["built"] else "", str(row["size_mb"] or ""))
    print_table(table)


@app.command("prune")
def prune_(output: OutputOption = Format.TEXT) -> None:
    """Remove builds that newer ones have taken the place of; their exact tags stay until then."""
    from spark_platform.kernel.docker.daemon import Daemon
    from spark_testkit.images.pruning import prune

    with Daemon() as daemon:
        removed = prune(daemon, Settings.from_env(os.environ))
    if output is Format.JSON:
        print_json({"removed": removed})
        return
    for each in removed:
        people.print(f" [green]✓[/] {each} is removed")
    if not removed:
        people.print("there is nothing to remove")


@app.command("sbom")
def sbom_(
    image: Annotated[str, typer.Argument(help="Any image that was built on ours.")],
    output: OutputOption = Format.TEXT,
) -> None:
    """Print what is inside an image: a list for people, CycloneDX with `-o json`."""
    from spark_platform.kernel.docker.daemon import Daemon
    from spark_testkit.images.sbom import sbom

    with Daemon() as daemon:
        document = sbom(daemon, image)
    if output is Format.JSON:
        print_json(document)
        return
    table = Table("PACKAGE", "VERSION", "KIND", box=None, pad_edge=False)
    for component in document["components"]:
        name = ":".join(filter(None, (component.get("group"), component["name"])))
        kind = component["purl"].removeprefix("pkg:").partition("/")[0]
        table.add_row(name, component.get("version", ""), kind)
    print_table(table)


def _specs(engine: str | None, all_: bool) -> Sequence[EngineSpec]:
    return tuple(engine_specs().values()) if all_ else (engine_spec(engine),)


def _document(built: Any) -> dict[str, Any]:
    return {
        "layer": built.spec.layer,
        "engine": built.spec.engine,
        "image": built.spec.moving,
        "exact": built.spec.exact,
        "id": built.image_id,
        "size_bytes": built.size_bytes,
        "own_bytes": built.own_bytes,
        "elapsed_s": round(built.elapsed_s, 1),
        "sbom": built.sbom,
    }
