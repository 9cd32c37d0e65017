"""The process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spark_platform.gateway.settings import Settings
from spark_platform.kernel.errors import Transient
from spark_platform.kernel.serving import run

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from spark_platform.gateway.applications import Member

__all__ = ["main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM or SIGINT; applications go on where they are.

    Returns:
        The process's exit code: 0 after a stop, else the error's.
    """
    program = "python -m spark_platform.gateway"
    return run(argv, Settings, _create_app, program=program, what="the Gateway")


def _create_app(settings: Settings) -> Starlette:
    from spark_platform.gateway.api import create_app
    from spark_platform.gateway.applications import Applications
    from spark_platform.gateway.placements import Placements
    from spark_platform.gateway.policy import Policy
    from spark_platform.identity import JwtVerifier

    policy = Policy.from_file(settings.policy)
    members = {name: _member(settings, name) for name in settings.clusters}
    applications = Applications(members, policy, Placements(settings.database))
    verifier = JwtVerifier(settings.issuer)

    @contextlib.asynccontextmanager
    async def serving(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            applications.close()

    def document(path: str) -> Any:
        return _first(members, path)

    return create_app(applications, verifier, document, lifespan=serving)


def _member(settings: Settings, name: str) -> Member:
    from spark_platform.gateway.applications import Member
    from spark_platform.gateway.routing import Cluster
    from spark_platform.kernel.kubernetes.client import connect

    given = settings.clusters[name]
    cluster = Cluster(name, given.region, given.engines, given.weight)
    return Member(cluster, connect(given.kubeconfig, given.context))


def _first(members: Mapping[str, Member], path: str) -> Any:
    """What the first cluster that answers has at a path: they have the same schemas."""
    for member in members.values():
        with contextlib.suppress(Transient):
            return member.kubernetes.document(path)
    raise Transient("no cluster answers", retry_after_s=1)
