"""``python -m benchmarks.empty_proxy HOST:PORT``: passes each call of gRPC on, and no more.

What it takes longer than no proxy, any proxy of Python's gRPC takes. It prints its port, and serves
until its stdin ends.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from functools import partial
from typing import Any

import grpc

__all__ = ["main"]

_UNLIMITED = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.enable_http_proxy", 0),
)


class _Everything(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, forward: Callable[..., AsyncIterator[bytes]]) -> None:
        self._forward = forward

    def service(self, call: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        return grpc.stream_stream_rpc_method_handler(partial(self._forward, call.method))


async def main(target: str) -> None:
    """Serve."""
    async with grpc.aio.insecure_channel(target, options=_UNLIMITED) as channel:

        async def forward(
            method: str, requests: AsyncIterator[bytes], context: Any
        ) -> AsyncIterator[bytes]:
            call = channel.stream_stream(method)(requests, metadata=context.invocation_metadata())
            async for answer in call:
                yield answer

        server = grpc.aio.server(options=_UNLIMITED)
        server.add_generic_rpc_handlers((_Everything(forward),))
        port = server.add_insecure_port("127.0.0.1:0")
        await server.start()
        sys.stdout.write(f"{port}\n")
        sys.stdout.flush()
        await asyncio.to_thread(sys.stdin.read)
        await server.stop(0)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
