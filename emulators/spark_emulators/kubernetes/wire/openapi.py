"""OpenAPI documents, made of the definitions and the registry."""

from __future__ import annotations

from spark_emulators.kubernetes.api.registry import Registry
from spark_emulators.kubernetes.errors import no_such_path
from spark_emulators.kubernetes.wire.http import Request, Response


def version_2(registry: Registry, request: Request) -> Response:
    raise no_such_path()


def version_3(registry: Registry, request: Request) -> Response:
    raise no_such_path()
