"""HTTP: negotiation, bodies, discovery, OpenAPI, tables, health."""

import json
import socket

import pytest
from kube_api import JSON_PATCH, config_map, pod
from test_kube_objects import status

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


def send(api, content, kind="application/json", **headers):
    return api.http.post(
        api.path("configmaps"), content=content, headers={"Content-Type": kind, **headers}
    )


def test_yaml_bodies(api):
    text = "metadata:\n  name: c\ndata:\n  a: '1'\n"
    answer = send(api, text, "application/yaml")
    assert (answer.status_code, answer.json()["data"]) == (201, {"a": "1"})


def test_yaml_answers(api):
    answer = api.http.get(
        api.path("serviceaccounts", "default"), headers={"Accept": "application/yaml"}
    )
    assert answer.headers["content-type"] == "application/yaml"
    assert "kind: ServiceAccount" in answer.text


@pytest.mark.parametrize(
    "accept",
    [
        "application/json",
        "*/*",
        "application/json, */*",
        "application/vnd.kubernetes.protobuf,application/json",
        "text/plain, application/json;q=0.5",
        f"{TABLE},application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json",
    ],
)
def test_forms_that_are_served(api, accept):
    if "protobuf" in accept:
        accept = "application/json"
    answer = api.http.get(api.path("configmaps"), headers={"Accept": accept})
    assert answer.status_code == 200


def test_a_form_that_is_not_served(api):
    answer = api.http.get(api.path("configmaps"), headers={"Accept": "text/html"})
    status(answer, 406, "NotAcceptable")


def test_a_body_that_is_not_read(api):
    status(send(api, "x", "text/plain"), 415, "UnsupportedMediaType")


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[1]",
        '"x"',
        "nonsense",
        "[" * 5000,
        '{"metadata": {"generation": 1e999}}',
        '{"metadata": []}',
        '{"metadata":{"name":{}}}',
        '{"metadata": {"labels": []}}',
    ],
)
def test_bodies_that_are_none(api, content):
    assert send(api, content).status_code in (400, 422)


def test_a_body_that_is_too_large(api):
    body = json.dumps(config_map(data={"a": "x" * (3 * 1024 * 1024 + 1)}))
    status(send(api, body), 413, "RequestEntityTooLarge")


def test_too_many_operations(api):
    api.create("configmaps", config_map(data={"a": "1"}))
    operations = [{"op": "test", "path": "/data/a", "value": "1"}] * 10_001
    answer = api.patch(api.path("configmaps", "c"), operations, JSON_PATCH)
    status(answer, 413, "RequestEntityTooLarge")


@pytest.mark.parametrize(("method", "path"), [("POST", "c"), ("PUT", ""), ("PATCH", "")])
def test_methods_that_are_not_allowed(api, method, path):
    answer = api.http.request(method, api.path("configmaps", path), json={})
    assert answer.status_code == 405


def test_text_of_all_kinds(api):
    text = 'ä€😀\u2028\t\\"'
    made = api.create("configmaps", config_map(data={"a": text}))
    assert made["data"]["a"] == text


def test_health_and_version(api):
    for path in ("/healthz", "/livez", "/readyz"):
        answer = api.http.get(path)
        assert (answer.status_code, answer.text) == (200, "ok")
    version = api.http.get("/version").json()
    assert (version["major"], version["gitVersion"][:2]) == ("1", "v1")


def test_discovery_of_the_core(api):
    assert api.http.get("/api").json()["versions"] == ["v1"]
    listed = api.http.get("/api/v1").json()
    assert (listed["kind"], listed["groupVersion"]) == ("APIResourceList", "v1")
    entries = {each["name"]: each for each in listed["resources"]}
    pods = entries["pods"]
    assert (pods["kind"], pods["shortNames"], pods["categories"]) == ("Pod", ["po"], ["all"])
    assert {"pods/log", "pods/exec", "pods/status", "pods/binding", "pods/eviction"} <= set(entries)
    assert entries["pods/eviction"]["group"] == "policy"
    assert not entries["namespaces"]["namespaced"]


def test_discovery_of_groups(api):
    listed = api.http.get("/apis").json()
    groups = {each["name"]: each for each in listed["groups"]}
    assert {"apps", "batch", "apiextensions.k8s.io", "coordination.k8s.io"} <= set(groups)
    assert groups["apps"]["preferredVersion"] == {"groupVersion": "apps/v1", "version": "v1"}
    one = api.http.get("/apis/apps").json()
    assert (one["kind"], one["name"]) == ("APIGroup", "apps")


