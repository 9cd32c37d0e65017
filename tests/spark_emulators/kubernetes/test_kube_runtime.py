"""What a node does for the API: logs and exec, by a node of the test's own. And nonsense."""

import asyncio
import gc
import json
import os
import signal
import warnings

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kube_api import APPLY, JSON_PATCH, MERGE, STRATEGIC, Api, deployment, pod
from kube_widgets import definition
from kubernetes import client, config, stream
from websockets.sync.client import connect

from spark_emulators.kubernetes.errors import bad_request
from spark_emulators.kubernetes.node.process import _end
from spark_emulators.kubernetes.server import ApiServer
from spark_emulators.kubernetes.settings import Settings


class EchoNode:
    """Prints what it is told; exits with the number of its words."""

    async def logs(self, pod, options):
        yield f"log of {options.container}\n".encode()
        yield f"tail {options.tail_lines}\n".encode()

    async def execute(self, pod, request, stream):
        if request.command == ("absent",):
            raise bad_request("no such program")
        await stream.write(1, " ".join(request.command).encode())
        while request.stdin and (data := await stream.read()) is not None:
            await stream.write(2, data)
            if data.endswith(b"."):
                break
        return len(request.command) - 1

    async def connect(self, pod, port, stream):
        raise AssertionError("nobody asks")


@pytest.fixture(scope="module")
def api(tmp_path_factory):
    file = tmp_path_factory.mktemp("runtime") / "kubeconfig"

    def prepare(cluster):
        cluster.runtime = EchoNode()

    with ApiServer(Settings(port=0, kubeconfig=file), prepare):
        found = Api(file, "default")
        found.eventually(found.path("serviceaccounts", "default"), bool)
        found.create("pods", pod())
        target = {"kind": "Node", "name": "n"}
        found.http.post(found.path("pods", "p", "binding"), json={"target": target})
        yield found
        found.close()


def test_logs(api):
    answer = api.http.get(api.path("pods", "p", "log"), params={"tailLines": "3", "follow": "true"})
    assert answer.text == "log of main\ntail 3\n"


def opened(api, protocol, *command, **flags):
    query = "&".join([*(f"command={each}" for each in command), *(f"{key}=true" for key in flags)])
    url = api.url.replace("https", "wss") + api.path("pods", "p", "exec") + f"?{query}"
    headers = {"Authorization": f"Bearer {api.token}"}
    return connect(url, ssl=api.context, additional_headers=headers, subprotocols=[protocol])


@pytest.mark.parametrize("protocol", ["v5.channel.k8s.io", "v4.channel.k8s.io"])
def test_exec(api, protocol):
    with opened(api, protocol, "a", "b", stdin=True, stdout=True) as socket:
        assert socket.subprotocol == protocol
        assert socket.recv(timeout=20) == b"\x01a b"
        socket.send(b"\x00hello.")
        assert socket.recv(timeout=20) == b"\x02hello."
        status = json.loads(socket.recv(timeout=20)[1:])
    assert status["reason"] == "NonZeroExitCode"
    assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "1"}]


def test_exec_that_cannot_start(api):
    with opened(api, "v4.channel.k8s.io", "absent", stdout=True) as socket:
        found = socket.recv(timeout=20)
    assert found[:1] == b"\x03"
    assert json.loads(found[1:])["message"] == "no such program"


def test_exec_by_the_python_client(api):
    loaded = client.Configuration()
    config.load_kube_config(str(api.kubeconfig), client_configuration=loaded)
    with client.ApiClient(loaded) as found:
        core = client.CoreV1Api(found)
        socket = stream.stream(
            core.connect_get_namespaced_pod_exec, "p", "default", command=["one", "two"],
            stdout=True, stderr=True, stdin=False, tty=False, _preload_content=False,
        )  # fmt: skip
        socket.run_forever(timeout=20)
        assert (socket.read_stdout(), socket.returncode) == ("one two", 1)
        # close() leaves open what the server closed first
        socket.sock.shutdown()


