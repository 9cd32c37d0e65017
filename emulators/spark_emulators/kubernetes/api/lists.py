"""Lists: at which version, which page of it, which objects."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.filters import predicate
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import ListOptions
from spark_emulators.kubernetes.errors import (
    ApiError,
    Cause,
    bad_request,
    expired,
    invalid,
    too_large_version,
)
from spark_emulators.kubernetes.store.store import Stored

__all__ = ["Page", "list_objects", "parse_revision"]

_EXPIRED = (
    "The provided continue parameter is too old to display a consistent list result. You can start"
    " a new list without the continue parameter, or use the continue token in this response to"
    " retrieve the remainder of the results. Continuing with the provided token results in an"
    " inconsistent list - objects that were created, modified, or deleted between the time the"
    " first chunk was returned and now may show up in the list."
)


@dataclass(frozen=True)
class Page:
    """What a list request gets.

    Attributes:
        objects: in order of namespace and name, as the resource serves them.
        revision: the version of the store they are of.
        token: where the next page starts; empty on the last.
        remaining: objects after this page; None where that was not counted.
    """

    objects: list[Stored]
    revision: int
    token: str = ""
    remaining: int | None = None


def parse_revision(text: str) -> int:
    """A resourceVersion as a number; 0 where there is none.

    Raises:
        ApiError: 400.
    """
    if not text:
        return 0
    if not text.isdecimal():
        raise bad_request(
            f'Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def list_objects(
    context: Context, resource: Resource, namespace: str, options: ListOptions
) -> Page:
    """One page of a resource's objects.

    Args:
        namespace: empty for all namespaces.

    Raises:
        ApiError: 400 for malformed tokens and selectors; 410 for versions forgotten; 422 for
            options that contradict each other; 504 for versions not reached.
    """
    _check(options)
    selects = predicate(resource, options.labels, options.fields)
    store = context.store
    if options.token:
        revision, start = _decode(options.token)
        # a token of an inconsistent continuation goes on with what there is now
        revision = revision if revision >= 0 else store.revision
    else:
        asked = parse_revision(options.revision)
        if asked > store.revision:
            raise too_large_version(asked, store.revision)
        exact = options.match == "Exact" or (asked and options.limit and not options.match)
        revision, start = (asked if exact else store.revision), None
    found = store.list_at(resource.storage, namespace, revision)
    if found is None:
        if not options.token:
            raise expired("The resourceVersion for the provided list is too old.")
        assert start is not None
        raise expired(_EXPIRED, {"continue": _encode(-1, start)})
    if start is not None:
        found = [each for each in found if (each.key.namespace, each.key.name) >= start]
    views = (context.view(each, resource) for each in found)
    selected = [each for each in views if selects is None or selects(each.value)]
    if not options.limit or len(selected) <= options.limit:
        return Page(selected, revision)
    page, rest = selected[: options.limit], selected[options.limit :]
    following = (rest[0].key.namespace, rest[0].key.name)
    # the real server does not count what a selector may leave out
    return Page(
        page, revision, _encode(revision, following), len(rest) if selects is None else None
    )


def _check(options: ListOptions) -> None:
    match, revision = options.match, options.revision
    causes = []
    if match:
        if match not in ("Exact", "NotOlderThan"):
            causes.append(
                Cause.unsupported("resourceVersionMatch", match, ("Exact", "NotOlderThan"))
            )
        if options.token:
            causes.append(
                Cause.forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden when continue is provided",
                )
            )
        if not revision:
            causes.append(
                Cause.forbidden(
                    "resourceVersionMatch",
                    "resourceVersionMatch is forbidden unless resourceVersion is provided",
                )
            )
        if match == "Exact" and revision == "0":
            causes.append(
                Cause.forbidden(
                    "resourceVersionMatch",
                    'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
                )
            )
    if causes:
        raise invalid("meta.k8s.io", "ListOptions", "", causes)
    if options.token and revision not in ("", "0"):
        raise bad_request("specifying resource version is not allowed when using continue")


def _encode(revision: int, start: tuple[str, str]) -> str:
    text = json.dumps({"v": "meta.k8s.io/v1", "rv": revision, "start": "/".join(start)})
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def _decode(token: str) -> tuple[int, tuple[str, str]]:
    try:
        padded = token + "=" * (-len(token) % 4)
        found = json.loads(base64.urlsafe_b64decode(padded))
        namespace, _, name = found["start"].rpartition("/")
        return int(found["rv"]), (namespace, name)
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error) as error:
        raise ApiError(
            400,
            "BadRequest",
            f"invalid continue token: continue key is not valid: {type(error).__name__}",
        ) from error
