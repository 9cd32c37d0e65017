"""Databricks' SDK, through every object that the catalog has. Run with its host and a folder.

The SDK drops enum values that it does not know without a word, so they are looked at one by one.
"""

import sys

from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound, ResourceConflict
from databricks.sdk.service import catalog as uc

IN_SCHEMA = {"catalog_name": "d", "schema_name": "s"}


def refused(kind, call, *args, **options) -> None:
    try:
        call(*args, **options)
    except kind:
        return
    raise AssertionError(f"not refused as {kind.__name__}")


def containers(client: WorkspaceClient) -> None:
    made = client.catalogs.create("d", comment="x", properties={"k": "v"})
    assert (made.full_name, made.catalog_type) == ("d", uc.CatalogType.MANAGED_CATALOG)
    assert client.catalogs.update("d", owner="ada", comment="y").owner == "ada"
    refused(BadRequest, client.catalogs.create, "d")
    for name in ("s", "a", "b"):
        client.schemas.create(name, "d")
    assert [one.name for one in client.schemas.list("d", max_results=2)] == ["a", "b", "s"]
    assert client.schemas.update("d.s", comment="z").comment == "z"
    refused(NotFound, client.schemas.get, "d.none")
    metastore = client.metastores.summary()
    assert client.metastores.get(metastore.metastore_id).name == metastore.name
    assert client.metastores.current().metastore_id == metastore.metastore_id
    assert len(list(client.metastores.list())) == 1


def tables(client: WorkspaceClient, folder: str) -> None:
    made = client.tables.create(
        **IN_SCHEMA,
        name="t",
        table_type=uc.TableType.EXTERNAL,
        data_source_format=uc.DataSourceFormat.PARQUET,
        storage_location=f"{folder}/dt",
        columns=[uc.ColumnInfo(name="a", type_name=uc.ColumnTypeName.INT, type_text="int")],
    )
    assert made.data_source_format == uc.DataSourceFormat.PARQUET
    assert made.columns[0].type_name == uc.ColumnTypeName.INT
    assert client.tables.exists("d.s.t").table_exists
    assert not client.tables.exists("d.s.none").table_exists
    client.tables.update("d.s.t", owner="ada")
    assert client.tables.get("d.s.t").owner == "ada"
    assert [one.name for one in client.tables.list("d", "s")] == ["t"]
    [summary] = client.tables.list_summaries("d", table_name_pattern="t%")
    assert summary.full_name == "d.s.t"
    client.tables.delete("d.s.t")


def functions_and_volumes(client: WorkspaceClient) -> None:
    volume = client.volumes.create(**IN_SCHEMA, name="v", volume_type=uc.VolumeType.MANAGED)
    assert client.volumes.read("d.s.v").volume_id == volume.volume_id
    assert client.volumes.update("d.s.v", new_name="w").name == "w"
    assert [one.full_name for one in client.volumes.list("d", "s")] == ["d.s.w"]
    parameter = uc.FunctionParameterInfo("a", "int", uc.ColumnTypeName.INT, 0)
    wanted = uc.CreateFunction(
        name="f",
        **IN_SCHEMA,
        input_params=uc.FunctionParameterInfos([parameter]),
        data_type=uc.ColumnTypeName.INT,
        full_data_type="INT",
        routine_body=uc.CreateFunctionRoutineBody.SQL,
        routine_definition="a + 1",
        parameter_style=uc.CreateFunctionParameterStyle.S,
        is_deterministic=True,
        sql_data_access=uc.CreateFunctionSqlDataAccess.NO_SQL,
        is_null_call=False,
        security_type=uc.CreateFunctionSecurityType.DEFINER,
        specific_name="f",
    )
    assert client.functions.create(wanted).full_name == "d.s.f"
    assert client.functions.get("d.s.f").routine_body == uc.FunctionInfoRoutineBody.SQL
    assert client.functions.update("d.s.f", owner="ada").owner == "ada"
    client.functions.delete("d.s.f")


def models(client: WorkspaceClient) -> None:
    client.registered_models.create(**IN_SCHEMA, name="m")
    refused(ResourceConflict, client.registered_models.create, **IN_SCHEMA, name="m")
    # the SDK cannot make versions: MLflow does
    body = {**IN_SCHEMA, "model_name": "m", "source": "s3://x"}
    client.api_client.do("POST", "/api/2.1/unity-catalog/models/versions", body=body)
    assert client.model_versions.get("d.s.m", 1).version == 1
    client.registered_models.set_alias("d.s.m", "best", 1)
    assert client.model_versions.get_by_alias("d.s.m", "best").version == 1
    client.registered_models.delete_alias("d.s.m", "best")
    assert [one.version for one in client.model_versions.list("d.s.m")] == [1]
    client.model_versions.delete("d.s.m", 1)
    client.registered_models.delete("d.s.m")


def storage(client: WorkspaceClient, folder: str) -> None:
    role = uc.AwsIamRoleRequest("arn:aws:iam::1:role/r")
    client.storage_credentials.create("dk", aws_iam_role=role)
    assert client.storage_credentials.get("dk").aws_iam_role.role_arn == role.role_arn
    client.external_locations.create("dl", f"{folder}/dl", "dk")
    assert client.external_locations.get("dl").credential_name == "dk"
    assert client.external_locations.update("dl", comment="c").comment == "c"
    refused(BadRequest, client.storage_credentials.delete, "dk")
    client.external_locations.delete("dl")
    client.storage_credentials.delete("dk")


host, where = sys.argv[1:]
workspace = WorkspaceClient(host=host, token="none")
containers(workspace)
tables(workspace, where)
functions_and_volumes(workspace)
models(workspace)
storage(workspace, where)
refused(BadRequest, workspace.catalogs.delete, "d")
workspace.catalogs.delete("d", force=True)
