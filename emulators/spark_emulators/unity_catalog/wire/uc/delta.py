"""Commits of managed Delta tables (``/delta/preview/commits``)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import AwareDatetime, Field, Strict

from spark_emulators.unity_catalog.delta.commits import DeltaChange
from spark_emulators.unity_catalog.delta.log import Commit
from spark_emulators.unity_catalog.delta.uniform import Uniform as IcebergVersion
from spark_emulators.unity_catalog.domain import Domain
from spark_emulators.unity_catalog.wire.uc.bodies import Body, Column, Int64, Name, Properties
from spark_emulators.unity_catalog.wire.uc.routing import api_router

__all__ = ["router"]

_PATH = "/delta/preview/commits"


class CommitInfo(Body):
    version: Int64
    timestamp: Int64
    file_name: Name
    file_size: Int64
    file_modification_timestamp: Int64


class Columns(Body):
    columns: list[Column] | None = None


class TableProperties(Body):
    properties: Properties | None = None


class TableMetadata(Body):
    description: str | None = None
    table_schema: Columns | None = Field(default=None, alias="schema")
    properties: TableProperties | None = None


class UniformIceberg(Body):
    metadata_location: Name
    converted_delta_version: Int64
    converted_delta_timestamp: Annotated[AwareDatetime, Strict(False)]
    base_converted_delta_version: Int64 | None = None


class Uniform(Body):
    iceberg: UniformIceberg | None = None


class DeltaCommit(Body):
    table_id: Name
    table_uri: Name
    commit_info: CommitInfo | None = None
    latest_backfilled_version: Int64 | None = None
    metadata: TableMetadata | None = None
    uniform: Uniform | None = None


class DeltaGetCommits(Body):
    table_id: Name
    table_uri: Name
    start_version: Int64
    end_version: Int64 | None = None


def router(domain: Domain) -> APIRouter:
    commits = domain.delta_commits
    api = api_router("Delta commits")

    @api.post(_PATH)
    def commit(body: DeltaCommit) -> dict[str, Any]:
        commits.commit(body.table_id, body.table_uri, _change(body))
        return {}

    # with a body, as the vendor's own clients send it
    @api.get(_PATH)
    def get_commits(body: DeltaGetCommits) -> dict[str, Any]:
        found, version = commits.waiting(
            body.table_id, body.table_uri, body.start_version, body.end_version
        )
        return {"commits": [asdict(one) for one in found], "latest_table_version": version}

    return api


def _change(body: DeltaCommit) -> DeltaChange:
    metadata = body.metadata or TableMetadata()
    columns = metadata.table_schema.columns if metadata.table_schema else None
    iceberg = body.uniform.iceberg if body.uniform else None
    return DeltaChange(
        commit=Commit(**body.commit_info.model_dump()) if body.commit_info else None,
        backfilled=body.latest_backfilled_version,
        comment=metadata.description,
        columns=_plain(columns) if columns is not None else None,
        properties=metadata.properties.properties if metadata.properties else None,
        uniform=_version(iceberg) if iceberg else None,
    )


def _plain(columns: list[Column]) -> list[dict[str, Any]]:
    return [column.model_dump(exclude_none=True) for column in columns]


def _version(iceberg: UniformIceberg) -> IcebergVersion:
    time_ms = int(iceberg.converted_delta_timestamp.timestamp() * 1000)
    return IcebergVersion(
        iceberg.metadata_location,
        iceberg.converted_delta_version,
        time_ms,
        iceberg.base_converted_delta_version,
    )
