"""The process, and the same server on a thread: listens, serves, and stops when told."""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import logging
import secrets
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain, count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from spark_emulators.kubernetes.settings import RUNTIMES, NodeOptions, Settings
from spark_platform.kernel.errors import Missing, PlatformError
from spark_platform.kernel.files import private_folder, write_atomically
from spark_platform.kernel.process import ProcessId
from spark_platform.kernel.sockets import listen

if TYPE_CHECKING:
    from spark_emulators.kubernetes.cluster import Cluster
    from spark_emulators.kubernetes.controllers.runner import Controllers
    from spark_emulators.kubernetes.node.local import LocalNodes

__all__ = ["ApiServer", "main"]

_LOG = logging.getLogger(__name__)
_BACKLOG = 512
_GRACE_S = 1
# clients keep connections for their next call, and some take one that was closed for a failure
_IDLE_S = 3600
_START_S = 20
_HOLDER_LOOKS_EVERY_S = 0.5
# Kubernetes' well-known label of a node
_REGION = "topology.kubernetes.io/region"


class ApiServer:
    """One cluster, served.

    Use it as a context manager to serve on a thread of its own; ``serve`` serves on the caller's
    event loop.

    Args:
        settings: see there.
        prepare: called with the cluster on its event loop, before the first request.

    Attributes:
        url: where it is, once it listens.
        token: the administrator's.
        cluster: the domain; use it from its event loop only, see ``call``.
    """

    def __init__(
        self, settings: Settings | None = None, prepare: Callable[[Cluster], None] | None = None
    ) -> None:
        self.settings = settings or Settings(port=0)
        self.token = ""
        self.url = ""
        self.cluster: Cluster
        self._controllers: Controllers
        self._prepare = prepare
        self._temporary: TemporaryDirectory[str] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread: threading.Thread | None = None

    async def serve(self, stop: asyncio.Event | None = None) -> None:
        """Serve until ``stop`` is set.

        Raises:
            Missing: the port is taken, or the data folder cannot be used.
        """
        import uvicorn

        from spark_emulators.kubernetes.wire.app import KubernetesApp
        from spark_emulators.kubernetes.wire.protocol import HttpProtocol, WebSocketProtocol

        self._stop = stop or asyncio.Event()
        self._loop = asyncio.get_running_loop()
        with contextlib.ExitStack() as open_:
            listener = open_.enter_context(
                listen(self.settings.host, self.settings.port, backlog=_BACKLOG)
            )
            host, port = listener.getsockname()[:2]
            self.url = f"https://{host}:{port}"
            folder = self._folder()
            authority, authenticator = self._open(folder)
            nodes = self._make_nodes(folder)
            listeners, names = [listener], [host]
            if nodes:
                listeners.append(open_.enter_context(nodes.listen(port)))
                names.append(nodes.server)
            certificate, key = authority.server(tuple(names))
            rbac = self._authorizer()
            app = KubernetesApp(self.cluster, authenticator, rbac, f"{host}:{port}", nodes)
            config = uvicorn.Config(
                app,
                http=HttpProtocol,
                ws=WebSocketProtocol,
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=_GRACE_S,
                timeout_keep_alive=_IDLE_S,
                # who is not read for the pod's sake answers no ping
                ws_ping_interval=None,
                server_header=False,
                ssl_certfile=str(certificate),
                ssl_keyfile=str(key),
                ssl_ca_certs=str(authority.certificate_file),
                ssl_cert_reqs=ssl.CERT_OPTIONAL,
            )
            server = _Server(config, self._listening)
            if nodes:
                nodes.start(self.cluster)
            serving = asyncio.ensure_future(server.serve(sockets=listeners))
            stopped = asyncio.ensure_future(self._stop.wait())
            await asyncio.wait({serving, stopped}, return_when=asyncio.FIRST_COMPLETED)
            app.closing.set()
            server.should_exit = True
            await serving
            # clients that do not answer the end of TLS are not waited for
            for connection in list(server.server_state.connections):
                connection.transport.abort()
            stopped.cancel()
            # first who would start anew what the nodes end
            self._controllers.stop()
            if nodes:
                await nodes.stop()
            self.cluster.close()

    def kubeconfig(self) -> str:
        """A kubeconfig of the administrator."""
        name = self.settings.name
        authority = base64.b64encode(self.ca.encode()).decode()
        return json.dumps(
            {
                "apiVersion": "v1",
                "kind": "Config",
                "clusters": [
                    {
                        "name": name,
                        "cluster": {"server": self.url, "certificate-authority-data": authority},
                    }
                ],
                "users": [{"name": name, "user": {"token": self.token}}],
                "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
                "current-context": name,
            },
            indent=2,
        )

    @property
    def ca(self) -> str:
        """The certificate authority's PEM."""
        return self.cluster.ca

    def call(self, function: Callable[[Cluster], Any]) -> Any:
        """Run ``function`` on the server's event loop and return what it returns."""

        async def run() -> Any:
            return function(self.cluster)

        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(run(), self._loop).result(_START_S)

    def __enter__(self) -> ApiServer:
        self._thread = threading.Thread(target=self._run, name="kubernetes", daemon=True)
        self._thread.start()
        if not self._ready.wait(_START_S) or self._failure:
            raise self._failure or Missing("the API server did not start")
        return self

    def __exit__(self, *exc_info: object) -> None:
        assert self._loop is not None
        assert self._thread is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(_START_S)
        if self._temporary:
            self._temporary.cleanup()

    def _run(self) -> None:
        try:
            asyncio.run(self.serve())
        except BaseException as error:
            self._failure = error
            self._ready.set()

    def _listening(self) -> None:
        if self.settings.kubeconfig:
            write_atomically(self.settings.kubeconfig, self.kubeconfig())
        _LOG.info("serving the Kubernetes API at %s", self.url)
        self._ready.set()

    def _folder(self) -> Path:
        if self.settings.data:
            return private_folder(self.settings.data)
        self._temporary = TemporaryDirectory(prefix="kubernetes-")
        return Path(self._temporary.name)

    def _open(self, folder: Path) -> tuple[Any, Any]:
        from spark_emulators.kubernetes.api.requests import Caller
        from spark_emulators.kubernetes.auth.authentication import Authenticator
        from spark_emulators.kubernetes.auth.tokens import Tokens
        from spark_emulators.kubernetes.certificates import Authority
        from spark_emulators.kubernetes.cluster import Cluster
        from spark_emulators.kubernetes.controllers.standard import standard_controllers
        from spark_emulators.kubernetes.store.memory import MemoryStore
        from spark_emulators.kubernetes.store.sqlite import SqliteStore

        authority = Authority(folder / "pki")
        store = (
            SqliteStore(folder / "store.db", window=self.settings.window)
            if self.settings.data
            else MemoryStore(window=self.settings.window)
        )
        import time

        tokens = Tokens(store, time.time, authority.signing_key)
        self.cluster = Cluster(store, ca=authority.pem.decode(), tokens=tokens)
        self.token = _token(folder / "admin.token")
        admin = Caller("kubernetes-admin", ("system:masters", "system:authenticated"))
        self._controllers = standard_controllers(self.cluster)
        if self.settings.objects:
            from spark_emulators.kubernetes.provided import provide

            provide(self.cluster, self.settings.objects)
        if self._prepare:
            self._prepare(self.cluster)
        self._controllers.start(asyncio.get_running_loop())
        return authority, Authenticator({self.token: admin}, tokens.verify, self.settings.anonymous)

    def _make_nodes(self, folder: Path) -> LocalNodes | None:
        if not self.settings.nodes:
            return None
        from spark_emulators.kubernetes.node.local import LocalNodes, make_runtime

        usual = (f"{self.settings.name}-worker{number or ''}" for number in chain([0], count(2)))
        region = {_REGION: self.settings.region} if self.settings.region else {}
        named = [
            replace(each, name=each.name or name, labels={**region, **each.labels})
            for each, name in zip(self.settings.nodes, usual, strict=False)
        ]
        settings = self.settings
        runtime = make_runtime(settings.runtime, settings.name, settings.images)
        return LocalNodes(named, runtime, folder / "nodes")

    def _authorizer(self) -> Any:
        if not self.settings.rbac:
            return None
        from spark_emulators.kubernetes.auth.authorization import Authorizer

        return Authorizer(self.cluster.context.store)


