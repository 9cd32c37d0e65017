"""OpenLineage's HTTP transport: one event, or many."""

from __future__ import annotations

from typing import Any

from spark_emulators.unity_catalog.lineage.events import parse_event
from spark_emulators.unity_catalog.wire.lineage.endpoint import Call, Doors
from spark_platform.kernel.errors import InvalidInput, PlatformError, Transient

__all__ = ["take", "take_batch"]


def take(doors: Doors, call: Call) -> dict[str, Any]:
    # The Java client reads a body before it looks at the status: there must be one.
    doors.lineage.record(parse_event(call.json()), created_by=doors.who())
    return {"status": "success"}


def take_batch(doors: Doors, call: Call) -> dict[str, Any]:
    """Take what can be taken of many events, and say what could not."""
    documents = call.json()
    if not isinstance(documents, list):
        raise InvalidInput("a batch must be a JSON array of OpenLineage events")
    failed = []
    for index, document in enumerate(documents):
        try:
            doors.lineage.record(parse_event(document), created_by=doors.who())
        except PlatformError as error:
            again = isinstance(error, Transient)
            failed.append({"index": index, "reason": str(error), "retriable": again})
    retriable = sum(failure["retriable"] is True for failure in failed)
    return {
        "status": "partial_success" if failed else "success",
        "summary": {
            "received": len(documents),
            "successful": len(documents) - len(failed),
            "failed": len(failed),
            "retriable": retriable,
            "non_retriable": len(failed) - retriable,
        },
        "failed_events": failed,
    }
