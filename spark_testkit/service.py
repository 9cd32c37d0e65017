"""A service as data: what to run, where it listens, and how to know that it works.

`services/` makes these, `providers/` run them; neither knows the other.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from spark_testkit.engine.progress import OnProgress
from spark_testkit.settings import Settings

__all__ = ["TEMPORARY", "PlanContext", "Readiness", "Service", "ServiceRequest", "ServiceSpec"]

# in each service's folder: where its TMPDIR is, made before it starts
TEMPORARY = "tmp"


class Readiness(Protocol):
    """Asks a service a question in its own protocol; an open port proves nothing."""

    def check(self) -> None:
        """Return when the service works; raise ``wait.NotYet`` saying why while it does not."""


@dataclass(frozen=True)
class ServiceSpec:
    """One service of one stack, ready to be run by any provider.

    Attributes:
        name: unique in its stack.
        argv: the command. Never holds a secret: every user of the machine can read it.
        environment: added to a clean environment of the child; may hold secrets.
        files: written (mode 0600) before the start, by absolute path.
        ports: purpose → TCP port on the loopback interface.
        endpoint: the address people are shown.
        exports: environment variables a client of this service needs (``spark-testkit env``).
        readiness: how to know it works.
        after: services that must work before this one starts.
        detail: what is worth knowing about the choice made ("SeaweedFS: no minio on PATH").
    """

    name: str
    argv: tuple[str, ...]
    endpoint: str
    readiness: Readiness
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    detail: str = ""


@dataclass(frozen=True)
class ServiceRequest:
    """What a caller wants: a kind of service, under a name, with options.

    Attributes:
        kind: one of ``services.SERVICES``.
        name: the instance; the kind itself unless a caller wants a second one of a kind.
        options: what the kind understands; JSON values only, they travel to the supervisor.
    """

    kind: str
    name: str
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, kind: str, **options: Any) -> ServiceRequest:
        """The one ordinary instance of ``kind``."""
        return cls(kind, kind, options)


@dataclass(frozen=True)
class PlanContext:
    """Everything a service may use to plan itself.

    Attributes:
        request: the instance and its options.
        folder: this service's own folder (0700); exists only while the service does.
        stack_folder: the stack's folder, for what services share.
        ports: purpose → the port allocated for it.
        secrets: the stack's own random secrets, by name; made once per stack.
        peers: the specs of the services this one needs, by kind; planned before it.
        settings: where caches live.
    """

    request: ServiceRequest
    folder: Path
    stack_folder: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    peers: Mapping[str, ServiceSpec]
    settings: Settings


@dataclass(frozen=True)
class Service:
    """A kind of service the testkit knows.

    Attributes:
        kind: its name on the command line.
        summary: one line for people.
        needs: kinds that must be in the same stack; their specs are planned first.
        ports: purpose → the port in the default stack; None takes any free one.
        plan: what to run, decided from the context and what is installed; starts nothing.
        prepare: slow work that a plan relies on (fetching an engine), done once, in the caller's
            process, where it can show progress and be interrupted.
    """

    kind: str
    summary: str
    plan: Callable[[PlanContext], ServiceSpec]
    needs: tuple[str, ...] = ()
    ports: Mapping[str, int | None] = field(default_factory=dict)
    prepare: Callable[[ServiceRequest, Settings, OnProgress], None] | None = None
