"""Configuration and schemas."""

from __future__ import annotations

from starlette.responses import Response

from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.names import decode_namespace
from spark_emulators.unity_catalog.paging import PageRequest
from spark_emulators.unity_catalog.wire.answers import json_answer, listing, nothing
from spark_emulators.unity_catalog.wire.endpoint import Call
from spark_emulators.unity_catalog.wire.requests import CreateNamespace, UpdateProperties
from spark_platform.kernel.errors import InvalidInput

__all__ = ["config", "create", "drop", "exists", "list_all", "load", "update_properties"]


def config(endpoints: list[str], domain: Domain, call: Call) -> Response:
    """What a client asks first: how to spell the paths of its catalog, and what is served."""
    warehouse = call.query.get("warehouse")
    if not warehouse:
        raise InvalidInput("query parameter 'warehouse' is missing: name a catalog")
    return json_answer(
        {
            "defaults": domain.settings.client_properties,
            "overrides": {"prefix": f"catalogs/{domain.catalog(warehouse)}"},
            "endpoints": endpoints,
        }
    )


def list_all(domain: Domain, call: Call) -> Response:
    catalog = domain.catalog(call.path["catalog"])
    parent = call.query.get("parent")
    levels = decode_namespace(parent) if parent else ()
    request = PageRequest.parse(call.query.get("pageToken"), call.query.get("pageSize"))
    page = domain.namespaces.children(catalog, levels, request)
    return listing("namespaces", [[name] for name in page.names], page)


def create(domain: Domain, call: Call) -> Response:
    catalog = domain.catalog(call.path["catalog"])
    body = call.parse(CreateNamespace)
    domain.namespaces.create(catalog, body.namespace, body.properties)
    return json_answer({"namespace": body.namespace, "properties": body.properties})


def load(domain: Domain, call: Call) -> Response:
    catalog = domain.catalog(call.path["catalog"])
    properties = domain.namespaces.properties(catalog, call.levels)
    return json_answer({"namespace": list(call.levels), "properties": properties})


def exists(domain: Domain, call: Call) -> Response:
    domain.namespaces.properties(domain.catalog(call.path["catalog"]), call.levels)
    return nothing()


def drop(domain: Domain, call: Call) -> Response:
    domain.namespaces.drop(domain.catalog(call.path["catalog"]), call.levels)
    return nothing()


def update_properties(domain: Domain, call: Call) -> Response:
    catalog = domain.catalog(call.path["catalog"])
    body = call.parse(UpdateProperties)
    changes = domain.namespaces.change(catalog, call.levels, body.updates, body.removals)
    return json_answer(
        {"updated": changes.updated, "removed": changes.removed, "missing": changes.missing}
    )
