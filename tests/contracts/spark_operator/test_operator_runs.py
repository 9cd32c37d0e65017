"""Applications from their creation to their end."""

import threading

import pytest
from kube_kubectl import Kubectl
from spark_apps import application, restarts
from spark_operators import pods_made

from spark_emulators.spark_operator.operator import Operator
from spark_emulators.spark_operator.resources.definitions import APPLICATIONS
from spark_emulators.spark_operator.settings import OperatorSettings
from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.kubernetes.client import PODS, connect
from spark_platform.kernel.kubernetes.errors import AlreadyExists
from spark_platform.kernel.kubernetes.lease import LEASES, LeaseSettings
from spark_platform.kernel.kubernetes.resources import Resource
from spark_platform.kernel.wait import NotYet, poll

MAPS, SERVICES = Resource("v1", "configmaps"), Resource("v1", "services")
BAD_VOLUME = {"containers": [], "volumes": [{"name": "BAD NAME", "emptyDir": {}}]}
KEPT = {"resourceRetainPolicy": "Always"}


def names(site, resource):
    found, _ = site.kubernetes.list(resource, site.namespace)
    return {each["metadata"]["name"] for each in found} - {"kube-root-ca.crt"}


def test_from_submission_to_success(site):
    config = {**KEPT, "instanceConfig": {"initExecutors": 1, "minExecutors": 1, "maxExecutors": 2}}
    site.apply(application(tolerations=config))
    site.comes_to("DriverRequested")
    assert names(site, MAPS) == {"app-0-spark-drv-conf-map"}
    assert names(site, SERVICES) == {"app-0-driver-svc"}
    site.says("app-0-driver", "Running")
    site.comes_to("DriverReady")
    site.executor("app-exec-1")
    site.comes_to("RunningWithPartialCapacity")
    site.executor("app-exec-2")
    site.comes_to("RunningHealthy")
    site.says("app-0-driver", "Succeeded", exit_code=0)
    site.comes_to("TerminatedWithoutReleaseResources")
    states = [
        "Submitted", "DriverRequested", "DriverStarted", "DriverReady",
        "RunningWithPartialCapacity", "RunningHealthy", "Succeeded",
        "TerminatedWithoutReleaseResources",
    ]  # fmt: skip
    assert site.states() == states
    assert [reason for _, reason in site.events()] == states
    assert site.events()[-1][0] == "Warning"


def test_all_that_is_made_goes_with_the_driver(site):
    site.apply(application())
    site.comes_to("DriverRequested")
    site.says("app-0-driver", "Running")
    site.comes_to("RunningHealthy")
    site.executor("app-exec-1")
    site.says("app-0-driver", "Failed", exit_code=1)
    site.comes_to("ResourceReleased")
    assert site.states()[-2:] == ["Failed", "ResourceReleased"]
    site.until(
        lambda: not (names(site, PODS) | names(site, MAPS) | names(site, SERVICES)),
        "all to be gone",
    )


def test_another_attempt_has_objects_of_its_own(site):
    config = restarts(restartBackoffMillis=60_000, maxRestartAttempts=1)
    site.apply(application(tolerations=config))
    with pods_made(site) as made:
        site.comes_to("DriverRequested")
        site.says("app-0-driver", "Failed", exit_code=1)
        site.comes_to("ScheduledToRestart")
        site.advance(50)
        site.rests()
        assert site.state() == "ScheduledToRestart"
        site.advance(10)
        site.comes_to("DriverRequested")
        assert names(site, MAPS) == {"app-1-spark-drv-conf-map"}
        site.says("app-1-driver", "Failed", exit_code=1)
        site.comes_to("ResourceReleased")
    assert made == ["app-0-driver", "app-1-driver"]
    status = site.get()["status"]
    assert status["currentAttemptSummary"]["attemptInfo"]["id"] == 1
    old = status["previousAttemptSummary"]["stateTransitionHistory"].values()
    assert [each["currentStateSummary"] for each in old][-1] == "Failed"


def test_deletion_cancels_and_leaves_nothing(site):
    site.apply(application())
    site.comes_to("DriverRequested")
    site.says("app-0-driver", "Running")
    site.comes_to("RunningHealthy")
    site.kubernetes.delete(APPLICATIONS, site.namespace, "app")
    site.goes()
    assert names(site, PODS) == set()


def test_a_name_can_be_used_again_at_once(site):
    for _ in range(2):
        site.apply(application())
        site.comes_to("DriverRequested")
        site.kubernetes.delete(APPLICATIONS, site.namespace, "app")
        site.goes()
    site.apply(application())
    site.comes_to("DriverRequested")


def test_of_two_that_race_for_a_name_one_is_told(site):
    site.apply(application())
    with pytest.raises(AlreadyExists):
        site.apply(application())


