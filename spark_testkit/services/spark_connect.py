"""Spark Connect: one JVM on the engine's jars, wired to the stack's S3 and catalog."""

from __future__ import annotations

import contextlib
import os
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.wait import NotYet
from spark_testkit.engine import (
    CONNECT_SERVER,
    TOKEN_VARIABLE,
    EngineSpec,
    conf_for_newer_clients,
    connect_url,
    engine_spec,
    install,
)
from spark_testkit.engine.progress import OnProgress
from spark_testkit.service import TEMPORARY, PlanContext, Service, ServiceRequest, ServiceSpec
from spark_testkit.services import gcs, unity_catalog
from spark_testkit.services.catalog_identity import environment_of, token_conf
from spark_testkit.services.lineage import lineage_conf
from spark_testkit.services.spark_jvm import plan_jvm
from spark_testkit.settings import Settings

if TYPE_CHECKING:
    import grpc

__all__ = [
    "EVENT_LOG_FOLDER",
    "SERVICE",
    "SMALL_DATA",
    "ConnectReadiness",
    "event_log_conf",
    "local_cores",
    "prepare_engine",
    "spark_conf",
    "table_conf",
    "tables_of",
]

EVENT_LOG_FOLDER = "spark-events"
SMALL_DATA = {
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    # Delta's own shuffles, of a table's log: 50 otherwise, which cost seconds in every query
    "spark.databricks.delta.snapshotPartitions": "2",
}
_DRIVER_MEMORY_MIB = 1024


def plan(context: PlanContext) -> ServiceSpec:
    """A Connect server.

    Options:
        engine: engine version; the default engine when absent.
        conf: Spark configuration on top of (and winning over) the testkit's own.
        driver_memory_mib: heap, MiB.
        event_log: whether the History Server shall see this server's applications.
        lineage: whether the catalog shall be told what comes from what.
    """
    options = context.request.options
    spec = engine_spec(options.get("engine"))
    heap_mib = int(options.get("driver_memory_mib", _DRIVER_MEMORY_MIB))
    jvm = plan_jvm(context, spec, CONNECT_SERVER, spark_conf(context, spec), heap_mib)
    token = context.secrets["connect_token"]
    store = context.peers["s3"].for_peers()
    port = (context.published or context.ports)["connect"]
    return ServiceSpec(
        name=context.request.name,
        argv=jvm.argv,
        environment={
            **jvm.environment,
            # Hadoop's S3A and Iceberg's S3FileIO both read credentials from here: none in a conf
            "AWS_ACCESS_KEY_ID": store["AWS_ACCESS_KEY_ID"],
            "AWS_SECRET_ACCESS_KEY": store["AWS_SECRET_ACCESS_KEY"],
            "AWS_REGION": store["AWS_REGION"],
            **environment_of(context.peers["unity-catalog"].for_peers()),
            TOKEN_VARIABLE: token,
        },
        files={**jvm.files, context.stack_folder / EVENT_LOG_FOLDER / ".keep": ""},
        **context.port_fields("connect"),
        endpoint=f"sc://{context.outside('connect')}",
        exports={"SPARK_REMOTE": connect_url(spec, port, token)},
        readiness=ConnectReadiness(port, token),
        detail=f"Spark {spec.pyspark}",
        image=jvm.image,
        heap_mib=heap_mib,
    )


def spark_conf(context: PlanContext, spec: EngineSpec) -> dict[str, str]:
    """The configuration of a local Connect server: small data, one user, loopback only."""
    options = context.request.options
    conf = {
        "spark.app.name": context.request.name,
        "spark.master": f"local[{local_cores()}]",
        "spark.connect.grpc.binding.address": context.place.listen,
        "spark.connect.grpc.binding.port": str(context.ports["connect"]),
        "spark.driver.host": "127.0.0.1",
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.catalogImplementation": "in-memory",
        "spark.sql.warehouse.dir": (context.folder / "warehouse").as_uri(),
        "spark.local.dir": str(context.folder / TEMPORARY),
        **SMALL_DATA,
        **conf_for_newer_clients(spec),
        **event_log_conf(context),
        **table_conf(context.peers),
        **lineage_conf(context),
    }
    conf.update({key: str(value) for key, value in options.get("conf", {}).items()})
    return conf


def local_cores() -> int:
    """How many cores one Spark of a stack takes."""
    return min(os.cpu_count() or 1, 4)


def event_log_conf(context: PlanContext) -> dict[str, str]:
    """What lets the History Server see applications, unless option ``event_log`` says no."""
    if not context.request.options.get("event_log", True):
        return {"spark.eventLog.enabled": "false"}
    return {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.dir": (context.stack_folder / EVENT_LOG_FOLDER).as_uri(),
    }


