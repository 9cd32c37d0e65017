"""Errors as clients of Spark Connect understand them: a status, and what Spark calls the error.

Sources: ``google.rpc`` (Status, ErrorInfo, RetryInfo), Spark's ``ErrorUtils`` and
``error-conditions.json``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from spark_platform.kernel.errors import PlatformError, Transient
from spark_platform.kernel.statuses import grpc_code_of

if TYPE_CHECKING:
    from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo

__all__ = ["DETAILS", "Exhausted", "Refusal", "SparkCondition", "clone_target", "handle"]

DETAILS = "grpc-status-details-bin"
"""The trailer that holds a status with its details."""

_EXCEPTION = "org.apache.spark.SparkSQLException"
_HANDLE = {
    "FORMAT": "Handle must be an UUID string of the format '00112233-4455-6677-8899-aabbccddeeff'",
    "OPERATION_NOT_FOUND": "Operation not found.",
    "SESSION_CHANGED": "The existing Spark server driver instance has restarted. Please reconnect.",
    "SESSION_CLOSED": "Session was closed.",
    "SESSION_NOT_FOUND": "Session not found.",
}
_TARGET = {
    "FORMAT": "must be an UUID string of the format '00112233-4455-6677-8899-aabbccddeeff'.",
    "ALREADY_CLOSED": "because a session with this ID was previously closed.",
    "ALREADY_EXISTS": "because a session with this ID already exists.",
}


class SparkCondition(PlatformError):
    """An error condition of Spark's own.

    Args:
        message: without the condition's name and state, which are added.
        condition: its name.
        state: of SQL.
        parameters: of the message.
    """

    def __init__(
        self, message: str, condition: str, state: str, parameters: Mapping[str, str]
    ) -> None:
        super().__init__(f"[{condition}] {message} SQLSTATE: {state}")
        self.condition, self.state, self.parameters = condition, state, parameters


class Exhausted(Transient):
    """All that may be had is had by others, for now."""


def handle(what: str, given: str) -> SparkCondition:
    """``INVALID_HANDLE``: a session or an operation that cannot be used.

    Args:
        what: ``SESSION_NOT_FOUND``, ``SESSION_CLOSED``, ``SESSION_CHANGED``, ``FORMAT`` or
            ``OPERATION_NOT_FOUND``.
        given: its id.
    """
    message = f"The handle {given} is invalid. {_HANDLE[what]}"
    return SparkCondition(message, f"INVALID_HANDLE.{what}", "HY000", {"handle": given})


def clone_target(what: str, given: str) -> SparkCondition:
    """``INVALID_CLONE_SESSION_REQUEST``: an id that cannot be a clone's.

    Args:
        what: ``FORMAT``, ``ALREADY_CLOSED`` or ``ALREADY_EXISTS``.
        given: the id.
    """
    reason = _TARGET[what]
    message = (
        f"Target session ID {given} for clone operation {reason}"
        if what == "FORMAT"
        else f"Cannot clone session to target session ID {given} {reason}"
    )
    return SparkCondition(
        f"Invalid session clone request. {message}",
        f"INVALID_CLONE_SESSION_REQUEST.TARGET_SESSION_ID_{what}",
        "42K04",
        {"targetSessionId": given},
    )


@dataclass(frozen=True)
class Refusal:
    """An error as a call ends with it.

    Attributes:
        code: the name of its gRPC status.
        message: for people.
        details: the value of the trailer ``DETAILS``.
    """

    code: str
    message: str
    details: bytes

    @classmethod
    def of(cls, error: PlatformError) -> Refusal:
        """How a call ends with an error of ours.

        What passes by itself carries RetryInfo, and clients of Spark try it again.
        """
        from google.rpc import code_pb2, status_pb2

        code = _code(error)
        message = f"{error.message}: {error.hint}" if error.hint else error.message
        status = status_pb2.Status(code=code_pb2.Code.Value(code), message=message)
        if isinstance(error, SparkCondition):
            status.details.add().Pack(_error_info(error))
        elif isinstance(error, Transient):
            status.details.add().Pack(_retry_info(error))
        return cls(code, message, status.SerializeToString())


def _code(error: PlatformError) -> str:
    if isinstance(error, SparkCondition):
        # Spark's own server has it for every error of a request; clients look at the condition
        return "INTERNAL"
    return "RESOURCE_EXHAUSTED" if isinstance(error, Exhausted) else grpc_code_of(error)


def _error_info(error: SparkCondition) -> ErrorInfo:
    from google.rpc.error_details_pb2 import ErrorInfo

    return ErrorInfo(
        reason=_EXCEPTION,
        domain="org.apache.spark",
        metadata={
            "classes": json.dumps([_EXCEPTION, "java.lang.Exception", "java.lang.Throwable"]),
            "errorClass": error.condition,
            "messageParameters": json.dumps(dict(error.parameters)),
            "sqlState": error.state,
        },
    )


def _retry_info(error: Transient) -> RetryInfo:
    from google.rpc.error_details_pb2 import RetryInfo

    found = RetryInfo()
    found.retry_delay.FromMilliseconds(int((error.retry_after_s or 1) * 1000))
    return found
