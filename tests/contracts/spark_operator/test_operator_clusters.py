"""SparkClusters: made, scaled, deleted."""

import pytest

from spark_emulators.spark_operator.resources.definitions import CLUSTERS
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.kubernetes.resources import Resource

SETS, SERVICES = Resource("apps/v1", "statefulsets"), Resource("v1", "services")


def cluster(workers=2, **spec):
    config = {"initWorkers": workers, "minWorkers": workers, "maxWorkers": workers}
    return {
        "apiVersion": "spark.apache.org/v1",
        "kind": "SparkCluster",
        "metadata": {"name": "c"},
        "spec": {
            "runtimeVersions": {"sparkVersion": "4.1.4"},
            "clusterTolerations": {"instanceConfig": config},
            "sparkConf": {"spark.kubernetes.container.image": "spark:{{SPARK_VERSION}}"},
            # its pods are nobody's
            "masterSpec": {"statefulSetSpec": unscheduled()},
            "workerSpec": {"statefulSetSpec": unscheduled()},
            **spec,
        },
    }


def unscheduled():
    return {
        "selector": {},
        "serviceName": "s",
        "template": {"spec": {"containers": [], "schedulerName": "nobody"}},
    }


def state(site):
    found = site.kubernetes.get(CLUSTERS, site.namespace, "c")
    return found.get("status", {}).get("currentState", {}).get("currentStateSummary")


def names(site, resource):
    return {each["metadata"]["name"] for each in site.kubernetes.list(resource, site.namespace)[0]}


def test_a_cluster_is_made_scaled_and_deleted(site):
    site.kubernetes.create(CLUSTERS, site.namespace, cluster())
    site.until(lambda: state(site) == "RunningHealthy", "the cluster")
    assert names(site, SETS) == {"c-master", "c-worker"}
    assert names(site, SERVICES) == {"c-master-svc", "c-worker-svc"}
    workers = site.kubernetes.get(SETS, site.namespace, "c-worker")
    assert workers["spec"]["replicas"] == 2
    (container,) = workers["spec"]["template"]["spec"]["containers"]
    assert container["image"] == "spark:4.1.4"
    assert container["args"][-1] == "spark://c-master-svc:7077"
    change = {"spec": {"clusterTolerations": {"instanceConfig": {"initWorkers": 3}}}}
    site.kubernetes.patch(CLUSTERS, site.namespace, "c", change)
    site.until(
        lambda: site.kubernetes.get(SETS, site.namespace, "c-worker")["spec"]["replicas"] == 3,
        "three workers",
    )
    site.kubernetes.delete(CLUSTERS, site.namespace, "c")
    site.until(lambda: not names(site, SETS) and not names(site, SERVICES), "nothing to be left")


def test_what_cannot_be_made_says_so_once_and_can_be_mended(site):
    bad = cluster(masterSpec={"serviceMetadata": {"labels": {"a": "b c"}}})
    site.kubernetes.create(CLUSTERS, site.namespace, bad)
    site.until(lambda: state(site) == "SchedulingFailure", "the failure")
    site.advance(3600)
    site.rests()
    found = site.kubernetes.get(CLUSTERS, site.namespace, "c")
    assert len(found["status"]["stateTransitionHistory"]) == 2
    good = {"spec": {"masterSpec": {"serviceMetadata": {"labels": {"a": "b"}}}}}
    site.kubernetes.patch(CLUSTERS, site.namespace, "c", good)
    site.until(lambda: state(site) == "RunningHealthy", "the cluster")


def test_suspension(site):
    site.kubernetes.create(CLUSTERS, site.namespace, cluster(suspend=True))
    site.until(lambda: state(site) == "Submitted", "the cluster to be seen")
    assert names(site, SETS) == set()
    site.kubernetes.patch(CLUSTERS, site.namespace, "c", {"spec": {"suspend": False}})
    site.until(lambda: state(site) == "RunningHealthy", "the cluster")


def test_workers_are_required(site):
    value = cluster()
    del value["spec"]["clusterTolerations"]
    with pytest.raises(InvalidInput, match="clusterTolerations"):
        site.kubernetes.create(CLUSTERS, site.namespace, value)
