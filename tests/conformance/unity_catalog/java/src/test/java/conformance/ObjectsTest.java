package conformance;

import static conformance.Site.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;

import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.api.CatalogsApi;
import io.unitycatalog.client.api.CredentialsApi;
import io.unitycatalog.client.api.ExternalLocationsApi;
import io.unitycatalog.client.api.FunctionsApi;
import io.unitycatalog.client.api.MetastoresApi;
import io.unitycatalog.client.api.ModelVersionsApi;
import io.unitycatalog.client.api.RegisteredModelsApi;
import io.unitycatalog.client.api.SchemasApi;
import io.unitycatalog.client.api.VolumesApi;
import io.unitycatalog.client.model.*;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Every object but tables: made, listed, read, changed, deleted, and refused. */
class ObjectsTest {
  private static final ApiClient CLIENT = Site.open();
  private static final CatalogsApi CATALOGS = new CatalogsApi(CLIENT);
  private static final SchemasApi SCHEMAS = new SchemasApi(CLIENT);

  @BeforeAll
  static void aCatalogWithASchema() throws Exception {
    CATALOGS.createCatalog(new CreateCatalog().name("java").comment("x").properties(Map.of("k", "v")));
    SCHEMAS.createSchema(new CreateSchema().name("s").catalogName("java"));
  }

  @AfterAll
  static void goByForce() throws Exception {
    refused(400, "FAILED_PRECONDITION", () -> CATALOGS.deleteCatalog("java", false));
    CATALOGS.deleteCatalog("java", true);
    refused(404, "CATALOG_NOT_FOUND", () -> CATALOGS.getCatalog("java"));
  }

  @Test
  void catalogsAndSchemas() throws Exception {
    CatalogInfo catalog = CATALOGS.getCatalog("java");
    assertEquals(Map.of("k", "v"), catalog.getProperties());
    CatalogInfo changed = CATALOGS.updateCatalog("java", new UpdateCatalog().comment("y"));
    assertEquals(List.of("y", catalog.getId()), List.of(changed.getComment(), changed.getId()));
    refused(
        400,
        "CATALOG_ALREADY_EXISTS",
        () -> CATALOGS.createCatalog(new CreateCatalog().name("java")));
    refused(400, "INVALID_ARGUMENT", () -> CATALOGS.createCatalog(new CreateCatalog().name("a.b")));

    for (String name : List.of("b", "a")) {
      SCHEMAS.createSchema(new CreateSchema().name(name).catalogName("java"));
    }
    ListSchemasResponse first = SCHEMAS.listSchemas("java", 2, null);
    ListSchemasResponse rest = SCHEMAS.listSchemas("java", 2, first.getNextPageToken());
    assertEquals(List.of("a", "b"), first.getSchemas().stream().map(SchemaInfo::getName).toList());
    assertEquals(List.of("s"), rest.getSchemas().stream().map(SchemaInfo::getName).toList());
    assertEquals("z", SCHEMAS.updateSchema("java.a", new UpdateSchema().comment("z")).getComment());
    SCHEMAS.deleteSchema("java.a", false);
    SCHEMAS.deleteSchema("java.b", false);
    refused(404, "SCHEMA_NOT_FOUND", () -> SCHEMAS.getSchema("java.a"));
    assertNotNull(new MetastoresApi(CLIENT).summary().getMetastoreId());
  }

  @Test
  void volumes() throws Exception {
    VolumesApi volumes = new VolumesApi(CLIENT);
    CreateVolumeRequestContent wanted =
        new CreateVolumeRequestContent()
            .name("v")
            .catalogName("java")
            .schemaName("s")
            .volumeType(VolumeType.MANAGED);
    VolumeInfo made = volumes.createVolume(wanted);
    assertEquals(made, volumes.getVolume("java.s.v"));
    assertEquals(List.of(made), volumes.listVolumes("java", "s", null, null).getVolumes());
    refused(400, "RESOURCE_ALREADY_EXISTS", () -> volumes.createVolume(wanted));
    UpdateVolumeRequestContent change = new UpdateVolumeRequestContent().newName("w").comment("c");
    assertEquals("java.s.w", volumes.updateVolume("java.s.v", change).getFullName());
    volumes.deleteVolume("java.s.w");
    refused(404, "NOT_FOUND", () -> volumes.getVolume("java.s.w"));
  }

