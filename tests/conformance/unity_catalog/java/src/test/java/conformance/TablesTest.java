package conformance;

import static conformance.Site.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.api.CatalogsApi;
import io.unitycatalog.client.api.DeltaCommitsApi;
import io.unitycatalog.client.api.SchemasApi;
import io.unitycatalog.client.api.TablesApi;
import io.unitycatalog.client.api.TemporaryCredentialsApi;
import io.unitycatalog.client.model.*;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Tables, the commits of managed ones, and credentials for their files. */
class TablesTest {
  private static final ApiClient CLIENT = Site.open();
  private static final TablesApi TABLES = new TablesApi(CLIENT);

  @BeforeAll
  static void aCatalogWithASchema() throws Exception {
    new CatalogsApi(CLIENT).createCatalog(new CreateCatalog().name("jtables"));
    new SchemasApi(CLIENT).createSchema(new CreateSchema().name("s").catalogName("jtables"));
  }

  @AfterAll
  static void goByForce() throws Exception {
    new CatalogsApi(CLIENT).deleteCatalog("jtables", true);
  }

  @Test
  void anExternalTable() throws Exception {
    CreateTable wanted = table("t", TableType.EXTERNAL, Site.FOLDER + "/jt");
    TableInfo made = TABLES.createTable(wanted.properties(Map.of("k", "v")));
    assertEquals(Site.columns(), made.getColumns());
    assertEquals(made, TABLES.getTable("jtables.s.t", null, null));
    refused(400, "INVALID_ARGUMENT", () -> TABLES.createTable(wanted));
    assertTrue(
        TABLES.listTables("jtables", "s", null, null).getTables().stream()
            .anyMatch(each -> each.equals(made)));
    assertNoKeys(
        new TemporaryCredentialsApi(CLIENT)
            .generateTemporaryTableCredentials(
                new GenerateTemporaryTableCredential()
                    .tableId(made.getTableId())
                    .operation(TableOperation.READ_WRITE)),
        Site.FOLDER + "/jt");
    TABLES.deleteTable("jtables.s.t");
    refused(404, "TABLE_NOT_FOUND", () -> TABLES.getTable("jtables.s.t", null, null));
    refused(404, "SCHEMA_NOT_FOUND", () -> TABLES.getTable("jtables.none.t", null, null));
    CreateTable outside = table("u", TableType.EXTERNAL, "file:///etc/u");
    refused(400, "INVALID_ARGUMENT", () -> TABLES.createTable(outside));
  }

  @Test
  void anIcebergTableIsOneToo() throws Exception {
    Site.post(
        "/api/2.1/unity-catalog/iceberg/v1/catalogs/jtables/namespaces/s/tables",
        """
        {"name": "i", "schema": {"type": "struct", "fields": [
          {"id": 1, "name": "a", "type": "int", "required": false}]}}
        """);
    TableInfo seen = TABLES.getTable("jtables.s.i", null, null);
    assertEquals(TableType.MANAGED, seen.getTableType());
    assertEquals(ColumnTypeName.INT, seen.getColumns().get(0).getTypeName());
    // it knows no such format, and says so
    assertEquals(DataSourceFormat.UNKNOWN_DEFAULT_OPEN_API, seen.getDataSourceFormat());
  }

  @Test
  void commitsOfAManagedTable() throws Exception {
    CreateStagingTable asked =
        new CreateStagingTable().name("d").catalogName("jtables").schemaName("s");
    StagingTableInfo staged = TABLES.createStagingTable(asked);
    CreateTable wanted = table("d", TableType.MANAGED, staged.getStagingLocation());
    TableInfo made =
        TABLES.createTable(
            wanted.properties(Map.of("io.unitycatalog.tableId", staged.getId())));
    assertEquals(staged.getId(), made.getTableId());

    DeltaCommitsApi commits = new DeltaCommitsApi(CLIENT);
    commits.commit(commit(made, "1.json"));
    refused(409, "COMMIT_VERSION_CONFLICT", () -> commits.commit(commit(made, "other.json")));
    DeltaGetCommits since =
        new DeltaGetCommits()
            .tableId(made.getTableId())
            .tableUri(made.getStorageLocation())
            .startVersion(0L);
    DeltaGetCommitsResponse waiting = commits.getCommits(since);
    assertEquals(1L, waiting.getLatestTableVersion());
    assertEquals(
        List.of("1.json"),
        waiting.getCommits().stream().map(DeltaCommitInfo::getFileName).toList());
  }

  @Test
  void credentialsForAPath() throws Exception {
    TemporaryCredentialsApi credentials = new TemporaryCredentialsApi(CLIENT);
    GenerateTemporaryPathCredential asked =
        new GenerateTemporaryPathCredential()
            .url(Site.FOLDER + "/free")
            .operation(PathOperation.PATH_READ);
    assertNoKeys(credentials.generateTemporaryPathCredentials(asked), Site.FOLDER + "/free");
    refused(
        400,
        "INVALID_ARGUMENT",
        () -> credentials.generateTemporaryPathCredentials(asked.url(Site.FOLDER + "/../up")));
    refused(
        400,
        "FAILED_PRECONDITION",
        () -> credentials.generateTemporaryPathCredentials(asked.url("s3://bucket/x")));
  }

  /** Files of this machine need no keys. */
  private static void assertNoKeys(TemporaryCredentials given, String url) {
    assertNull(given.getAwsTempCredentials());
    assertEquals(url, given.getUrl());
    assertTrue(given.getExpirationTime() > System.currentTimeMillis());
  }

  private static CreateTable table(String name, TableType type, String location) {
    return new CreateTable()
        .name(name)
        .catalogName("jtables")
        .schemaName("s")
        .tableType(type)
        .dataSourceFormat(DataSourceFormat.DELTA)
        .columns(Site.columns())
        .storageLocation(location);
  }

  private static DeltaCommit commit(TableInfo table, String file) {
    return new DeltaCommit()
        .tableId(table.getTableId())
        .tableUri(table.getStorageLocation())
        .commitInfo(
            new DeltaCommitInfo()
                .version(1L)
                .timestamp(1L)
                .fileName(file)
                .fileSize(1L)
                .fileModificationTimestamp(1L));
  }
}
