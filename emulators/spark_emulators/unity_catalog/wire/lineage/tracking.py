"""Databricks' ``lineage-tracking``: neighbours of tables and columns, and external lineage."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from pydantic import BaseModel, Field

from spark_emulators.unity_catalog.lineage.edges import Type
from spark_emulators.unity_catalog.lineage.external import (
    Direction,
    ExternalMetadata,
    MetadataPatch,
    Page,
    RelationshipBody,
    RelationshipRef,
    ThingOutside,
)
from spark_emulators.unity_catalog.lineage.store import Link
from spark_emulators.unity_catalog.lineage.system_rows import WORKSPACE_ID
from spark_emulators.unity_catalog.wire.lineage.endpoint import Call, Doors

__all__ = [
    "column_lineage",
    "create_metadata",
    "create_relationship",
    "delete_metadata",
    "delete_relationship",
    "get_metadata",
    "list_metadata",
    "list_relationships",
    "table_lineage",
    "update_metadata",
    "update_relationship",
]

Answer = dict[str, Any]


class _TableQuestion(BaseModel):
    table_name: str
    include_entity_lineage: bool = False


class _ColumnQuestion(BaseModel):
    table_name: str
    column_name: str = Field(min_length=1)


class _Mask(BaseModel):
    update_mask: str = Field(min_length=1)


class _Around(Page):
    object_info: ThingOutside
    lineage_direction: Direction


def table_lineage(doors: Doors, call: Call) -> Answer:
    asked = call.arguments(_TableQuestion)
    found = doors.lineage.table(asked.table_name)
    with_jobs = asked.include_entity_lineage
    return {
        "upstreams": [_neighbour(link, with_jobs) for link in found.upstream],
        "downstreams": [_neighbour(link, with_jobs) for link in found.downstream],
    }


def column_lineage(doors: Doors, call: Call) -> Answer:
    asked = call.arguments(_ColumnQuestion)
    found = doors.lineage.column(asked.table_name, asked.column_name)
    return {
        "upstream_cols": _columns(found.upstream),
        "downstream_cols": _columns(found.downstream),
    }


def create_metadata(doors: Doors, call: Call) -> Answer:
    return doors.external.create_metadata(call.parse(ExternalMetadata), doors.who())


def get_metadata(doors: Doors, call: Call) -> Answer:
    return doors.external.metadata(call.path["name"])


def list_metadata(doors: Doors, call: Call) -> Answer:
    found, token = doors.external.list_metadata(call.arguments(Page))
    return _page("external_metadata", found, token)


def update_metadata(doors: Doors, call: Call) -> Answer:
    mask = call.arguments(_Mask)
    body = call.parse(MetadataPatch)
    return doors.external.update_metadata(call.path["name"], body, mask.update_mask, doors.who())


def delete_metadata(doors: Doors, call: Call) -> Answer:
    doors.external.delete_metadata(call.path["name"])
    return {}


def create_relationship(doors: Doors, call: Call) -> Answer:
    return doors.external.create(call.parse(RelationshipBody))


def list_relationships(doors: Doors, call: Call) -> Answer:
    asked = call.arguments(_Around)
    found, token = doors.external.neighbours(asked.object_info, asked.lineage_direction, asked)
    other = "source" if asked.lineage_direction is Direction.UPSTREAM else "target"
    listed = [_relationship(doors, document, other) for document in found]
    return _page("external_lineage_relationships", listed, token)


def update_relationship(doors: Doors, call: Call) -> Answer:
    mask = call.arguments(_Mask)
    return doors.external.update(call.parse(RelationshipBody), mask.update_mask)


def delete_relationship(doors: Doors, call: Call) -> Answer:
    doors.external.delete(call.arguments(RelationshipRef, inside="external_lineage_relationship"))
    return {}


def _neighbour(link: Link, with_jobs: bool) -> Answer:
    time = _timestamp(link.event_time)
    if link.end.type is Type.PATH:
        answer: Answer = {
            "fileInfo": {
                "path": link.end.name,
                "has_permission": True,
                "lineage_timestamp": time,
            }
        }
    else:
        answer = {"tableInfo": {**_table(link), "lineage_timestamp": time}}
    if with_jobs:
        answer["jobInfos"] = [
            {"workspace_id": WORKSPACE_ID, "job_id": job, "lineage_timestamp": _timestamp(last)}
            for job, last in link.jobs.items()
            if job is not None
        ]
    return answer


def _table(link: Link) -> Answer:
    catalog, schema, name = link.end.name.split(".")
    return {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "table_type": link.end.type.value,
    }


def _columns(links: list[Link]) -> list[Answer]:
    """Columns of tables: clients look for a table's name in each."""
    return [
        {
            **_table(link),
            "table_name": _table(link)["name"],
            "name": link.column,
            "lineage_timestamp": _timestamp(link.event_time),
        }
        for link in links
        if link.end.type is Type.TABLE
    ]


def _relationship(doors: Doors, document: Answer, other: str) -> Answer:
    """A relationship with what is known of the thing at its other end."""
    [(kind, thing)] = document[other].items()
    answer: Answer = {"external_lineage_info": document}
    if kind == "table":
        catalog, schema, name = thing["name"].split(".")
        answer["table_info"] = {"catalog_name": catalog, "schema_name": schema, "name": name}
    elif kind == "path":
        answer["file_info"] = {"path": thing["url"]}
    elif kind == "model_version":
        answer["model_info"] = {"model_name": thing["name"], "version": thing["version"]}
    else:
        known = doors.external.metadata(thing["name"])
        answer["external_metadata_info"] = {
            key: known[key] for key in ("name", "system_type", "entity_type")
        }
    return answer


def _page(key: str, entries: list[Answer], token: str | None) -> Answer:
    return {key: entries, **({"next_page_token": token} if token else {})}


def _timestamp(time_ms: int) -> str:
    """A time as Java prints it, which is how Databricks answers; in UTC."""
    time = datetime.fromtimestamp(time_ms / 1000, timezone.utc)
    fraction = f"{time_ms % 1000:03}".rstrip("0") or "0"
    return f"{time:%Y-%m-%d %H:%M:%S}.{fraction}"
