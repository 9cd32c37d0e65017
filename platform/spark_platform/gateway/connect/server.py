"""Connect as a part of the gateway's process: its pools are kept, its door is open."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import grpc
from anyio import to_thread

from spark_platform.gateway.audit import Audit
from spark_platform.gateway.callers import RecentCallers
from spark_platform.gateway.connect.activity import Activity
from spark_platform.gateway.connect.channels import SIZES, Channels
from spark_platform.gateway.connect.drivers import Drivers
from spark_platform.gateway.connect.keeper import Keeper
from spark_platform.gateway.connect.pools import Pools
from spark_platform.gateway.connect.proxy import Proxy
from spark_platform.gateway.connect.records import Place
from spark_platform.gateway.connect.sessions import Sessions
from spark_platform.gateway.connect.store import Store
from spark_platform.gateway.connect.upstream import Upstream
from spark_platform.gateway.connect.warming import warm_up
from spark_platform.gateway.policy import Policy
from spark_platform.identity import Verifier
from spark_platform.kernel.errors import Missing, PlatformError

__all__ = ["serving"]

_LOG = logging.getLogger(__name__)
_OPTIONS = (
    *SIZES,
    # two that share a port would each get some of the calls
    ("grpc.so_reuseport", 0),
    # clients of Spark 4.3 ask every minute whether the other side is there, calls or not
    ("grpc.keepalive_permit_without_calls", 1),
    ("grpc.http2.min_recv_ping_interval_without_data_ms", 10_000),
)
_USED_EVERY_S = 30.0
_GRACE_S = 2.0
_ENDS_WITHIN_S = 10.0


@contextlib.asynccontextmanager
async def serving(
    drivers: Drivers,
    policy: Policy,
    verifier: Verifier,
    audit: Audit,
    store: Store,
    pools: Pools,
    *,
    host: str,
    port: int,
    tls_port: int | None = None,
    certificate: Path | None = None,
    key: Path | None = None,
) -> AsyncIterator[int]:
    """Serve while the block runs; yields the port. Drivers go on when it ends.

    Args:
        drivers: on the gateway's clusters.
        policy: which domains there are.
        verifier: tells who asks.
        audit: where it is written down who does what.
        store: what the gateway's replicas agree on.
        pools: of drivers.
        port: 0 takes a free one.
        tls_port: where it listens with TLS as well, and at ``port`` without; None for one port.
        certificate, key: files of TLS, PEM; None for plain HTTP/2.

    Raises:
        Missing: the port is taken.
    """
    channels, activity = Channels(), Activity()

    def warm(domain: str, place: Place) -> None:
        warm_up(place, drivers.token(domain, place))

    keeper = Keeper(store, drivers, pools, warm)
    sessions = Sessions(store, drivers, pools, policy, audit, keeper.wake)
    proxy = Proxy(
        *(RecentCallers(verifier), sessions, Upstream(channels, sessions.is_lost), activity),
        waits=keeper.waiting,
        longest_wait_s=pools.longest_start_s,
    )
    server = grpc.aio.server(options=_OPTIONS)
    server.add_generic_rpc_handlers((proxy,))
    credentials = _credentials(certificate, key)
    beside = None if tls_port is None else _listen(server, f"{host}:{tls_port}", credentials)
    bound = _listen(server, f"{host}:{port}", credentials if beside is None else None)
    stop = threading.Event()
    thread = threading.Thread(target=keeper.run, args=(stop,), name="pools", daemon=True)
    await server.start()
    thread.start()
    _LOG.info("serving Spark Connect at %s:%s", host, bound)
    if beside:
        _LOG.info("serving Spark Connect over TLS at %s:%s", host, beside)
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_tell_use, store, channels, activity)
            yield bound
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await server.stop(_GRACE_S)
            await channels.close()
        stop.set()
        keeper.wake()
        thread.join(_ENDS_WITHIN_S)


async def _tell_use(store: Store, channels: Channels, activity: Activity) -> None:
    while True:
        await anyio.sleep(_USED_EVERY_S)
        await channels.trim()
        keys = activity.taken()
        try:
            await to_thread.run_sync(store.used, keys)
        except PlatformError as error:
            _LOG.warning("which sessions are in use is not written down: %s", error.message)


def _credentials(certificate: Path | None, key: Path | None) -> grpc.ServerCredentials | None:
    if certificate is None or key is None:
        return None
    return grpc.ssl_server_credentials([(key.read_bytes(), certificate.read_bytes())])


def _listen(
    server: grpc.aio.Server, address: str, credentials: grpc.ServerCredentials | None
) -> int:
    try:
        if credentials is None:
            return int(server.add_insecure_port(address))
        return int(server.add_secure_port(address, credentials))
    except RuntimeError as error:
        raise Missing(
            f"cannot listen on {address}", hint="choose another port, or stop what uses it"
        ) from error
