"""How a client shows an engine's Connect server that it may use it.

The server's side is the environment variable, for Spark's own check and for our guard alike.
"""

from __future__ import annotations

from spark_testkit.engine.catalogue import EngineSpec

__all__ = ["TOKEN_VARIABLE", "connect_url"]

# in the server's environment, since a command line is public
TOKEN_VARIABLE = "SPARK_CONNECT_AUTHENTICATE_TOKEN"  # noqa: S105


def connect_url(spec: EngineSpec, port: int, token: str) -> str:
    """The URL by which clients of this engine, or newer ones, reach its server on this machine.

    The host is spelled ``localhost``: only there do clients of Spark 4 send ``token`` without
    TLS. Clients of 3.5 do so nowhere, so a guarded server takes it as a header of another name.
    """
    name = "x-spark-testkit-token" if spec.guard_compiler else "token"
    return f"sc://localhost:{port}/;{name}={token}"
