"""Configuration and schemas."""

from __future__ import annotations

from starlette.responses import Response

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.names import decode_namespace
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.wire.iceberg.answers import json_answer, listing, nothing
from spark_emulators.unity_catalog.wire.iceberg.endpoint import Call
from spark_emulators.unity_catalog.wire.iceberg.paging import page_request
from spark_emulators.unity_catalog.wire.iceberg.requests import CreateNamespace, UpdateProperties
from spark_platform.kernel.errors import InvalidInput

__all__ = ["config", "create", "drop", "exists", "list_all", "load", "update_properties"]


def config(endpoints: list[str], domain: Domain, call: Call) -> Response:
    """What a client asks first: how to spell the paths of its catalog, and what is served."""
    warehouse = call.query.get("warehouse")
    if not warehouse:
        raise InvalidInput("query parameter 'warehouse' is missing: name a catalog")
    catalog = domain.securables.find(Kind.CATALOG, [warehouse])
    domain.guard.require(Action.SEE_CATALOG, catalog)
    return json_answer(
        {
            "defaults": domain.settings.client_properties,
            "overrides": {"prefix": f"catalogs/{catalog.full_name}"},
            "endpoints": endpoints,
        }
    )


def list_all(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    parent = call.query.get("parent")
    levels = decode_namespace(parent) if parent else ()
    request = page_request(call.query)
    page = domain.namespaces.children(catalog, levels, request)
    return listing("namespaces", [[schema.name] for schema in page.items], page)


def create(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(CreateNamespace)
    domain.namespaces.create(catalog, body.namespace, body.properties)
    return json_answer({"namespace": body.namespace, "properties": body.properties})


def load(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    properties = domain.namespaces.properties(catalog, call.levels)
    return json_answer({"namespace": list(call.levels), "properties": properties})


def exists(domain: Domain, call: Call) -> Response:
    domain.namespaces.properties(call.path["catalog"], call.levels)
    return nothing()


def drop(domain: Domain, call: Call) -> Response:
    domain.namespaces.drop(call.path["catalog"], call.levels)
    return nothing()


def update_properties(domain: Domain, call: Call) -> Response:
    catalog = call.path["catalog"]
    body = call.parse(UpdateProperties)
    changes = domain.namespaces.change(catalog, call.levels, body.updates, body.removals)
    return json_answer(
        {"updated": changes.updated, "removed": changes.removed, "missing": changes.missing}
    )
