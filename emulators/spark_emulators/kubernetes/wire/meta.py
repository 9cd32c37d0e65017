"""Paths that are no resources: discovery, OpenAPI, health, version."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, no_such_path
from spark_emulators.kubernetes.wire import discovery, openapi
from spark_emulators.kubernetes.wire.forms import value_response
from spark_emulators.kubernetes.wire.http import Request, Response
from spark_emulators.kubernetes.wire.negotiation import negotiate

__all__ = ["handle_meta"]

_HEALTH = frozenset({"healthz", "livez", "readyz"})


def handle_meta(cluster: Cluster, request: Request, address: str) -> Response:
    """Answer a GET of a path that names no resource.

    Raises:
        ApiError: 404, 405, 406.
    """
    parts = request.segments
    if parts[:1] and parts[0] in _HEALTH:
        return _health(parts[0], request)
    if request.method not in ("GET", "HEAD"):
        raise ApiError(
            405,
            "MethodNotAllowed",
            "the server does not allow this method on the requested resource",
        )
    if parts[:2] == ["openapi", "v2"]:
        return openapi.version_2(cluster.context.registry, cluster.context.store, request)
    if parts[:2] == ["openapi", "v3"]:
        return openapi.version_3(cluster.context.registry, cluster.context.store, request)
    form = negotiate(request.headers.get("accept", ""), shapes=False, discovery=True)
    registry = cluster.context.registry
    found: dict[str, Any] | None = None
    if parts in (["api"], ["apis"]) and form.shape:
        found = discovery.aggregated(registry, core=parts == ["api"])
        media = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        return Response(found, media_type=media, headers={"vary": "Accept"})
    if parts == ["api"]:
        found = discovery.api_versions(address)
    elif parts == ["apis"]:
        found = discovery.groups(registry)
    elif parts == ["version"]:
        found = discovery.version()
    elif not parts:
        found = {"paths": _paths(cluster)}
    elif parts[0] == "api" and len(parts) == 2:
        found = discovery.resources(registry, "", parts[1])
    elif parts[0] == "apis" and len(parts) == 2:
        found = discovery.group(registry, parts[1])
    elif parts[0] == "apis" and len(parts) == 3:
        found = discovery.resources(registry, parts[1], parts[2])
    elif parts == [".well-known", "openid-configuration"]:
        found = cluster.tokens.configuration()
    elif parts == ["openid", "v1", "jwks"]:
        return Response(cluster.tokens.keys(), media_type="application/jwk-set+json")
    if found is None:
        raise no_such_path()
    return value_response(found, form)


def _health(name: str, request: Request) -> Response:
    verbose = f"[+]ping ok\n[+]etcd ok\n{name} check passed\n"
    text = verbose if "verbose" in request.query else "ok"
    return Response(
        text.encode(),
        media_type="text/plain; charset=utf-8",
        headers={"x-content-type-options": "nosniff"},
    )


def _paths(cluster: Cluster) -> list[str]:
    found = ["/api", "/api/v1", "/apis"]
    for name, versions in cluster.context.registry.groups().items():
        if name:
            found += [f"/apis/{name}", *(f"/apis/{name}/{each}" for each in versions)]
    return [*found, "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"]
