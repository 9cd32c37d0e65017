"""Small things every part does with objects."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, TypeVar, cast

from spark_emulators.kubernetes.store.store import Object

__all__ = ["copy", "dig", "metadata", "owner_of", "parse_time", "timestamp"]


T = TypeVar("T")


def copy(value: T) -> T:
    """A deep copy of JSON; several times faster than the standard library's."""
    return cast("T", _copied(value))


def _copied(value: Any) -> Any:
    # not isinstance: JSON has these two, and the test is twice as fast
    if type(value) is dict:
        return {key: _copied(each) for key, each in value.items()}
    if type(value) is list:
        return [_copied(each) for each in value]
    return value


def metadata(value: Mapping[str, Any]) -> dict[str, Any]:
    """An object's metadata, which every stored object has."""
    return cast("dict[str, Any]", value["metadata"])


def dig(value: Any, *path: str) -> Any:
    """The value at ``path``; None as soon as something on the way is absent."""
    for each in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(each)
    return value


def timestamp(seconds: float) -> str:
    """RFC 3339 in whole seconds."""
    moment = datetime.fromtimestamp(int(seconds), timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_time(text: str) -> float:
    """Seconds since the epoch.

    Raises:
        ValueError: it is not RFC 3339.
    """
    return datetime.fromisoformat(text.upper().replace("Z", "+00:00")).timestamp()


def owner_of(value: Object) -> Mapping[str, Any] | None:
    """The owner reference with ``controller: true``."""
    for each in owners(value):
        if each.get("controller"):
            return each
    return None


def owners(value: Object) -> Iterator[Mapping[str, Any]]:
    """All owner references."""
    yield from metadata(value).get("ownerReferences") or ()
