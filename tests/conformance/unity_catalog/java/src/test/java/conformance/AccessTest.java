package conformance;

import static conformance.Site.refused;
import static org.junit.jupiter.api.Assertions.assertEquals;

import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.api.CatalogsApi;
import io.unitycatalog.client.api.GrantsApi;
import io.unitycatalog.client.model.*;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** Where everybody needs a token: with one of its own, and with one for a principal's secret. */
class AccessTest {
  private static final String PRINCIPAL = System.getenv("TEST_PRINCIPAL");
  private static ApiClient admin;
  private static ApiClient principal;

  @BeforeAll
  static void clients() throws Exception {
    String token = Files.readString(Path.of(System.getenv("TEST_ADMIN_TOKEN_FILE")));
    admin = Site.client(Site.GUARDED, Map.of("type", "static", "token", token));
    principal =
        Site.client(
            Site.GUARDED,
            Map.of(
                "type", "oauth",
                "oauth.uri", Site.GUARDED + "/oidc/v1/token",
                "oauth.clientId", PRINCIPAL,
                "oauth.clientSecret", System.getenv("TEST_SECRET")));
  }

  @Test
  void aForgedTokenIsNobodys() {
    ApiClient forger = Site.client(Site.GUARDED, Map.of("type", "static", "token", "forged"));
    refused(401, "UNAUTHENTICATED", () -> new CatalogsApi(forger).getCatalog("unity"));
  }

  @Test
  void aGrantOpensACatalogForAPrincipal() throws Exception {
    GrantsApi grants = new GrantsApi(admin);
    CatalogsApi theirs = new CatalogsApi(principal);
    refused(403, "PERMISSION_DENIED", () -> theirs.getCatalog("unity"));
    assertEquals(List.of(), theirs.listCatalogs(null, null).getCatalogs());

    PermissionsList granted = grants.update(SecurableType.CATALOG, "unity", change(true));
    assertEquals(
        List.of(
            new PrivilegeAssignment().principal(PRINCIPAL).addPrivilegesItem(Privilege.USE_CATALOG)),
        granted.getPrivilegeAssignments());
    assertEquals(granted, grants.get(SecurableType.CATALOG, "unity", PRINCIPAL));
    assertEquals("unity", theirs.getCatalog("unity").getName());
    GrantsApi asThem = new GrantsApi(principal);
    refused(
        403,
        "PERMISSION_DENIED",
        () -> asThem.update(SecurableType.CATALOG, "unity", change(true)));
    refused(
        403,
        "PERMISSION_DENIED",
        () -> theirs.updateCatalog("unity", new UpdateCatalog().comment("mine")));

    grants.update(SecurableType.CATALOG, "unity", change(false));
    refused(403, "PERMISSION_DENIED", () -> theirs.getCatalog("unity"));
  }

  @Test
  void grantsThatCannotBeAreRefused() {
    GrantsApi grants = new GrantsApi(admin);
    refused(404, "CATALOG_NOT_FOUND", () -> grants.get(SecurableType.CATALOG, "none", null));
    UpdatePermissions toNobody =
        new UpdatePermissions()
            .addChangesItem(
                new PermissionsChange().principal("nobody").addAddItem(Privilege.USE_CATALOG));
    refused(404, "NOT_FOUND", () -> grants.update(SecurableType.CATALOG, "unity", toNobody));
  }

  private static UpdatePermissions change(boolean granted) {
    PermissionsChange change = new PermissionsChange().principal(PRINCIPAL);
    List<Privilege> privileges = List.of(Privilege.USE_CATALOG);
    return new UpdatePermissions()
        .addChangesItem(granted ? change.add(privileges) : change.remove(privileges));
  }
}
