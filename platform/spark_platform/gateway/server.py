"""The process."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from spark_platform.gateway.settings import BackendSettings, ClusterSettings, Settings
from spark_platform.kernel.errors import Transient
from spark_platform.kernel.serving import run

if TYPE_CHECKING:
    from starlette.applications import Starlette

    from spark_platform.gateway.applications import Applications
    from spark_platform.gateway.audit import Audit
    from spark_platform.gateway.clusters import Member
    from spark_platform.gateway.members.backend import BackendMember
    from spark_platform.gateway.members.kubernetes import KubernetesMember
    from spark_platform.identity import Verifier
    from spark_platform.kernel.kubernetes.client import Kubernetes

__all__ = ["main"]

_HOUR_S, _DAY_S = 3600.0, 86_400.0


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
    from spark_platform.gateway.archive import Archive
    from spark_platform.gateway.audit import Audit
    from spark_platform.gateway.callers import Callers, ServiceAccounts
    from spark_platform.gateway.clusters import Clusters
    from spark_platform.gateway.finished import Keeping
    from spark_platform.gateway.placements import Placements
    from spark_platform.gateway.policy import Policy
    from spark_platform.gateway.sweeper import Sweeper
    from spark_platform.gateway.upkeep import repeated
    from spark_platform.identity import JwtVerifier

    policy = Policy.from_file(settings.policy)
    given = settings.clusters
    others = {name: each.backend for name, each in given.items() if each.backend}
    kubernetes = {name: _kubernetes(name, given[name]) for name in given if name not in others}
    backends = {
        name: _backend(name, given[name], each, settings.database) for name, each in others.items()
    }
    members: dict[str, Member] = {**kubernetes, **backends}
    database, kept = settings.database, settings.archive
    placements, archive, audit = Placements(database), Archive(database), Audit(database)
    applications = Applications(Clusters(members), policy, placements, archive, audit)
    keeping = Keeping(kept.ttl_s, kept.days * _DAY_S)
    sweeper = Sweeper(members, placements, archive, audit, keeping)
    issuer = settings.issuer
    apis = {name: member.kubernetes for name, member in kubernetes.items()}
    accounts = ServiceAccounts(apis, policy, issuer.audience)
    verifier = Callers(issuer.issuer, JwtVerifier(issuer), accounts)

    def forget() -> None:
        audit.forget(datetime.now(timezone.utc) - timedelta(days=settings.audit_days))

    @contextlib.asynccontextmanager
    async def serving(_: Starlette) -> AsyncIterator[None]:
        with contextlib.ExitStack() as tasks:
            tasks.callback(applications.close)
            tasks.enter_context(repeated("forgetting old audit entries", _HOUR_S, forget))
            tasks.enter_context(repeated("sweeping", kept.sweep_every_s, sweeper.sweep))
            for name, each in backends.items():
                every_s = others[name].looks_every_s
                tasks.enter_context(repeated(f"looking at {name}", every_s, each.look))
            async with _connect(settings, applications, verifier, audit):
                yield

    return create_app(applications, verifier, _Documents(apis), lifespan=serving)


@contextlib.asynccontextmanager
async def _connect(
    settings: Settings, applications: Applications, verifier: Verifier, audit: Audit
) -> AsyncIterator[None]:
    """The door of Spark Connect, where there is to be one."""
    if settings.connect is None:
        yield
        return
    from spark_platform.gateway.connect.drivers import Drivers
    from spark_platform.gateway.connect.server import serving
    from spark_platform.gateway.connect.store import Store

    given = settings.connect
    with contextlib.closing(Store(settings.database)) as store:
        async with serving(
            *(
                Drivers(applications),
                applications.policy,
                verifier,
                audit,
                store,
                given.all_pools(),
            ),
            host=settings.host,
            port=given.port,
            tls_port=given.tls_port,
            certificate=given.certificate,
            key=given.key,
        ):
            yield


def _kubernetes(name: str, given: ClusterSettings) -> KubernetesMember:
    from spark_platform.gateway.members.kubernetes import KubernetesMember
    from spark_platform.gateway.namespaces import Namespaces, read_objects
    from spark_platform.gateway.routing import Cluster
    from spark_platform.kernel.kubernetes.client import connect

    cluster = Cluster(name, given.region, given.engines, given.weight)
    kubernetes = connect(given.kubeconfig, given.context)
    if given.namespace_objects is None:
        return KubernetesMember(cluster, kubernetes)
    return KubernetesMember(
        cluster, kubernetes, Namespaces(kubernetes, read_objects(given.namespace_objects))
    )


def _backend(
    name: str, given: ClusterSettings, settings: BackendSettings, database: str
) -> BackendMember:
    from spark_platform.gateway.members.backend import BackendMember
    from spark_platform.gateway.members.objects import Objects
    from spark_platform.gateway.members.opening import open_backend
    from spark_platform.gateway.routing import Cluster

    cluster = Cluster(name, given.region, given.engines, given.weight, named_only=True)
    return BackendMember(
        cluster,
        open_backend(name, settings),
        Objects(database, name),
        conf=settings.conf,
        provided=settings.provided,
    )


class _Documents:
    """What the first cluster that answers has at a path: they have the same schemas.

    While none answers it is what one has told before: kubectl asks before it creates anything,
    also what then goes to a backend that is no Kubernetes.
    """

    def __init__(self, apis: Mapping[str, Kubernetes]) -> None:
        self._apis, self._told = apis, dict[str, Any]()

    def __call__(self, path: str) -> Any:
        for kubernetes in self._apis.values():
            with contextlib.suppress(Transient):
                self._told[path] = kubernetes.document(path)
                return self._told[path]
        if path not in self._told:
            raise Transient("no cluster answers", retry_after_s=1)
        return self._told[path]
