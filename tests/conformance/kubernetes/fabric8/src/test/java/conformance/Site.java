package conformance;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.api.model.PodBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientBuilder;
import java.time.Duration;
import java.time.Instant;
import java.util.function.BooleanSupplier;

/** The cluster under test, and a namespace of the run's own, as the environment names them. */
final class Site {
  static final String NAMESPACE = System.getenv("TEST_NAMESPACE");
  static final String IMAGE = System.getenv("TEST_IMAGE");
  static final String GROUP = System.getenv("TEST_GROUP");
  static final Duration PATIENCE = Duration.ofSeconds(60);

  private Site() {}

  /** A client of KUBECONFIG's cluster. */
  static KubernetesClient client() {
    return new KubernetesClientBuilder().build();
  }

  /** A pod that runs a script, as soon as it does. */
  static Pod running(KubernetesClient client, String name, String script) {
    Pod pod =
        new PodBuilder()
            .withNewMetadata()
            .withName(name)
            .addToLabels("app", name)
            .endMetadata()
            .withNewSpec()
            .withRestartPolicy("Never")
            .withTerminationGracePeriodSeconds(0L)
            .addNewContainer()
            .withName("main")
            .withImage(IMAGE)
            .withImagePullPolicy("IfNotPresent")
            .withCommand("sh", "-c", script)
            .endContainer()
            .endSpec()
            .build();
    client.pods().inNamespace(NAMESPACE).resource(pod).create();
    return client
        .pods()
        .inNamespace(NAMESPACE)
        .withName(name)
        .waitUntilReady(PATIENCE.toSeconds(), java.util.concurrent.TimeUnit.SECONDS);
  }

  /** Wait until it is so. */
  static void until(String what, BooleanSupplier isSo) throws InterruptedException {
    Instant end = Instant.now().plus(PATIENCE);
    while (!isSo.getAsBoolean()) {
      if (Instant.now().isAfter(end)) {
        throw new AssertionError("not within " + PATIENCE + ": " + what);
      }
      Thread.sleep(20);
    }
  }
}
