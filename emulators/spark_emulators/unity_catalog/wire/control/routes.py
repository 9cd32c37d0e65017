"""Which request about who is who goes where."""

from __future__ import annotations

from starlette.routing import BaseRoute

from spark_emulators.unity_catalog.access.control import Access
from spark_emulators.unity_catalog.paths import MOUNTS
from spark_emulators.unity_catalog.wire.control.principals import principal_routes
from spark_emulators.unity_catalog.wire.control.tokens import OPEN_PATHS, token_routes

__all__ = ["SCIM_PATHS", "WITHOUT_TOKEN", "control_routes"]

SCIM_PATHS = ("/api/1.0/unity-control/scim2", "/api/2.0/preview/scim/v2")
"""Where the open-source server and Databricks serve SCIM."""

# Iceberg's clients ask for tokens below the catalog
_OAUTH = tuple(f"{path}/v1/oauth/tokens" for path in MOUNTS)

WITHOUT_TOKEN = (*OPEN_PATHS, *_OAUTH)
"""Where nobody has to say who they are."""


def control_routes(access: Access) -> list[BaseRoute]:
    """Tokens and principals."""
    return [*token_routes(access.login, _OAUTH), *principal_routes(access, SCIM_PATHS)]
