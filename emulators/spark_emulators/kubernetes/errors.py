"""What the API refuses, in Kubernetes' own terms.

The domain raises ``ApiError`` and nothing else; ``wire.statuses`` makes the ``Status`` body. The
texts are what clients of the real server read (and, sometimes, search), so they are its texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spark_platform.kernel.errors import PlatformError

__all__ = [
    "ApiError",
    "Cause",
    "already_exists",
    "bad_request",
    "conflict",
    "expired",
    "forbidden",
    "invalid",
    "method_not_allowed",
    "not_found",
    "too_large_version",
]


@dataclass(frozen=True)
class Cause:
    """One field's fault.

    Attributes:
        reason: such as ``FieldValueRequired``; empty where Kubernetes gives none.
        message: the text without the field.
        field: path as Kubernetes writes it: ``spec.containers[0].name``.
    """

    reason: str
    message: str
    field: str = ""

    @classmethod
    def required(cls, path: str, detail: str = "") -> Cause:
        return cls("FieldValueRequired", _join("Required value", detail), path)

    @classmethod
    def invalid(cls, path: str, value: object, detail: str) -> Cause:
        return cls("FieldValueInvalid", f"Invalid value: {show(value)}: {detail}", path)

    @classmethod
    def duplicate(cls, path: str, value: object) -> Cause:
        return cls("FieldValueDuplicate", f"Duplicate value: {show(value)}", path)

    @classmethod
    def not_found(cls, path: str, value: object) -> Cause:
        return cls("FieldValueNotFound", f"Not found: {show(value)}", path)

    @classmethod
    def forbidden(cls, path: str, detail: str) -> Cause:
        return cls("FieldValueForbidden", f"Forbidden: {detail}", path)

    @classmethod
    def unsupported(cls, path: str, value: object, allowed: Sequence[str]) -> Cause:
        names = ", ".join(f'"{each}"' for each in allowed)
        return cls(
            "FieldValueNotSupported",
            f"Unsupported value: {show(value)}: supported values: {names}",
            path,
        )

    @classmethod
    def wrong_type(cls, path: str, value: object, detail: str) -> Cause:
        return cls("FieldValueTypeInvalid", f"Invalid value: {show(value)}: {detail}", path)

    @classmethod
    def too_long(cls, path: str, limit: int) -> Cause:
        return cls("FieldValueTooLong", f"Too long: may not be more than {limit} bytes", path)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class ApiError(PlatformError):
    """A refusal that has a Kubernetes ``Status``.

    Args:
        code: HTTP status.
        reason: the machine's word for it, such as ``AlreadyExists``; empty is Unknown.
        message: the human's.
        details: the Status' details: name, group, kind, uid, retryAfterSeconds, and causes, each a
            ``Cause``.
        metadata: the Status' list metadata; only an expired list has some.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Mapping[str, Any] | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.details = dict(details or {})
        self.metadata = dict(metadata or {})


@dataclass(frozen=True)
class Named:
    """What an error is about: group and plural (or kind), and the object's name."""

    group: str
    kind: str
    name: str = ""
    details: dict[str, Any] = field(default_factory=dict)

    def as_details(self) -> dict[str, Any]:
        found = {"name": self.name, "group": self.group, "kind": self.kind}
        return {key: value for key, value in found.items() if value}

    @property
    def qualified(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


def bad_request(message: str) -> ApiError:
    """400: the request cannot be read, or contradicts itself."""
    return ApiError(400, "BadRequest", message)


def not_found(group: str, plural: str, name: str) -> ApiError:
    """404: no such object."""
    about = Named(group, plural, name)
    return ApiError(404, "NotFound", f'{about.qualified} "{name}" not found', about.as_details())


def no_such_path() -> ApiError:
    """404: nothing is served at the path."""
    return ApiError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(group: str, plural: str, name: str, *, generated: bool = False) -> ApiError:
    """409: the name is taken; a generated one is worth another try."""
    about = Named(group, plural, name)
    details = about.as_details()
    if generated:
        details["retryAfterSeconds"] = 1
        message = "the server was not able to generate a unique name for the object"
        message = f'{about.qualified} "{name}" already exists, {message}'
    else:
        message = f'{about.qualified} "{name}" already exists'
    return ApiError(409, "AlreadyExists", message, details)


def conflict(group: str, plural: str, name: str, why: str = "") -> ApiError:
    """409: the writer's base is not the newest; also failed preconditions."""
    about = Named(group, plural, name)
    why = why or (
        "the object has been modified; please apply your changes to the latest version"
        " and try again"
    )
    message = f'Operation cannot be fulfilled on {about.qualified} "{name}": {why}'
    return ApiError(409, "Conflict", message, about.as_details())


def invalid(group: str, kind: str, name: str, causes: Sequence[Cause]) -> ApiError:
    """422: the object breaks rules of its kind; every fault is named."""
    about = Named(group, kind, name)
    texts = [str(each) for each in causes]
    text = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    message = f'{about.qualified} "{name}" is invalid: {text}'
    return ApiError(422, "Invalid", message, {**about.as_details(), "causes": list(causes)})


def forbidden(group: str, plural: str, name: str, why: str) -> ApiError:
    """403: the caller may not, or a policy of the cluster says no."""
    about = Named(group, plural, name)
    message = (
        f'{about.qualified} "{name}" is forbidden: {why}'
        if name
        else f"{about.qualified} is forbidden: {why}"
    )
    return ApiError(403, "Forbidden", message, about.as_details())


def method_not_allowed(group: str, plural: str, verb: str) -> ApiError:
    """405: the resource has no such verb."""
    about = Named(group, plural)
    message = f"{verb} is not supported on resources of kind {about.qualified!r}".replace("'", '"')
    return ApiError(405, "MethodNotAllowed", message, about.as_details())


def expired(message: str, metadata: Mapping[str, Any] | None = None) -> ApiError:
    """410: the version asked for is older than what is remembered."""
    return ApiError(410, "Expired", message, metadata=metadata)


def too_large_version(asked: int, current: int) -> ApiError:
    """504: the version asked for has not been reached."""
    message = f"Too large resource version: {asked}, current: {current}"
    cause = Cause("ResourceVersionTooLarge", "Too large resource version")
    return ApiError(
        504, "Timeout", f"Timeout: {message}", {"causes": [cause], "retryAfterSeconds": 1}
    )


def show(value: object) -> str:
    """A value as Go prints it in these messages."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if value is None:
        return "null"
    if isinstance(value, (dict, list)):
        import json

        return json.dumps(value, separators=(",", ":"))
    return str(value)


def _join(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head
