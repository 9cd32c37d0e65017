"""Credentials in the answers about Iceberg tables.

Clients take them from ``storage-credentials``, older ones from ``config``; pyiceberg asks for them
by a header unless told otherwise, Java only where it is told to. So the server's settings decide.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.iceberg.storage import TableVersion
from spark_emulators.unity_catalog.metastore.paths import normal
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.vending.policy import Access
from spark_emulators.unity_catalog.vending.sts import Credentials
from spark_emulators.unity_catalog.wire.iceberg.endpoint import Call
from spark_platform.kernel.errors import InvalidInput, Transient

__all__ = ["credentials", "delegated", "storage_credentials"]

_LOG = logging.getLogger(__name__)
_HEADER = "x-iceberg-access-delegation"
_VENDED = "vended-credentials"


def delegated(
    domain: Domain, call: Call, table: TableName, version: TableVersion
) -> Mapping[str, Any]:
    """What an answer about a table has of credentials: nothing where none are to be handed out."""
    vending = domain.settings.vending
    if vending is None or vending.delegation == "never":
        return {}
    asked = _VENDED in [part.strip() for part in call.headers.get(_HEADER, "").split(",")]
    if vending.delegation == "asked" and not asked:
        return {}
    try:
        vended = credentials(domain, table, version)
    except (Transient, InvalidInput) as error:
        # what was asked for has been done: the client can ask for credentials again
        _LOG.warning("no credentials go with table %s: %s", table, error)
        return {}
    if vended is None:
        return {}
    refresh = {"client.refresh-credentials-endpoint": _refresh_path(table)}
    return {
        "config": {**_config(vended), **refresh},
        "storage-credentials": [_entry(vended)],
    }


def storage_credentials(vended: Credentials | None) -> list[dict[str, Any]]:
    """The entries of the credentials endpoint."""
    return [] if vended is None else [_entry(vended)]


def credentials(domain: Domain, table: TableName, version: TableVersion) -> Credentials | None:
    """The most that whoever acts may have of a table's files; None for nothing, or local ones.

    Who stages a table writes its files before it exists.
    """
    if version.location is None:
        access: Access | None = Access.READ_WRITE
    else:
        access = domain.vending.best(domain.securables.find(Kind.TABLE, table.names))
    if access is None:
        return None
    return domain.vending.at(normal(version.metadata.location), access).credentials


def _entry(vended: Credentials) -> dict[str, Any]:
    return {"prefix": vended.location, "config": _config(vended)}


def _config(vended: Credentials) -> dict[str, str]:
    return {
        **vended.store,
        "s3.access-key-id": vended.access_key_id,
        "s3.secret-access-key": vended.secret_access_key,
        "s3.session-token": vended.session_token,
        "s3.session-token-expires-at-ms": str(vended.expires_at_ms),
    }


def _refresh_path(table: TableName) -> str:
    namespace = f"v1/catalogs/{table.catalog}/namespaces/{table.namespace}"
    return f"{namespace}/tables/{table.name}/credentials"
