"""Requests as the Iceberg REST specification has them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.iceberg.metadata import as_input_errors
from spark_emulators.unity_catalog.names import TableName, decode_namespace, one_level
from spark_emulators.unity_catalog.wire import endpoint as wire
from spark_emulators.unity_catalog.wire.iceberg.errors import error_answer
from spark_platform.kernel.errors import InvalidInput

__all__ = ["Call", "Handler", "endpoint"]

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True)
class Call(wire.Call):
    """A request about a catalog."""

    @property
    def levels(self) -> tuple[str, ...]:
        """The namespace in the path."""
        return decode_namespace(self.path["namespace"])

    def table(self, catalog: str) -> TableName:
        """The table in the path. One in a namespace of several levels is a name nothing has."""
        return TableName(catalog, ".".join(self.levels), self.path["table"])

    def new_table(self, catalog: str, name: str) -> TableName:
        """A table in the path's namespace; raises InvalidInput if that has several levels."""
        return TableName(catalog, one_level(self.levels), name)

    def parse(self, model: type[Model]) -> Model:
        """The body as ``model``; raises InvalidInput naming every wrong field."""
        with as_input_errors("bad request"):
            return model.model_validate_json(self.body)

    def flag(self, name: str) -> bool:
        """A query parameter that is true or false, in any case; false where absent.

        Raises:
            InvalidInput: it is something else.
        """
        value = self.query.get(name, "false").lower()
        if value not in ("true", "false"):
            raise InvalidInput(f"{name} must be true or false, not {value!r}")
        return value == "true"


Handler = Callable[[Domain, Call], Response]


def endpoint(domain: Domain, handler: Handler) -> Callable[[Request], Awaitable[Response]]:
    """Serve ``handler``, whatever it raises."""
    return wire.endpoint(partial(handler, domain), error_answer, Call)
