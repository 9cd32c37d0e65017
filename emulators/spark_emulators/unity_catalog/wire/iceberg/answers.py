"""What clients get back: bodies and headers of successful answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from starlette.responses import Response

from spark_emulators.unity_catalog.iceberg.metadata import refs_only
from spark_emulators.unity_catalog.iceberg.storage import TableVersion
from spark_emulators.unity_catalog.paging import Page
from spark_emulators.unity_catalog.wire.iceberg.paging import page_token

__all__ = [
    "ALL_SNAPSHOTS",
    "REFS_ONLY",
    "etag",
    "json_answer",
    "listing",
    "nothing",
    "table_answer",
    "unchanged",
]

ALL_SNAPSHOTS = "all"
REFS_ONLY = "refs"


def nothing() -> Response:
    return Response(status_code=204)


def unchanged(tag: str) -> Response:
    """The client's copy, which has this tag, is current."""
    return _tagged(Response(status_code=304), tag)


def json_answer(body: Mapping[str, Any]) -> Response:
    return Response(json.dumps(body), media_type="application/json")


def listing(key: str, entries: Sequence[Any], page: Page[Any]) -> Response:
    """One page of a list; the last one says so by a null token."""
    return json_answer({key: entries, "next-page-token": page_token(page.last)})


def table_answer(
    version: TableVersion,
    snapshots: str = ALL_SNAPSHOTS,
    delegated: Mapping[str, Any] = MappingProxyType({}),
) -> Response:
    """A table's state.

    It says nothing of where the store is: what it said would win over what a client was told by
    its user, and clients see the store under different names (this machine's, a container's).
    What holds for all of them is among the defaults of the catalog's configuration.

    Args:
        delegated: the credentials that go with it.
        snapshots: ``ALL_SNAPSHOTS``, or ``REFS_ONLY`` for those that branches and tags point to.
    """
    metadata = refs_only(version.metadata) if snapshots == REFS_ONLY else version.metadata
    body: dict[str, Any] = {"metadata": metadata.model_dump(mode="json"), **delegated}
    if version.location is not None:
        body["metadata-location"] = version.location
    response = json_answer(body)
    if version.location is None:
        return response
    return _tagged(response, etag(version.location, snapshots))


def etag(location: str, snapshots: str) -> str:
    """The tag of a table's state: a metadata file never changes, so its name says it all."""
    digest = hashlib.sha256(f"{snapshots}:{location}".encode()).hexdigest()
    return f'"{digest[:32]}"'


def _tagged(response: Response, tag: str) -> Response:
    # Iceberg's Java client looks the header up in exactly this spelling.
    response.raw_headers.append((b"ETag", tag.encode()))
    return response
