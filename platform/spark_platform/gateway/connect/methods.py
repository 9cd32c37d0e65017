"""The methods of Spark Connect, and what each is to a session. Data.

Source: ``spark/connect/base.proto`` of Spark 4.1, and GetStatus of its next version.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

__all__ = ["METHODS", "SERVICE", "Effect", "Method"]

SERVICE = "spark.connect.SparkConnectService"


class Effect(Enum):
    """What a method does where its session is not there yet."""

    MAKES = "makes"
    """A server would make the session."""
    WANTS = "wants"
    """It is an error: the session must be there."""
    SPARES = "spares"
    """Nothing is to be done, and nobody need be asked."""


@dataclass(frozen=True)
class Method:
    """A method.

    Attributes:
        name: of the service's.
        effect: where the session is not there.
        streams_in, streams_out: whether several messages come and go.
        reply_session: the field of a reply that repeats the session's id.
        operation: the field of a request that names one operation; 0 where none does.
        reply_operation: the same of a reply.
        reply_server: the field of a reply that has the session's id at its server.
    """

    name: str
    effect: Effect
    streams_in: bool = False
    streams_out: bool = False
    reply_session: int = 1
    operation: int = 0
    reply_operation: int = 0
    reply_server: int = 0

    @property
    def path(self) -> str:
        """As calls name it."""
        return f"/{SERVICE}/{self.name}"


EXECUTE = Method(
    *("ExecutePlan", Effect.MAKES),
    streams_out=True, operation=6, reply_operation=12, reply_server=15,
)  # fmt: skip
REATTACH = Method(
    *("ReattachExecute", Effect.WANTS),
    streams_out=True, operation=3, reply_operation=12, reply_server=15,
)  # fmt: skip
RELEASE_EXECUTE = Method(
    "ReleaseExecute", Effect.WANTS, operation=3, reply_operation=2, reply_server=3
)
RELEASE_SESSION = Method("ReleaseSession", Effect.SPARES)
CLONE = Method("CloneSession", Effect.WANTS)
CONFIG = Method("Config", Effect.MAKES)

METHODS = MappingProxyType(
    {
        each.path: each
        for each in (
            EXECUTE,
            REATTACH,
            RELEASE_EXECUTE,
            RELEASE_SESSION,
            CLONE,
            CONFIG,
            Method("AnalyzePlan", Effect.MAKES),
            Method("AddArtifacts", Effect.MAKES, streams_in=True, reply_session=2),
            Method("ArtifactStatus", Effect.MAKES, reply_session=2),
            Method("Interrupt", Effect.SPARES),
            Method("FetchErrorDetails", Effect.WANTS, reply_session=4),
            Method("GetStatus", Effect.WANTS),
        )
    }
)
"""By the path of calls; what is not here is refused, since nobody knows whose it says it is."""
