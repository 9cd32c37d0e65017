"""Two ways to start the same Spark Connect server: as a stack does, and with ``spark-submit``.

Both get the configuration, jars, heap, environment and folders of a stack's server. Its S3 and
catalog are planned but do not run: the queries of the benchmarks do not touch them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.workspace import Workspace, clean_environment
from spark_platform.kernel.files import private_folder, write_atomically
from spark_testkit.engine import CONNECT_SERVER, Engine, install
from spark_testkit.ports import free_ports
from spark_testkit.service import TEMPORARY, PlanContext, ServiceRequest, ServiceSpec
from spark_testkit.services import closure, service, spark_connect, spark_jvm

__all__ = ["ConnectServer", "plan_context", "planned_as_stack", "planned_as_stock"]

_HEAP_MIB = 1024
_SECRETS = {
    "s3_access_key": "BENCHMARK",
    "s3_secret_key": "benchmark-secret",
    "connect_token": "benchmark-token",
}


@dataclass(frozen=True)
class ConnectServer:
    """A server, ready to start.

    Attributes:
        folder: its own, and where it runs.
        url: for ``SparkSession.builder.remote``.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    url: str


def plan_context(space: Workspace) -> PlanContext:
    """What a stack would plan its Connect server from, on ports and in a folder of its own."""
    folder = space.folder("connect")
    specs: dict[str, ServiceSpec] = {}
    for request in closure([ServiceRequest.of("spark-connect", driver_memory_mib=_HEAP_MIB)]):
        kind = service(request.kind)
        context = PlanContext(
            request=request,
            folder=folder,
            stack_folder=folder,
            ports=dict(zip(kind.ports, free_ports(len(kind.ports)), strict=True)),
            secrets=_SECRETS,
            peers={need: specs[need] for need in kind.needs},
            settings=space.settings,
        )
        if request.kind == "spark-connect":
            return context
        specs[request.name] = kind.plan(context)
    raise AssertionError("the closure of spark-connect holds spark-connect")


def planned_as_stack(context: PlanContext) -> ConnectServer:
    """The server as a stack starts it: one JVM on the engine's jars, with its CDS archive."""
    return _server(context, spark_connect.plan(context), None)


def planned_as_stock(context: PlanContext) -> ConnectServer:
    """The server as Spark's own ``spark-submit`` starts it."""
    engine = install(None, context.settings)
    return _server(context, spark_connect.plan(context), _spark_submit(context, engine))


def _spark_submit(context: PlanContext, engine: Engine) -> tuple[str, ...]:
    connectors = [jar for jar in engine.jars if not jar.is_relative_to(engine.spark_home)]
    conf = spark_connect.spark_conf(context, engine.spec)
    return (
        str(engine.spark_home / "bin" / "spark-submit"),
        *("--class", CONNECT_SERVER),
        *("--driver-memory", f"{_HEAP_MIB}m"),
        # not --jars, which would have Spark copy each of them as well
        *("--driver-class-path", os.pathsep.join(map(str, connectors))),
        *("--driver-java-options", " ".join(spark_jvm.temporary_files_in(context.folder))),
        *(word for key, value in conf.items() for word in ("--conf", f"{key}={value}")),
    )


def _server(context: PlanContext, spec: ServiceSpec, argv: tuple[str, ...] | None) -> ConnectServer:
    temporary = private_folder(context.folder / TEMPORARY)
    for path, content in spec.files.items():
        write_atomically(path, content)
    environment = clean_environment({"TMPDIR": str(temporary), **spec.environment})
    return ConnectServer(
        argv or spec.argv, environment, context.folder, spec.exports["SPARK_REMOTE"]
    )
