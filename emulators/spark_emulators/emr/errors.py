"""EMR's errors: the kernel's classes, cut finer where EMR's clients tell cases apart."""

from __future__ import annotations

from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound

__all__ = ["IllegalMove", "InvalidRequest", "TokenReused", "UnknownResource", "ValidationFailed"]


class ValidationFailed(InvalidInput):
    """A field of the request, or the state of what it is about, does not allow it."""


class InvalidRequest(InvalidInput):
    """EMR on EC2's word for a cluster or step that is not there."""


class UnknownResource(NotFound):
    """EMR Serverless knows no such application or job run."""


class TokenReused(Conflict):
    """A client token came a second time with another request."""


class IllegalMove(Conflict):
    """A state machine was asked for a move that its table does not have."""
