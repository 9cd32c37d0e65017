"""The services the testkit knows: one module each, its plan and its client."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.service import Service, ServiceRequest
from spark_testkit.services import (
    emr,
    gateway,
    gcs,
    history_server,
    kafka,
    kubernetes,
    runner,
    s3,
    spark_connect,
    spark_operator,
    token_issuer,
    unity_catalog,
)

__all__ = ["DEFAULT_SERVICES", "SERVICES", "closure", "guarded", "service"]

# in an order in which each comes after those it needs
SERVICES: dict[str, Service] = {
    each.kind: each
    for each in (
        s3.SERVICE,
        gcs.SERVICE,
        unity_catalog.SERVICE,
        kafka.SERVICE,
        history_server.SERVICE,
        spark_connect.SERVICE,
        emr.SERVICE,
        token_issuer.SERVICE,
        kubernetes.SERVICE,
        spark_operator.SERVICE,
        gateway.SERVICE,
        runner.SERVICE,
    )
}

DEFAULT_SERVICES: tuple[str, ...] = tuple(
    each.kind for each in SERVICES.values() if each.by_default
)


def service(kind: str) -> Service:
    """The service called ``kind``.

    Raises:
        InvalidInput: there is none; names the nearest and all of them.
    """
    try:
        return SERVICES[kind]
    except KeyError:
        near = difflib.get_close_matches(kind, SERVICES, n=1)
        raise InvalidInput(
            f"unknown service {kind!r}" + (f"; did you mean {near[0]!r}?" if near else ""),
            hint=f"services are: {', '.join(SERVICES)}",
        ) from None


def guarded(requests: Iterable[ServiceRequest]) -> list[ServiceRequest]:
    """The same requests, with a catalog that asks who one is where they need one at all."""
    wanted = list(requests)
    catalog = unity_catalog.SERVICE.kind
    if catalog not in {each.kind for each in closure(wanted)}:
        return wanted
    others = [each for each in wanted if each.kind != catalog]
    return [*others, ServiceRequest.of(catalog, auth=True)]


def closure(requests: Iterable[ServiceRequest]) -> list[ServiceRequest]:
    """``requests`` and all they need, each once, every service after those it needs.

    Raises:
        InvalidInput: a kind is unknown.
    """
    found: dict[str, ServiceRequest] = {request.name: request for request in requests}
    pending = list(found.values())
    while pending:
        for need in service(pending.pop().kind).needs:
            if need not in found:
                found[need] = ServiceRequest.of(need)
                pending.append(found[need])
    rank = {kind: position for position, kind in enumerate(SERVICES)}
    return sorted(found.values(), key=lambda request: (rank[request.kind], request.name))
