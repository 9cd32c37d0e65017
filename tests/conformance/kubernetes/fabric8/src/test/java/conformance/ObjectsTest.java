package conformance;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.fabric8.kubernetes.api.model.ConfigMap;
import io.fabric8.kubernetes.api.model.ConfigMapBuilder;
import io.fabric8.kubernetes.api.model.DeletionPropagation;
import io.fabric8.kubernetes.api.model.GenericKubernetesResource;
import io.fabric8.kubernetes.api.model.GenericKubernetesResourceBuilder;
import io.fabric8.kubernetes.api.model.ObjectMeta;
import io.fabric8.kubernetes.api.model.OwnerReferenceBuilder;
import io.fabric8.kubernetes.client.KubernetesClient;
import io.fabric8.kubernetes.client.KubernetesClientException;
import io.fabric8.kubernetes.client.dsl.base.PatchContext;
import io.fabric8.kubernetes.client.dsl.base.PatchType;
import io.fabric8.kubernetes.client.dsl.base.ResourceDefinitionContext;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderCallbacks;
import io.fabric8.kubernetes.client.extended.leaderelection.LeaderElectionConfigBuilder;
import io.fabric8.kubernetes.client.extended.leaderelection.resourcelock.LeaseLock;
import io.fabric8.kubernetes.client.informers.SharedIndexInformer;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.Test;

/** Objects: applied, owned, custom, and one that is fought for. */
class ObjectsTest {
  private static final ResourceDefinitionContext WIDGETS =
      new ResourceDefinitionContext.Builder()
          .withGroup(Site.GROUP)
          .withVersion("v1")
          .withKind("Widget")
          .withPlural("widgets")
          .withNamespaced(true)
          .build();

  private static ConfigMap map(String name, String value) {
    return new ConfigMapBuilder()
        .withNewMetadata()
        .withName(name)
        .withNamespace(Site.NAMESPACE)
        .endMetadata()
        .addToData("key", value)
        .build();
  }

  private static ConfigMap apply(
      KubernetesClient client, String manager, boolean force, ConfigMap value) {
    PatchContext how =
        new PatchContext.Builder()
            .withPatchType(PatchType.SERVER_SIDE_APPLY)
            .withFieldManager(manager)
            .withForce(force)
            .build();
    return client.resource(value).patch(how);
  }

  @Test
  void whatOneAppliesAnotherMayNotTakeUnasked() {
    try (KubernetesClient client = Site.client()) {
      apply(client, "one", false, map("applied", "first"));
      KubernetesClientException refused =
          assertThrows(
              KubernetesClientException.class,
              () -> apply(client, "other", false, map("applied", "second")));
      assertEquals(409, refused.getCode());
      assertEquals(
          "FieldManagerConflict",
          refused.getStatus().getDetails().getCauses().get(0).getReason());
      ConfigMap taken = apply(client, "other", true, map("applied", "second"));
      assertEquals("second", taken.getData().get("key"));
    }
  }

  @Test
  void anOldVersionDoesNotOverwriteANewOne() {
    try (KubernetesClient client = Site.client()) {
      ConfigMap old = client.resource(map("raced", "first")).create();
      old.getData().put("key", "second");
      client.resource(old).update();
      old.getData().put("key", "third");
      KubernetesClientException refused =
          assertThrows(KubernetesClientException.class, () -> client.resource(old).update());
      assertEquals(409, refused.getCode());
    }
  }

  @Test
  void whatIsOwnedGoesWithItsOwnerUnlessItIsOrphaned() throws Exception {
    try (KubernetesClient client = Site.client()) {
      for (DeletionPropagation how :
          new DeletionPropagation[] {
            DeletionPropagation.FOREGROUND, DeletionPropagation.ORPHAN
          }) {
        String name = how.name().toLowerCase();
        ConfigMap owner = client.resource(map(name + "-owner", "x")).create();
        ConfigMap owned = map(name + "-owned", "x");
        owned
            .getMetadata()
            .getOwnerReferences()
            .add(
                new OwnerReferenceBuilder()
                    .withApiVersion("v1")
                    .withKind("ConfigMap")
                    .withName(owner.getMetadata().getName())
                    .withUid(owner.getMetadata().getUid())
                    .build());
        client.resource(owned).create();
        client.resource(owner).withPropagationPolicy(how).delete();
        Site.until("the owner goes", () -> client.resource(owner).get() == null);
        if (how == DeletionPropagation.FOREGROUND) {
          Site.until("what it owned goes", () -> client.resource(owned).get() == null);
        } else {
          ConfigMap left = client.resource(owned).get();
          assertNotNull(left);
          assertTrue(left.getMetadata().getOwnerReferences().isEmpty());
        }
      }
    }
  }

  @Test
  void aCustomResourceHasAStatusAndAnInformer() throws Exception {
    try (KubernetesClient client = Site.client();
        SharedIndexInformer<GenericKubernetesResource> informer =
            client.genericKubernetesResources(WIDGETS).inNamespace(Site.NAMESPACE).inform()) {
      GenericKubernetesResource widget =
          new GenericKubernetesResourceBuilder()
              .withApiVersion(Site.GROUP + "/v1")
              .withKind("Widget")
              .withMetadata(named("w"))
              .addToAdditionalProperties("spec", Map.of("size", 3))
              .build();
      GenericKubernetesResource made = client.resource(widget).create();
      assertEquals("fast", made.get("spec", "mode"), "its schema's default");
      made.setAdditionalProperty("status", Map.of("phase", "Done"));
      client.resource(made).updateStatus();
      Site.until(
          "the informer has its status",
          () ->
              informer.getStore().list().stream()
                  .anyMatch(each -> "Done".equals(each.get("status", "phase"))));
      widget.setAdditionalProperty("spec", Map.of("size", 99));
      KubernetesClientException refused =
          assertThrows(KubernetesClientException.class, () -> client.resource(widget).update());
      assertEquals(422, refused.getCode());
      client.resource(made).delete();
      Site.until("the informer has let it go", () -> informer.getStore().list().isEmpty());
    }
  }

  @Test
  void oneLeadsAndThenTheOther() throws Exception {
    AtomicReference<String> leader = new AtomicReference<>("");
    try (KubernetesClient client = Site.client()) {
      CompletableFuture<?> first = stands(client, "first", leader);
      Site.until("the first leads", () -> "first".equals(leader.get()));
      CompletableFuture<?> second = stands(client, "second", leader);
      first.cancel(true);
      Site.until("the second leads", () -> "second".equals(leader.get()));
      second.cancel(true);
    }
  }

  private static CompletableFuture<?> stands(
      KubernetesClient client, String name, AtomicReference<String> leader) {
    return client
        .leaderElector()
        .withConfig(
            new LeaderElectionConfigBuilder()
                .withName(name)
                .withLock(new LeaseLock(Site.NAMESPACE, "fought-for", name))
                .withLeaseDuration(Duration.ofSeconds(3))
                .withRenewDeadline(Duration.ofSeconds(2))
                .withRetryPeriod(Duration.ofMillis(300))
                .withReleaseOnCancel(true)
                .withLeaderCallbacks(
                    new LeaderCallbacks(() -> {}, () -> {}, leader::set))
                .build())
        .build()
        .start();
  }

  private static ObjectMeta named(String name) {
    ObjectMeta metadata = new ObjectMeta();
    metadata.setName(name);
    metadata.setNamespace(Site.NAMESPACE);
    return metadata;
  }
}
