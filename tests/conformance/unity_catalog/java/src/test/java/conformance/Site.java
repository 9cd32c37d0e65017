package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.unitycatalog.client.ApiClient;
import io.unitycatalog.client.ApiClientBuilder;
import io.unitycatalog.client.ApiException;
import io.unitycatalog.client.auth.TokenProvider;
import io.unitycatalog.client.model.ColumnInfo;
import io.unitycatalog.client.model.ColumnTypeName;
import io.unitycatalog.client.retry.JitterDelayRetryPolicy;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.function.Executable;

/** The catalogs under test, as the environment names them, and what all tests need of them. */
final class Site {
  static final String OPEN = System.getenv("TEST_OPEN");
  static final String FOLDER = System.getenv("TEST_FOLDER");
  static final String GUARDED = System.getenv("TEST_GUARDED");

  private Site() {}

  /** A client of the catalog that asks for no token; what is refused for now it tries again soon. */
  static ApiClient open() {
    return client(OPEN, Map.of("type", "static", "token", "none"));
  }

  /** A client of a catalog, with a token that it gets in one of its own ways. */
  static ApiClient client(String url, Map<String, String> authentication) {
    return ApiClientBuilder.create()
        .uri(url)
        .tokenProvider(TokenProvider.create(authentication))
        .retryPolicy(JitterDelayRetryPolicy.builder().maxAttempts(5).initDelayMs(5).build())
        .build();
  }

  static List<ColumnInfo> columns() {
    return List.of(
        new ColumnInfo()
            .name("a")
            .typeText("int")
            .typeJson("{}")
            .typeName(ColumnTypeName.INT)
            .position(0)
            .nullable(true));
  }

  /** What is refused, with a status and the vendor's code. */
  static void refused(int status, String code, Executable call) {
    ApiException refusal = assertThrows(ApiException.class, call);
    assertEquals(status, refusal.getCode(), refusal.getMessage());
    assertTrue(refusal.getMessage().contains("\"" + code + "\""), refusal.getMessage());
  }

  /** Ask the open catalog for what the client has no call for. */
  static void post(String path, String body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(OPEN + path))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofString(body))
            .build();
    HttpResponse<String> answer =
        HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
    assertEquals(200, answer.statusCode(), answer.body());
  }
}
