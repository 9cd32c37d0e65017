"""SCIM 2 (RFC 7643, RFC 7644): principals as documents, requests and errors as it has them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel
from starlette.responses import JSONResponse, Response

from spark_emulators.unity_catalog.access.principals import Principal, PrincipalKind
from spark_platform.kernel.errors import InvalidInput, PlatformError
from spark_platform.kernel.statuses import http_status_of

__all__ = [
    "Body",
    "Operation",
    "Patch",
    "condition",
    "document",
    "error_answer",
    "page",
    "page_answer",
    "scim_answer",
]

_LOG = logging.getLogger(__name__)
_MEDIA_TYPE = "application/scim+json"
_MESSAGES = "urn:ietf:params:scim:api:messages:2.0"
_CORE = "urn:ietf:params:scim:schemas:core:2.0"
_DEFAULT_COUNT, _MOST = 50, 1000
_FILTER = re.compile(r"""\s*([A-Za-z.]+)\s+eq\s+(?:"([^"]*)"|'([^']*)')\s*""", re.IGNORECASE)
_ERROR_TYPES = {400: "invalidValue", 409: "uniqueness"}
_TYPES = {
    PrincipalKind.USER: "User",
    PrincipalKind.GROUP: "Group",
    PrincipalKind.SERVICE_PRINCIPAL: "ServicePrincipal",
}
# an attribute that can be searched by, and what it is called here
_SEARCHED = {
    "id": "id",
    "username": "name",
    "emails": "name",
    "emails.value": "name",
    "applicationid": "name",
    "displayname": "display_name",
    "externalid": "external_id",
}


class _Scim(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Reference(_Scim):
    """One of several values, such as an e-mail address or a member."""

    value: str
    primary: bool = False


class Body(_Scim):
    """A principal as clients send it; what nothing here keeps is passed over."""

    user_name: str | None = None
    display_name: str | None = None
    application_id: str | None = None
    external_id: str | None = None
    emails: Sequence[Reference] = ()
    members: Sequence[Reference] = ()
    active: bool = True

    @property
    def email(self) -> str | None:
        """The address that stands for a user: the primary one, else the first."""
        by_rank = sorted(self.emails, key=lambda email: not email.primary)
        return by_rank[0].value if by_rank else None


class Operation(_Scim):
    """One change of a PATCH."""

    op: str
    path: str | None = None
    value: Any = None


class Patch(_Scim):
    """A PATCH (RFC 7644, section 3.5.2)."""

    operations: Sequence[Operation] = Field(alias="Operations", min_length=1)


def document(principal: Principal, members: Sequence[Principal] = ()) -> dict[str, Any]:
    """A principal as SCIM's resource."""
    kind = _TYPES[principal.kind]
    shown: dict[str, Any] = {
        "schemas": [f"{_CORE}:{kind}"],
        "id": principal.id,
        "displayName": principal.display_name,
        "meta": {
            "resourceType": kind,
            "created": _time(principal.created_at),
            "lastModified": _time(principal.updated_at),
        },
    }
    if principal.external_id is not None:
        shown["externalId"] = principal.external_id
    if principal.kind is PrincipalKind.GROUP:
        return shown | {"members": [_member(one) for one in members]}
    shown["active"] = principal.active
    if principal.kind is PrincipalKind.SERVICE_PRINCIPAL:
        return shown | {"applicationId": principal.name}
    emails = [{"value": principal.name, "primary": True}]
    return shown | {"userName": principal.name, "emails": emails, "photos": []}


def page(query: Mapping[str, str]) -> tuple[int, int]:
    """How many to leave out and how many to show at most, of ``startIndex`` and ``count``.

    Raises:
        InvalidInput: one is no whole number.
    """
    start = max(_whole(query, "startIndex", 1), 1)
    count = max(_whole(query, "count", _DEFAULT_COUNT), 0)
    return min(start - 1, 2**31), min(count, _MOST)


def page_answer(documents: Sequence[Any], total: int, start: int) -> Response:
    """One page of a list.

    Args:
        start: how many were left out.
    """
    return scim_answer(
        {
            "schemas": [f"{_MESSAGES}:ListResponse"],
            "totalResults": total,
            "itemsPerPage": len(documents),
            "startIndex": start + 1,
            "Resources": documents,
        }
    )


def condition(query: Mapping[str, str]) -> dict[str, str]:
    """What fields of principals must be, of ``filter``.

    Raises:
        InvalidInput: it asks for more than the equality of one attribute.
    """
    text = query.get("filter", "")
    if not text.strip():
        return {}
    found = _FILTER.fullmatch(text)
    field = _SEARCHED.get(found[1].lower()) if found else None
    if found is None or field is None:
        raise InvalidInput(
            f"filter {text[:80]!r} is not supported",
            hint='ATTRIBUTE eq "VALUE", of userName, emails.value, displayName, externalId, '
            "applicationId or id",
        )
    return {field: found[2] if found[2] is not None else found[3]}


def scim_answer(body: Any, status: int = 200) -> Response:
    return JSONResponse(body, status, media_type=_MEDIA_TYPE)


def error_answer(error: Exception) -> Response:
    """The answer for ``error`` (RFC 7644, section 3.12).

    An error nobody foresaw is 500; what it says goes to the log, for it may quote anything.
    """
    if isinstance(error, PlatformError):
        status, detail = http_status_of(error), str(error)
    else:
        _LOG.error("cannot answer a request", exc_info=error)
        status, detail = 500, "the catalog failed; its log says why"
    # a string, the standard says
    body = {"schemas": [f"{_MESSAGES}:Error"], "status": str(status), "detail": detail}
    if status in _ERROR_TYPES:
        body["scimType"] = _ERROR_TYPES[status]
    return scim_answer(body, status)


def _member(principal: Principal) -> dict[str, str]:
    return {
        "value": principal.id,
        "display": principal.display_name,
        "type": _TYPES[principal.kind],
    }


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not re.fullmatch(r"-?[0-9]{1,18}", text):
        raise InvalidInput(f"{name} must be a whole number, not {text[:32]!r}")
    return int(text)


def _time(at_ms: int) -> str:
    at = datetime.fromtimestamp(at_ms / 1000, timezone.utc)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
