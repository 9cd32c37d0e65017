"""What a kind cluster is planned to be, and whether the versions it is planned of agree."""

import json
import re
from pathlib import Path

import pytest

from spark_testkit.clusters.kind import plan
from spark_testkit.clusters.kind.host import withholds_sys_resource
from spark_testkit.engine.catalogue import kind_spec
from spark_testkit.resources import resource

SOURCES = resource("images/kind-node/go")


def required(module):
    """What a go.mod asks for: module → version."""
    text = (SOURCES / module / "go.mod").read_text()
    return dict(re.findall(r"^(?:require )?\t?([a-z0-9./-]+) (v[0-9][^ \n]*)", text, re.M))


def test_one_engine_may_serve_several_state_folders():
    first, second = (plan.kind_name("east", Path(each)) for each in ("/a", "/b"))
    assert first != second
    assert first == plan.kind_name("east", Path("/a"))
    assert first.endswith("-east")


def test_the_longest_name_makes_a_host_name():
    name = plan.kind_name("a" * 30, Path("/a"))
    assert len(name) <= 50  # kind's own limit
    assert len(plan.node_name(name)) <= 63


def test_our_node_has_a_network_and_cgroups_of_its_own():
    document = json.loads(plan.cluster_config(built_here=True))
    assert document["networking"] == {"disableDefaultCNI": True}
    [kubelet] = map(json.loads, document["kubeadmConfigPatches"])
    assert kubelet == {
        "kind": "KubeletConfiguration",
        "failCgroupV1": False,
        "cgroupDriver": "cgroupfs",
    }


def test_ports_of_the_node_are_published_on_loopback_only():
    document = json.loads(plan.cluster_config(built_here=True, region="eu", ports={30080: 41000}))
    [node] = document["nodes"]
    assert node["extraPortMappings"] == [
        {"containerPort": 30080, "hostPort": 41000, "listenAddress": "127.0.0.1"}
    ]
    assert node["labels"] == {plan.REGION: "eu"}


def test_the_plain_node_is_left_as_kind_makes_it():
    document = json.loads(plan.cluster_config(built_here=False))
    assert set(document) == {"kind", "apiVersion", "kubeadmConfigPatches"}
    [kubelet] = map(json.loads, document["kubeadmConfigPatches"])
    assert kubelet == {"kind": "KubeletConfiguration", "failCgroupV1": False}


def test_a_node_says_which_region_it_is_in():
    document = json.loads(plan.cluster_config(built_here=True, region="us-east-1"))
    [node] = document["nodes"]
    assert node["labels"] == {"topology.kubernetes.io/region": "us-east-1"}


def test_programs_know_their_version():
    flags = plan.version_flags("1.36.3").split(" -X ")
    assert "k8s.io/client-go/pkg/version.gitVersion=v1.36.3" in flags
    assert "k8s.io/component-base/version.gitMinor=36" in flags
    assert len(flags) == 12


def test_images_are_called_as_kubeadm_calls_them():
    names = plan.reference_names(kind_spec())
    assert [len(each) for each in names.values()] == [5, 1, 1]
    for each in names:
        assert (resource("images/kind-node") / each / "Dockerfile").exists()


def test_the_go_modules_have_the_versions_of_the_catalogue():
    spec = kind_spec()
    kubernetes = required(".")
    assert kubernetes["k8s.io/kubernetes"] == f"v{spec.kubernetes}"
    assert kubernetes["go.etcd.io/etcd/server/v3"] == f"v{spec.etcd}"
    assert required("coredns")["github.com/coredns/coredns"] == f"v{spec.coredns}"
    assert required("kind")["sigs.k8s.io/kind"] == f"v{spec.kind}"
    assert spec.node.endswith(f":v{spec.kubernetes}")
    published = "v0" + spec.kubernetes.removeprefix("1")
    replaced = re.findall(r"^\t\S+ => \S+ (\S+)$", (SOURCES / "go.mod").read_text(), re.M)
    assert len(replaced) > 30
    assert set(replaced) == {published}


@pytest.mark.parametrize(
    ("bounding", "withheld"),
    [("000001ffffffffff", False), ("000001fffeffffff", True), ("0000000000000000", True)],
)
def test_a_machine_that_withholds_sys_resource_is_known_by_its_bounding_set(bounding, withheld):
    assert withholds_sys_resource(f"Name:\tx\nCapBnd:\t{bounding}\n") is withheld


def test_where_the_kernel_does_not_tell_nothing_is_withheld():
    assert withholds_sys_resource("Name:\tx\n") is False
