"""Built-in kinds: defaults, rules, admission."""

import pytest
from kube_api import MERGE, deployment, pod
from test_kube_objects import status


def test_a_pods_defaults(api):
    value = pod(
        containers=[
            {
                "name": "main",
                "image": "busybox",
                "ports": [{"containerPort": 80}],
                "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}},
                "livenessProbe": {"httpGet": {"port": 80}},
            }
        ],
        volumes=[{"name": "v", "secret": {"secretName": "s"}}],
        automountServiceAccountToken=False,
    )
    del value["spec"]["schedulerName"]
    spec = api.create("pods", value)["spec"]
    container = spec.pop("containers")[0]
    assert container == {
        "name": "main",
        "image": "busybox",
        "ports": [{"containerPort": 80, "protocol": "TCP"}],
        "resources": {
            "limits": {"cpu": "500m", "memory": "1Gi"},
            "requests": {"cpu": "500m", "memory": "1Gi"},
        },
        "livenessProbe": {
            "httpGet": {"path": "/", "port": 80, "scheme": "HTTP"},
            "timeoutSeconds": 1,
            "periodSeconds": 10,
            "successThreshold": 1,
            "failureThreshold": 3,
        },
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
        "imagePullPolicy": "Always",
    }
    assert spec == {
        "volumes": [{"name": "v", "secret": {"secretName": "s", "defaultMode": 420}}],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "serviceAccount": "default",
        "automountServiceAccountToken": False,
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": f"node.kubernetes.io/{key}",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
            for key in ("not-ready", "unreachable")
        ],
        "priority": 0,
        "enableServiceLinks": True,
        "preemptionPolicy": "PreemptLowerPriority",
    }


def test_a_pod_gets_its_accounts_token(api):
    spec = api.create("pods", pod())["spec"]
    (volume,) = spec["volumes"]
    assert volume["name"].startswith("kube-api-access-")
    assert volume["projected"] == {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
            {
                "configMap": {
                    "name": "kube-root-ca.crt",
                    "items": [{"key": "ca.crt", "path": "ca.crt"}],
                }
            },
            {
                "downwardAPI": {
                    "items": [
                        {
                            "path": "namespace",
                            "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
                        }
                    ]
                }
            },
        ],
        "defaultMode": 420,
    }
    assert spec["containers"][0]["volumeMounts"] == [
        {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }
    ]


@pytest.mark.parametrize(
    ("resources", "quality"),
    [
        ({}, "BestEffort"),
        ({"requests": {"cpu": "1"}}, "Burstable"),
        ({"limits": {"cpu": "1", "memory": "1Gi"}}, "Guaranteed"),
    ],
)
def test_a_pods_quality_of_service(api, resources, quality):
    container = {"name": "main", "image": "busybox", "resources": resources}
    made = api.create("pods", pod(containers=[container]))
    assert made["status"]["qosClass"] == quality
    assert made["metadata"]["generation"] == 1


@pytest.mark.parametrize(
    ("image", "policy"),
    [("a", "Always"), ("a:latest", "Always"), ("a:1", "IfNotPresent"), ("r:5000/a", "Always")],
)
def test_when_images_are_pulled(api, image, policy):
    made = api.create("pods", pod(containers=[{"name": "main", "image": image}]))
    assert made["spec"]["containers"][0]["imagePullPolicy"] == policy


