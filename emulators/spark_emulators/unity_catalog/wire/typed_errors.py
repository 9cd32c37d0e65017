"""Errors as Iceberg's and Delta's APIs tell them: a message, and a type that clients decide by."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass

from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.errors import NoSuch
from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import PlatformError

__all__ = ["TypedErrors"]

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class TypedErrors:
    """What one API calls its errors.

    Attributes:
        answers: status and type of an exception's class.
        types: of a status, whatever its reason.
        missing: types of what does not exist, by its kind.
        not_found: of what does not exist otherwise.
        failed: of what nobody foresaw.
    """

    answers: Mapping[type[BaseException], tuple[int, str]]
    types: Mapping[int, str]
    missing: Mapping[Kind, str]
    not_found: str
    failed: str

    def error_answer(self, error: Exception) -> Response:
        """The answer for ``error``: by its class, else by the nearest of its base classes.

        An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
        """
        if isinstance(error, NoSuch):
            return self.answer(404, self.missing.get(error.kind, self.not_found), str(error))
        for kind in type(error).__mro__:
            if kind in self.answers:
                assert isinstance(error, PlatformError)
                return self.answer(*self.answers[kind], str(error))
        _LOG.error("cannot answer a request", exc_info=error)
        return self.answer(500, self.failed, "the catalog failed; its log says why")

    def refusal(self, status: int, message: str) -> Response:
        """An error of a status, whatever its reason."""
        return self.answer(status, self.types.get(status, self.failed), message)

    def answer(self, status: int, name: str, message: str) -> Response:
        """An error of a status and a type."""
        body = {"error": {"message": message, "type": name, "code": status}}
        return JSONResponse(body, status_code=status)
