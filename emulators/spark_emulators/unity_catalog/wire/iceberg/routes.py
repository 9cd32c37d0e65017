"""Which request goes where. The routes told to clients are these very ones."""

from __future__ import annotations

from functools import partial

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.wire.iceberg import namespaces, tables, views
from spark_emulators.unity_catalog.wire.iceberg.endpoint import Handler, endpoint
from spark_emulators.unity_catalog.wire.iceberg.errors import error_answer
from spark_platform.kernel.errors import InvalidInput

__all__ = ["iceberg_app"]

_PREFIX = "/v1/{prefix}"
_NAMESPACES = f"{_PREFIX}/namespaces"
_NAMESPACE = f"{_NAMESPACES}/{{namespace}}"
_TABLES = f"{_NAMESPACE}/tables"
_TABLE = f"{_TABLES}/{{table}}"
_VIEWS = f"{_NAMESPACE}/views"
_VIEW = f"{_VIEWS}/{{view}}"

# Templates as the REST specification spells them. HEAD before GET, which would answer it too.
_SERVED: tuple[tuple[str, str, Handler], ...] = (
    ("GET", _NAMESPACES, namespaces.list_all),
    ("POST", _NAMESPACES, namespaces.create),
    ("HEAD", _NAMESPACE, namespaces.exists),
    ("GET", _NAMESPACE, namespaces.load),
    ("DELETE", _NAMESPACE, namespaces.drop),
    ("POST", f"{_NAMESPACE}/properties", namespaces.update_properties),
    ("GET", _TABLES, tables.list_all),
    ("POST", _TABLES, tables.create),
    ("HEAD", _TABLE, tables.exists),
    ("GET", _TABLE, tables.load),
    ("POST", _TABLE, tables.commit),
    ("DELETE", _TABLE, tables.drop),
    ("GET", f"{_TABLE}/credentials", tables.vend),
    ("POST", f"{_TABLE}/metrics", tables.report_metrics),
    ("POST", f"{_NAMESPACE}/register", tables.register),
    ("POST", f"{_PREFIX}/tables/rename", tables.rename),
    ("POST", f"{_PREFIX}/transactions/commit", tables.commit_transaction),
    ("GET", _VIEWS, views.list_all),
    ("POST", _VIEWS, views.create),
    ("HEAD", _VIEW, views.exists),
    ("GET", _VIEW, views.load),
    ("POST", _VIEW, views.commit),
    ("DELETE", _VIEW, views.drop),
    ("POST", f"{_NAMESPACE}/register-view", views.register),
    ("POST", f"{_PREFIX}/views/rename", views.rename),
)

# Answered, because some clients ask without looking at the list first, but not on it.
_REFUSED: tuple[tuple[str, str, Handler], ...] = (
    ("POST", f"{_TABLE}/plan", tables.unsupported),
    ("POST", f"{_TABLE}/tasks", tables.unsupported),
    ("POST", f"{_TABLE}/sign", tables.unsupported),
)


def iceberg_app(domain: Domain) -> Starlette:
    """The Iceberg REST routes of one server."""
    listed = ["GET /v1/config", *(f"{method} {template}" for method, template, _ in _SERVED)]
    config: Handler = partial(namespaces.config, listed)
    routes = [
        Route(
            template.replace("{prefix}", "catalogs/{catalog}"),
            endpoint(domain, handler),
            methods=[method],
        )
        for method, template, handler in (("GET", "/v1/config", config), *_SERVED, *_REFUSED)
    ]
    return Starlette(routes=routes, exception_handlers={HTTPException: _no_route})


async def _no_route(request: Request, _error: Exception) -> Response:
    return error_answer(InvalidInput(f"no route for {request.method} {request.url.path}"))
