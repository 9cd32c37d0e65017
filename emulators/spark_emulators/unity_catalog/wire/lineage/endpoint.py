"""Requests as OpenLineage's transport and Databricks' lineage API have them."""

from __future__ import annotations

import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.lineage.external import External
from spark_emulators.unity_catalog.lineage.service import Lineage
from spark_emulators.unity_catalog.wire import endpoint as wire
from spark_emulators.unity_catalog.wire.lineage.errors import error_answer
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Call", "Doors", "Handler", "endpoint"]

_MAX_BODY = 64 * 1024**2
_GZIP = 16 + zlib.MAX_WBITS

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Doors:
    """What requests can be about.

    Attributes:
        who: names the principal of the request that is being answered.
    """

    lineage: Lineage
    external: External
    who: Callable[[], str]


@dataclass(frozen=True)
class Call(wire.Call):
    """A request whose body may be packed, and whose arguments may be in it."""

    def json(self) -> Any:
        """The body's document; raises InvalidInput where it is none."""
        try:
            return from_json(self._content())
        except ValueError as error:
            raise InvalidInput(f"the body is not JSON: {error}") from error

    def parse(self, model: type[Model]) -> Model:
        """The body as ``model``; raises InvalidInput naming every wrong field."""
        return _validated(model, self.json())

    def arguments(self, model: type[Model], inside: str = "") -> Model:
        """Arguments from the query, dotted where they are nested, or from a JSON body.

        Args:
            inside: the argument that holds those of ``model``.

        Raises:
            InvalidInput: naming every wrong one.
        """
        given = self.json() if self.body else {}
        if not isinstance(given, dict):
            raise InvalidInput("the body must be a JSON object")
        given = given | _nested(self.query)
        return _validated(model, given.get(inside) if inside else given)

    def _content(self) -> bytes:
        encoding = self.headers.get("content-encoding", "identity").lower()
        if encoding == "identity":
            return self.body
        if encoding != "gzip":
            raise InvalidInput(f"Content-Encoding {encoding!r} is not known", hint="allowed: gzip")
        stream = zlib.decompressobj(_GZIP)
        try:
            content = stream.decompress(self.body, _MAX_BODY)
        except zlib.error as error:
            raise InvalidInput(f"the body is not gzip: {error}") from error
        if not stream.eof:
            raise InvalidInput(f"the body is cut off, or longer than {_MAX_BODY} bytes")
        return content


Handler = Callable[[Doors, Call], Any]


def endpoint(doors: Doors, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Serve what ``handler`` returns as JSON, whatever it raises."""

    def answer(call: Call) -> Response:
        return JSONResponse(handler(doors, call))

    return wire.endpoint(answer, error_answer, Call)


def _validated(model: type[Model], document: Any) -> Model:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(map(str, problem['loc'])) or 'arguments'}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)[:10]
        )
        raise InvalidInput(problems) from error


def _nested(query: Mapping[str, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in query.items():
        *outer, last = name.split(".")
        inner = nested
        for part in outer:
            inner = inner.setdefault(part, {})
            if not isinstance(inner, dict):
                break
        if not isinstance(inner, dict) or last in inner:
            raise InvalidInput(f"argument {name!r} contradicts another")
        inner[last] = value
    return nested
