"""The process: the door and a worker, over one store."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from spark_platform.kernel.serving import run
from spark_platform.runner.settings import Settings, Sk8Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.applications import Starlette

    from spark_platform.backends.backend import Backend
    from spark_platform.runner.images import ImageCatalogue

__all__ = ["main"]

_ENDS_WITHIN_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; runs go on where they run.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    program = "python -m spark_platform.runner"
    return run(argv, Settings, _create_app, program=program, what="the Runner")


def _create_app(settings: Settings) -> FastAPI:
    from spark_platform.identity import JwtVerifier
    from spark_platform.runner.places import Places
    from spark_platform.runner.rest import create_app
    from spark_platform.runner.service import Runner
    from spark_platform.runner.store import Store
    from spark_platform.runner.worker import Worker, WorkerSettings

    store = Store(settings.database)

    def changed(name: str) -> None:
        # an attempt's name is its run's and a number
        store.touch(name.rpartition("-")[0], datetime.now(timezone.utc))
        worker.wake()

    places = Places(_sk8(settings.sk8), changed)
    worker = Worker(
        store,
        places.of,
        settings=WorkerSettings(threads=settings.threads, lease_s=settings.lease_s),
    )
    verifier = JwtVerifier(settings.issuer)
    runner = Runner(store, _images(settings), woken=worker.wake)

    @contextlib.asynccontextmanager
    async def working(_: Starlette) -> AsyncIterator[None]:
        stop = threading.Event()
        thread = threading.Thread(target=worker.run, args=(stop,), name="worker", daemon=True)
        thread.start()
        try:
            async with contextlib.AsyncExitStack() as doors:
                if settings.grpc_port is not None:
                    from spark_platform.runner.grpc.server import serving

                    door = serving(runner, verifier, settings.host, settings.grpc_port)
                    await doors.enter_async_context(door)
                yield
        finally:
            stop.set()
            worker.wake()
            thread.join(_ENDS_WITHIN_S)
            places.close()
            store.close()

    return create_app(runner, verifier, places.of, lifespan=working)


def _images(settings: Settings) -> ImageCatalogue:
    from spark_platform.runner.images import EngineImage, ImageCatalogue, docker_digest

    engines = {
        version: EngineImage(each.image, each.spark_version, each.digest)
        for version, each in settings.engines.items()
    }
    if settings.digests == "docker":
        return ImageCatalogue(engines, docker_digest)
    return ImageCatalogue(engines)


def _sk8(settings: Sk8Settings) -> Callable[[str], Backend]:
    from spark_platform.backends.sk8.backend import Sk8
    from spark_platform.kernel.kubernetes.client import connect

    def make(domain: str) -> Backend:
        kubernetes = connect(settings.kubeconfig, settings.context)
        namespace = settings.namespaces.get(domain) or settings.namespace or domain
        return Sk8(
            kubernetes,
            namespace,
            kept_s=settings.kept_s,
            conf=settings.conf,
            secrets=settings.secrets,
        )

    return make
