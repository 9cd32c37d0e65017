"""JSON patch (RFC 6902) and merge patch (RFC 7386)."""

from __future__ import annotations

import json
from typing import Any

from spark_emulators.kubernetes.errors import ApiError, bad_request

__all__ = ["apply_json_patch", "apply_merge_patch"]

_MOST_OPERATIONS = 10_000
_OPERATIONS = frozenset({"add", "remove", "replace", "move", "copy", "test"})


def apply_merge_patch(value: Any, patch: Any) -> Any:
    """``value`` with ``patch`` merged in: null deletes, lists are replaced."""
    if not isinstance(patch, dict):
        return patch
    found = dict(value) if isinstance(value, dict) else {}
    for name, each in patch.items():
        if each is None:
            found.pop(name, None)
        else:
            found[name] = apply_merge_patch(found.get(name), each)
    return found


def apply_json_patch(value: Any, patch: Any) -> Any:
    """``value`` after each operation in turn; ``value`` itself is changed on the way.

    Raises:
        ApiError: 400 for what is no patch; 422 for an operation that cannot be done; 413 for too
            many.
    """
    if not isinstance(patch, list) or not all(isinstance(each, dict) for each in patch):
        raise bad_request(
            "json: cannot unmarshal object into Go value of type jsonpatch.Patch"
            if isinstance(patch, dict)
            else "error decoding patch"
        )
    if len(patch) > _MOST_OPERATIONS:
        raise ApiError(
            413,
            "RequestEntityTooLarge",
            "Request entity is too large: The allowed maximum operations in a JSON patch is"
            f" {_MOST_OPERATIONS}, got {len(patch)}",
        )
    root = [value]
    for operation in patch:
        _operate(root, operation)
    return root[0]


def _operate(root: list[Any], operation: dict[str, Any]) -> None:
    name = operation.get("op")
    if name not in _OPERATIONS:
        raise _impossible(f"Unexpected kind: {name if name else 'unknown'}")
    path = _pointer(operation.get("path"))
    if name == "test":
        _test(root, path, operation)
    elif name == "remove":
        _remove(root, path)
    elif name == "move":
        source = _pointer(operation.get("from"))
        moved = _get(root, source)
        _remove(root, source)
        _add(root, path, moved)
    elif name == "copy":
        _add(root, path, json.loads(json.dumps(_get(root, _pointer(operation.get("from"))))))
    else:
        if "value" not in operation:
            operation = {**operation, "value": None}
        if name == "replace":
            _get(root, path)
            if path:
                parent = _get(root, path[:-1])
                parent[_index(parent, path[-1]) if isinstance(parent, list) else path[-1]] = (
                    operation["value"]
                )
            else:
                root[0] = operation["value"]
        else:
            _add(root, path, operation["value"])


def _pointer(text: Any) -> list[str]:
    if not isinstance(text, str) or (text and not text.startswith("/")):
        raise _impossible("operation missing or invalid path")
    return [part.replace("~1", "/").replace("~0", "~") for part in text.split("/")[1:]]


def _get(root: list[Any], path: list[str]) -> Any:
    value = root[0]
    for part in path:
        if isinstance(value, dict):
            if part not in value:
                raise _missing(path, part)
            value = value[part]
        elif isinstance(value, list):
            value = value[_index(value, part)]
        else:
            raise _missing(path, part)
    return value


def _index(value: list[Any], part: str) -> int:
    try:
        index = int(part)
    except ValueError:
        raise _impossible(f"invalid array index: {part}") from None
    if index < 0:
        index += len(value)
    if not 0 <= index < len(value):
        raise _impossible(f"Unable to access invalid index: {part}: invalid index referenced")
    return index


def _add(root: list[Any], path: list[str], value: Any) -> None:
    if not path:
        root[0] = value
        return
    parent = _get(root, path[:-1])
    if isinstance(parent, dict):
        parent[path[-1]] = value
    elif isinstance(parent, list):
        if path[-1] == "-":
            parent.append(value)
            return
        at = len(parent) if path[-1] == str(len(parent)) else _index(parent, path[-1])
        parent.insert(at, value)
    else:
        raise _missing(path, path[-1])


def _remove(root: list[Any], path: list[str]) -> None:
    if not path:
        root[0] = None
        return
    parent = _get(root, path[:-1])
    if isinstance(parent, list):
        del parent[_index(parent, path[-1])]
    elif isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
    else:
        raise _impossible(
            f"remove operation does not apply: doc is missing path: {_text(path)}: missing value"
        )


def _test(root: list[Any], path: list[str], operation: dict[str, Any]) -> None:
    try:
        found = _get(root, path)
    except ApiError:
        found = None
    wanted = operation.get("value")
    if found != wanted or (type(found) is not type(wanted) and not _numbers(found, wanted)):
        raise _impossible(f"testing value {_text(path)} failed: test failed")


def _numbers(left: Any, right: Any) -> bool:
    return all(
        isinstance(each, (int, float)) and not isinstance(each, bool) for each in (left, right)
    )


def _text(path: list[str]) -> str:
    return "".join("/" + part.replace("~", "~0").replace("/", "~1") for part in path)


def _missing(path: list[str], part: str) -> ApiError:
    return _impossible(f"doc is missing key: {_text(path)}: {part}: missing value")


def _impossible(text: str) -> ApiError:
    return ApiError(
        422, "Invalid", f"the server rejected our request due to an error in our request: {text}"
    )
