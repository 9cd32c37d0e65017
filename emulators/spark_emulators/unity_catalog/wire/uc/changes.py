"""From the body of a PATCH to a change."""

from __future__ import annotations

from spark_emulators.unity_catalog.metastore.objects import Change
from spark_emulators.unity_catalog.wire.uc.bodies import (
    UpdateCredential,
    UpdateExternalLocation,
    UpdateObject,
)

__all__ = ["change"]


def change(body: UpdateObject | UpdateCredential | UpdateExternalLocation) -> Change:
    """What is to be different."""
    return Change(
        new_name=body.new_name,
        owner=body.owner,
        comment=body.comment,
        properties=getattr(body, "properties", None),
    )
