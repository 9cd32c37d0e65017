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

__all__ = [
    "TEMPORARY",
    "Place",
    "PlanContext",
    "Readiness",
    "Service",
    "ServiceRequest",
    "ServiceSpec",
]

# in each service's folder: where its TMPDIR is, made before it starts
TEMPORARY = "tmp"


class Readiness(Protocol):
    """Asks a service a question in its own protocol; an open port proves nothing."""

    def check(self) -> None:
        """Return when the service works; raise ``wait.NotYet`` saying why while it does not."""


@dataclass(frozen=True)
class Place:
    """Where a service runs, as its plan has to know it.

    Attributes:
        listen: the address to bind.
        host: the name by which the stack's other services reach it.
        container: whether it runs from an image, and its programs are the image's.
        images: names of the images there are.
    """

    listen: str = "127.0.0.1"
    host: str = "localhost"
    container: bool = False
    images: frozenset[str] = frozenset()


@dataclass(frozen=True)
class ServiceSpec:
    """One service of one stack, ready to be run by the provider it was planned for.

    Attributes:
        name: unique in its stack.
        argv: the command. Never holds a secret: every user of the machine can read it.
        environment: added to a clean environment of the child; may hold secrets.
        files: written (mode 0600) before the start, by absolute path.
        ports: purpose → TCP port on the loopback interface.
        endpoint: the address people are shown.
        exports: environment variables a client of this service needs (``spark-testkit env``).
        peer_exports: the same for the stack's other services; empty where they are the same.
        readiness: how to know it works.
        after: services that must work before this one starts.
        detail: what is worth knowing about the choice made ("SeaweedFS: no minio on PATH").
        image: what a container is made of; empty where it is a process.
        listens: purpose → port inside the container, of those of ``ports``.
        heap_mib: memory that is the service's for certain, MiB; a container must have more.
    """

    name: str
    argv: tuple[str, ...]
    endpoint: str
    readiness: Readiness
    environment: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[Path, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    peer_exports: Mapping[str, str] = field(default_factory=dict)
    after: tuple[str, ...] = ()
    detail: str = ""
    image: str = ""
    listens: Mapping[str, int] = field(default_factory=dict)
    heap_mib: int = 0

    def for_peers(self) -> Mapping[str, str]:
        """Environment variables that the stack's other services need."""
        return self.peer_exports or self.exports


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
        folder: this service's own folder (0700), as it sees it; exists only while it does.
        stack_folder: the stack's folder, as services see it, for what they share.
        ports: purpose → the port to listen on.
        secrets: the stack's own random secrets, by name; made once per stack.
        peers: the specs of the services this one needs, and of those it wants that there are, by
            kind; planned before it.
        settings: where caches live.
        place: where it will run.
        published: purpose → the port on this machine's loopback interface; ``ports`` when None.
    """

    request: ServiceRequest
    folder: Path
    stack_folder: Path
    ports: Mapping[str, int]
    secrets: Mapping[str, str]
    peers: Mapping[str, ServiceSpec]
    settings: Settings
    place: Place = field(default_factory=Place)
    published: Mapping[str, int] | None = None

    def outside(self, purpose: str) -> str:
        """``host:port`` for clients on this machine."""
        # stock Python clients send a token without TLS only to a host spelled `localhost`
        return f"localhost:{(self.published or self.ports)[purpose]}"

    def inside(self, purpose: str) -> str:
        """``host:port`` for the stack's other services."""
        return f"{self.place.host}:{self.ports[purpose]}"

    def port_fields(self, *purposes: str) -> dict[str, Any]:
        """The fields of a spec that say where it listens.

        Args:
            purposes: what clients reach from outside a container.
        """
        if not self.place.container:
            return {"ports": self.ports}
        published = self.published or {}
        return {
            "ports": {purpose: published[purpose] for purpose in purposes},
            "listens": {purpose: self.ports[purpose] for purpose in purposes},
        }


@dataclass(frozen=True)
class Service:
    """A kind of service the testkit knows.

    Attributes:
        kind: its name on the command line.
        summary: one line for people.
        needs: kinds that must be in the same stack; their specs are planned first.
        wants: kinds it is wired to where they are in the stack before it.
        ports: purpose → the port in the default stack; None takes any free one.
        plan: what to run, decided from the context and what is installed; starts nothing.
        prepare: slow work that a plan relies on (fetching an engine), done once, in the caller's
            process, where it can show progress and be interrupted.
        by_default: whether a stack has it when nobody says what it shall have.
    """

    kind: str
    summary: str
    plan: Callable[[PlanContext], ServiceSpec]
    needs: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    ports: Mapping[str, int | None] = field(default_factory=dict)
    prepare: Callable[[ServiceRequest, Settings, OnProgress], None] | None = None
    by_default: bool = True
