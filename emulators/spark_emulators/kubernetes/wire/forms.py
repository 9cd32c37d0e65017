"""Objects, lists and events in the form a client asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from spark_emulators.kubernetes.api.lists import Page
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.tables import table
from spark_emulators.kubernetes.api.watches import BOOKMARK, INITIAL_END, Event
from spark_emulators.kubernetes.store.store import Object, Stored, encode
from spark_emulators.kubernetes.wire.http import Request, Response
from spark_emulators.kubernetes.wire.negotiation import Form

__all__ = ["event_line", "list_response", "object_response", "value_response"]


def object_response(
    stored: Stored, resource: Resource, form: Form, request: Request, now: float, code: int = 200
) -> Response:
    """One object."""
    if form.shape:
        return _response(_shaped(stored, resource, form, request, now), form, code)
    if form.media == "yaml":
        return _response(stored.value, form, code)
    return Response(stored.encoded, code)


def value_response(value: Any, form: Form, code: int = 200) -> Response:
    """Any value, as JSON or YAML."""
    return _response(value, form, code)


def _response(value: Any, form: Form, code: int) -> Response:
    if form.media == "yaml":
        import yaml

        return Response(yaml.safe_dump(value, sort_keys=False).encode(), code, "application/yaml")
    return Response(encode(value), code)


def list_response(
    page: Page, resource: Resource, form: Form, request: Request, now: float
) -> Response:
    """A list, from what each object was encoded to before."""
    metadata: dict[str, Any] = {"resourceVersion": str(page.revision)}
    if page.token:
        metadata["continue"] = page.token
    if page.remaining:
        metadata["remainingItemCount"] = page.remaining
    if form.shape == "Table":
        return _response(
            table(resource, page.objects, metadata, _include(request), form.version, now), form, 200
        )
    if form.shape:
        items = [_partial(each.value, form) for each in page.objects]
        listed = {
            "kind": "PartialObjectMetadataList",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": metadata,
            "items": items,
        }
        return _response(listed, form, 200)
    head = {
        "kind": resource.list_kind,
        "apiVersion": resource.api_version,
        "metadata": metadata,
    }
    if form.media == "yaml":
        return _response({**head, "items": [each.value for each in page.objects]}, form, 200)
    encoded = b",".join(_items(page.objects, resource))
    return Response(encode(head)[:-1] + b',"items":[' + encoded + b"]}")


def _items(objects: Sequence[Stored], resource: Resource) -> list[bytes]:
    if resource.custom is not None:
        return [each.encoded for each in objects]
    # items of typed lists carry no kind; every stored object begins with it
    head = encode({"kind": resource.kind, "apiVersion": resource.api_version})[:-1] + b","
    return [b"{" + each.encoded[len(head) :] for each in objects]


def _shaped(stored: Stored, resource: Resource, form: Form, request: Request, now: float) -> Any:
    if form.shape == "Table":
        metadata = {"resourceVersion": stored.value["metadata"].get("resourceVersion", "")}
        return table(resource, [stored], metadata, _include(request), form.version, now)
    return _partial(stored.value, form)


def _partial(value: Object, form: Form) -> Object:
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": f"meta.k8s.io/{form.version}",
        "metadata": value["metadata"],
    }


def _include(request: Request) -> str:
    return request.query.get("includeObject", "Metadata") or "Metadata"


def event_line(
    event: Event, resource: Resource, form: Form, request: Request, now: float, first: bool
) -> bytes:
    """A watch event as one line.

    Args:
        first: of a stream of tables only the first carries the columns.
    """
    if event.type == BOOKMARK:
        return _bookmark(event, resource, form)
    assert event.stored is not None
    if not form.shape:
        encoded = event.stored.encoded
    else:
        shaped = _shaped(event.stored, resource, form, request, now)
        if form.shape == "Table" and not first:
            shaped["columnDefinitions"] = []
        encoded = encode(shaped)
    return b'{"type":"%s","object":%s}\n' % (event.type.encode(), encoded)


def _bookmark(event: Event, resource: Resource, form: Form) -> bytes:
    metadata: dict[str, Any] = {"resourceVersion": str(event.revision), "creationTimestamp": None}
    if event.ends_initial:
        metadata["annotations"] = {INITIAL_END: "true"}
    value: Object = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": metadata,
    }
    if form.shape == "Table":
        value = {
            "kind": "Table",
            "apiVersion": f"meta.k8s.io/{form.version}",
            "metadata": {"resourceVersion": str(event.revision)},
            "columnDefinitions": [],
            "rows": [{"cells": [], "object": value}] if event.ends_initial else [],
        }
    elif form.shape:
        value = _partial(value, form)
    return b'{"type":"BOOKMARK","object":%s}\n' % encode(value)