def test_time_to_live(site):
    site.apply(application(tolerations={"ttlAfterStopMillis": 60_000}))
    site.comes_to("DriverRequested")
    site.says("app-0-driver", "Succeeded", exit_code=0)
    site.comes_to("ResourceReleased")
    site.advance(50)
    site.rests()
    assert site.state() == "ResourceReleased"
    site.advance(10)
    site.goes()
    assert names(site, PODS) == set()


def test_a_driver_that_does_not_start_in_time(site):
    site.apply(application())
    site.comes_to("DriverRequested")
    site.advance(300)
    site.comes_to("ResourceReleased")
    assert site.states()[-2] == "DriverStartTimedOut"


def test_success_is_seen_though_the_pod_vanishes(site):
    """As kubeflow/spark-operator#2755, where it was recorded as a failure."""
    site.apply(application())
    site.comes_to("DriverRequested")
    site.says("app-0-driver", "Succeeded", exit_code=0)
    site.kubernetes.delete(PODS, site.namespace, "app-0-driver", grace_s=0)
    site.comes_to("ResourceReleased")
    assert site.states()[-2] == "Succeeded"


def test_a_driver_that_was_deleted_has_failed(site):
    site.apply(application(tolerations=KEPT))
    site.comes_to("DriverRequested")
    site.says("app-0-driver", "Running")
    site.comes_to("RunningHealthy")
    site.kubernetes.delete(PODS, site.namespace, "app-0-driver", grace_s=0)
    site.comes_to("TerminatedWithoutReleaseResources")
    assert site.states()[-2] == "Failed"
    assert "was deleted while it was Running" in str(site.get()["status"])


def test_suspension_is_until_further_notice(site):
    site.apply(application(suspend=True))
    site.comes_to("Submitted")
    assert names(site, PODS) == set()
    site.kubernetes.patch(APPLICATIONS, site.namespace, "app", {"spec": {"suspend": False}})
    site.comes_to("DriverRequested")


def test_an_edit_counts_for_the_next_attempt_and_is_said(site):
    site.apply(application(tolerations=restarts(restartBackoffMillis=0)))
    site.comes_to("DriverRequested")
    conf = {"spec": {"sparkConf": {"spark.driver.memory": "2g"}}}
    site.kubernetes.patch(APPLICATIONS, site.namespace, "app", conf)
    site.until(lambda: ("Normal", "SpecChanged") in site.events(), "the edit to be said")
    site.says("app-0-driver", "Failed", exit_code=1)
    site.until(lambda: "app-1-driver" in names(site, PODS), "the next attempt")
    (container,) = site.kubernetes.get(PODS, site.namespace, "app-1-driver")["spec"]["containers"]
    assert container["resources"]["limits"]["memory"] == "2867Mi"


def test_a_name_of_253_characters(site):
    name = ".".join(["n" * 60] * 4) + "-longname"
    assert len(name) == 252
    name += "x"
    site.apply(application(name))
    site.comes_to("DriverRequested", name)
    (pod,) = site.pods()
    site.says(pod["metadata"]["name"], "Succeeded", exit_code=0)
    site.comes_to("ResourceReleased", name)


def test_kubectl_shows_the_state(site, tmp_path, api):
    kubectl = Kubectl(api.kubeconfig, site.namespace, tmp_path)
    site.apply(application())
    site.comes_to("DriverRequested")
    assert "DriverRequested" in kubectl("get", "sparkapp")
    assert "Current State" in kubectl("get", "sparkapp").title().replace("_", " ")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"sparkConf": {}}, "spark.kubernetes.container.image] is missing"),
        ({"pyFiles": None}, "there is nothing to run"),
        ({"conf": {"spark.driver.memory": "much"}}, "spark.driver.memory]: 'much' is no size"),
        ({"conf": {"spark.driver.port": "x"}}, "'x' is no port"),
        ({"conf": {"spark.driver.memoryOverheadFactor": "-1"}}, "is no factor"),
        (
            {"conf": {"spark.kubernetes.driver.volumes.tape.t.mount.path": "/t"}},
            "no such kind of volume",
        ),
        (
            {"conf": {"spark.kubernetes.driver.podTemplateContainerName": "nobody"}},
            "has no container 'nobody'",
        ),
        ({"conf": {"spark.kubernetes.driver.podTemplateFile": "/x"}}, "reads no files"),
        # what the API server refuses
        ({"conf": {"spark.kubernetes.driver.label.a": "b c"}}, "Invalid"),
        ({"conf": {"spark.kubernetes.driver.request.cores": "many"}}, "quantit"),
        (
            {"driverSpec": {"podTemplateSpec": {"spec": BAD_VOLUME}}},
            "volumes[0].name",
        ),
    ],
)
def test_what_cannot_be_made_says_why_and_leaves_nothing(site, change, text):
    value = application(conf=change.get("conf", {}))
    for key, given in change.items():
        if given is None:
            del value["spec"][key]
        elif key != "conf":
            value["spec"][key] = given
    site.apply(value)
    site.comes_to("ResourceReleased")
    history = site.get()["status"]["stateTransitionHistory"]
    refused = history[str(max(map(int, history)) - 1)]
    assert refused["currentStateSummary"] == "SchedulingFailure"
    assert text in refused["message"]
    assert names(site, PODS) == set()
    site.until(lambda: not names(site, MAPS), "no ConfigMap to be left")
    assert ("Warning", "SchedulingFailure") in site.events()
    site.kubernetes.delete(APPLICATIONS, site.namespace, "app")
    site.goes()


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"runtimeVersions": None}, "runtimeVersions"),
        ({"deploymentMode": "NoMode"}, "deploymentMode"),
        ({"sparkConf": {"a": 1}}, "sparkConf"),
        ({"applicationTolerations": {"resourceRetainPolicy": "Sometimes"}}, "resourceRetainPolicy"),
        ({"applicationTolerations": {"instanceConfig": {"initExecutors": -1}}}, "initExecutors"),
    ],
)
def test_what_the_schema_forbids_is_refused_at_the_door(site, spec, text):
    value = application()
    value["spec"] |= spec
    with pytest.raises(InvalidInput, match=text):
        site.apply(value)