def table_conf(peers: Mapping[str, ServiceSpec]) -> dict[str, str]:
    """What lets Spark find the tables and buckets of the services it is wired to."""
    google = peers.get("gcs")
    return {
        **tables_of(unity_catalog.with_its_store(peers)),
        **(gcs.hadoop_conf(google.for_peers()["STORAGE_EMULATOR_HOST"]) if google else {}),
    }


def tables_of(variables: Mapping[str, str]) -> dict[str, str]:
    """What lets Spark find the tables of a catalog, what the catalog tells of itself, and buckets.

    Args:
        variables: of S3 and the catalog, as Spark reaches them.
    """
    return {
        "spark.sql.extensions": (
            "org.apache.iceberg.spark.extensions.IcebergSparkSessionExtensions"
        ),
        **_catalog(unity_catalog.CATALOG, variables),
        **_catalog(unity_catalog.SYSTEM, variables),
        "spark.hadoop.fs.s3a.endpoint": variables["AWS_ENDPOINT_URL_S3"],
        "spark.hadoop.fs.s3a.endpoint.region": variables["AWS_REGION"],
        "spark.hadoop.fs.s3a.path.style.access": "true",
        "spark.hadoop.fs.s3a.connection.ssl.enabled": "false",
        "spark.hadoop.fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
    }


def _catalog(name: str, variables: Mapping[str, str]) -> dict[str, str]:
    catalog = f"spark.sql.catalog.{name}"
    return {
        catalog: "org.apache.iceberg.spark.SparkCatalog",
        f"{catalog}.type": "rest",
        f"{catalog}.uri": variables["ICEBERG_REST_URI"],
        f"{catalog}.warehouse": name,
        f"{catalog}.io-impl": "org.apache.iceberg.aws.s3.S3FileIO",
        f"{catalog}.s3.endpoint": variables["AWS_ENDPOINT_URL_S3"],
        f"{catalog}.s3.path-style-access": "true",
        f"{catalog}.client.region": variables["AWS_REGION"],
        # other clients write the same tables: a cached table would hide their commits
        f"{catalog}.cache-enabled": "false",
        **token_conf(name, variables),
    }


@dataclass(frozen=True)
class ConnectReadiness:
    """Ready when the server answers an AnalyzePlan RPC (its version) to the holder of the token.

    Spark 4 and the guard of older engines both take the token as a bearer's.

    The two requests are encoded by hand, three fields each: the generated classes come with pandas
    and seconds of imports. Field numbers: spark/connect/base.proto.
    """

    port: int
    token: str
    host: str = "127.0.0.1"

    def check(self) -> None:
        import grpc

        session = _string_field(1, str(uuid.uuid4()))
        user_context = _bytes_field(2, _string_field(1, "spark-testkit"))
        version_question = _bytes_field(10, b"")
        metadata = (("authorization", f"Bearer {self.token}"),)
        # the user's proxy cannot reach it
        options = [("grpc.enable_http_proxy", 0)]
        with grpc.insecure_channel(f"{self.host}:{self.port}", options) as channel:
            try:
                self._method(channel, "AnalyzePlan")(
                    session + user_context + version_question, metadata=metadata, timeout=30
                )
            except grpc.RpcError as error:
                raise NotYet(f"{error.code().name}: {error.details()}") from error
            # Spark 3.5 has no such method; its idle session expires by itself
            with contextlib.suppress(grpc.RpcError):
                self._method(channel, "ReleaseSession")(
                    session + user_context, metadata=metadata, timeout=5
                )

    @staticmethod
    def _method(channel: grpc.Channel, name: str) -> Any:
        return channel.unary_unary(f"/spark.connect.SparkConnectService/{name}")


def _bytes_field(number: int, value: bytes) -> bytes:
    """A length-delimited protobuf field; only for values shorter than 128 bytes."""
    assert number < 16, "one-byte tags only"
    assert len(value) < 128, "one-byte lengths only"
    return bytes([number << 3 | 2, len(value)]) + value


def _string_field(number: int, value: str) -> bytes:
    return _bytes_field(number, value.encode())


def prepare_engine(request: ServiceRequest, settings: Settings, on_progress: OnProgress) -> None:
    """Fetch the engine a Spark service asks for."""
    install(request.options.get("engine"), settings, progress=on_progress)


SERVICE = Service(
    kind="spark-connect",
    summary="Spark Connect server, catalog `unity` and s3a:// wired",
    plan=plan,
    needs=("s3", "unity-catalog"),
    wants=("gcs",),
    ports={"connect": 15002},
    prepare=prepare_engine,
)
