"""Bodies: JSON and YAML in, with what was said twice."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

from spark_emulators.kubernetes.errors import ApiError, bad_request

__all__ = ["media_type", "parse", "parse_yaml"]

_JSON = frozenset({"", "application/json", "*/*"})
_YAML = "application/yaml"
_PROTOBUF = "application/vnd.kubernetes.protobuf"
_LONGEST = 200


class _Doubled(dict[str, Any]):
    """An object some of whose keys came twice."""

    doubles: tuple[str, ...] = ()


def media_type(header: str) -> str:
    """The media type of a Content-Type header, without its parameters."""
    return header.partition(";")[0].strip().lower()


def parse(data: bytes, content_type: str) -> tuple[Any, tuple[str, ...]]:
    """A body as a value, and the paths of keys that came twice.

    Raises:
        ApiError: 415 for a type that is not read here; 400 for what cannot be parsed.
    """
    kind = media_type(content_type)
    if kind == _YAML:
        return parse_yaml(data), ()
    if kind == _PROTOBUF:
        from spark_emulators.kubernetes.wire import protobuf

        return protobuf.parse(data), ()
    if kind not in _JSON:
        raise ApiError(
            415,
            "UnsupportedMediaType",
            "the body of the request was in an unknown format - accepted media types include:"
            " application/json, application/yaml, application/vnd.kubernetes.protobuf",
        )
    return parse_json(data)


def parse_json(data: bytes) -> tuple[Any, tuple[str, ...]]:
    """JSON with duplicates found.

    Raises:
        ApiError: 400.
    """
    seen: list[_Doubled] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) == len(items):
            return found
        doubled = _Doubled(found)
        names = [name for name, _ in items]
        doubled.doubles = tuple(sorted({name for name in names if names.count(name) > 1}))
        seen.append(doubled)
        return doubled

    try:
        value = json.loads(
            data, object_pairs_hook=pairs, parse_constant=_no_constant, parse_float=_finite
        )
        # what cannot be sent back cannot be taken
        if b"\\u" in data:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise bad_request(
            "couldn't get version/kind; json parse error: too deeply nested"
        ) from error
    except (ValueError, UnicodeError) as error:
        shown = data[:_LONGEST].decode("utf-8", "replace")
        raise bad_request(
            f"couldn't get version/kind; json parse error: {error}: {shown!r}"
        ) from error
    if not seen:
        return value, ()
    return value, tuple(_doubles(value, ""))


def _no_constant(text: str) -> float:
    raise ValueError(f"invalid character in {text}")


def _finite(text: str) -> float:
    """A number; what is too large for one is none."""
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is out of range")
    return value


def _doubles(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, dict):
        for name in getattr(value, "doubles", ()):
            yield f"{path}.{name}" if path else name
        for name, each in value.items():
            yield from _doubles(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from _doubles(each, f"{path}[{index}]")


def parse_yaml(data: bytes) -> Any:
    """YAML as JSON values: times stay text, keys become text.

    Raises:
        ApiError: 400.
    """
    # JSON is YAML, and much faster to read
    if data.lstrip()[:1] == b"{":
        try:
            return json.loads(data, parse_constant=_no_constant, parse_float=_finite)
        except (ValueError, RecursionError):
            pass
    import yaml

    from spark_emulators.kubernetes.wire.yaml_loader import Loader

    try:
        return _plain(yaml.load(data, Loader=Loader))  # noqa: S506  it is a safe loader
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise bad_request(
            f"error decoding YAML: {' '.join(str(error).split())[:_LONGEST]}"
        ) from error


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {_key(key): _plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, float):
        return _finite(str(value))
    if value is None or isinstance(value, (str, bool, int)):
        return value
    raise ValueError(f"{type(value).__name__} has no place in JSON")


def _key(key: Any) -> str:
    if isinstance(key, bool):
        return str(key).lower()
    if isinstance(key, (str, int, float)):
        return str(key)
    raise ValueError("keys must be text")
