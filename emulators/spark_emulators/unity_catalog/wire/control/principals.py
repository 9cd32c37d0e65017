"""Users, groups and service principals: list, add, show, change, remove."""

from __future__ import annotations

import dataclasses
import re
import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timezone
from functools import partial
from typing import Any

from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from spark_emulators.unity_catalog.access.control import Access
from spark_emulators.unity_catalog.access.principals import Principal, PrincipalKind
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.wire.control import scim
from spark_emulators.unity_catalog.wire.control.scim import Body, Operation, Patch
from spark_emulators.unity_catalog.wire.endpoint import Call, endpoint
from spark_platform.kernel.errors import InvalidInput, NotFound

__all__ = ["principal_routes"]

_COLLECTIONS = {
    "Users": PrincipalKind.USER,
    "Groups": PrincipalKind.GROUP,
    "ServicePrincipals": PrincipalKind.SERVICE_PRINCIPAL,
}
_SECRETS = "/api/2.0/accounts/servicePrincipals/{id}/credentials/secrets"
_ONE_MEMBER = re.compile(r"""members\[\s*value\s+eq\s+"([^"]+)"\s*\]""", re.IGNORECASE)


def principal_routes(access: Access, bases: Iterable[str]) -> list[BaseRoute]:
    """The routes.

    Args:
        bases: paths that SCIM is served below.
    """
    routes: list[BaseRoute] = [_route(_SECRETS, "POST", partial(_new_secret, access))]
    for base in bases:
        routes.append(_route(f"{base}/Me", "GET", partial(_me, access)))
        for collection, kind in _COLLECTIONS.items():
            handlers = _Handlers(access, kind)
            all_of_them, one = f"{base}/{collection}", f"{base}/{collection}/{{id}}"
            routes += [
                _route(all_of_them, "GET", handlers.list_all),
                _route(all_of_them, "POST", handlers.create),
                _route(one, "GET", handlers.load),
                _route(one, "PUT", handlers.replace),
                _route(one, "PATCH", handlers.patch),
                _route(one, "DELETE", handlers.delete),
            ]
    return routes


class _Handlers:
    """One kind of principals. All of it is the metastore's owner's business only."""

    def __init__(self, access: Access, kind: PrincipalKind) -> None:
        self._access, self._principals, self._kind = access, access.principals, kind

    def list_all(self, call: Call) -> Response:
        self._access.check_owner()
        start, count = scim.page(call.query)
        equal = scim.condition(call.query)
        found, total = self._principals.page(self._kind, equal, start=start, count=count)
        return scim.page_answer([self._document(one) for one in found], total, start)

    def create(self, call: Call) -> Response:
        self._access.check_owner()
        body = call.parse(Body)
        made = self._principals.create(
            self._kind,
            self._name_in(body),
            display_name=body.display_name or "",
            external_id=body.external_id,
            active=body.active,
            members=self._members_in(body),
        )
        return scim.scim_answer(self._document(made), 201)

    def load(self, call: Call) -> Response:
        self._access.check_owner()
        return self._answer(self._principals.by_id(self._kind, call.path["id"]))

    def replace(self, call: Call) -> Response:
        self._access.check_owner()
        body = call.parse(Body)

        def changed(before: Principal) -> Principal:
            return dataclasses.replace(
                before,
                name=self._name_in(body, before.name),
                display_name=body.display_name or before.display_name,
                external_id=body.external_id,
                active=body.active,
            )

        members = self._members_in(body)
        after = self._principals.change(self._kind, call.path["id"], changed, lambda _: members)
        return self._answer(after)

    def patch(self, call: Call) -> Response:
        self._access.check_owner()
        operations = call.parse(Patch).operations
        id = call.path["id"]
        if self._kind is PrincipalKind.GROUP:
            regrouped = self._principals.change(
                self._kind, id, lambda group: group, lambda ids: _regrouped(ids, operations)
            )
            return self._answer(regrouped)
        active = [_activity(operation) for operation in operations][-1]
        changed = partial(dataclasses.replace, active=active)
        return self._answer(self._principals.change(self._kind, id, changed))

    def delete(self, call: Call) -> Response:
        self._access.check_owner()
        self._principals.delete(self._kind, call.path["id"])
        return Response(status_code=204)

    def _name_in(self, body: Body, default: str = "") -> str:
        if self._kind is PrincipalKind.SERVICE_PRINCIPAL:
            return body.application_id or default or str(uuid.uuid4())
        if self._kind is PrincipalKind.GROUP:
            return body.display_name or default
        return body.email or body.user_name or default

    def _members_in(self, body: Body) -> frozenset[str]:
        is_group = self._kind is PrincipalKind.GROUP
        return frozenset(member.value for member in body.members if is_group)

    def _answer(self, principal: Principal) -> Response:
        return scim.scim_answer(self._document(principal))

    def _document(self, principal: Principal) -> dict[str, Any]:
        is_group = self._kind is PrincipalKind.GROUP
        return scim.document(principal, self._principals.members(principal) if is_group else ())


def _me(access: Access, _call: Call) -> Response:
    principal = access.principals.named(who())
    if principal is None:
        raise NotFound(f"there is no principal {who()}")
    return scim.scim_answer(scim.document(principal))


def _new_secret(access: Access, call: Call) -> Response:
    """Databricks' way to a service principal's secret. There is one: a new one replaces it."""
    access.check_owner()
    secret = access.login.new_secret(call.path["id"])
    now = datetime.fromtimestamp(int(time.time()), timezone.utc).isoformat()
    return JSONResponse(
        {
            "id": call.path["id"],
            "secret": secret,
            "status": "ACTIVE",
            "create_time": now.replace("+00:00", "Z"),
        },
        headers={"Cache-Control": "no-store"},
    )


def _activity(operation: Operation) -> bool:
    """What ``active`` becomes: nothing else of a user can be patched.

    Raises:
        InvalidInput: the operation is another.
    """
    value = operation.value
    if operation.path is None and isinstance(value, dict) and set(value) == {"active"}:
        value = value["active"]
    elif operation.path != "active":
        value = None
    if operation.op.lower() != "replace" or not isinstance(value, bool):
        raise InvalidInput('only {"op": "replace", "value": {"active": true or false}} is patched')
    return value


def _regrouped(ids: frozenset[str], operations: Iterable[Operation]) -> frozenset[str]:
    """The members of a group after a patch, of those before.

    Raises:
        InvalidInput: an operation is about something else than members.
    """
    for operation in operations:
        op, named = operation.op.lower(), _members_in(operation)
        if op == "add":
            ids |= named
        elif op == "remove":
            ids -= named
        elif op == "replace":
            ids = named
        else:
            raise InvalidInput(f"op must be add, remove or replace, not {operation.op[:32]!r}")
    return ids


def _members_in(operation: Operation) -> frozenset[str]:
    path, value = operation.path, operation.value
    if path is not None and (one := _ONE_MEMBER.fullmatch(path)):
        return frozenset({one[1]})
    if path is None and isinstance(value, dict) and set(value) == {"members"}:
        path, value = "members", value["members"]
    if path != "members" or not isinstance(value, list):
        raise InvalidInput(
            'only a group\'s members are patched: {"op", "path": "members", "value"}'
        )
    named = [one.get("value") if isinstance(one, dict) else None for one in value]
    if not all(isinstance(id, str) for id in named):
        raise InvalidInput('each member is {"value": ID}')
    return frozenset(str(id) for id in named)


def _route(path: str, method: str, handler: Any) -> Route:
    return Route(path, endpoint(handler, scim.error_answer, Call), methods=[method])
