"""What becomes of a call, by the session it is of. Pure."""

from __future__ import annotations

import re
from enum import Enum

from spark_platform.gateway.connect.methods import RELEASE_SESSION, Effect, Method
from spark_platform.gateway.connect.records import Session, SessionState
from spark_platform.gateway.connect.refusals import clone_target, handle
from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["Step", "check_clone", "decide"]

_UUID = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_CLONED_WITHIN_S = 0.5
# of an id that is none, so much is told again
_SHOWN = 64
_OVER = (SessionState.CLOSED, SessionState.LOST)


class Step(Enum):
    """What is done next."""

    FORWARD = "forward"
    """Its driver is asked."""
    PLACE = "place"
    """It gets a driver first."""
    NOTHING = "nothing"
    """It is answered here: there is nothing to do."""


def decide(method: Method, session_id: str, found: Session | None, named: str = "") -> Step:
    """The next step of a call.

    Args:
        session_id: as the request has it.
        found: the caller's session of that id.
        named: the application that the caller wants it on; empty where that is all one.

    Raises:
        SparkCondition: the session cannot be used.
        InvalidInput: it is on another application.
        Transient: it is about to be there.
    """
    if not _UUID.fullmatch(session_id):
        raise handle("FORMAT", session_id[:_SHOWN])
    if found is None:
        if method.effect is Effect.WANTS:
            raise handle("SESSION_NOT_FOUND", session_id)
        return Step.PLACE if method.effect is Effect.MAKES else Step.NOTHING
    if found.state in _OVER:
        if method is RELEASE_SESSION:
            return Step.NOTHING
        lost = found.state is SessionState.LOST
        raise handle("SESSION_CHANGED" if lost else "SESSION_CLOSED", session_id)
    if found.state is SessionState.CLONING:
        raise Transient(f"session {session_id} is being cloned", retry_after_s=_CLONED_WITHIN_S)
    if named not in ("", found.place.application):
        raise InvalidInput(
            f"session {session_id} is on {found.place.application}, not on {named}",
            hint="a session stays where it is: begin another one",
        )
    return Step.FORWARD


def check_clone(parent: Session, target_id: str, target: Session | None) -> None:
    """Let a session be cloned under an id that is free, or that it is being cloned to.

    Args:
        target_id: as the request has it.
        target: the caller's session of that id.

    Raises:
        SparkCondition: the id cannot be a clone's.
    """
    if not _UUID.fullmatch(target_id):
        raise clone_target("FORMAT", target_id[:_SHOWN])
    if target is None:
        return
    if target.state in _OVER:
        raise clone_target("ALREADY_CLOSED", target_id)
    # a request that was sent again: the driver knows what became of the first
    if target.state is not SessionState.CLONING or target.place != parent.place:
        raise clone_target("ALREADY_EXISTS", target_id)
