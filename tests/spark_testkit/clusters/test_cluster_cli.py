"""`spark-testkit cluster` where nothing can be had: words, JSON, exit codes, nothing left."""

import json

import pytest
from kube_nodes import need_namespaces
from kubernetes import client, config
from stacks import cli

NO_DOCKER = {"DOCKER_HOST": "tcp://127.0.0.1:9"}


def test_help_teaches(settings):
    shown = cli("cluster", "--help", settings=settings).stdout
    for command in ("up", "down", "kubeconfig", "list", "load"):
        assert command in shown
        assert cli("cluster", command, "--help", settings=settings).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message", "hint"),
    [
        (("up", "x", "--flavor", "kindd"), 2, "flavour 'kindd' is not known", "takes: "),
        (("up", "X", "--flavor", "kind"), 2, "cluster name 'X' is not allowed", "a letter first"),
        (("down", "x/y"), 2, "cluster name 'x/y' is not allowed", "1 to 30"),
        (("kubeconfig", "x"), 2, "there is no cluster 'x'", "cluster up x"),
        (("load", "x", "image"), 2, "there is no cluster 'x'", "cluster up x"),
        (("up", "x", "--runtime", "dockr"), 2, "runtime 'dockr' is not known", "process, docker"),
        (("up", "x", "--flavor", "kind", "--nodes", "2"), 2, "one node", "--flavor emulated"),
        (("up", "x", "--runtime", "docker"), 3, "no Docker engine answers", "start Docker"),
        (("up", "x", "--flavor", "kind"), 3, "no Docker engine answers", "start Docker"),
    ],
)
def test_what_cannot_be_done_is_explained(settings, arguments, code, message, hint):
    result = cli("cluster", *arguments, "-o", "json", settings=settings, env=NO_DOCKER)
    assert result.returncode == code, result.stderr
    error = json.loads(result.stdout)["error"]
    assert message in error["message"]
    assert hint in error["hint"]
    assert "Traceback" not in result.stderr
    assert not list((settings.state_dir / "clusters").glob("*"))


def test_nodes_in_a_region(settings):
    need_namespaces()
    made = cli("cluster", "up", "x", "--nodes", "2", "--region", "eu", settings=settings)
    assert made.returncode == 0, made.stderr
    file = cli("cluster", "kubeconfig", "x", settings=settings).stdout.strip()
    with config.new_client_from_config(file) as http:
        nodes = client.CoreV1Api(http).list_node().items
    assert cli("cluster", "down", "x", settings=settings).returncode == 0
    assert [(each.metadata.name, region_of(each)) for each in nodes] == [
        ("x-worker", "eu"),
        ("x-worker2", "eu"),
    ]


def region_of(node):
    return node.metadata.labels["topology.kubernetes.io/region"]


def test_without_clusters_the_list_is_empty(settings):
    assert json.loads(cli("cluster", "list", "-o", "json", settings=settings).stdout) == []


def test_one_that_is_not_there_is_down_already(settings):
    result = cli("cluster", "down", "x", "-o", "json", settings=settings, env=NO_DOCKER)
    assert (result.returncode, json.loads(result.stdout)) == (0, {"name": "x", "deleted": False})


def test_clusters_are_listed_also_where_docker_does_not_answer(settings):
    folder = settings.state_dir / "clusters" / "east"
    folder.mkdir(parents=True)
    (folder / "cluster.json").write_text('{"flavor": "kind", "kubernetes": "1.36.3"}')
    (folder / "kubeconfig").touch()
    listed = cli("cluster", "list", "-o", "json", settings=settings, env=NO_DOCKER)
    [row] = json.loads(listed.stdout)
    assert "no Docker engine answers" in row.pop("detail")
    assert row == {
        "name": "east",
        "flavor": "kind",
        "state": "unknown",
        "kubernetes": "1.36.3",
        "kubeconfig": str(folder / "kubeconfig"),
    }
    shown = cli("cluster", "list", settings=settings, env=NO_DOCKER).stdout
    assert str(folder / "kubeconfig") in shown
    path = cli("cluster", "kubeconfig", "east", settings=settings, env=NO_DOCKER)
    assert (path.returncode, path.stdout) == (0, f"{folder / 'kubeconfig'}\n")
    up = cli("cluster", "up", "east", "--flavor", "kind", settings=settings, env=NO_DOCKER)
    assert up.returncode == 1
    assert "there is a cluster 'east' already" in up.stderr
