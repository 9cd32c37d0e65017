"""kubectl against the API: what people type."""

import json

import yaml
from kube_api import deployment
from kube_widgets import definition

CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}}


def test_create_get_describe_delete(kubectl):
    assert kubectl("create", "configmap", "c", "--from-literal=a=1") == "configmap/c created\n"
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data.a}") == "1"
    assert kubectl("get", "configmaps").splitlines()[0].split() == ["NAME", "DATA", "AGE"]
    assert "Data\n====" in kubectl("describe", "configmap", "c")
    assert "configmap/c" in kubectl("get", "cm", "-o", "name")
    kubectl("delete", "configmap", "c")
    assert '"c" not found' in kubectl("get", "configmap", "c", fails=True)


def test_apply_keeps_what_it_said(kubectl):
    assert kubectl("apply", "-f", "-", stdin=CONFIG) == "configmap/c created\n"
    assert kubectl("apply", "-f", "-", stdin=CONFIG) == "configmap/c unchanged\n"
    changed = {**CONFIG, "data": {"b": "2"}}
    assert kubectl("apply", "-f", "-", stdin=changed) == "configmap/c configured\n"
    assert json.loads(kubectl("get", "cm", "c", "-o", "json"))["data"] == {"b": "2"}
    assert 'c: "3"' in kubectl("diff", "-f", "-", stdin={**CONFIG, "data": {"c": "3"}}, fails=True)


def test_apply_on_the_server(kubectl):
    kubectl("apply", "--server-side", "-f", "-", stdin=CONFIG)
    other = {**CONFIG, "data": {"a": "2"}}
    arguments = ["apply", "--server-side", "--field-manager=other", "-f", "-"]
    assert 'conflict with "kubectl"' in kubectl(*arguments, stdin=other, fails=True)
    kubectl(*arguments, "--force-conflicts", stdin=other)
    assert kubectl("get", "cm", "c", "-o", "jsonpath={.data.a}") == "2"


def test_from_client_side_apply_to_the_server(kubectl):
    kubectl("apply", "-f", "-", stdin=CONFIG)
    kubectl("apply", "--server-side", "-f", "-", stdin={**CONFIG, "data": {"b": "2"}})
    assert json.loads(kubectl("get", "cm", "c", "-o", "json"))["data"] == {"b": "2"}


def test_a_misspelt_field_is_found(kubectl):
    value = deployment()
    value["spec"]["replica"] = 3
    found = kubectl("apply", "-f", "-", stdin=value, fails=True)
    assert 'unknown field "spec.replica"' in found


def test_patch_replace_label_annotate_edit(kubectl):
    kubectl("create", "-f", "-", stdin=CONFIG)
    kubectl("patch", "cm", "c", "--type=merge", "-p", '{"data":{"b":"2"}}')
    kubectl("patch", "cm", "c", "--type=json", "-p", '[{"op":"remove","path":"/data/a"}]')
    kubectl("label", "cm", "c", "x=y")
    kubectl("annotate", "cm", "c", "who=me")
    found = yaml.safe_load(kubectl("get", "cm", "c", "-o", "yaml"))
    assert (found["data"], found["metadata"]["labels"]) == ({"b": "2"}, {"x": "y"})
    kubectl("replace", "-f", "-", stdin=CONFIG)
    assert kubectl("get", "cm", "-l", "x=y", "-o", "name") == ""


def test_pods(kubectl):
    # no node takes it: nothing but the test changes it
    alone = '{"spec":{"schedulerName":"nobody"}}'
    kubectl("run", "p", "--image=busybox:1", "--restart=Never", "--overrides", alone)
    assert kubectl("get", "pods").splitlines()[1].split()[:3] == ["p", "0/1", "Pending"]
    assert "busybox:1" in kubectl("describe", "pod", "p")
    kubectl("patch", "pod", "p", "--subresource=status", "-p", '{"status":{"phase":"Running"}}')
    kubectl("wait", "pod/p", "--for=jsonpath={.status.phase}=Running", "--timeout=20s")
    kubectl("delete", "pod", "p", "--timeout=20s")
    kubectl("wait", "pod/p", "--for=delete", "--timeout=20s")


