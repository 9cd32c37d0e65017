"""Applications as the table that kubectl asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from spark_platform.backends.sk8.status import CLUSTER
from spark_platform.kernel.kubernetes.resources import Object
from spark_platform.kernel.times import moment

__all__ = ["is_asked_for", "table"]

_COLUMNS = ("Name", "Current State", "Cluster", "Age")


def is_asked_for(accept: str) -> bool:
    """Whether a client would have a table rather than objects."""
    first = accept.split(",", maxsplit=1)[0].replace(" ", "")
    return "as=Table" in first and "g=meta.k8s.io" in first


def table(found: Iterable[Object], version: str) -> dict[str, Any]:
    """A ``Table`` of ``meta.k8s.io/v1``."""
    now = datetime.now(timezone.utc)
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": version} if version else {},
        "columnDefinitions": [
            {
                "name": name,
                "type": "string",
                "format": "name" if name == "Name" else "",
                "description": "",
                "priority": 0,
            }
            for name in _COLUMNS
        ],
        "rows": [_row(each, now) for each in found],
    }


def _row(found: Object, now: datetime) -> dict[str, Any]:
    metadata = found["metadata"]
    state = ((found.get("status") or {}).get("currentState") or {}).get("currentStateSummary", "")
    age_s = int((now - moment(metadata["creationTimestamp"])).total_seconds())
    cluster = (metadata.get("annotations") or {}).get(CLUSTER, "")
    partial = {
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata,
    }  # fmt: skip
    return {"cells": [metadata["name"], state, cluster, _age(age_s)], "object": partial}


def _age(seconds: int) -> str:
    """As kubectl shows ages of objects: the largest unit of which there are at least two."""
    for size, unit in ((86_400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(seconds, 0)}s"
