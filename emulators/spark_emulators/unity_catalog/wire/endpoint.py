"""From an HTTP request to a plain function and back; the function runs in a worker thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from spark_platform.kernel.errors import InvalidInput

__all__ = ["Call", "ErrorAnswer", "endpoint"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Call:
    """A request, read to its end."""

    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    def parse(self, model: type[Model]) -> Model:
        """The body as ``model``; raises InvalidInput naming every wrong field."""
        try:
            return model.model_validate_json(self.body)
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'body'}: {problem['msg']}"
                for problem in error.errors(include_url=False, include_input=False)
            )
            raise InvalidInput(f"bad request: {problems}") from None


C = TypeVar("C", bound=Call)
ErrorAnswer = Callable[[Exception], Response]


def endpoint(
    handler: Callable[[C], Response], error_answer: ErrorAnswer, kind: type[C]
) -> Callable[[Request], Awaitable[Response]]:
    """Serve ``handler``; whatever it raises becomes an answer of its API's shape.

    Args:
        kind: what its API reads requests as.
    """

    def answer(call: C) -> Response:
        try:
            return handler(call)
        except Exception as error:
            return error_answer(error)

    async def serve(request: Request) -> Response:
        body = await request.body()
        call = kind(request.path_params, request.query_params, request.headers, body)
        return await run_in_threadpool(answer, call)

    return serve
