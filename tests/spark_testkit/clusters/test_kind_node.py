"""Which image a node gets, decided with an engine that only takes notes; kind's own failures."""

import subprocess
import sys

import pytest

from spark_platform.kernel.errors import CommandFailed, Missing, Terminal
from spark_testkit.clusters.kind import flavor, host, node
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.clusters.kind.node import NodeImage, find_node, have_node
from spark_testkit.clusters.kind.programs import Programs
from spark_testkit.engine.catalogue import kind_spec
from spark_testkit.engine.progress import silent

PLAIN = NodeImage(kind_spec().node, built_here=False)


class Engine:
    """A Docker engine with some images, and a registry that has some."""

    machine = "x86_64"

    def __init__(self, *images, registry=(), runtime="runc"):
        self.images = set(images)
        self.registry = set(registry)
        self.client = self
        self.runtime = runtime

    def image(self, reference):
        return {"Id": reference} if reference in self.images else None

    def pull(self, reference):
        if reference in self.registry:
            self.images.add(reference)
        return reference in self.images

    def info(self):
        return {"DefaultRuntime": self.runtime}


@pytest.fixture
def programs(settings, monkeypatch):
    monkeypatch.setattr(node, "withholds_sys_resource", lambda: False)
    return Programs(settings, "x86_64")


@pytest.fixture
def ours(programs):
    return NodeImage(node._reference(programs), built_here=True)


def test_the_image_that_is_here_is_taken(programs, ours):
    assert find_node(Engine(), programs) is None
    assert find_node(Engine(ours.reference), programs) == ours
    assert find_node(Engine(ours.reference, PLAIN.reference), programs) == PLAIN


def test_the_plain_image_is_pulled_where_it_can_be(programs, settings):
    engine = Engine(registry=[PLAIN.reference])
    assert have_node(engine, programs, settings, silent) == PLAIN
    assert find_node(engine, programs) == PLAIN


def test_what_cannot_be_pulled_is_built(programs, ours, settings, monkeypatch):
    monkeypatch.setattr(node, "build_node", lambda *_: ours)
    assert have_node(Engine(), programs, settings, silent) == ours


def test_our_image_is_another_where_runc_needs_its_stand_in(programs, ours, monkeypatch):
    assert ours.reference.startswith(f"kind-node:{kind_spec().kubernetes}-")
    assert node._reference(programs) == ours.reference
    monkeypatch.setattr(node, "withholds_sys_resource", lambda: True)
    assert node._reference(programs) != ours.reference


@pytest.mark.parametrize(
    ("withheld", "runtime", "will_do"),
    [(False, "runc", True), (True, "runc", False), (True, "spark-testkit", True)],
)
def test_privileged_containers_need_what_docker_asks_for(monkeypatch, withheld, runtime, will_do):
    monkeypatch.setattr(host.shutil, "which", lambda name: name)
    monkeypatch.setattr(host, "withholds_sys_resource", lambda: withheld)
    engine = Engine(runtime=runtime)
    if will_do:
        host.check_docker(engine)
        return
    with pytest.raises(Missing, match="withholds CAP_SYS_RESOURCE") as error:
        host.check_docker(engine)
    assert "default-runtime" in error.value.hint


def test_kind_calls_a_docker_that_has_to_be_there(monkeypatch):
    monkeypatch.setattr(host.shutil, "which", lambda name: None)
    with pytest.raises(Missing, match="no `docker` command"):
        host.check_docker(Engine())


@pytest.mark.parametrize(
    ("says", "kind", "message"),
    [
        ("no space left on device", Terminal, "no space left on the Docker engine's disk"),
        ("something else", CommandFailed, "something else"),
    ],
)
def test_a_kind_that_fails_is_explained(settings, says, kind, message):
    failing = ["sh", "-c", f"echo {says}; exit 1"]
    with pytest.raises(kind, match=message) as error:
        KindFlavor(settings)._run(failing, "east", silent, timeout_s=60)
    assert error.value.hint


def test_kind_is_told_the_clusters_own_network(settings):
    lines = []
    shows = ["sh", "-c", "echo $KIND_EXPERIMENTAL_DOCKER_NETWORK"]
    KindFlavor(settings)._run(shows, "east", lines.append, timeout_s=60)
    assert lines == [KindFlavor(settings)._kind_name("east")]


def test_a_docker_that_still_makes_a_node_is_seen(tmp_path):
    docker = tmp_path / "docker"
    docker.symlink_to(sys.executable)
    name = f"sparktk-{tmp_path.name}"
    waits = [str(docker), "-c", "input()", "run", f"--name={name}-control-plane"]
    with subprocess.Popen(waits, stdin=subprocess.PIPE) as process:
        assert flavor._docker_is_busy_with(name)
        process.communicate(b"\n")
    assert not flavor._docker_is_busy_with(name)
