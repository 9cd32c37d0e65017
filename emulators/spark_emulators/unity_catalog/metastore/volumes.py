"""Volumes: folders of files that are no tables."""

from __future__ import annotations

import uuid
from collections.abc import Sequence

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.overlaps import DATA, check_no_bucket, free
from spark_emulators.unity_catalog.metastore.tables import managed_folder
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_platform.kernel.errors import InvalidInput

__all__ = ["create_volume"]


def create_volume(
    objects: Objects, names: Sequence[str], type: str, location: str | None, comment: str | None
) -> Place:
    """Make a volume.

    Args:
        type: ``MANAGED``, for a place that the catalog gives; or ``EXTERNAL``.

    Raises:
        InvalidInput: type and location do not fit together, or the place is not free.
        NoSuch: the schema is missing.
        AlreadyExists: the name is taken.
    """
    schema = objects.may_create(Kind.VOLUME, names)
    id = str(uuid.uuid4())
    if type == "MANAGED":
        if location is not None:
            raise InvalidInput("a MANAGED volume takes no storage_location")
        place = f"{managed_folder(schema)}/volumes/{id}"
    else:
        if location is None:
            raise InvalidInput("storage_location is missing: an EXTERNAL volume needs one")
        place = objects.place(location, Action.PLACE_VOLUME)
        check_no_bucket(place)
    return objects.securables.create(
        Kind.VOLUME,
        names,
        free(place, DATA),
        id=id,
        type=type,
        comment=comment,
        storage_location=place,
    )
