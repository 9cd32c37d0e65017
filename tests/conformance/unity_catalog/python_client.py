"""The open-source server's own Python client, through every object. Run with its URL and a folder.

Its models are strict: an answer with a value of another type, or without a field it must have, is
an error in it.
"""

import asyncio
import sys

from unitycatalog.client import (
    ApiClient,
    CatalogsApi,
    Configuration,
    CreateCatalog,
    CreateFunction,
    CreateFunctionRequest,
    CreateModelVersion,
    CreateRegisteredModel,
    CreateSchema,
    CreateStagingTable,
    CreateTable,
    CreateVolumeRequestContent,
    FunctionParameterInfos,
    FunctionsApi,
    MetastoresApi,
    ModelVersionsApi,
    RegisteredModelsApi,
    SchemasApi,
    TablesApi,
    UpdateCatalog,
    UpdateSchema,
    VolumesApi,
)
from unitycatalog.client.api.credentials_api import CredentialsApi
from unitycatalog.client.api.delta_commits_api import DeltaCommitsApi
from unitycatalog.client.api.external_locations_api import ExternalLocationsApi
from unitycatalog.client.exceptions import ApiException
from unitycatalog.client.models import (
    AwsIamRoleRequest,
    ColumnInfo,
    CreateCredentialRequest,
    CreateExternalLocation,
    CredentialPurpose,
    DataSourceFormat,
    DeltaCommit,
    DeltaCommitInfo,
    FinalizeModelVersion,
    ModelVersionStatus,
    TableType,
    UpdateExternalLocation,
    UpdateModelVersion,
    VolumeType,
)

COLUMN = {"name": "a", "type_text": "int", "type_json": "{}", "type_name": "INT", "position": 0}
IN_SCHEMA = {"catalog_name": "c", "schema_name": "s"}


async def refused(call, status: int, code: str) -> None:
    refusal = None
    try:
        await call
    except ApiException as error:
        refusal = error
    assert refusal is not None, code
    assert (refusal.status, code in refusal.body) == (status, True), refusal


async def containers(client: ApiClient) -> None:
    catalogs, schemas = CatalogsApi(client), SchemasApi(client)
    made = await catalogs.create_catalog(
        CreateCatalog(name="c", comment="x", properties={"k": "v"})
    )
    assert (made.name, made.comment, made.properties) == ("c", "x", {"k": "v"})
    await refused(catalogs.create_catalog(CreateCatalog(name="c")), 400, "CATALOG_ALREADY_EXISTS")
    changed = await catalogs.update_catalog("c", UpdateCatalog(comment="y"))
    assert (changed.comment, changed.id) == ("y", made.id)
    schema = await schemas.create_schema(CreateSchema(name="s", catalog_name="c"))
    assert schema.full_name == "c.s"
    assert (await schemas.update_schema("c.s", UpdateSchema(comment="z"))).comment == "z"
    for number in range(3):
        await schemas.create_schema(CreateSchema(name=f"p{number}", catalog_name="c"))
    first = await schemas.list_schemas("c", max_results=2)
    rest = await schemas.list_schemas("c", page_token=first.next_page_token)
    assert [one.name for one in first.schemas + rest.schemas] == ["p0", "p1", "p2", "s"]
    await refused(schemas.get_schema("c.none"), 404, "SCHEMA_NOT_FOUND")
    assert (await MetastoresApi(client).summary()).metastore_id


async def tables(client: ApiClient, folder: str) -> None:
    tables = TablesApi(client)
    wanted = CreateTable(
        **IN_SCHEMA,
        name="t",
        table_type=TableType.EXTERNAL,
        data_source_format=DataSourceFormat.DELTA,
        columns=[ColumnInfo(**COLUMN)],
        storage_location=f"{folder}/t",
    )
    table = await tables.create_table(wanted)
    assert (table.table_type, table.columns[0].name) == (TableType.EXTERNAL, "a")
    await refused(tables.create_table(wanted), 400, "INVALID_ARGUMENT")
    staged = await tables.create_staging_table(CreateStagingTable(**IN_SCHEMA, name="m"))
    managed = wanted.model_copy(
        update={
            "name": "m",
            "table_type": TableType.MANAGED,
            "storage_location": staged.staging_location,
            "properties": {"io.unitycatalog.tableId": staged.id},
        }
    )
    assert (await tables.create_table(managed)).table_id == staged.id
    await delta_commits(client, {"table_id": staged.id, "table_uri": staged.staging_location})
    assert [one.name for one in (await tables.list_tables("c", "s")).tables] == ["m", "t"]
    await tables.delete_table("c.s.t")
    await refused(tables.get_table("c.s.t"), 404, "TABLE_NOT_FOUND")


