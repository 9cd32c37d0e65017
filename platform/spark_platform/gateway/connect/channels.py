"""Connections to drivers, one each, held open while the driver lives."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from spark_platform.gateway.connect.records import Place

if TYPE_CHECKING:
    from grpc.aio import Channel

__all__ = ["OPTIONS", "SIZES", "Channels", "headers"]

_LARGEST = 256 * 1024 * 1024
SIZES = (
    # beyond Spark's own limit, both ways; a larger message is the driver's to refuse
    ("grpc.max_receive_message_length", _LARGEST),
    ("grpc.max_send_message_length", _LARGEST),
)
"""Of both sides of the gateway: what comes in must go out."""

OPTIONS = (
    *SIZES,
    # drivers are in the cluster's network, where no user's proxy leads
    ("grpc.enable_http_proxy", 0),
    # whether a call may be tried again is its client's to know
    ("grpc.enable_retries", 0),
)
"""Of channels to drivers."""

_MOST = 500


def headers(token: str) -> tuple[tuple[str, str], ...]:
    """What proves to a driver that the gateway asks; nothing where it wants no token."""
    return (("authorization", f"Bearer {token}"),) if token else ()


class Channels:
    """The connections of one event loop."""

    def __init__(self) -> None:
        self._open: dict[Place, Channel] = {}

    def to(self, place: Place) -> Channel:
        """The connection to a driver; it is made, or made anew, as calls need it."""
        from grpc import aio

        found = self._open.pop(place, None)
        if found is None:
            found = aio.insecure_channel(place.address, OPTIONS)
        # the one that was used last is last
        self._open[place] = found
        return found

    async def trim(self) -> None:
        """Close those that were used longest ago, where there are too many."""
        while len(self._open) > _MOST:
            await self.drop(next(iter(self._open)))

    async def drop(self, place: Place) -> None:
        """Close the connection to a driver that is gone."""
        channel = self._open.pop(place, None)
        if channel is not None:
            # calls that others still have there end by themselves
            with contextlib.suppress(Exception):
                await channel.close(grace=None)

    async def close(self) -> None:
        """Close all."""
        for place in list(self._open):
            await self.drop(place)
