"""Routers whose endpoints may raise whatever they like."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import Response

from spark_emulators.unity_catalog.wire.endpoint import ErrorAnswer
from spark_emulators.unity_catalog.wire.uc.errors import error_answer

__all__ = ["api_router"]


def api_router(tag: str, shape: ErrorAnswer = error_answer) -> APIRouter:
    """A router of a part of an API that is called ``tag`` in its documentation.

    Args:
        shape: how that API answers errors.
    """

    class Answering(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                try:
                    return await handle(request)
                except (HTTPException, RequestValidationError):
                    raise
                except Exception as error:
                    return shape(error)

            return answer

    return APIRouter(tags=[tag], route_class=Answering)