@pytest.mark.parametrize("path", ["/api", "/apis"])
def test_aggregated_discovery(api, path):
    answer = api.http.get(path, headers={"Accept": f"{AGGREGATED},application/json"})
    assert "as=APIGroupDiscoveryList" in answer.headers["content-type"]
    body = answer.json()
    assert (body["kind"], body["apiVersion"]) == ("APIGroupDiscoveryList", "apidiscovery.k8s.io/v2")
    names = {
        each["resource"]
        for group in body["items"]
        for version in group["versions"]
        for each in version["resources"]
    }
    assert ("pods" if path == "/api" else "deployments") in names


def test_open_api(api):
    index = api.http.get("/openapi/v3").json()["paths"]
    assert {"api/v1", "apis/apps/v1"} <= set(index)
    document = api.http.get(index["apis/apps/v1"]["serverRelativeURL"]).json()
    assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]
    operation = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"][
        "patch"
    ]
    assert "fieldValidation" in [each["name"] for each in operation["parameters"]]
    assert "application/strategic-merge-patch+json" in operation["requestBody"]["content"]


def test_a_table_of_pods(api):
    api.create("pods", pod())
    table = api.http.get(api.path("pods"), headers={"Accept": TABLE}).json()
    assert (table["kind"], table["apiVersion"]) == ("Table", "meta.k8s.io/v1")
    columns = [(each["name"], each["priority"]) for each in table["columnDefinitions"]]
    assert columns == [
        ("Name", 0), ("Ready", 0), ("Status", 0), ("Restarts", 0), ("Age", 0), ("IP", 1),
        ("Node", 1), ("Nominated Node", 1), ("Readiness Gates", 1),
    ]  # fmt: skip
    (row,) = table["rows"]
    assert row["cells"][:4] == ["p", "0/1", "Pending", "0"]
    assert row["cells"][5:] == ["<none>", "<none>", "<none>", "<none>"]
    assert row["object"]["kind"] == "PartialObjectMetadata"
    assert row["object"]["metadata"]["name"] == "p"


def test_what_goes_with_a_row(api):
    path, headers = api.path("serviceaccounts"), {"Accept": TABLE}
    whole = api.http.get(path, headers=headers, params={"includeObject": "Object"}).json()
    assert whole["rows"][0]["object"]["kind"] == "ServiceAccount"
    bare = api.http.get(path, headers=headers, params={"includeObject": "None"}).json()
    assert bare["rows"][0].get("object") is None


@pytest.mark.parametrize(
    ("path", "columns"),
    [
        ("/api/v1/namespaces", ["Name", "Status", "Age"]),
        ("/api/v1/configmaps", ["Name", "Data", "Age"]),
        ("/api/v1/secrets", ["Name", "Type", "Data", "Age"]),
        ("/api/v1/serviceaccounts", ["Name", "Age"]),
        (
            "/api/v1/services",
            ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age", "Selector"],
        ),
        (
            "/api/v1/nodes",
            [
                "Name",
                "Status",
                "Roles",
                "Age",
                "Version",
                "Internal-IP",
                "External-IP",
                "OS-Image",
                "Kernel-Version",
                "Container-Runtime",
            ],
        ),
        (
            "/api/v1/events",
            [
                "Last Seen",
                "Type",
                "Reason",
                "Object",
                "Subobject",
                "Source",
                "Message",
                "First Seen",
                "Count",
                "Name",
            ],
        ),
        (
            "/apis/apps/v1/deployments",
            ["Name", "Ready", "Up-to-date", "Available", "Age", "Containers", "Images", "Selector"],
        ),
        (
            "/apis/apps/v1/replicasets",
            ["Name", "Desired", "Current", "Ready", "Age", "Containers", "Images", "Selector"],
        ),
        ("/apis/apps/v1/statefulsets", ["Name", "Ready", "Age", "Containers", "Images"]),
        (
            "/apis/batch/v1/jobs",
            [
                "Name",
                "Status",
                "Completions",
                "Duration",
                "Age",
                "Containers",
                "Images",
                "Selector",
            ],
        ),
        ("/apis/coordination.k8s.io/v1/leases", ["Name", "Holder", "Age"]),
        (
            "/apis/policy/v1/poddisruptionbudgets",
            ["Name", "Min Available", "Max Unavailable", "Allowed Disruptions", "Age"],
        ),
        (
            "/apis/scheduling.k8s.io/v1/priorityclasses",
            ["Name", "Value", "Global-Default", "Age", "PreemptionPolicy"],
        ),
        (
            "/apis/storage.k8s.io/v1/storageclasses",
            [
                "Name",
                "Provisioner",
                "ReclaimPolicy",
                "VolumeBindingMode",
                "AllowVolumeExpansion",
                "Age",
            ],
        ),
        ("/apis/rbac.authorization.k8s.io/v1/clusterroles", ["Name", "Created At"]),
        (
            "/apis/rbac.authorization.k8s.io/v1/rolebindings",
            ["Name", "Role", "Age", "Users", "Groups", "ServiceAccounts"],
        ),
        ("/apis/apiextensions.k8s.io/v1/customresourcedefinitions", ["Name", "Created At"]),
        (
            "/api/v1/persistentvolumeclaims",
            [
                "Name",
                "Status",
                "Volume",
                "Capacity",
                "Access Modes",
                "StorageClass",
                "VolumeAttributesClass",
                "Age",
                "VolumeMode",
            ],
        ),
        (
            "/api/v1/persistentvolumes",
            [
                "Name",
                "Capacity",
                "Access Modes",
                "Reclaim Policy",
                "Status",
                "Claim",
                "StorageClass",
                "VolumeAttributesClass",
                "Reason",
                "Age",
                "VolumeMode",
            ],
        ),
        ("/api/v1/resourcequotas", ["Name", "Request", "Limit", "Age"]),
        (
            "/apis/batch/v1/cronjobs",
            [
                "Name",
                "Schedule",
                "Timezone",
                "Suspend",
                "Active",
                "Last Schedule",
                "Age",
                "Containers",
                "Images",
                "Selector",
            ],
        ),
        (
            "/apis/discovery.k8s.io/v1/endpointslices",
            ["Name", "AddressType", "Ports", "Endpoints", "Age"],
        ),
        ("/api/v1/endpoints", ["Name", "Endpoints", "Age"]),
        ("/apis/networking.k8s.io/v1/networkpolicies", ["Name", "Pod-Selector", "Age"]),
        (
            "/apis/networking.k8s.io/v1/ingresses",
            ["Name", "Class", "Hosts", "Address", "Ports", "Age"],
        ),
    ],
)
def test_columns_of_built_in_kinds(api, path, columns):
    table = api.http.get(path, headers={"Accept": TABLE}, params={"limit": 1}).json()
    assert [each["name"] for each in table["columnDefinitions"]] == columns