@pytest.mark.parametrize(
    ("spec", "field", "reason"),
    [
        ({"containers": []}, "spec.containers", "FieldValueRequired"),
        ({"containers": [{"image": "a"}]}, "spec.containers[0].name", "FieldValueRequired"),
        ({"containers": [{"name": "a"}]}, "spec.containers[0].image", "FieldValueRequired"),
        (
            {"containers": [{"name": "A", "image": "a"}]},
            "spec.containers[0].name",
            "FieldValueInvalid",
        ),
        (
            {"containers": [{"name": "a", "image": "a"}] * 2},
            "spec.containers[1].name",
            "FieldValueDuplicate",
        ),
        ({"restartPolicy": "Sometimes"}, "spec.restartPolicy", "FieldValueNotSupported"),
        ({"dnsPolicy": "x"}, "spec.dnsPolicy", "FieldValueNotSupported"),
        ({"activeDeadlineSeconds": 0}, "spec.activeDeadlineSeconds", "FieldValueInvalid"),
        (
            {
                "containers": [
                    {"name": "a", "image": "a", "volumeMounts": [{"name": "x", "mountPath": "/x"}]}
                ]
            },
            "spec.containers[0].volumeMounts[0].name",
            "FieldValueNotFound",
        ),
        (
            {
                "containers": [
                    {
                        "name": "a",
                        "image": "a",
                        "resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}},
                    }
                ]
            },
            "spec.containers[0].resources.requests",
            "FieldValueInvalid",
        ),
        (
            {"containers": [{"name": "a", "image": "a", "ports": [{"containerPort": 70000}]}]},
            "spec.containers[0].ports[0].containerPort",
            "FieldValueInvalid",
        ),
    ],
)
def test_pods_that_are_refused(api, spec, field, reason):
    body = status(api.http.post(api.path("pods"), json=pod(**spec)), 422, "Invalid")
    assert (field, reason) in [
        (each["field"], each["reason"]) for each in body["details"]["causes"]
    ]


def test_quantities_that_are_none(api):
    container = {"name": "a", "image": "a", "resources": {"limits": {"cpu": "lots"}}}
    answer = api.http.post(api.path("pods"), json=pod(containers=[container]))
    body = status(answer, 400, "BadRequest")
    assert "quantities must match the regular expression" in body["message"]


def test_a_quantity_of_null_is_zero(api):
    container = {"name": "a", "image": "a", "resources": {"limits": {"cpu": None}}}
    answer = api.http.post(api.path("pods"), json=pod(containers=[container]))
    assert answer.status_code == 201, answer.text
    assert answer.json()["spec"]["containers"][0]["resources"] == {
        "limits": {"cpu": "0"},
        "requests": {"cpu": "0"},
    }


def test_an_account_that_is_not_there(api):
    answer = api.http.post(api.path("pods"), json=pod(serviceAccountName="nobody"))
    body = status(answer, 403, "Forbidden")
    assert body["message"].startswith(
        f'pods "p" is forbidden: error looking up service account {api.namespace}/nobody:'
    )


def test_a_priority_class_that_is_not_there(api):
    answer = api.http.post(api.path("pods"), json=pod(priorityClassName="nothing"))
    body = status(answer, 403, "Forbidden")
    assert body["message"] == (
        'pods "p" is forbidden: no PriorityClass with name nothing was found'
    )


def test_a_pod_is_mostly_fixed(api):
    api.create("pods", pod())
    path = api.path("pods", "p")
    body = status(api.patch(path, {"spec": {"restartPolicy": "Never"}}), 422, "Invalid")
    assert body["details"]["causes"][0]["field"] == "spec"
    assert "pod updates may not change fields other than" in body["message"]
    change = {"spec": {"containers": [{"name": "main", "image": "busybox:2"}]}}
    answer = api.patch(path, change, "application/strategic-merge-patch+json")
    assert answer.status_code == 200
    assert answer.json()["spec"]["containers"][0]["image"] == "busybox:2"
    assert answer.json()["metadata"]["generation"] == 2


def test_a_deployments_defaults(api):
    made = api.create("deployments", deployment(), group="apps/v1")
    spec = made["spec"]
    template = spec.pop("template")
    assert spec == {
        "replicas": 0,
        "selector": {"matchLabels": {"app": "d"}},
        "strategy": {
            "type": "RollingUpdate",
            "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"},
        },
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
    }
    assert template["spec"]["schedulerName"] == "default-scheduler"
    assert "serviceAccountName" not in template["spec"]


def test_selectors_match_their_templates(api):
    value = deployment()
    value["spec"]["selector"] = {"matchLabels": {"app": "other"}}
    answer = api.http.post(api.path("deployments", group="apps/v1"), json=value)
    body = status(answer, 422, "Invalid")
    assert "`selector` does not match template `labels`" in body["message"]


def test_selectors_stay(api):
    api.create("deployments", deployment(), group="apps/v1")
    change = {
        "spec": {
            "selector": {"matchLabels": {"app": "x"}},
            "template": {"metadata": {"labels": {"app": "x"}}},
        }
    }
    body = status(api.patch(api.path("deployments", "d", group="apps/v1"), change), 422, "Invalid")
    assert "spec.selector" in [each["field"] for each in body["details"]["causes"]]


