"""Subresources other than status, and reviews."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from spark_emulators.kubernetes.api import patches, podactions, scale, writes
from spark_emulators.kubernetes.api.objects import timestamp
from spark_emulators.kubernetes.api.reading import read_kind
from spark_emulators.kubernetes.api.requests import Caller, WriteOptions
from spark_emulators.kubernetes.auth import reviews
from spark_emulators.kubernetes.auth.authentication import Authenticator
from spark_emulators.kubernetes.auth.authorization import Authorizer
from spark_emulators.kubernetes.auth.tokens import ISSUER
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.namespaces import finalize
from spark_emulators.kubernetes.errors import ApiError, Cause, bad_request, invalid, no_such_path
from spark_emulators.kubernetes.patch.jsonpatch import apply_json_patch, apply_merge_patch
from spark_emulators.kubernetes.schemas.builtin import schema_of
from spark_emulators.kubernetes.store.store import Object
from spark_emulators.kubernetes.wire import bodies, forms, options, resources, statuses, streams
from spark_emulators.kubernetes.wire.http import Response, Send
from spark_emulators.kubernetes.wire.resources import Call

__all__ = ["handle", "review"]

_SHORTEST_S, _DEFAULT_S, _LONGEST_S = 600, 3600, 2**32


async def handle(call: Call, cluster: Cluster, send: Send) -> Response | None:
    """Answer a request for a subresource; None where the answer was streamed.

    Raises:
        ApiError: 404, 405, and whatever the domain refuses.
    """
    sub = call.target.sub
    if sub is None:
        raise no_such_path()
    verb = "get" if call.request.is_websocket else call.target.verb
    if verb not in sub.verbs:
        raise ApiError(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    if sub.name in streams.NAMES:
        return await streams.handle(call, cluster, send)
    handler = _HANDLERS.get(sub.name)
    if handler is None:
        raise no_such_path()
    return await handler(call, cluster)


async def review(
    call: Call, cluster: Cluster, authorizer: Authorizer | None, authenticator: Authenticator
) -> Response:
    """Answer a review, or bind a pod by the old path.

    Raises:
        ApiError: 405 for anything but asking.
    """
    if call.target.verb != "create":
        raise ApiError(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    body = await _body(call)
    kind = call.resource.kind
    if kind == "Binding":
        name = (body.get("metadata") or {}).get("name", "") if isinstance(body, dict) else ""
        how = options.write_options(call.request, call.caller, "create")
        podactions.bind(call.context, call.target.namespace, name, body, how)
        return Response(statuses.success(), 201)
    value = _typed(body, call.resource.group, call.resource.version, kind)
    answered = reviews.answer(value, call.caller, authorizer, authenticator)
    return forms.value_response(answered, call.form(), 201)


async def _scale(call: Call, cluster: Cluster) -> Response:
    target, context = call.target, call.context
    found = scale.get_scale(context, call.resource, target.namespace, target.name)
    if target.verb == "get":
        return forms.value_response(found, call.form())
    how = options.write_options(call.request, call.caller, target.verb)
    if target.verb == "update":
        changed = await _body(call)
    else:
        changed = await _patched(call, found)
    found = scale.set_scale(context, call.resource, target.namespace, target.name, changed, how)
    return forms.value_response(found, call.form())


async def _patched(call: Call, value: Object) -> Any:
    kind = resources.PATCHES.get(bodies.media_type(call.request.headers.get("content-type", "")))
    data = await call.request.body()
    if kind == patches.JSON:
        return apply_json_patch(value, bodies.parse_json(data)[0])
    if kind is None:
        raise ApiError(
            415, "UnsupportedMediaType", "the body of the request was in an unknown format"
        )
    body = bodies.parse_yaml(data) if kind == patches.APPLY else bodies.parse_json(data)[0]
    return apply_merge_patch(value, body)


async def _binding(call: Call, cluster: Cluster) -> Response:
    how = options.write_options(call.request, call.caller, "create")
    body = await _body(call)
    podactions.bind(call.context, call.target.namespace, call.target.name, body, how)
    return Response(statuses.success(), 201)


async def _eviction(call: Call, cluster: Cluster) -> Response:
    body = await _body(call)
    wanted = body.get("deleteOptions") if isinstance(body, dict) else None
    how = options.delete_options(call.request, wanted, call.caller)
    podactions.evict(call.context, call.target.namespace, call.target.name, how)
    return Response(statuses.success(), 201)


async def _finalize(call: Call, cluster: Cluster) -> Response:
    name = call.target.name
    stored = writes.get_stored(call.context, call.resource, "", name)
    body = await _body(call)
    spec = body.get("spec") if isinstance(body, dict) else None
    left = (spec or {}).get("finalizers") or []
    found = finalize(call.context, name, list(left))
    return forms.value_response(found or stored.value, call.form())


async def _token(call: Call, cluster: Cluster) -> Response:
    namespace, name = call.target.namespace, call.target.name
    account = writes.get_stored(call.context, call.resource, namespace, name).value
    value = _typed(await _body(call), "authentication.k8s.io", "v1", "TokenRequest")
    spec = dict(value.get("spec") or {})
    seconds = spec.get("expirationSeconds", _DEFAULT_S)
    if not _SHORTEST_S <= seconds <= _LONGEST_S:
        detail = (
            "may not specify a duration less than 10 minutes"
            if seconds < _SHORTEST_S
            else "may not specify a duration larger than 2^32 seconds"
        )
        causes = [Cause.invalid("spec.expirationSeconds", seconds, detail)]
        raise invalid("authentication.k8s.io", "TokenRequest", "", causes)
    audiences = spec.get("audiences") or [ISSUER]
    bound = spec.get("boundObjectRef")
    if bound:
        bound = _bound(call, namespace, dict(bound))
    token, expires = cluster.tokens.issue(account, seconds, audiences, bound)
    spec.update(audiences=audiences, expirationSeconds=seconds, boundObjectRef=bound)
    metadata = {
        "name": name,
        "namespace": namespace,
        "creationTimestamp": call.context.timestamp(),
    }
    status = {"token": token, "expirationTimestamp": timestamp(expires)}
    answered = {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": metadata,
        "spec": spec,
        "status": status,
    }
    return forms.value_response(answered, call.form(), 201)


def _bound(call: Call, namespace: str, reference: dict[str, str]) -> dict[str, str]:
    kind, name = reference.get("kind", ""), reference.get("name", "")
    if kind not in ("Pod", "Secret", "Node"):
        raise bad_request(f"cannot bind token for serviceaccount to object of kind {kind}")
    resource = call.context.registry.core(f"{kind.lower()}s")
    found = writes.get_stored(call.context, resource, namespace, name).value
    uid = found["metadata"]["uid"]
    if reference.get("uid") and reference["uid"] != uid:
        raise ApiError(
            409,
            "Conflict",
            "the UID in the bound object reference does not match the UID in record",
        )
    return {"kind": kind, "apiVersion": "v1", "name": name, "uid": uid}


async def _plain(call: Call, cluster: Cluster) -> Response:
    """Ephemeral containers and resize: writes of the pod through another door."""
    return await resources.handle(call)


async def _body(call: Call) -> Any:
    return bodies.parse(await call.request.body(), call.request.headers.get("content-type", ""))[0]


def _typed(body: Any, group: str, version: str, kind: str) -> Object:
    api_version = f"{group}/{version}" if group else version
    if not isinstance(body, dict) or body.get("kind", kind) != kind:
        raise bad_request(f"the body is not a {kind}")
    how = WriteOptions(caller=Caller(""), validation="Ignore")
    return read_kind(
        {**body, "kind": kind, "apiVersion": api_version}, schema_of(group, version, kind), how
    )


_HANDLERS: dict[str, Callable[[Call, Cluster], Awaitable[Response]]] = {
    "scale": _scale,
    "binding": _binding,
    "eviction": _eviction,
    "finalize": _finalize,
    "token": _token,
    "ephemeralcontainers": _plain,
    "resize": _plain,
    "approval": _plain,
}
