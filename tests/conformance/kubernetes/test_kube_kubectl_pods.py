"""kubectl and pods that run: logs, exec, cp, port-forward, wait, watch, cascades."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import pytest
from kube_api import config_map, deployment
from kube_talkers import called, echo, free_port, get, put, talker

from spark_platform.kernel.wait import NotYet, poll

TIMEOUT_S = 60
# more than all buffers on the way hold
MANY_BYTES = 32 * 1024 * 1024


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def talking(pods, port):
    """A pod of the labels app=d that serves the port."""
    pods.run("", container={"command": talker(port)}, metadata={"labels": {"app": "d"}})
    pods.until(lambda found: pods.log() == "ready\n", "its server")
    pods.ready()
    return pods


def go(kubectl):
    """Let the pod end; that may end the command too, whatever its exit code then is."""
    kubectl.run("exec", "p", "--", "touch", "/tmp/go")


def test_logs_are_followed_to_their_end(kubectl, pods):
    pods.run("echo first; until test -e /tmp/go; do sleep 0.1; done; echo last")
    pods.ready()
    with kubectl.running("logs", "-f", "p") as following:
        assert following.stdout.readline() == "first\n"
        go(kubectl)
        assert following.stdout.read() == "last\n"
        assert following.wait(TIMEOUT_S) == 0
    assert kubectl("logs", "p", "--tail=1") == "last\n"


def test_exec_has_input_output_and_an_exit_code(kubectl, pods):
    pods.run("sleep 600")
    pods.ready()
    done = kubectl.run("exec", "-i", "p", "--", "sh", "-c", "cat; echo bad >&2; exit 7", stdin="in")
    assert (done.returncode, done.stdout) == (7, "in")
    assert done.stderr == "bad\ncommand terminated with exit code 7\n"
    much = "0123456789abcdef" * 65536
    assert kubectl.run("exec", "-i", "p", "--", "wc", "-c", stdin=much).stdout == "1048576\n"


def test_files_are_copied_both_ways(kubectl, pods, tmp_path):
    pods.run("sleep 600")
    pods.ready()
    here, back = tmp_path / "here", tmp_path / "back"
    here.write_bytes(bytes(range(256)) * 4096)
    kubectl("cp", str(here), "p:/tmp/there")
    kubectl("cp", "p:/tmp/there", str(back))
    assert back.read_bytes() == here.read_bytes()


def test_port_forward_carries_many_connections_at_once(kubectl, talking, port):
    with kubectl.forwarding("pod/p", port) as (process, (local,)):
        assert echo(local, b"one\ntwo\n") == b"one\ntwo\n"
        with ThreadPoolExecutor(8) as workers:
            texts = [b"%d\n" % number * 1000 for number in range(24)]
            assert list(workers.map(lambda text: echo(local, text), texts)) == texts
        assert process.poll() is None


def test_port_forward_carries_much_both_ways(kubectl, talking, port):
    with kubectl.forwarding("pod/p", port) as (process, (local,)):
        with ThreadPoolExecutor(2) as workers:
            up = workers.submit(put, local, MANY_BYTES)
            down = workers.submit(get, local, MANY_BYTES // 1024)
            assert (up.result(), down.result()) == (True, MANY_BYTES)
        assert process.poll() is None


@pytest.mark.parametrize("target", ["deployment/d", "service/d"])
def test_port_forward_finds_the_pods_of_others(kubectl, talking, api, port, target):
    # of no replicas: the pod there is has the labels
    api.create("deployments", deployment(), "apps/v1")
    ports = [{"port": 80, "targetPort": port}]
    spec = {"selector": {"app": "d"}, "ports": ports}
    api.create("services", {"metadata": {"name": "d"}, "spec": spec})
    asked = 80 if target.startswith("service") else port
    with kubectl.forwarding(target, asked) as (_, (local,)):
        assert echo(local, b"found\n") == b"found\n"


def test_port_forward_to_a_port_where_nothing_listens(kubectl, talking, port):
    with kubectl.running("port-forward", "--address=127.0.0.1", "p", f":{free_port()}") as process:
        local = int(process.stdout.readline().split()[2].rpartition(":")[2])
        with called(local) as found:
            assert ended(found)
        assert "connection refused" in process.stdout.read()
        assert process.wait(TIMEOUT_S) != 0


def test_port_forward_ends_with_its_pod(kubectl, talking, port):
    with kubectl.forwarding("pod/p", port) as (process, (local,)):
        with called(local) as held:
            held.sendall(b"HOLD\n")
            assert held.recv(5) == b"held\n"
            talking.delete(gracePeriodSeconds=0)
            assert ended(held)

        def refused():
            # nobody tells kubectl; it finds out with its next connection, and may be gone before it
            with contextlib.suppress(OSError), called(local) as found:
                ended(found)
            if process.poll() is None:
                raise NotYet("kubectl goes on")

        poll(refused, what="port-forward to end", timeout_s=TIMEOUT_S)


def ended(connection):
    """Whether the other side ends a connection."""
    try:
        return connection.recv(1) == b""
    except ConnectionError:
        return True


def test_wait_for_conditions_values_and_deletion(kubectl, pods):
    pods.run("until test -e /tmp/go; do sleep 0.1; done")
    kubectl("wait", "pod/p", "--for=condition=Ready", "--timeout=60s")
    with kubectl.running(
        "wait", "pod/p", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s"
    ) as waiting:
        go(kubectl)
        assert waiting.wait(TIMEOUT_S) == 0
    with kubectl.running("wait", "pod/p", "--for=delete", "--timeout=60s") as waiting:
        kubectl("delete", "pod", "p", "--wait=false")
        assert waiting.wait(TIMEOUT_S) == 0
    assert "timed out" in kubectl(
        "wait", "cm/kube-root-ca.crt", "--for=delete", "--timeout=1s", fails=True
    )


def test_a_watch_shows_a_pods_life(kubectl, pods):
    pods.run("sleep 600", name="first")
    with kubectl.running("get", "pods", "--watch", "--output-watch-events") as watching:
        lines = (line.split() for line in iter(watching.stdout.readline, ""))
        assert next(line for line in lines if line[1] == "first")[0] == "ADDED"
        pods.run("true")
        own = ((line[0], line[3]) for line in lines if line[1] == "p")
        assert next(own) == ("ADDED", "Pending")
        assert ("MODIFIED", "Completed") in own
        kubectl("delete", "pod", "p", "--wait=false")
        assert any(event == "DELETED" for event, _ in own)


@pytest.mark.parametrize("cascade", ["orphan", "foreground", "background"])
def test_a_deletion_takes_what_is_owned_or_leaves_it(kubectl, api, cascade):
    owner = api.create("configmaps", config_map("owner"))
    reference = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": "owner",
        "uid": owner["metadata"]["uid"],
        "blockOwnerDeletion": True,
    }
    api.create("configmaps", config_map("owned", metadata={"ownerReferences": [reference]}))
    kubectl("delete", "configmap", "owner", f"--cascade={cascade}", "--timeout=60s")
    if cascade == "orphan":
        found = api.http.get(api.path("configmaps", "owned")).json()
        assert "ownerReferences" not in found["metadata"]
        return
    if cascade == "foreground":
        assert api.http.get(api.path("configmaps", "owned")).status_code == 404
    api.gone(api.path("configmaps", "owned"))


def test_what_there_is_and_what_it_means(kubectl):
    pods = next(
        line.split()
        for line in kubectl("api-resources", "-o", "wide").splitlines()
        if line.startswith("pods ")
    )
    assert pods[:5] == ["pods", "po", "v1", "true", "Pod"]
    assert set(pods[5].split(",")) == {
        *("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    }
    namespaced = kubectl("api-resources", "--namespaced=false", "-o", "name")
    assert "nodes\n" in namespaced
    assert "pods\n" not in namespaced
    shown = kubectl("explain", "pod.spec.tolerations", "--recursive")
    assert "tolerationSeconds\t<integer>" in shown
