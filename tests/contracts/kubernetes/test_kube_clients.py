"""The vendors' own clients: the Python one, and a WebSocket as fabric8 opens it."""

import asyncio
import json

import pytest
from kube_api import config_map, in_thread, pod
from kubernetes import client, config, dynamic, watch

# not its threads: they close a TLS socket that another of them reads, which can hang for ever
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus


@pytest.fixture
def core(api):
    loaded = client.Configuration()
    config.load_kube_config(str(api.kubeconfig), client_configuration=loaded)
    with client.ApiClient(loaded) as found:
        yield client.CoreV1Api(found)


def test_objects(api, core):
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="c"), data={"a": "1"})
    assert core.create_namespaced_config_map(api.namespace, body).data == {"a": "1"}
    patched = core.patch_namespaced_config_map("c", api.namespace, {"data": {"b": "2"}})
    assert patched.data == {"a": "1", "b": "2"}
    patched.data = {"c": "3"}
    assert core.replace_namespaced_config_map("c", api.namespace, patched).data == {"c": "3"}
    listed = core.list_namespaced_config_map(api.namespace, field_selector="metadata.name=c")
    assert [each.metadata.name for each in listed.items] == ["c"]
    core.delete_namespaced_config_map("c", api.namespace)
    with pytest.raises(client.ApiException) as caught:
        core.read_namespaced_config_map("c", api.namespace)
    assert (caught.value.status, json.loads(caught.value.body)["reason"]) == (404, "NotFound")


def test_pods_are_typed(api, core):
    made = core.create_namespaced_pod(api.namespace, pod())
    assert made.status.phase == "Pending"
    assert made.spec.containers[0].image_pull_policy == "IfNotPresent"
    assert core.read_namespaced_pod_status("p", api.namespace).status.qos_class == "BestEffort"
    deleted = core.delete_collection_namespaced_pod(api.namespace)
    assert deleted.kind in ("PodList", "Status")


def test_a_watch(api, core):
    api.create("configmaps", config_map("a"))
    stream = watch.Watch()
    seen = []
    for event in stream.stream(
        core.list_namespaced_config_map,
        api.namespace,
        field_selector="metadata.name!=kube-root-ca.crt",
        timeout_seconds=20,
    ):
        seen.append((event["type"], event["object"].metadata.name))
        if seen == [("ADDED", "a")]:
            in_thread(lambda: api.create("configmaps", config_map("b")))
        if ("ADDED", "b") in seen:
            stream.stop()
    assert seen[-1] == ("ADDED", "b")


def test_the_dynamic_client(api, core):
    found = dynamic.DynamicClient(core.api_client)
    deployments = found.resources.get(api_version="apps/v1", kind="Deployment")
    assert deployments.namespaced
    assert list(deployments.get(namespace=api.namespace).items) == []
    maps = found.resources.get(api_version="v1", kind="ConfigMap")
    body = {**config_map(), "data": {"a": "1"}}
    applied = maps.server_side_apply(body=body, namespace=api.namespace, field_manager="dynamic")
    assert applied.data.a == "1"


def test_a_watch_over_a_websocket(api):
    url = api.url.replace("https://", "wss://") + api.path("configmaps")
    query = "watch=true&fieldSelector=metadata.name%3Dc"
    headers = {"Authorization": f"Bearer {api.token}"}
    api.create("configmaps", config_map())

    async def watched():
        async with connect(
            f"{url}?{query}", ssl=api.context, additional_headers=headers, origin=api.url
        ) as socket:
            first = json.loads(await asyncio.wait_for(socket.recv(), 20))
            await asyncio.to_thread(api.http.delete, api.path("configmaps", "c"))
            return first, json.loads(await asyncio.wait_for(socket.recv(), 20))

    first, second = asyncio.run(watched())
    assert (first["type"], first["object"]["kind"]) == ("ADDED", "ConfigMap")
    assert second["type"] == "DELETED"


def test_a_websocket_that_is_refused(api):
    url = api.url.replace("https://", "wss://") + api.path("configmaps") + "?watch=true"

    async def refused():
        async with connect(url, ssl=api.context):
            pass

    with pytest.raises(InvalidStatus) as caught:
        asyncio.run(refused())
    assert caught.value.response.status_code == 403
