"""Whose session is on which driver, and how it is with the drivers of a pool. Data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

__all__ = ["Driver", "DriverState", "Key", "Place", "Session", "SessionState"]


@dataclass(frozen=True)
class Key:
    """A session: the same id of another user, or of another domain, is another one."""

    domain: str
    user: str
    session: str


@dataclass(frozen=True)
class Place:
    """One life of a driver.

    Attributes:
        application: the SparkApplication's name.
        incarnation: the driver pod's uid: a driver that was started anew has another one, and
            none of the sessions.
        address: ``host:port`` of its Connect server.
    """

    application: str
    incarnation: str
    address: str


class SessionState(str, Enum):
    """How it is with a session."""

    OPEN = "OPEN"
    CLONING = "CLONING"
    """Its parent's driver has been asked for it, and has not answered."""
    CLOSED = "CLOSED"
    """It was released, or its driver was after nobody had used it for long."""
    LOST = "LOST"
    """Its driver has died."""


@dataclass(frozen=True)
class Session:
    """A session: it stays where it is."""

    key: Key
    place: Place
    state: SessionState = SessionState.OPEN


class DriverState(str, Enum):
    """The life of a pool's driver."""

    STARTING = "STARTING"
    WARM = "WARM"
    """It answers, and is nobody's."""
    CLAIMED = "CLAIMED"
    """It is its owner's, for good."""
    ENDING = "ENDING"
    """It is to be deleted."""
    FAILED = "FAILED"
    """It has died, or never came to answer; kept for a while to know how often that happens."""


@dataclass(frozen=True)
class Driver:
    """A driver of a pool.

    Attributes:
        name: of its SparkApplication.
        domain: whose pool it is of.
        fingerprint: of what it was made from: one that differs is no driver of the pool any more.
        owner: the user who has it; empty while nobody has.
        place: where it answers; None while it does not.
        created_at: when it was asked for.
        seen_at: when its state changed or it was used last.
    """

    name: str
    domain: str
    fingerprint: str
    state: DriverState
    created_at: datetime
    seen_at: datetime
    owner: str = ""
    place: Place | None = None
