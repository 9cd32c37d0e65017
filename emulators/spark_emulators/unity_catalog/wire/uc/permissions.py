"""Permissions: what was granted on a securable, and what counts there.

The two vendors' clients call the same URLs and each drops or refuses the other's spelling of
privileges, so an answer is spelled as its request was, or as its client is known to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from pydantic import BaseModel, Field
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from spark_emulators.unity_catalog.access.permissions import Effective, Permissions
from spark_emulators.unity_catalog.access.privileges import Privilege, kind_of, privilege_of
from spark_emulators.unity_catalog.securables import Kind
from spark_emulators.unity_catalog.store.grants import GrantChange
from spark_emulators.unity_catalog.wire.endpoint import Call, endpoint
from spark_emulators.unity_catalog.wire.uc.errors import error_answer

__all__ = ["permission_routes"]

_DATABRICKS_SDK = "databricks-sdk-py/"


class _Change(BaseModel):
    principal: str
    add: list[str] | None = None
    remove: list[str] | None = None

    @property
    def spelled(self) -> list[str]:
        return [*(self.add or ()), *(self.remove or ())]

    def read(self) -> GrantChange:
        add, remove = (
            frozenset(map(privilege_of, names or ())) for names in (self.add, self.remove)
        )
        return GrantChange(self.principal, add, remove)


class _Changes(BaseModel):
    changes: list[_Change] = Field(min_length=1)


def permission_routes(permissions: Permissions, base: str) -> list[BaseRoute]:
    """The routes.

    Args:
        base: the API's path.
    """
    name = "{type}/{full_name}"
    served = (
        ("GET", f"{base}/permissions/{name}", _direct),
        ("PATCH", f"{base}/permissions/{name}", _change),
        ("GET", f"{base}/effective-permissions/{name}", _effective),
    )
    return [
        Route(path, endpoint(partial(handler, permissions), error_answer, Call), methods=[method])
        for method, path, handler in served
    ]


def _direct(permissions: Permissions, call: Call) -> Response:
    held = permissions.direct(*_named(call), call.query.get("principal"))
    return _assignments(held, underscored=_is_databricks(call))


def _change(permissions: Permissions, call: Call) -> Response:
    kind, full_name = _named(call)
    changes = call.parse(_Changes).changes
    held = permissions.change(kind, full_name, [change.read() for change in changes])
    underscored = any("_" in name for change in changes for name in change.spelled)
    return _assignments(held, underscored=underscored or _is_databricks(call))


def _effective(permissions: Permissions, call: Call) -> Response:
    held = permissions.effective(*_named(call), call.query.get("principal"))
    # only Databricks has this path
    return _listed({name: [_told(one) for one in each] for name, each in held.items()})


def _named(call: Call) -> tuple[Kind, str]:
    return kind_of(call.path["type"]), call.path["full_name"]


def _is_databricks(call: Call) -> bool:
    return _DATABRICKS_SDK in call.headers.get("user-agent", "")


def _assignments(held: Mapping[str, frozenset[Privilege]], *, underscored: bool) -> Response:
    return _listed(
        {
            name: [one.name if underscored else one.value for one in sorted(privileges)]
            for name, privileges in held.items()
        }
    )


def _told(effective: Effective) -> dict[str, str]:
    told = {"privilege": effective.privilege.name}
    if effective.source is not None:
        told["inherited_from_type"] = effective.source.securable.kind.name
        told["inherited_from_name"] = effective.source.full_name
    return told


def _listed(privileges: Mapping[str, Sequence[Any]]) -> Response:
    assignments = [
        {"principal": name, "privileges": held} for name, held in sorted(privileges.items()) if held
    ]
    return JSONResponse({"privilege_assignments": assignments})
