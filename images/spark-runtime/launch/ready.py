"""Exit with 0 if the Spark Connect server of this container answers a question of its own protocol.

For probes of Kubernetes: an open port proves nothing, and a server that answers one RPC answers
others. The question is the server's version; its two requests are encoded by hand, since the
generated classes take seconds to import. Field numbers: spark/connect/base.proto.
"""

from __future__ import annotations

import contextlib
import os
import sys
import uuid

import grpc

# a driver on Kubernetes listens at its pod's address
HOST = os.environ.get("SPARK_DRIVER_BIND_ADDRESS") or "localhost"
PORT = os.environ.get("SPARK_CONNECT_PORT", "15002")
TOKEN = os.environ.get("SPARK_CONNECT_AUTHENTICATE_TOKEN", "")
SERVICE = "/spark.connect.SparkConnectService"
_TIMEOUT_S = 8


def field(number: int, value: bytes) -> bytes:
    """A length-delimited field of protobuf; number and length fit into a byte each."""
    return bytes([number << 3 | 2, len(value)]) + value


def main() -> int:
    """Ask; 1 where there is no answer, with the reason on stderr."""
    session = field(1, str(uuid.uuid4()).encode())
    user = field(2, field(1, b"probe"))
    metadata = [("authorization", f"Bearer {TOKEN}")] if TOKEN else []
    # the user's proxy cannot reach it
    options = [("grpc.enable_http_proxy", 0)]
    with grpc.insecure_channel(f"{HOST}:{PORT}", options) as channel:
        try:
            channel.unary_unary(f"{SERVICE}/AnalyzePlan")(
                session + user + field(10, b""), metadata=metadata, timeout=_TIMEOUT_S
            )
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)  # noqa: T201
            return 1
        # an idle session would stay for an hour; Spark 3.5 has no such method
        with contextlib.suppress(grpc.RpcError):
            channel.unary_unary(f"{SERVICE}/ReleaseSession")(
                session + user, metadata=metadata, timeout=_TIMEOUT_S
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
