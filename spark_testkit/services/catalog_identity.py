"""How a Spark proves to the catalog who it is, where the catalog asks.

Iceberg's REST catalog and OpenLineage's listener both read a token from the environment: none is in
a configuration, which sessions can read and Kubernetes shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from spark_testkit.services.unity_catalog import TOKEN

__all__ = ["environment_of", "kubernetes_conf", "kubernetes_secrets", "secret_object", "token_conf"]

_SECRET, _KEY = "catalog", "token"
_API_KEY = "OPENLINEAGE__TRANSPORT__AUTH__API_KEY"
# a transport that is told by variables is told whole: the rest of it is in the configuration
_TRANSPORT = {
    "OPENLINEAGE__TRANSPORT__TYPE": "http",
    "OPENLINEAGE__TRANSPORT__AUTH__TYPE": "api_key",
}


def environment_of(catalog: Mapping[str, str]) -> dict[str, str]:
    """The variables of a Spark process.

    Args:
        catalog: the catalog's own variables.
    """
    token = catalog.get(TOKEN)
    return {TOKEN: token, _API_KEY: token, **_TRANSPORT} if token else {}


def token_conf(catalog: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What makes Spark's catalog of this name send the token.

    Args:
        variables: the catalog's own.
    """
    # resolved by Iceberg's EnvironmentUtil
    return {f"spark.sql.catalog.{catalog}.token": f"env:{TOKEN}"} if TOKEN in variables else {}


def kubernetes_secrets(
    catalog: Mapping[str, str], secret: str = f"{_SECRET}:{_KEY}"
) -> dict[str, str]:
    """Variables of pods → the secret of their namespace they are of, as ``secret:key``.

    Args:
        catalog: the catalog's own variables.
        secret: the admin's token's, unless it is another's.
    """
    return dict.fromkeys((TOKEN, _API_KEY), secret) if TOKEN in catalog else {}


def kubernetes_conf(catalog: Mapping[str, str]) -> dict[str, str]:
    """Spark's settings of pods that have these variables."""
    if TOKEN not in catalog:
        return {}
    return {f"spark.kubernetes.driverEnv.{name}": value for name, value in _TRANSPORT.items()}


def secret_object(catalog: Mapping[str, str]) -> list[dict[str, Any]]:
    """The secret that namespaces of jobs have."""
    if TOKEN not in catalog:
        return []
    return [
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": _SECRET},
            "stringData": {_KEY: catalog[TOKEN]},
        }
    ]
