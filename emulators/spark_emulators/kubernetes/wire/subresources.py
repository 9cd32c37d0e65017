"""Subresources and reviews."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.errors import no_such_path
from spark_emulators.kubernetes.wire.http import Response, Send


async def handle(call: Any, cluster: Any, send: Send) -> Response | None:
    raise no_such_path()


async def review(call: Any, cluster: Any, authorizer: Any, authenticator: Any) -> Response:
    raise no_such_path()
