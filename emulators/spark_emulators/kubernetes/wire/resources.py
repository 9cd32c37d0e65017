"""The verbs on resources."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api import deletion, patches, writes
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.lists import list_objects
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.errors import ApiError, bad_request, method_not_allowed
from spark_emulators.kubernetes.store.store import Object, encode
from spark_emulators.kubernetes.wire import bodies, forms, options, statuses
from spark_emulators.kubernetes.wire.http import Request, Response
from spark_emulators.kubernetes.wire.negotiation import Form, negotiate
from spark_emulators.kubernetes.wire.paths import Target

__all__ = ["PATCHES", "Call", "handle", "read_patch"]

PATCHES: Mapping[str, str] = {
    "application/json-patch+json": patches.JSON,
    "application/merge-patch+json": patches.MERGE,
    "application/strategic-merge-patch+json": patches.STRATEGIC,
    "application/apply-patch+yaml": patches.APPLY,
}


@dataclass(frozen=True)
class Call:
    """A request whose path, caller and resource are known."""

    context: Context
    request: Request
    target: Target
    resource: Resource
    caller: Caller

    def form(self) -> Form:
        return negotiate(self.request.headers.get("accept", ""))


async def handle(call: Call) -> Response:
    """Answer a request for a resource, its objects or their status.

    Raises:
        ApiError: whatever the domain refuses.
    """
    verb = call.target.verb
    if verb not in call.resource.verbs:
        raise method_not_allowed(call.resource.group, call.resource.plural, verb)
    if verb in ("create", "deletecollection", "list") and call.target.name:
        raise method_not_allowed(call.resource.group, call.resource.plural, verb)
    if verb in ("update", "patch") and not call.target.name:
        raise method_not_allowed(call.resource.group, call.resource.plural, verb)
    return await _HANDLERS[verb](call)


async def _get(call: Call) -> Response:
    form, target = call.form(), call.target
    stored = writes.get_stored(call.context, call.resource, target.namespace, target.name)
    return forms.object_response(stored, call.resource, form, call.request, call.context.now())


async def _list(call: Call) -> Response:
    form = call.form()
    page = list_objects(
        call.context, call.resource, call.target.namespace, options.list_options(call.request)
    )
    return forms.list_response(page, call.resource, form, call.request, call.context.now())


async def _create(call: Call) -> Response:
    form = call.form()
    body, doubles = bodies.parse(
        await call.request.body(), call.request.headers.get("content-type", "")
    )
    how = options.write_options(call.request, call.caller, "create", doubles)
    stored = writes.create(call.context, call.resource, call.target.namespace, body, how)
    return forms.object_response(stored, call.resource, form, call.request, call.context.now(), 201)


async def _update(call: Call) -> Response:
    form, target = call.form(), call.target
    body, doubles = bodies.parse(
        await call.request.body(), call.request.headers.get("content-type", "")
    )
    how = options.write_options(call.request, call.caller, "update", doubles)
    stored, made = writes.update(
        call.context, call.resource, target.namespace, target.name, body, how, target.subresource
    )
    code = 201 if made else 200
    return forms.object_response(
        stored, call.resource, form, call.request, call.context.now(), code
    )


async def read_patch(call: Call) -> tuple[str, Any, tuple[str, ...]]:
    """The kind of patch, the patch, and paths that came twice.

    Raises:
        ApiError: 415 for kinds this resource does not take; 400.
    """
    kind = PATCHES.get(bodies.media_type(call.request.headers.get("content-type", "")))
    if kind is None or (kind == patches.STRATEGIC and call.resource.custom is not None):
        taken = [
            media
            for media, each in PATCHES.items()
            if call.resource.custom is None or each != patches.STRATEGIC
        ]
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include: "
            + ", ".join(taken),
        )
    data = await call.request.body()
    if kind == patches.APPLY:
        return kind, bodies.parse_yaml(data), ()
    try:
        body, doubles = bodies.parse_json(data)
    except ApiError as error:
        text = error.message.partition("json parse error: ")[2] or error.message
        raise bad_request(f"error decoding patch: {text}") from error
    return kind, body, doubles


async def _patch(call: Call) -> Response:
    form, target = call.form(), call.target
    kind, body, doubles = await read_patch(call)
    how = options.write_options(call.request, call.caller, "patch", doubles, kind == patches.APPLY)
    stored, made = patches.patch(
        call.context, call.resource, target.namespace, target.name, kind, body, how,
        target.subresource,
    )  # fmt: skip
    code = 201 if made else 200
    return forms.object_response(
        stored, call.resource, form, call.request, call.context.now(), code
    )


async def _delete(call: Call) -> Response:
    form, target, resource = call.form(), call.target, call.resource
    how = options.delete_options(call.request, await _option_body(call), call.caller)
    deleted = deletion.delete(call.context, resource, target.namespace, target.name, how)
    if not deleted.gone or resource.strategy.answers_object:
        return forms.object_response(
            deleted.stored, resource, form, call.request, call.context.now()
        )
    details = {
        "name": target.name,
        "group": resource.group,
        "kind": resource.plural,
        "uid": deleted.stored.value["metadata"]["uid"],
    }
    details = {key: each for key, each in details.items() if each}
    return forms.value_response(statuses.success(details), form)


async def _delete_collection(call: Call) -> Response:
    form, resource = call.form(), call.resource
    how = options.delete_options(call.request, await _option_body(call), call.caller)
    which = options.list_options(call.request)
    found = deletion.delete_collection(call.context, resource, call.target.namespace, which, how)
    head: Object = {
        "kind": resource.list_kind,
        "apiVersion": resource.api_version,
        "metadata": {"resourceVersion": str(call.context.store.revision)},
        "items": [each.value for each in found],
    }
    return forms.value_response(head, form) if form.media == "yaml" else Response(encode(head))


async def _option_body(call: Call) -> Any:
    data = await call.request.body()
    if not data.strip():
        return None
    kind = bodies.media_type(call.request.headers.get("content-type", ""))
    # several clients send options without saying what they are
    if kind.endswith(("yaml", "protobuf")):
        return bodies.parse(data, kind)[0]
    return bodies.parse_json(data)[0]


_HANDLERS: dict[str, Callable[[Call], Awaitable[Response]]] = {
    "get": _get,
    "list": _list,
    "create": _create,
    "update": _update,
    "patch": _patch,
    "delete": _delete,
    "deletecollection": _delete_collection,
}
