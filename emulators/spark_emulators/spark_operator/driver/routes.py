"""Services of a driver's own, and the Ingresses and routes that lead to them."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from spark_emulators.spark_operator.driver.conf import Attempt
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_platform.kernel.errors import InvalidInput

__all__ = ["InvalidRoute", "routes_of"]


class InvalidRoute(InvalidInput):
    """What leads to a driver cannot be made as it is told: no attempt could mend that."""


def routes_of(
    spec: ApplicationSpec, attempt: Attempt, pod: Mapping[str, Any]
) -> Iterator[dict[str, Any]]:
    """Each entry's Service and what leads to it.

    Raises:
        InvalidRoute: an entry lacks a name, a port or where it is attached.
    """
    labels = pod["metadata"]["labels"]
    for index, entry in enumerate(spec.driver_service_ingress_list):
        where = f"spec.driverServiceIngressList[{index}]"
        service = _service(where, entry.service_metadata, entry.service_spec, attempt, labels)
        yield service
        rules = copy.deepcopy(entry.ingress_spec or {})
        rules.setdefault("rules", [_everything(service)])
        yield _object(
            "networking.k8s.io/v1", "Ingress", where, entry.ingress_metadata, rules, attempt
        )
    for index, http in enumerate(spec.driver_http_route_list):
        where = f"spec.driverHttpRouteList[{index}]"
        service = _service(where, http.service_metadata, http.service_spec, attempt, labels)
        yield service
        match = {"matches": [{"path": {"type": "PathPrefix", "value": "/"}}]}
        route = _route(where, http.http_route_spec, service, match)
        yield _object(
            "gateway.networking.k8s.io/v1", "HTTPRoute", where, http.http_route_metadata, route,
            attempt,
        )  # fmt: skip
    for index, grpc in enumerate(spec.driver_grpc_route_list):
        where = f"spec.driverGrpcRouteList[{index}]"
        service = _service(where, grpc.service_metadata, grpc.service_spec, attempt, labels)
        yield service
        route = _route(where, grpc.grpc_route_spec, service, {})
        yield _object(
            "gateway.networking.k8s.io/v1", "GRPCRoute", where, grpc.grpc_route_metadata, route,
            attempt,
        )  # fmt: skip


def _service(
    where: str,
    metadata: Mapping[str, Any],
    given: Mapping[str, Any],
    attempt: Attempt,
    labels: Mapping[str, str],
) -> dict[str, Any]:
    spec = {"selector": dict(labels), **copy.deepcopy(dict(given))}
    if not spec.get("ports"):
        raise InvalidRoute(f"{where}.serviceSpec.ports is empty: there is nothing to lead to")
    return _object("v1", "Service", f"{where}.service", metadata, spec, attempt)


def _object(
    api_version: str,
    kind: str,
    where: str,
    metadata: Mapping[str, Any],
    spec: Mapping[str, Any],
    attempt: Attempt,
) -> dict[str, Any]:
    if not metadata.get("name"):
        raise InvalidRoute(f"{where}Metadata.name is missing: the {kind} needs a name")
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {**metadata, "namespace": attempt.namespace},
        "spec": dict(spec),
    }


def _everything(service: Mapping[str, Any]) -> dict[str, Any]:
    port = {"number": service["spec"]["ports"][0]["port"]}
    backend = {"service": {"name": service["metadata"]["name"], "port": port}}
    path = {"path": "/", "pathType": "ImplementationSpecific", "backend": backend}
    return {"http": {"paths": [path]}}


def _route(
    where: str, given: Mapping[str, Any], service: Mapping[str, Any], rule: Mapping[str, Any]
) -> dict[str, Any]:
    spec = copy.deepcopy(dict(given))
    if not spec.get("parentRefs"):
        raise InvalidRoute(
            f"{where}: its route has no parentRefs: nothing leads to it",
            hint="name the Gateway it is attached to",
        )
    target = {"name": service["metadata"]["name"], "port": service["spec"]["ports"][0]["port"]}
    spec.setdefault("rules", [{**rule, "backendRefs": [target]}])
    return spec