async def delta_commits(client: ApiClient, table: dict[str, str]) -> None:
    commits = DeltaCommitsApi(client)
    info = DeltaCommitInfo(
        version=1, timestamp=1, file_name="1.json", file_size=1, file_modification_timestamp=1
    )
    await commits.commit(DeltaCommit(**table, commit_info=info))
    other = info.model_copy(update={"file_name": "other.json"})
    taken = commits.commit(DeltaCommit(**table, commit_info=other))
    await refused(taken, 409, "COMMIT_VERSION_CONFLICT")
    # it cannot read them: it sends no body with a GET
    await commits.commit(DeltaCommit(**table, latest_backfilled_version=1))


async def functions_and_volumes(client: ApiClient) -> None:
    volumes, functions = VolumesApi(client), FunctionsApi(client)
    volume = CreateVolumeRequestContent(**IN_SCHEMA, name="v", volume_type=VolumeType.MANAGED)
    assert (await volumes.create_volume(volume)).volume_id
    await refused(volumes.create_volume(volume), 400, "RESOURCE_ALREADY_EXISTS")
    assert [one.full_name for one in (await volumes.list_volumes("c", "s")).volumes] == ["c.s.v"]
    function = CreateFunction(
        **IN_SCHEMA,
        name="f",
        input_params=FunctionParameterInfos(parameters=[COLUMN]),
        data_type="INT",
        full_data_type="INT",
        routine_body="SQL",
        routine_definition="a + 1",
        parameter_style="S",
        is_deterministic=True,
        sql_data_access="NO_SQL",
        is_null_call=False,
        security_type="DEFINER",
        specific_name="f",
    )
    made = await functions.create_function(CreateFunctionRequest(function_info=function))
    assert (await functions.get_function("c.s.f")) == made
    assert len((await functions.list_functions("c", "s")).functions) == 1
    await functions.delete_function("c.s.f")


async def models(client: ApiClient) -> None:
    models, versions = RegisteredModelsApi(client), ModelVersionsApi(client)
    await models.create_registered_model(CreateRegisteredModel(**IN_SCHEMA, name="m"))
    wanted = CreateModelVersion(**IN_SCHEMA, model_name="m", source="s3://x", run_id="r")
    version = await versions.create_model_version(wanted)
    assert (version.version, version.status) == (1, ModelVersionStatus.PENDING_REGISTRATION)
    done = FinalizeModelVersion(full_name="c.s.m", version=1)
    finalized = await versions.finalize_model_version("c.s.m", 1, done)
    assert finalized.status == ModelVersionStatus.READY
    change = UpdateModelVersion(comment="c")
    assert (await versions.update_model_version("c.s.m", 1, change)).comment == "c"
    assert len((await versions.list_model_versions("c.s.m")).model_versions) == 1
    assert len((await models.list_registered_models()).registered_models) == 1
    await refused(models.delete_registered_model("c.s.m"), 409, "ABORTED")
    await models.delete_registered_model("c.s.m", force=True)


async def storage(client: ApiClient, folder: str) -> None:
    credentials, locations = CredentialsApi(client), ExternalLocationsApi(client)
    role = AwsIamRoleRequest(role_arn="arn:aws:iam::1:role/r")
    credential = await credentials.create_credential(
        CreateCredentialRequest(name="k", purpose=CredentialPurpose.STORAGE, aws_iam_role=role)
    )
    assert credential.aws_iam_role.role_arn == role.role_arn
    location = CreateExternalLocation(name="l", url=f"{folder}/l", credential_name="k")
    assert (await locations.create_external_location(location)).credential_id == credential.id
    changed = await locations.update_external_location("l", UpdateExternalLocation(comment="c"))
    assert changed.comment == "c"
    await refused(credentials.delete_credential("k"), 400, "INVALID_ARGUMENT")
    await locations.delete_external_location("l")
    await credentials.delete_credential("k")


async def main(url: str, folder: str) -> None:
    async with ApiClient(Configuration(host=url)) as client:
        await containers(client)
        await tables(client, folder)
        await functions_and_volumes(client)
        await models(client)
        await storage(client, folder)
        await refused(CatalogsApi(client).delete_catalog("c"), 400, "FAILED_PRECONDITION")
        await CatalogsApi(client).delete_catalog("c", force=True)


asyncio.run(main(*sys.argv[1:]))