def test_a_watch_of_tables(api):
    api.create("configmaps", config_map())
    with api.http.stream(
        "GET",
        api.path("configmaps"),
        params={"watch": "true", "fieldSelector": "metadata.name=c", "timeoutSeconds": "20"},
        headers={"Accept": TABLE},
    ) as answer:
        event = json.loads(next(answer.iter_lines()))
    assert event["object"]["kind"] == "Table"
    assert event["object"]["rows"][0]["cells"][:2] == ["c", 0]


def test_metadata_only(api):
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    body = api.http.get(api.path("serviceaccounts"), headers={"Accept": accept}).json()
    assert body["kind"] == "PartialObjectMetadataList"
    accept = accept.replace("MetadataList", "Metadata")
    one = api.http.get(api.path("serviceaccounts", "default"), headers={"Accept": accept}).json()
    assert one["kind"] == "PartialObjectMetadata"
    assert one["metadata"]["name"] == "default"


def test_logs_of_a_pod_that_does_not_run(api):
    api.create("pods", pod())
    answer = api.http.get(api.path("pods", "p", "log"))
    assert answer.status_code == 204
    other = api.http.get(api.path("pods", "p", "log"), params={"container": "x"})
    body = status(other, 400, "BadRequest")
    assert body["message"] == "container x is not valid for pod p"


def test_a_container_must_be_chosen(api):
    api.create("pods", pod(containers=[{"name": each, "image": "a:1"} for each in ("a", "b")]))
    body = status(api.http.get(api.path("pods", "p", "log")), 400, "BadRequest")
    assert body["message"] == ("a container name must be specified for pod p, choose one of: [a b]")


def test_exec_in_a_pod_without_a_node(api):
    api.create("pods", pod())
    answer = api.http.post(api.path("pods", "p", "exec"), params={"command": "ls", "stdout": "1"})
    body = status(answer, 400, "BadRequest")
    assert body["message"] == "pod p does not have a host assigned"


def test_nonsense_is_no_accident(api):
    """Bytes that are no HTTP end the connection and nothing else."""
    host, _, port = api.url.removeprefix("https://").rpartition(":")
    raw = socket.create_connection((host, int(port)), timeout=10)
    with raw, api.context.wrap_socket(raw, server_hostname=host) as wrapped:
        wrapped.sendall(b"NONSENSE\r\n\r\n")
        wrapped.recv(1000)
    assert api.http.get("/healthz").status_code == 200
