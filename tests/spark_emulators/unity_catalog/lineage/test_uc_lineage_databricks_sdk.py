"""Lineage through Databricks' own Python client."""

from importlib.util import find_spec

import httpx
import pytest

from requirements import need

BIG = "unity.sales.big"


@pytest.fixture
def workspace(server):
    need("databricks-sdk", find_spec("databricks") is not None, "`make setup` installs it")
    from databricks.sdk import WorkspaceClient

    return WorkspaceClient(host=server.url, token="any", auth_type="pat")


def test_neighbours_of_tables_and_columns(workspace, server, captured):
    for event in captured:
        httpx.post(f"{server.url}/api/v1/lineage", json=event).raise_for_status()
    path = "/api/2.0/lineage-tracking"
    for arguments in ("query", "body"):
        asked = {arguments: {"table_name": BIG, "include_entity_lineage": True}}
        answer = workspace.api_client.do("GET", f"{path}/table-lineage", **asked)
        names = [one["tableInfo"]["name"] for one in answer["upstreams"]]
        assert names == ["customers", "orders"]
        asked = {arguments: {"table_name": BIG, "column_name": "loud"}}
        answer = workspace.api_client.do("GET", f"{path}/column-lineage", **asked)
        assert [one["name"] for one in answer["upstream_cols"]] == ["name"]


def test_a_post_finds_no_endpoint(workspace):
    from databricks.sdk.errors import NotFound

    with pytest.raises(NotFound, match="No API found for 'POST /lineage-tracking/table-lineage'"):
        workspace.api_client.do("POST", "/api/2.0/lineage-tracking/table-lineage", body={})


def test_declared_lineage(workspace, schema_name):
    from databricks.sdk.errors import NotFound
    from databricks.sdk.service import catalog

    names = [f"{schema_name}-source", f"{schema_name}-board"]
    source, board = (
        catalog.ExternalLineageObject(
            external_metadata=catalog.ExternalLineageExternalMetadata(name=name)
        )
        for name in names
    )
    for name, system in zip(
        names, (catalog.SystemType.KAFKA, catalog.SystemType.TABLEAU), strict=True
    ):
        made = workspace.external_metadata.create_external_metadata(
            catalog.ExternalMetadata(name=name, system_type=system, entity_type="thing")
        )
        assert (made.name, made.system_type) == (name, system)
    changed = workspace.external_metadata.update_external_metadata(
        names[0],
        catalog.ExternalMetadata(
            name=names[0],
            system_type=catalog.SystemType.KAFKA,
            entity_type="topic",
            columns=["id"],
        ),
        "entity_type,columns",
    )
    assert (changed.entity_type, changed.columns) == ("topic", ["id"])
    listed = workspace.external_metadata.list_external_metadata(page_size=1)
    assert set(names) <= {one.name for one in listed}

    made = workspace.external_lineage.create_external_lineage_relationship(
        catalog.CreateRequestExternalLineage(
            source=source,
            target=board,
            columns=[catalog.ColumnRelationship(source="id", target="sold")],
            properties={"team": "bi"},
        )
    )
    [found] = workspace.external_lineage.list_external_lineage_relationships(
        board, catalog.LineageDirection.UPSTREAM
    )
    assert found.external_lineage_info.id == made.id
    assert found.external_metadata_info.system_type is catalog.SystemType.KAFKA
    changed = workspace.external_lineage.update_external_lineage_relationship(
        catalog.UpdateRequestExternalLineage(source=source, target=board, properties={"team": "x"}),
        "properties",
    )
    assert (changed.properties, changed.columns) == ({"team": "x"}, made.columns)
    workspace.external_lineage.delete_external_lineage_relationship(
        catalog.DeleteRequestExternalLineage(source=source, target=board)
    )
    assert not list(
        workspace.external_lineage.list_external_lineage_relationships(
            source, catalog.LineageDirection.DOWNSTREAM
        )
    )
    for name in names:
        workspace.external_metadata.delete_external_metadata(name)
        with pytest.raises(NotFound):
            workspace.external_metadata.get_external_metadata(name)