def job(**spec):
    template = {"spec": {"restartPolicy": "Never", "containers": [{"name": "a", "image": "a:1"}]}}
    return {"metadata": {"name": "j"}, "spec": {"suspend": True, "template": template, **spec}}


def test_a_jobs_defaults(api):
    made = api.create("jobs", job(), group="batch/v1")
    spec, uid = made["spec"], made["metadata"]["uid"]
    assert spec["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    assert spec["template"]["metadata"]["labels"] == {
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": "j",
        "controller-uid": uid,
        "job-name": "j",
    }
    for name, value in [
        ("completions", 1), ("parallelism", 1), ("backoffLimit", 6),
        ("completionMode", "NonIndexed"), ("suspend", True),
        ("podReplacementPolicy", "TerminatingOrFailed"),
    ]:  # fmt: skip
        assert spec[name] == value


def test_jobs_that_are_refused(api):
    value = job()
    value["spec"]["template"]["spec"]["restartPolicy"] = "Always"
    body = status(api.http.post(api.path("jobs", group="batch/v1"), json=value), 422, "Invalid")
    assert "spec.template.spec.restartPolicy" in [
        each["field"] for each in body["details"]["causes"]
    ]


def service(**spec):
    return {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 80}], **spec}}


def test_a_service_gets_an_address(api):
    spec = api.create("services", service())["spec"]
    address = spec["clusterIP"]
    assert address.startswith("10.96.")
    assert spec == {
        "ports": [{"protocol": "TCP", "port": 80, "targetPort": 80}],
        "clusterIP": address,
        "clusterIPs": [address],
        "type": "ClusterIP",
        "sessionAffinity": "None",
        "ipFamilies": ["IPv4"],
        "ipFamilyPolicy": "SingleStack",
        "internalTrafficPolicy": "Cluster",
    }


def test_a_headless_service_keeps_none(api):
    made = api.create("services", service(clusterIP="None"))
    assert made["spec"]["clusterIPs"] == ["None"]
    assert made["status"] == {"loadBalancer": {}}


def test_a_node_port_is_allocated(api):
    made = api.create("services", service(type="NodePort"))
    assert 30000 <= made["spec"]["ports"][0]["nodePort"] <= 32767


def test_an_address_stays(api):
    made = api.create("services", service())
    path = api.path("services", "s")
    made["spec"].pop("clusterIP"), made["spec"].pop("clusterIPs")
    kept = api.http.put(path, json=made)
    assert kept.status_code == 200, kept.text
    body = api.patch(
        path, {"spec": {"clusterIP": "10.96.255.1", "clusterIPs": ["10.96.255.1"]}}, MERGE
    )
    found = status(body, 422, "Invalid")
    assert "may not change once set" in found["message"]


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"ports": []}, "spec.ports"),
        ({"ports": [{"port": 0}]}, "spec.ports[0].port"),
        ({"ports": [{"port": 1}, {"port": 2}]}, "spec.ports[0].name"),
        ({"type": "Sideways"}, "spec.type"),
    ],
)
def test_services_that_are_refused(api, spec, field):
    body = status(api.http.post(api.path("services"), json=service(**spec)), 422, "Invalid")
    assert field in [each["field"] for each in body["details"]["causes"]]


def test_a_service_needs_a_name_for_dns(api):
    value = service()
    value["metadata"]["name"] = "A.b"
    status(api.http.post(api.path("services"), json=value), 422, "Invalid")


def test_a_claims_rules(api):
    value = {
        "metadata": {"name": "v"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}},
    }
    made = api.create("persistentvolumeclaims", value)
    assert made["spec"]["volumeMode"] == "Filesystem"
    assert made["status"] == {"phase": "Pending"}
    value["metadata"]["name"] = "w"
    del value["spec"]["resources"]
    status(api.http.post(api.path("persistentvolumeclaims"), json=value), 422, "Invalid")


def test_the_scale_of_a_deployment(api):
    api.create("deployments", deployment(), group="apps/v1")
    path = api.path("deployments", "d", "scale", group="apps/v1")
    scale = api.http.get(path).json()
    assert (scale["kind"], scale["status"]) == ("Scale", {"replicas": 0, "selector": "app=d"})
    assert api.patch(path, {"spec": {"replicas": -1}}).status_code == 422
