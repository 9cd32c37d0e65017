"""The Python client's port-forward: channels of a WebSocket."""

import contextlib
import threading

import pytest
from kube_talkers import free_port, talker
from kubernetes import client, config, stream

from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 60


@pytest.fixture
def core(api):
    loaded = client.Configuration()
    config.load_kube_config(str(api.kubeconfig), client_configuration=loaded)
    with client.ApiClient(loaded) as found:
        yield client.CoreV1Api(found)


@contextlib.contextmanager
def forwarded(core, api, *ports):
    asked = ",".join(map(str, ports))
    found = stream.portforward(
        core.connect_get_namespaced_pod_portforward, "p", api.namespace, ports=asked
    )
    try:
        yield found
    finally:
        found.close()
        # the vendor's thread ends the WebSocket, if it is let
        for each in threading.enumerate():
            if each.name.startswith("Kubernetes port forward proxy"):
                each.join(TIMEOUT_S)
                assert not each.is_alive()
        # the vendor's client leaves open what the server closed first
        found.websocket.shutdown()
        for each in found.local_ports.values():
            each.python.close()


def test_two_ports_at_once_and_one_where_nothing_listens(core, api, pods):
    port, silent = free_port(), free_port()
    pods.run("", container={"command": talker(port)})
    pods.until(lambda found: pods.log() == "ready\n", "its server")
    with forwarded(core, api, port, silent) as found:
        with contextlib.closing(found.socket(port)) as connection:
            connection.settimeout(TIMEOUT_S)
            connection.sendall(b"GET 512\n")
            received = 0
            while received < 512 * 1024:
                received += len(connection.recv(65536))
            assert received == 512 * 1024

        def told():
            if not found.error(silent):
                raise NotYet("no word")
            return found.error(silent)

        text = poll(told, what="the error", timeout_s=TIMEOUT_S)
        assert f"error forwarding port {silent} to pod" in text
        assert "connection refused" in text


def test_what_the_client_sends_arrives(core, api, pods):
    port = free_port()
    pods.run("", container={"command": talker(port)})
    pods.until(lambda found: pods.log() == "ready\n", "its server")
    size = 4 * 1024 * 1024
    with (
        forwarded(core, api, port) as found,
        contextlib.closing(found.socket(port)) as connection,
    ):
        connection.setblocking(True)
        connection.settimeout(TIMEOUT_S)
        connection.sendall(b"PUT %d\n" % size + b"a" * size)
        answer = b""
        while not answer.endswith(b"\n"):
            answer += connection.recv(100)
        assert int(answer) == size * ord("a") % 2**32
