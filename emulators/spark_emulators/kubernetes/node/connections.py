"""A client's connection to a port of a pod."""

from __future__ import annotations

import asyncio
import contextlib

from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.runtime import Stream

__all__ = ["carry"]

_CHUNK = 64 * 1024
_LAST_WORDS_S = 1.0


async def carry(address: str, port: int, stream: Stream) -> None:
    """Carry bytes both ways until the pod ends it; it learns when the client sends no more.

    Raises:
        ApiError: 500, nothing listens there.
    """
    try:
        reader, writer = await asyncio.open_connection(address, port)
    except OSError as error:
        why = "connection refused" if isinstance(error, ConnectionRefusedError) else str(error)
        raise ApiError(
            500,
            "InternalError",
            f"failed to connect to localhost:{port} inside the pod: dial tcp4 {address}:{port}:"
            f" connect: {why}",
        ) from error
    feeding = asyncio.ensure_future(_feed(stream, writer))
    try:
        while data := await _read(reader):
            await stream.write(0, data)
        writer.close()
        # what the client has sent may still be on its way
        with contextlib.suppress(OSError, asyncio.TimeoutError):
            await asyncio.wait_for(writer.wait_closed(), _LAST_WORDS_S)
    finally:
        feeding.cancel()
        writer.transport.abort()


async def _read(reader: asyncio.StreamReader) -> bytes:
    """What the pod sends next; nothing at its end, however that came."""
    try:
        return await reader.read(_CHUNK)
    except OSError:
        return b""


async def _feed(stream: Stream, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):  # the pod has ended it, as the reader sees too
        while (data := await stream.read()) is not None:
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