def test_a_quota_that_is_used_up_is_said(site):
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"},
             "spec": {"hard": {"pods": "0"}}}  # fmt: skip
    quotas = Resource("v1", "resourcequotas")
    site.kubernetes.create(quotas, site.namespace, quota)
    site.until(
        lambda: "hard" in site.kubernetes.get(quotas, site.namespace, "q").get("status", {}),
        "the quota to count",
    )
    site.apply(application())
    site.comes_to("ResourceReleased")
    assert "exceeded quota" in str(site.get()["status"]["stateTransitionHistory"])


def test_a_driver_of_somebody_elses_is_left_alone(site):
    conf = {"spark.kubernetes.driver.pod.name": "taken"}
    container = {"name": "c", "image": "busybox"}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "taken"},
           "spec": {"containers": [container], "schedulerName": "nobody"}}  # fmt: skip
    site.kubernetes.create(PODS, site.namespace, pod)
    site.apply(application(conf=conf))
    site.comes_to("ResourceReleased")
    assert "not this application's" in str(site.get()["status"]["stateTransitionHistory"])
    assert names(site, PODS) == {"taken"}


def test_a_broken_application_holds_up_no_other(site):
    site.apply(application("broken", conf={"spark.driver.memory": "much"}))
    site.apply(application())
    site.comes_to("DriverRequested")
    site.comes_to("ResourceReleased", "broken")


def test_with_nothing_to_do_it_asks_for_nothing(site):
    site.apply(application(tolerations=KEPT))
    site.apply(application("done", tolerations=KEPT))
    site.comes_to("DriverRequested")
    site.comes_to("DriverRequested", "done")
    site.says("app-0-driver", "Running")
    site.says("done-0-driver", "Succeeded", exit_code=0)
    site.comes_to("RunningHealthy")
    site.comes_to("TerminatedWithoutReleaseResources", "done")
    site.rests()
    before = site.mortal.calls
    site.advance(3600)
    site.rests()
    assert site.mortal.calls == before


def test_one_of_two_replicas_works_and_the_other_takes_over(site, api):
    lease = LeaseSettings(site.namespace, "spark-operator-lease", 0.6, 0.4, 0.05)
    settings = OperatorSettings(namespace=site.namespace, lease=lease)
    clients = [connect(api.kubeconfig) for _ in range(2)]
    stops = [threading.Event() for _ in clients]
    threads = [
        threading.Thread(target=Operator(client, settings).run, args=(stop,))
        for client, stop in zip(clients, stops, strict=True)
    ]
    for each in threads:
        each.start()
    leases = site.kubernetes
    with pods_made(site) as made:
        for number in range(2):
            name = f"app{number}"
            site.apply(application(name))
            poll(
                lambda name=name: _requested(site, name),
                what=f"{name} to be requested", timeout_s=30,
            )  # fmt: skip
            holder = leases.get(LEASES, site.namespace, lease.name)["spec"]["holderIdentity"]
            assert holder
            if number == 0:
                # whoever leads leaves, without a word to the other
                stops[0].set()
                threads[0].join()
    stops[1].set()
    threads[1].join()
    for each in clients:
        each.close()
    assert sorted(made) == ["app0-0-driver", "app1-0-driver"]


def _requested(site, name):
    if site.state(name) != "DriverRequested":
        raise NotYet(site.state(name))
