"""The one place where exceptions become Iceberg error answers."""

from __future__ import annotations

import logging

from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.errors import (
    AlreadyExists,
    CommitFailed,
    NamespaceNotEmpty,
    NoSuchNamespace,
    NoSuchTable,
    NoSuchView,
    NoSuchWarehouse,
    Unprocessable,
    Unsupported,
)
from spark_platform.kernel.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    PlatformError,
    TimedOut,
    Transient,
)

__all__ = ["error_answer"]

_LOG = logging.getLogger(__name__)

# Types as in Iceberg's REST specification; clients decide by them, not by the message.
_ANSWERS: dict[type[BaseException], tuple[int, str]] = {
    NoSuchWarehouse: (404, "NoSuchWarehouseException"),
    NoSuchNamespace: (404, "NoSuchNamespaceException"),
    NoSuchTable: (404, "NoSuchTableException"),
    NoSuchView: (404, "NoSuchViewException"),
    NotFound: (404, "NoSuchTableException"),
    NamespaceNotEmpty: (409, "NamespaceNotEmptyException"),
    CommitFailed: (409, "CommitFailedException"),
    AlreadyExists: (409, "AlreadyExistsException"),
    Conflict: (409, "CommitFailedException"),
    Unprocessable: (422, "UnprocessableEntityException"),
    Unsupported: (406, "UnsupportedOperationException"),
    InvalidInput: (400, "BadRequestException"),
    Transient: (503, "SlowDownException"),
    TimedOut: (503, "SlowDownException"),
}


def error_answer(error: Exception) -> Response:
    """The answer for ``error``: by its class, else by the nearest of its base classes.

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    for kind in type(error).__mro__:
        if kind in _ANSWERS:
            assert isinstance(error, PlatformError)
            status, name = _ANSWERS[kind]
            return _answer(status, name, str(error))
    _LOG.error("cannot answer a request", exc_info=error)
    return _answer(500, "InternalServerError", "the catalog failed; its log says why")


def _answer(status: int, name: str, message: str) -> Response:
    body = {"error": {"message": message, "type": name, "code": status}}
    return JSONResponse(body, status_code=status)
