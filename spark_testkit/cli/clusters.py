"""`spark-testkit cluster`: Kubernetes clusters on this machine, several side by side."""

from __future__ import annotations

import os
from typing import Annotated, Any

import typer
from rich.table import Table

from spark_testkit.cli.output import (
    Format,
    OutputOption,
    StackProgress,
    people,
    print_json,
    print_table,
)
from spark_testkit.clusters import DEFAULT_FLAVOR, FLAVORS
from spark_testkit.clusters.cluster import Cluster, Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.engine import engine_spec
from spark_testkit.settings import Settings

__all__ = ["app"]

app = typer.Typer(help="Kubernetes clusters: make them, delete them.", no_args_is_help=True)

ClusterArgument = Annotated[str, typer.Argument(help="Which cluster.")]


@app.command()
def up(
    name: ClusterArgument = "default",
    flavor: Annotated[
        str, typer.Option("--flavor", help=f"How it is made: {', '.join(FLAVORS)}.")
    ] = DEFAULT_FLAVOR,
    nodes: Annotated[int, typer.Option("--nodes", min=1, help="How many nodes take pods.")] = 1,
    runtime: Annotated[
        str, typer.Option("--runtime", help="Of flavour emulated: process (default) or docker.")
    ] = "",
    region: Annotated[
        str, typer.Option("--region", help="The region that its nodes say they are in.")
    ] = "",
    operator: Annotated[
        bool, typer.Option("--operator/--no-operator", help="With the Spark operator (SK8).")
    ] = True,
    output: OutputOption = Format.TEXT,
) -> None:
    """Make a cluster and leave it running. One that runs is left alone.

    Example: spark-testkit cluster up && export KUBECONFIG="$(spark-testkit cluster kubeconfig)"
    """
    with StackProgress() as progress:
        wanted = Wanted(nodes, runtime, region, operator=operator)
        cluster = _clusters().up(name, flavor, progress.engine, wanted)
    if output is Format.JSON:
        print_json(_document(cluster))
        return
    people.print(f"\nCluster [bold]{name}[/] is up. Point clients at it with:\n")
    argument = "" if name == "default" else f" {name}"
    people.print(f'  export KUBECONFIG="$(spark-testkit cluster kubeconfig{argument})"\n')


@app.command()
def down(name: ClusterArgument = "default", output: OutputOption = Format.TEXT) -> None:
    """Delete a cluster with all that is in it."""
    with StackProgress() as progress:
        existed = _clusters().down(name, progress.engine)
    if output is Format.JSON:
        print_json({"name": name, "deleted": existed})
    elif existed:
        people.print(f" [green]✓[/] cluster {name} is deleted")
    else:
        people.print(f"there was no cluster {name}")


@app.command()
def kubeconfig(name: ClusterArgument = "default", output: OutputOption = Format.TEXT) -> None:
    """Print the path of a cluster's kubeconfig: KUBECONFIG is to name it."""
    cluster = _clusters().get(name)
    if output is Format.JSON:
        print_json({"name": name, "kubeconfig": cluster.kubeconfig})
        return
    print(cluster.kubeconfig)  # noqa: T201


@app.command("list")
def list_(output: OutputOption = Format.TEXT) -> None:
    """List the clusters, half-made ones too."""
    documents = [_document(each) for each in _clusters().all()]
    if output is Format.JSON:
        print_json(documents)
        return
    table = Table(box=None, pad_edge=False)
    columns = ("name", "flavor", "state", "kubernetes", "kubeconfig", "detail")
    for column in columns:
        table.add_column(column.upper())
    for document in documents:
        table.add_row(*(str(document[column] or "") for column in columns))
    print_table(table)


@app.command()
def load(
    name: ClusterArgument,
    images: Annotated[
        list[str] | None,
        typer.Argument(help="Images of the local Docker engine; the default engine's if none is."),
    ] = None,
    output: OutputOption = Format.TEXT,
) -> None:
    """Give a cluster local images, for pods that say `imagePullPolicy: IfNotPresent` or `Never`."""
    wanted = images or [engine_spec().image]
    with StackProgress() as progress:
        _clusters().load(name, wanted, progress.engine)
    if output is Format.JSON:
        print_json({"name": name, "images": wanted})


def _clusters() -> Clusters:
    return Clusters(Settings.from_env(os.environ))


def _document(cluster: Cluster) -> dict[str, Any]:
    made = cluster.kubeconfig.exists()
    return {
        "name": cluster.name,
        "flavor": cluster.flavor,
        "state": cluster.state,
        "kubernetes": cluster.kubernetes or None,
        "kubeconfig": cluster.kubeconfig if made else None,
        "detail": cluster.detail,
    }