  @Test
  void functions() throws Exception {
    FunctionsApi functions = new FunctionsApi(CLIENT);
    FunctionParameterInfo parameter =
        new FunctionParameterInfo()
            .name("a")
            .typeText("int")
            .typeJson("{}")
            .typeName(ColumnTypeName.INT)
            .position(0);
    CreateFunction wanted =
        new CreateFunction()
            .name("f")
            .catalogName("java")
            .schemaName("s")
            .inputParams(new FunctionParameterInfos().addParametersItem(parameter))
            .dataType(ColumnTypeName.INT)
            .fullDataType("INT")
            .routineBody(CreateFunction.RoutineBodyEnum.SQL)
            .routineDefinition("a + 1")
            .parameterStyle(CreateFunction.ParameterStyleEnum.S)
            .isDeterministic(true)
            .sqlDataAccess(CreateFunction.SqlDataAccessEnum.NO_SQL)
            .isNullCall(false)
            .securityType(CreateFunction.SecurityTypeEnum.DEFINER)
            .specificName("f")
            .properties("{}");
    CreateFunctionRequest request = new CreateFunctionRequest().functionInfo(wanted);
    FunctionInfo made = functions.createFunction(request);
    assertEquals(made, functions.getFunction("java.s.f"));
    assertEquals(FunctionInfo.RoutineBodyEnum.SQL, made.getRoutineBody());
    assertEquals(List.of(made), functions.listFunctions("java", "s", null, null).getFunctions());
    refused(400, "RESOURCE_ALREADY_EXISTS", () -> functions.createFunction(request));
    functions.deleteFunction("java.s.f");
    refused(404, "NOT_FOUND", () -> functions.deleteFunction("java.s.f"));
  }

  @Test
  void modelsAndTheirVersions() throws Exception {
    RegisteredModelsApi models = new RegisteredModelsApi(CLIENT);
    ModelVersionsApi versions = new ModelVersionsApi(CLIENT);
    CreateRegisteredModel wanted =
        new CreateRegisteredModel().name("m").catalogName("java").schemaName("s");
    RegisteredModelInfo made = models.createRegisteredModel(wanted);
    refused(409, "ALREADY_EXISTS", () -> models.createRegisteredModel(wanted));
    assertEquals(
        List.of(made), models.listRegisteredModels("java", "s", null, null).getRegisteredModels());
    ModelVersionInfo version =
        versions.createModelVersion(
            new CreateModelVersion()
                .modelName("m")
                .catalogName("java")
                .schemaName("s")
                .source("s3://x")
                .runId("r"));
    assertEquals(ModelVersionStatus.PENDING_REGISTRATION, version.getStatus());
    FinalizeModelVersion done = new FinalizeModelVersion().fullName("java.s.m").version(1L);
    assertEquals(
        ModelVersionStatus.READY, versions.finalizeModelVersion("java.s.m", 1L, done).getStatus());
    UpdateModelVersion change = new UpdateModelVersion().comment("c");
    assertEquals("c", versions.updateModelVersion("java.s.m", 1L, change).getComment());
    assertEquals(1, versions.listModelVersions("java.s.m", null, null).getModelVersions().size());
    refused(409, "ABORTED", () -> models.deleteRegisteredModel("java.s.m", false));
    versions.deleteModelVersion("java.s.m", 1L);
    models.deleteRegisteredModel("java.s.m", false);
    refused(404, "NOT_FOUND", () -> versions.getModelVersion("java.s.m", 1L));
  }

  @Test
  void credentialsAndExternalLocations() throws Exception {
    CredentialsApi credentials = new CredentialsApi(CLIENT);
    ExternalLocationsApi locations = new ExternalLocationsApi(CLIENT);
    AwsIamRoleRequest role = new AwsIamRoleRequest().roleArn("arn:aws:iam::1:role/r");
    CredentialInfo credential =
        credentials.createCredential(
            new CreateCredentialRequest()
                .name("jk")
                .purpose(CredentialPurpose.STORAGE)
                .awsIamRole(role));
    assertEquals(role.getRoleArn(), credential.getAwsIamRole().getRoleArn());
    CreateExternalLocation wanted =
        new CreateExternalLocation().name("jl").url(Site.FOLDER + "/jl").credentialName("jk");
    ExternalLocationInfo location = locations.createExternalLocation(wanted);
    assertEquals(credential.getId(), location.getCredentialId());
    UpdateExternalLocation change = new UpdateExternalLocation().comment("c");
    assertEquals("c", locations.updateExternalLocation("jl", change).getComment());
    CreateExternalLocation inside =
        new CreateExternalLocation().name("jm").url(Site.FOLDER + "/jl/m").credentialName("jk");
    refused(400, "INVALID_ARGUMENT", () -> locations.createExternalLocation(inside));
    refused(400, "INVALID_ARGUMENT", () -> credentials.deleteCredential("jk", false));
    locations.deleteExternalLocation("jl", false);
    credentials.deleteCredential("jk", false);
    refused(404, "NOT_FOUND", () -> credentials.getCredential("jk"));
  }

  @Test
  void whatIsRefusedForNowIsAskedAgain() throws Exception {
    Site.post(
        "/emulator/faults",
        """
        {"effect": "refuse", "methods": ["GET"], "path": "*/catalogs/java", "code": 429, "times": 2}
        """);
    assertEquals("java", CATALOGS.getCatalog("java").getName());
  }
}