WORDS = st.sampled_from(
    ["metadata", "name", "spec", "status", "kind", "apiVersion", "labels", "containers", "data",
     "finalizers", "managedFields", "ownerReferences", "x", "", "a/b", "$patch", "template"]
)  # fmt: skip
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
PATHS = st.sampled_from(
    ["/api/v1/namespaces/default/pods/p", "/api/v1/namespaces/default/pods",
     "/api/v1/namespaces/default/services/s", "/apis/apps/v1/namespaces/default/deployments",
     "/apis/batch/v1/namespaces/default/jobs", "/api/v1/namespaces/default/pods/p/status",
     "/api/v1/namespaces/default/pods/p/eviction", "/api/v1/namespaces/default/configmaps/c",
     "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", "/api/v1/namespaces",
     "/apis/rbac.authorization.k8s.io/v1/clusterroles", "/api/v1/namespaces/default/events",
     "/api/v1/namespaces/default/secrets", "/api/v1/namespaces/default/resourcequotas",
     "/api/v1/namespaces/default/serviceaccounts/default/token",
     "/apis/authorization.k8s.io/v1/subjectaccessreviews",
     "/apis/apps/v1/namespaces/default/deployments/d/scale", "/api", "/apis/x", "/openapi/v3/x"]
)  # fmt: skip
KINDS = st.sampled_from(["application/json", "application/yaml", MERGE, JSON_PATCH, STRATEGIC,
                         APPLY, "application/vnd.kubernetes.protobuf"])  # fmt: skip


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(
    method=st.sampled_from(["POST", "PUT", "PATCH", "DELETE", "GET"]),
    path=PATHS,
    kind=KINDS,
    body=VALUES.map(json.dumps).map(str.encode) | st.binary(max_size=40),
    named=st.booleans(),
)
def test_nonsense_is_refused_not_stumbled_over(api, method, path, kind, body, named):
    if named and body[:1] == b"{":
        body = b'{"metadata":{"name":"n"},' + body[1:] if len(body) > 2 else body
    answer = api.http.request(
        method,
        path,
        content=body,
        headers={"Content-Type": kind},
        params={"fieldManager": "x", "dryRun": "All"},
    )
    assert answer.status_code < 500 or answer.json()["message"].startswith(
        ("resourceVersion should not be set", "failed to create typed patch object")
    ), answer.text


def service():
    return {"metadata": {"name": "s"}, "spec": {"ports": [{"port": 1, "name": "a"}]}}


def job():
    return {**deployment("j"), "apiVersion": "batch/v1", "kind": "Job"}


def role_binding():
    subject = {"kind": "ServiceAccount", "name": "a", "namespace": "b"}
    return {
        "metadata": {"name": "b"},
        "roleRef": {"kind": "Role", "name": "r"},
        "subjects": [subject],
    }


FULL = {
    "/api/v1/namespaces/default/pods": pod(
        "q",
        containers=[{"name": "a", "image": "a:1", "env": [{"name": "x", "value": "y"}],
                     "resources": {"limits": {"cpu": "1"}}, "ports": [{"containerPort": 1}],
                     "volumeMounts": [{"name": "v", "mountPath": "/v"}]}],
        volumes=[{"name": "v", "emptyDir": {}}],
        metadata={"labels": {"a": "b"}, "finalizers": ["a.b/c"]},
    ),
    "/apis/apps/v1/namespaces/default/deployments": deployment(),
    "/apis/batch/v1/namespaces/default/jobs": job(),
    "/api/v1/namespaces/default/services": service(),
    "/apis/apiextensions.k8s.io/v1/customresourcedefinitions": definition("f.example.com"),
    "/apis/rbac.authorization.k8s.io/v1/namespaces/default/rolebindings": role_binding(),
}  # fmt: skip


def places(value, path=()):
    yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, each in items:
        yield from places(each, (*path, key))


@settings(max_examples=400, suppress_health_check=list(HealthCheck))
@given(data=st.data(), path=st.sampled_from(sorted(FULL)), applies=st.booleans())
def test_one_wrong_value_anywhere_is_refused_not_stumbled_over(api, data, path, applies):
    value = json.loads(json.dumps(FULL[path]))
    place = data.draw(st.sampled_from([each for each in places(value) if each]))
    node = value
    for key in place[:-1]:
        node = node[key]
    node[place[-1]] = data.draw(VALUES)
    query = {"dryRun": "All", "fieldManager": "x"}
    if applies:
        answer = api.patch(f"{path}/{FULL[path]['metadata']['name']}", value, APPLY, **query)
    else:
        answer = api.http.post(path, json=value, params=query)
    assert answer.status_code < 500 or answer.json()["message"].startswith(
        ("resourceVersion should not be set", "failed to create typed patch object")
    ), answer.text


def test_an_end_lets_go_of_pipes_that_others_hold_open():
    """Else they are collected, with a warning, in some later test of the same process."""

    holders = []

    async def go():
        process = await asyncio.create_subprocess_exec(
            "sh", "-c", "sleep 300 & echo $!; wait",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        holders.append(int(await process.stdout.readline()))
        await _end(process)
        return process.returncode

    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            assert asyncio.run(go()) == -signal.SIGKILL
        finally:
            for each in holders:
                os.kill(each, signal.SIGKILL)
        gc.collect()
    assert [str(each.message) for each in told] == []
