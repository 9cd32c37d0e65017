package example;

import java.time.Duration;
import java.util.UUID;
import org.testcontainers.containers.GenericContainer;
import org.testcontainers.containers.wait.strategy.Wait;
import org.testcontainers.utility.DockerImageName;

/** Spark Connect, a Unity Catalog and an S3 in one container. */
final class SparkContainer extends GenericContainer<SparkContainer> {
  private static final int CONNECT = 15002;

  private final String token = UUID.randomUUID().toString();

  SparkContainer() {
    super(DockerImageName.parse(System.getProperty("spark.image")));
    withCommand("connect");
    withEnv("SPARK_CONNECT_AUTHENTICATE_TOKEN", token);
    withExposedPorts(CONNECT);
    waitingFor(
        Wait.forLogMessage(".*Spark Connect server started.*", 1)
            .withStartupTimeout(Duration.ofMinutes(2)));
  }

  /** For {@code SparkSession.builder().remote(…)}. */
  String url() {
    // as a header of its own: clients send what they know as a token over TLS only
    return "sc://%s:%d/;authorization=Bearer%%20%s"
        .formatted(getHost(), getMappedPort(CONNECT), token);
  }
}