def _Server(config: Any, listening: Callable[[], None]) -> Any:
    """A uvicorn server that tells when it listens and leaves signals alone."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextlib.contextmanager
        def capture_signals(self) -> Any:
            yield

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            listening()

    return Server(config)


def _token(file: Path) -> str:
    if not file.exists():
        write_atomically(file, secrets.token_urlsafe(32))
    return file.read_text()


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    parser = argparse.ArgumentParser(prog="python -m spark_emulators.kubernetes")
    parser.add_argument("--name", default="emulated", help="the cluster's name in the kubeconfig")
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on")
    parser.add_argument("--port", type=int, default=6443, help="port; 0 takes a free one")
    parser.add_argument(
        "--data", type=Path, metavar="DIR", help="keep everything here; else memory"
    )
    parser.add_argument("--kubeconfig", type=Path, metavar="FILE", help="write it here (mode 0600)")
    parser.add_argument(
        "--nodes", type=int, default=0, metavar="N", help="nodes, whose pods run on this machine"
    )
    parser.add_argument(
        "--runtime", choices=RUNTIMES, default="process", help="what a pod's containers are"
    )
    parser.add_argument(
        "--until-end-of", type=int, metavar="PID", help="stop when that process has ended"
    )
    parser.add_argument("--region", default="", help="the region that nodes say they are in")
    parser.add_argument("--images", type=Path, metavar="FILE", help="images that pods may name")
    parser.add_argument(
        "--objects", type=Path, metavar="FILE", help="make these (YAML) where they are missing"
    )
    parser.add_argument("--no-rbac", action="store_true", help="whoever is known may do everything")
    given = parser.parse_args(argv)
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="%(asctime)s %(levelname)s %(message)s"
    )
    settings = Settings(
        name=given.name,
        host=given.host,
        port=given.port,
        data=given.data,
        kubeconfig=given.kubeconfig or (given.data / "kubeconfig" if given.data else None),
        rbac=not given.no_rbac,
        nodes=(NodeOptions(),) * given.nodes,
        runtime=given.runtime,
        region=given.region,
        images=given.images,
        objects=given.objects,
    )
    try:
        asyncio.run(_until_told(ApiServer(settings), given.until_end_of))
    except PlatformError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    return 0


async def _until_told(server: ApiServer, holder: int | None) -> None:
    stop = asyncio.Event()
    watching = asyncio.ensure_future(_stop_with(holder, stop)) if holder is not None else None
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.serve(stop)
    if watching:
        watching.cancel()


async def _stop_with(holder: int, stop: asyncio.Event) -> None:
    """Set ``stop`` when the process ``holder`` has ended."""
    process = ProcessId.of(holder)
    while process is not None and process.alive():
        await asyncio.sleep(_HOLDER_LOOKS_EVERY_S)
    stop.set()