def test_deployments(kubectl):
    kubectl("create", "deployment", "d", "--image=busybox:1", "--replicas=0")
    kubectl("scale", "deployment", "d", "--replicas=2")
    assert kubectl("get", "deployment", "d").splitlines()[1].split()[1] in ("0/2", "1/2", "2/2")
    kubectl("set", "image", "deployment/d", "busybox=busybox:2")
    kubectl("set", "env", "deployment/d", "A=1")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deployment", "d", "-o", image) == "busybox:2"
    kubectl("delete", "deployment", "d", "--cascade=foreground", "--timeout=20s")


def test_services_secrets_jobs(kubectl):
    kubectl("create", "service", "clusterip", "s", "--tcp=80:8080")
    assert "80/TCP" in kubectl("get", "service", "s")
    kubectl("create", "secret", "generic", "k", "--from-literal=a=1")
    assert kubectl("get", "secret", "k", "-o", "jsonpath={.data.a}") == "MQ=="
    kubectl("create", "job", "j", "--image=busybox:1")
    # where the image is to be had, its shell ends at once
    assert kubectl("get", "job", "j").splitlines()[1].split()[2] in ("0/1", "1/1")
    kubectl("create", "serviceaccount", "robot")
    assert kubectl("create", "token", "robot").count(".") == 2
    kubectl("create", "quota", "q", "--hard=persistentvolumeclaims=1")
    assert "persistentvolumeclaims: 0/1" in kubectl("get", "quota", "q")


def test_access(kubectl):
    robot = f"system:serviceaccount:{kubectl.namespace}:robot"
    assert kubectl("auth", "can-i", "create", "pods") == "yes\n"
    assert "ATTRIBUTE" in kubectl("auth", "whoami")
    kubectl("create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("create", "rolebinding", "b", "--role=r", f"--serviceaccount={kubectl.namespace}:robot")
    assert kubectl("auth", "can-i", "get", "pods", "--as", robot) == "yes\n"
    assert kubectl("auth", "can-i", "list", "pods", "--as", robot, fails=True) == "no\n"


def test_discovery_and_explain(kubectl):
    listed = kubectl("api-resources")
    assert "deployments" in listed
    assert "apps/v1" in kubectl("api-versions")
    assert "Server Version: v1.36" in kubectl("version")
    assert "FIELD: image <string>" in kubectl("explain", "pod.spec.containers.image")
    assert "replicas" in kubectl("explain", "deployment.spec")


def test_a_watch_ends_when_told(kubectl):
    kubectl("create", "-f", "-", stdin=CONFIG)
    found = kubectl("get", "cm", "c", "--watch", "--request-timeout=2s", "--output-watch-events")
    assert found.splitlines()[1].split()[:2] == ["ADDED", "c"]


def test_custom_resources(kubectl):
    group = f"{kubectl.namespace}.example.com"
    kubectl("apply", "-f", "-", stdin=definition(group))
    kubectl("wait", f"crd/widgets.{group}", "--for=condition=Established", "--timeout=20s")
    value = {
        "apiVersion": f"{group}/v1",
        "kind": "Widget",
        "metadata": {"name": "w"},
        "spec": {"size": 3},
    }
    kubectl("apply", "-f", "-", stdin=value)
    assert kubectl("get", f"widgets.{group}").splitlines()[0].split() == [
        "NAME",
        "SIZE",
        "PHASE",
        "AGE",
    ]
    wrong = {**value, "spec": {"size": 3, "sice": 4}}
    assert 'unknown field "spec.sice"' in kubectl("apply", "-f", "-", stdin=wrong, fails=True)
    assert "size" in kubectl("explain", f"widgets.{group}.spec")
    kubectl("scale", f"widgets.{group}/w", "--replicas=4")
    kubectl("delete", f"widgets.{group}", "w")
    kubectl("delete", "crd", f"widgets.{group}", "--timeout=20s")


def test_everything_of_a_namespace(kubectl):
    kubectl("create", "-f", "-", stdin=CONFIG)
    kubectl("run", "p", "--image=busybox:1")
    kubectl("delete", "all", "--all", "--timeout=20s")
    kubectl("delete", "cm", "--all", "--timeout=20s")
    kubectl("delete", "namespace", kubectl.namespace, "--timeout=20s")
    assert "not found" in kubectl("get", "namespace", kubectl.namespace, fails=True)
    kubectl("create", "namespace", kubectl.namespace)
