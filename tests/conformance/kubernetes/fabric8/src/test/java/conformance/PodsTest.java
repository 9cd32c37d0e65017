package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubernetes.api.model.Pod;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.LocalPortForward;
import io.fabric8.kubernetes.client.dsl.ExecWatch;
import io.fabric8.kubernetes.client.dsl.LogWatch;
import io.fabric8.kubernetes.client.informers.ResourceEventHandler;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.io.ByteArrayOutputStream;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

/** Pods that run: followed, entered, read, reached. */
class PodsTest {
  // perl is in every Debian, however slim
  private static final String ANSWERS =
      "exec perl -MIO::Socket::INET -e '$| = 1; $s = IO::Socket::INET->new(LocalAddr => \"0.0.0.0\","
          + " LocalPort => 18099, Listen => 5, ReuseAddr => 1) or die $@; print \"ready\\n\";"
          + " while ($c = $s->accept) { print $c \"hello\\n\"; close $c }'";

  @Test
  void anInformerSeesAPodsLife() throws Exception {
    List<String> seen = new CopyOnWriteArrayList<>();
    try (KubernetesClient client = Site.client();
        SharedIndexInformer<Pod> informer =
            client.pods().inNamespace(Site.NAMESPACE).withLabel("app", "seen").inform()) {
      informer.addEventHandler(
          new ResourceEventHandler<>() {
            @Override
            public void onAdd(Pod pod) {
              seen.add("added");
            }

            @Override
            public void onUpdate(Pod before, Pod now) {
              seen.add("updated");
            }

            @Override
            public void onDelete(Pod pod, boolean unknown) {
              seen.add("deleted");
            }
          });
      Site.running(client, "seen", "sleep 600");
      client.pods().inNamespace(Site.NAMESPACE).withName("seen").withGracePeriod(0).delete();
      Site.until("its end is seen", () -> seen.contains("deleted"));
      assertEquals("added", seen.get(0));
      assertTrue(seen.contains("updated"));
      assertTrue(informer.getStore().list().isEmpty());
    }
  }

  @Test
  void aCommandTellsItsExitCode() throws Exception {
    try (KubernetesClient client = Site.client()) {
      Site.running(client, "entered", "sleep 600");
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      ByteArrayOutputStream err = new ByteArrayOutputStream();
      try (ExecWatch exec =
          client
              .pods()
              .inNamespace(Site.NAMESPACE)
              .withName("entered")
              .writingOutput(out)
              .writingError(err)
              .exec("sh", "-c", "echo to out; echo to err >&2; exit 7")) {
        assertEquals(7, exec.exitCode().get(60, TimeUnit.SECONDS));
      }
      assertEquals("to out\n", out.toString(StandardCharsets.UTF_8));
      assertEquals("to err\n", err.toString(StandardCharsets.UTF_8));
    }
  }

  @Test
  void aLogIsFollowed() throws Exception {
    try (KubernetesClient client = Site.client()) {
      Site.running(client, "read", "for i in 1 2 3; do echo line $i; sleep 0.2; done; sleep 600");
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      try (LogWatch log =
          client.pods().inNamespace(Site.NAMESPACE).withName("read").watchLog(out)) {
        Site.until("its last line", () -> out.toString(StandardCharsets.UTF_8).contains("line 3"));
      }
      assertEquals("line 1\nline 2\nline 3\n", out.toString(StandardCharsets.UTF_8));
    }
  }

  @Test
  void aPortIsReached() throws Exception {
    try (KubernetesClient client = Site.client()) {
      Site.running(client, "reached", ANSWERS);
      Site.until(
          "it listens",
          () ->
              client
                  .pods()
                  .inNamespace(Site.NAMESPACE)
                  .withName("reached")
                  .getLog()
                  .contains("ready"));
      try (LocalPortForward forward =
              client.pods().inNamespace(Site.NAMESPACE).withName("reached").portForward(18099);
          Socket socket = new Socket(forward.getLocalAddress(), forward.getLocalPort())) {
        byte[] said = socket.getInputStream().readNBytes(6);
        assertEquals("hello\n", new String(said, StandardCharsets.UTF_8));
      }
    }
  }
}
