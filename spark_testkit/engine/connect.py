"""How a client shows an engine's Connect server that it may use it.

The server's side is the environment variable, for Spark's own check and for our guard alike.
"""

from __future__ import annotations

from spark_testkit.engine.catalogue import EngineSpec

__all__ = ["TOKEN_VARIABLE", "conf_for_newer_clients", "connect_url"]

# in the server's environment, since a command line is public
TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105

# what a 4.1 client asks an older server for, and fails without; large enough that it never sends a
# local table in the chunks that an older server does not know
_FOR_NEWER_CLIENTS = {
    "spark.sql.session.localRelationCacheThreshold": str(64 * 1024**2),
    "spark.sql.session.localRelationChunkSizeRows": "10000",
    "spark.sql.session.localRelationChunkSizeBytes": str(16 * 1024**2),
    "spark.sql.session.localRelationBatchOfChunksSizeBytes": str(1024**3),
    "spark.sql.execution.pandas.inferPandasDictAsMap": "false",
    "spark.sql.pyspark.legacy.inferMapTypeFromFirstPair.enabled": "false",
    "spark.sql.execution.arrow.useLargeVarTypes": "false",
}


def connect_url(spec: EngineSpec, port: int, token: str, host: str = "localhost") -> str:
    """The URL by which clients of this engine, or newer ones, reach its server without TLS.

    Only to a host that is spelled ``localhost`` do clients of Spark 4 send ``token`` without TLS.
    To another it goes as the header that ``token`` would become. Clients of 3.5 send neither, so
    a guarded server takes it as a header of another name.
    """
    if spec.guard_compiler:
        return f"sc://{host}:{port}/;x-spark-testkit-token={token}"
    if host == "localhost":
        return f"sc://{host}:{port}/;token={token}"
    return f"sc://{host}:{port}/;authorization=Bearer%20{token}"


def conf_for_newer_clients(spec: EngineSpec) -> dict[str, str]:
    """What a server of this engine must be configured with to answer clients of Spark 4.1."""
    return dict(_FOR_NEWER_CLIENTS) if spec.version in ("4.0", "3.5") else {}
