"""The process: the door, beside a worker, over one store."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

from spark_platform.kernel.serving import run
from spark_platform.runner.settings import Settings

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.applications import Starlette

    from spark_platform.runner.images import ImageCatalogue

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; runs go on where they run.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    program = "python -m spark_platform.runner"
    return run(argv, Settings, _create_app, program=program, what="the Runner")


def _create_app(settings: Settings) -> FastAPI:
    from spark_platform.identity import JwtVerifier
    from spark_platform.runner.places import places_of
    from spark_platform.runner.rest import create_app
    from spark_platform.runner.service import Runner
    from spark_platform.runner.store import Store
    from spark_platform.runner.working import WorkerProcess

    store = Store(settings.database)
    places = places_of(settings.sk8)
    verifier = JwtVerifier(settings.issuer)
    worker = WorkerProcess(settings)
    runner = Runner(store, _images(settings), woken=worker.wake)

    @contextlib.asynccontextmanager
    async def working(_: Starlette) -> AsyncIterator[None]:
        try:
            async with contextlib.AsyncExitStack() as doors:
                doors.enter_context(worker)
                if settings.grpc_port is not None:
                    from spark_platform.runner.grpc.server import serving

                    door = serving(runner, verifier, settings.host, settings.grpc_port)
                    await doors.enter_async_context(door)
                yield
        finally:
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
