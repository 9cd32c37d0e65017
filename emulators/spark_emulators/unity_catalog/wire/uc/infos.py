"""What clients are told of each object, as Unity Catalog's OpenAPI spells it.

Plain data: what an object has not is left out. More than one vendor's clients need is said too:
they pass over keys they do not know.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from spark_emulators.unity_catalog.metastore.models import version_of
from spark_emulators.unity_catalog.paging import Page
from spark_emulators.unity_catalog.securables import Kind, Place

__all__ = [
    "catalog",
    "credential",
    "external_location",
    "function",
    "listing",
    "model",
    "model_version",
    "schema",
    "table",
    "volume",
]

Info = dict[str, Any]


def catalog(place: Place) -> Info:
    return _info(
        place,
        id=place.securable.id,
        properties=dict(place.securable.properties),
        storage_root=place.securable.storage_location,
        storage_location=place.folder,
        catalog_type="MANAGED_CATALOG",
    )


def schema(place: Place) -> Info:
    return _info(
        place,
        schema_id=place.securable.id,
        properties=dict(place.securable.properties),
        storage_root=place.securable.storage_location,
        storage_location=place.folder,
    )


def table(place: Place) -> Info:
    table = place.securable
    return _info(
        place,
        **table.details,
        table_id=table.id,
        table_type=table.type,
        properties=dict(table.properties),
        storage_location=table.storage_location,
    )


def volume(place: Place) -> Info:
    volume = place.securable
    return _info(
        place,
        volume_id=volume.id,
        volume_type=volume.type,
        storage_location=volume.storage_location,
    )


def function(place: Place) -> Info:
    return _info(place, **place.securable.details, function_id=place.securable.id)


def model(place: Place) -> Info:
    aliases = place.securable.details["aliases"]
    return _info(
        place,
        id=place.securable.id,
        storage_location=place.securable.storage_location,
        aliases=[{"alias_name": name, "version_num": aliases[name]} for name in sorted(aliases)],
    )


def model_version(place: Place) -> Info:
    version, above = place.securable, place.parent
    aliases = above.securable.details["aliases"]
    number = version_of(version)
    info = _info(
        place,
        **version.details,
        id=version.id,
        model_name=above.securable.name,
        version=number,
        storage_location=version.storage_location,
        aliases=[
            {"alias_name": name, "version_num": number}
            for name in sorted(aliases)
            if aliases[name] == number
        ],
    )
    # it has no name, and is granted with its model
    hidden = ("name", "full_name", "securable_type")
    return {key: value for key, value in info.items() if key not in hidden}


def credential(place: Place) -> Info:
    one = place.securable
    role = one.details.get("aws_iam_role")
    return _info(place, id=one.id, purpose=one.type, aws_iam_role=role and {**role})


def external_location(place: Place, credential_name: str | None) -> Info:
    return _info(
        place,
        id=place.securable.id,
        url=place.securable.storage_location,
        credential_id=place.securable.details["credential_id"],
        credential_name=credential_name,
    )


def listing(key: str, page: Page[Place], info: Callable[[Place], Mapping[str, Any]]) -> Info:
    """One page of a list; the last one has no token."""
    body: Info = {key: [info(place) for place in page.items]}
    return body if page.last is None else {**body, "next_page_token": page.last}


def _info(place: Place, **more: Any) -> Info:
    """What all objects tell, with ``more``, without what is not there."""
    one = place.securable
    parents = {
        f"{above.kind.value}_name": above.name
        for above in place.path[1:-1]
        if above.kind in (Kind.CATALOG, Kind.SCHEMA)
    }
    info = {
        "name": one.name,
        **parents,
        "full_name": place.full_name,
        "metastore_id": place.path[0].id,
        "securable_type": one.kind.value.upper(),
        "comment": one.comment,
        "owner": one.owner,
        "created_at": one.created_at,
        "created_by": one.created_by,
        "updated_at": one.updated_at,
        "updated_by": one.updated_by,
        **more,
    }
    return {key: value for key, value in info.items() if value is not None}
