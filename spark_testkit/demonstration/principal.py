"""Who the demo's job and its query are, where the catalog asks: each has just what it needs."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.services import catalog_identity
from spark_testkit.services.unity_catalog import TOKEN

if TYPE_CHECKING:
    from spark_platform.model import Job
    from spark_testkit.lineage.graph import Graph

__all__ = ["ANALYST", "JOB", "Principal", "analyst", "as_principal", "lineage_of"]

_SCHEMA = "unity.flights"


@dataclass(frozen=True)
class Principal:
    """Somebody who may do a few things.

    Attributes:
        grants: by what they are on.
    """

    name: str
    grants: Mapping[str, tuple[str, ...]]

    def told(self) -> str:
        """For people."""
        grants = (f"{', '.join(privileges)} on {on}" for on, privileges in self.grants.items())
        return f"{self.name} ({'; '.join(grants)})"


# the tables are the job's own: it makes them
JOB = Principal(
    "coreetl-flights", {"unity": ("USE CATALOG",), _SCHEMA: ("USE SCHEMA", "CREATE TABLE")}
)
ANALYST = Principal(
    "flights-analyst", {"unity": ("USE CATALOG",), _SCHEMA: ("USE SCHEMA", "SELECT")}
)

_SECRET, _KEY = "coreetl-flights", "catalog-token"
_WITHIN_S = 60.0


def as_principal(job: Job, exports: Mapping[str, str]) -> Job:
    """The same job with a token of ``JOB``, which lies in a secret of its domain.

    Args:
        exports: variables of the platform, where the catalog asks who one is.

    Raises:
        TimedOut: the Gateway has not made the domain's namespace.
        PlatformError: the catalog or the cluster refuses.
    """
    _leave_secret(Path(exports["KUBECONFIG"]), job.domain, _token_of(JOB, exports))
    own = catalog_identity.kubernetes_secrets(exports, f"{_SECRET}:{_KEY}")
    return replace(job, secrets={**job.secrets, **own})


def analyst(exports: Mapping[str, str]) -> dict[str, str]:
    """The same variables for ``ANALYST``; raises PlatformError where the catalog refuses."""
    return {**exports, TOKEN: _token_of(ANALYST, exports)}


def lineage_of(table: str, exports: Mapping[str, str]) -> Graph:
    """What a table comes from and what comes from it, as soon as Spark has told.

    Raises:
        TimedOut: nothing was told.
        PlatformError: the catalog refuses.
    """
    from spark_testkit.lineage import LineageSource

    def told() -> Graph:
        graph = source.of_table(table)
        if not graph.edges:
            raise NotYet("nothing is known of it")
        return graph

    source = LineageSource(exports["UNITY_CATALOG_URI"], exports[TOKEN])
    return poll(told, what=f"lineage of {table}", timeout_s=_WITHIN_S)


def _token_of(principal: Principal, exports: Mapping[str, str]) -> str:
    from spark_testkit.catalog_admin import CatalogAdmin

    admin = CatalogAdmin(exports["UNITY_CATALOG_URI"], exports[TOKEN])
    token = admin.service_principal(principal.name)
    admin.create_schema(_SCHEMA)
    for name, privileges in principal.grants.items():
        admin.grant(name, principal.name, *privileges)
    return token


def _leave_secret(kubeconfig: Path, namespace: str, token: str) -> None:
    from spark_platform.kernel.kubernetes.client import connect
    from spark_platform.kernel.kubernetes.resources import Resource

    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": _SECRET, "namespace": namespace},
        "stringData": {_KEY: token},
    }
    with contextlib.closing(connect(kubeconfig)) as kubernetes:

        def left() -> None:
            try:
                kubernetes.apply(Resource("v1", "secrets"), secret, "spark-testkit")
            except NotFound as error:
                raise NotYet(error.message) from error

        poll(left, what=f"namespace {namespace}", timeout_s=_WITHIN_S)
