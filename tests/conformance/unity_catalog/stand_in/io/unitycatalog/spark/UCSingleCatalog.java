package io.unitycatalog.spark;

import io.delta.storage.commit.uccommitcoordinator.UCConfigUtils;
import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.ApiClientBuilder;
import io.unitycatalog.client.ApiException;
import io.unitycatalog.client.api.SchemasApi;
import io.unitycatalog.client.api.TablesApi;
import io.unitycatalog.client.auth.TokenProvider;
import io.unitycatalog.client.model.CreateSchema;
import io.unitycatalog.client.model.CreateTable;
import io.unitycatalog.client.model.DataSourceFormat;
import io.unitycatalog.client.model.SchemaInfo;
import io.unitycatalog.client.model.TableType;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import org.apache.spark.sql.catalyst.analysis.NoSuchNamespaceException;
import org.apache.spark.sql.catalyst.analysis.NoSuchTableException;
import org.apache.spark.sql.connector.catalog.Identifier;
import org.apache.spark.sql.connector.catalog.NamespaceChange;
import org.apache.spark.sql.connector.catalog.SupportsNamespaces;
import org.apache.spark.sql.connector.catalog.Table;
import org.apache.spark.sql.connector.catalog.TableCatalog;
import org.apache.spark.sql.connector.catalog.TableChange;
import org.apache.spark.sql.connector.expressions.Transform;
import org.apache.spark.sql.delta.catalog.DeltaCatalog;
import org.apache.spark.sql.types.StructType;
import org.apache.spark.sql.util.CaseInsensitiveStringMap;

/**
 * Stands where Unity Catalog's own Spark connector would, which is not published where this project's
 * jars come from.
 *
 * <p>Delta Lake's catalog talks to a Unity Catalog by itself, through the clients that come with it,
 * once what it delegates to is of a package of Unity Catalog's; commits to managed tables look for the
 * catalog by this very name. Here is only what Delta leaves to the connector: schemas, the list of
 * tables, dropping one, and telling the catalog of an external one.
 */
public final class UCSingleCatalog extends DeltaCatalog {
  @Override
  public void initialize(String name, CaseInsensitiveStringMap options) {
    setDelegateCatalog(new Schemas(name, options));
    super.initialize(name, options);
  }

  /** The rest of a catalog, by the client of Unity Catalog's own API. */
  public static final class Schemas implements TableCatalog, SupportsNamespaces {
    private final String name;
    private final SchemasApi schemas;
    private final TablesApi tables;

    Schemas(String name, CaseInsensitiveStringMap options) {
      this.name = name;
      Map<String, String> asked = options.asCaseSensitiveMap();
      ApiClient client =
          ApiClientBuilder.create()
              .uri(UCConfigUtils.extractUri(asked))
              .tokenProvider(TokenProvider.create(UCConfigUtils.extractAuthConfig(asked)))
              .build();
      this.schemas = new SchemasApi(client);
      this.tables = new TablesApi(client);
    }

    @Override
    public String name() {
      return name;
    }

    @Override
    public void initialize(String name, CaseInsensitiveStringMap options) {}

    @Override
    public Identifier[] listTables(String[] namespace) {
      return asked(() -> tables.listTables(name, namespace[0], 0, null)).getTables().stream()
          .map(table -> Identifier.of(namespace, table.getName()))
          .toArray(Identifier[]::new);
    }

    @Override
    public Table loadTable(Identifier ident) throws NoSuchTableException {
      throw new NoSuchTableException(ident);
    }

    @Override
    public Table createTable(
        Identifier ident,
        StructType schema,
        Transform[] partitions,
        Map<String, String> properties) {
      // Delta makes managed tables itself, and asks for external ones when their log is written
      CreateTable request =
          new CreateTable()
              .catalogName(name)
              .schemaName(ident.namespace()[0])
              .name(ident.name())
              .tableType(TableType.EXTERNAL)
              .dataSourceFormat(DataSourceFormat.DELTA)
              .storageLocation(properties.get(TableCatalog.PROP_LOCATION))
              .comment(properties.get(TableCatalog.PROP_COMMENT))
              // what they are, its log says
              .columns(List.of());
      asked(() -> tables.createTable(request));
      return null;
    }

    @Override
    public Table alterTable(Identifier ident, TableChange... changes) {
      throw new UnsupportedOperationException("only Delta tables are changed here");
    }

    @Override
    public boolean dropTable(Identifier ident) {
      asked(() -> tables.deleteTable(name + "." + ident.namespace()[0] + "." + ident.name()));
      return true;
    }

    @Override
    public void renameTable(Identifier from, Identifier to) {
      throw new UnsupportedOperationException("no table is renamed here");
    }

    @Override
    public String[][] listNamespaces() {
      return asked(() -> schemas.listSchemas(name, 0, null)).getSchemas().stream()
          .map(schema -> new String[] {schema.getName()})
          .toArray(String[][]::new);
    }

    @Override
    public String[][] listNamespaces(String[] namespace) {
      return namespace.length == 0 ? listNamespaces() : new String[0][];
    }

    @Override
    public Map<String, String> loadNamespaceMetadata(String[] namespace)
        throws NoSuchNamespaceException {
      try {
        SchemaInfo found = asked(() -> schemas.getSchema(name + "." + namespace[0]));
        return Map.of("owner", String.valueOf(found.getOwner()));
      } catch (NoSuchElementException missing) {
        throw new NoSuchNamespaceException(namespace);
      }
    }

    @Override
    public void createNamespace(String[] namespace, Map<String, String> metadata) {
      asked(
          () -> schemas.createSchema(new CreateSchema().catalogName(name).name(namespace[0])));
    }

    @Override
    public void alterNamespace(String[] namespace, NamespaceChange... changes) {
      throw new UnsupportedOperationException("no schema is changed here");
    }

    @Override
    public boolean dropNamespace(String[] namespace, boolean cascade) {
      asked(() -> schemas.deleteSchema(name + "." + namespace[0], cascade));
      return true;
    }

    private interface Question<T> {
      T ask() throws ApiException;
    }

    private static <T> T asked(Question<T> question) {
      try {
        return question.ask();
      } catch (ApiException error) {
        if (error.getCode() == 404) {
          throw new NoSuchElementException(error.getResponseBody());
        }
        throw new IllegalStateException(error.getResponseBody(), error);
      }
    }
  }
}
