"""What a node decides: images, environments, statuses, names, scripts, logs. Nothing runs here."""

import asyncio
import json
import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some
from kube_api import pod

from spark_emulators.kubernetes.api.kinds.podspec import default
from spark_emulators.kubernetes.controllers.scheduler import choose
from spark_emulators.kubernetes.node import logs
from spark_emulators.kubernetes.node.containers import Mount
from spark_emulators.kubernetes.node.environment import (
    ConfigFault,
    Facts,
    command_line,
    expand,
    resolve,
)
from spark_emulators.kubernetes.node.hosts import hosts_file, resolutions
from spark_emulators.kubernetes.node.images import Image, ImageCatalog
from spark_emulators.kubernetes.node.podstatus import Record, phase, pod_status, terminated
from spark_emulators.kubernetes.node.sandbox import Room, TopLevel, script
from spark_emulators.kubernetes.node.volumes import MountFault, Volumes
from spark_emulators.kubernetes.runtime import LogOptions
from spark_platform.kernel.errors import InvalidInput

FACTS = Facts("127.20.0.9", "127.0.0.1", {"cpu": "4", "memory": "8Gi"}, {"DB_SERVICE_HOST": "x"})


def stored(name="p", **spec):
    """A pod as a server keeps it."""
    value = pod(name, **spec)
    default(value["spec"])
    value["metadata"].update(namespace="ns", uid=f"uid-{name}", resourceVersion="1")
    value["status"] = {"phase": "Pending"}
    return value


def nothing(plural, name):
    return None


class TestImages:
    def test_a_registry_and_the_latest_tag_may_be_left_out(self):
        image = Image(names=("spark-platform:4.1-*", "tool:latest"))
        assert image.means("spark-platform:4.1-latest")
        assert image.means("registry.example:5000/team/spark-platform:4.1-x@sha256:ab")
        assert image.means("docker.io/library/tool")
        assert not image.means("spark-platform:4.0-latest")
        assert not image.means("other/tool:1")

    def test_the_first_that_fits_wins_and_the_machine_is_last(self):
        mine = Image(names=("busybox:*",), command=("mine",))
        assert ImageCatalog([mine]).find("busybox") is mine
        assert ImageCatalog().find("busybox:1.36").command == ("sh",)
        assert ImageCatalog().find("nginx") is None

    @pytest.mark.parametrize("text", ["", "{}", '[{"folders": 3}]', '[{"names": 1}]'])
    def test_a_file_of_another_shape_is_refused(self, tmp_path, text):
        file = tmp_path / "images.json"
        file.write_text(text)
        with pytest.raises(InvalidInput, match=r"images\.json"):
            ImageCatalog.read(file).find("busybox")


class TestEnvironment:
    def test_references_that_are_known_are_replaced(self):
        known = {"A": "1", "B": "2"}
        assert expand("$(A)$(B) $(C) $$(A) $A $$$$", known) == "12 $(C) $(A) $A $$"

    @given(some.text(alphabet="ab(" + ")", max_size=30))
    def test_text_without_a_dollar_is_itself(self, text):
        assert expand(text, {"a": "x"}) == text

    def test_later_sources_win_and_see_the_earlier(self):
        maps = {"c": {"metadata": {"namespace": "ns"}, "data": {"A": "map", "B": "map", "9": "x"}}}
        container = {
            "name": "main",
            "envFrom": [{"prefix": "P_", "configMapRef": {"name": "c"}}],
            "env": [{"name": "P_A", "value": "own"}, {"name": "C", "value": "$(P_A)-$(P_B)"}],
        }
        found = resolve(stored(), container, FACTS, lambda plural, name: maps.get(name))
        assert found == {
            "DB_SERVICE_HOST": "x", "P_A": "own", "P_B": "map", "P_9": "x", "C": "own-map",
        }  # fmt: skip

    def test_fields_and_resources_of_the_pod(self):
        container = {
            "name": "main",
            "resources": {"limits": {"cpu": "1500m"}},
            "env": [
                {"name": key, "valueFrom": {"fieldRef": {"fieldPath": path}}}
                for key, path in {
                    "IP": "status.podIP",
                    "NAME": "metadata.name",
                    "LABEL": "metadata.labels['a/b']",
                }.items()
            ]
            + [
                {"name": key, "valueFrom": {"resourceFieldRef": {"resource": resource}}}
                for key, resource in {"CPU": "limits.cpu", "MEMORY": "limits.memory"}.items()
            ],
        }
        value = stored(metadata={"labels": {"a/b": "c"}})
        found = resolve(value, container, FACTS, nothing)
        assert (found["IP"], found["NAME"], found["LABEL"]) == ("127.20.0.9", "p", "c")
        # rounded up; without a limit of its own, what the node has
        assert (found["CPU"], found["MEMORY"]) == ("2", str(8 * 1024**3))

    @pytest.mark.parametrize("kind", ["configMap", "secret"])
    def test_what_is_absent_is_told_unless_it_is_optional(self, kind):
        reference = {"name": "n", "key": "k"}
        variable = {"name": "A", "valueFrom": {f"{kind}KeyRef": reference}}
        container = {"name": "main", "env": [variable]}
        with pytest.raises(ConfigFault, match=f'{kind.lower()} "n" not found'):
            resolve(stored(), container, FACTS, nothing)
        reference["optional"] = True
        assert "A" not in resolve(stored(), container, FACTS, nothing)

    @pytest.mark.parametrize(
        ("container", "found"),
        [
            ({}, ("entry", "cmd")),
            ({"args": ["a"]}, ("entry", "a")),
            ({"command": ["c"]}, ("c",)),
            ({"command": ["c", "$(X)"], "args": ["$(X)"]}, ("c", "1", "1")),
        ],
    )
    def test_a_command_replaces_the_images(self, container, found):
        assert command_line(container, ("entry",), ("cmd",), {"X": "1"}) == found


def record(code=None, *, runs=True):
    found = Record("main", "image", id="process://1" if runs else "")
    if code is not None:
        found.state = terminated(code, 1.0, 2.0, found.id)
    return found


class TestStatus:
    @pytest.mark.parametrize(
        ("init", "main", "policy", "expected"),
        [
            ([], [record(runs=False)], "Never", "Pending"),
            ([], [record()], "Never", "Running"),
            ([], [record(0)], "Never", "Succeeded"),
            ([], [record(0), record(1)], "Never", "Failed"),
            ([], [record(0), record()], "Never", "Running"),
            ([], [record(0)], "OnFailure", "Succeeded"),
            ([], [record(1)], "OnFailure", "Running"),
            ([], [record(0)], "Always", "Running"),
            ([record()], [record(runs=False)], "Never", "Pending"),
            ([record(1)], [record(runs=False)], "Never", "Failed"),
            ([record(1)], [record(runs=False)], "Always", "Pending"),
        ],
    )
    def test_the_phase_follows_from_the_containers(self, init, main, policy, expected):
        assert phase(init, main, policy) == expected

    def test_a_condition_that_stays_keeps_its_time(self):
        def status(before, main, now):
            return pod_status(
                before, {"restartPolicy": "Always"}, [], [main],
                pod_ip="127.20.0.9", host_ip="127.0.0.1", now=now, started_at=1.0, generation=1,
            )  # fmt: skip

        def times(found):
            return {each["type"]: each["lastTransitionTime"][-3:-1] for each in found["conditions"]}

        main = record()
        first = status({}, main, 10.0)
        main.ready = True
        second = status(first, main, 20.0)
        assert times(second) == {
            "PodReadyToStartContainers": "10",
            "Initialized": "10",
            "Ready": "20",
            "ContainersReady": "20",
        }


def node(name, cpu="4", labels=None, **spec):
    return {
        "metadata": {"name": name, "labels": labels or {}},
        "spec": spec,
        "status": {"allocatable": {"cpu": cpu, "memory": "8Gi", "pods": "10"}},
    }


def asks(cpu, name="p", **spec):
    main = {"name": "main", "image": "i", "resources": {"requests": {"cpu": cpu}}}
    return stored(name, containers=[main], **spec)


class TestScheduler:
    def test_the_emptiest_that_fits(self):
        busy = asks("2", "q", nodeName="a")
        assert choose(asks("1"), [node("a"), node("b")], [busy]).node == "b"
        assert choose(asks("3"), [node("a"), node("b", "1")], []).node == "a"

    def test_what_is_over_takes_no_room(self):
        over = asks("4", "q", nodeName="a")
        over["status"]["phase"] = "Succeeded"
        assert choose(asks("4"), [node("a")], [over]).node == "a"

    def test_why_none_fits(self):
        taint = {"key": "k", "value": "v", "effect": "NoSchedule"}
        nodes = [
            node("a", "1"),
            node("b", "1"),
            node("c", taints=[taint]),
            node("d", unschedulable=True),
        ]
        said = choose(asks("2"), nodes, []).message
        assert said.startswith(
            "0/4 nodes are available: 2 Insufficient cpu, 1 node(s) had untolerated taint(s)"
            " {k: v}, 1 node(s) were unschedulable."
        )
        tolerant = asks("2", tolerations=[{"key": "k", "operator": "Exists"}])
        assert choose(tolerant, nodes, []).node == "c"

    @pytest.mark.parametrize(
        ("operator", "values", "fits"),
        [("In", ["x"], True), ("In", ["y"], False), ("NotIn", ["y"], True),
         ("Exists", None, True), ("DoesNotExist", None, False)],
    )  # fmt: skip
    def test_affinity_that_is_required(self, operator, values, fits):
        expression = {"key": "zone", "operator": operator, **({"values": values} if values else {})}
        terms = {"nodeSelectorTerms": [{"matchExpressions": [expression]}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": terms}
        found = choose(
            asks("1", affinity={"nodeAffinity": required}), [node("a", labels={"zone": "x"})], []
        )
        assert bool(found.node) is fits


class TestNames:
    def test_a_service_is_where_its_pods_are(self):
        alive, over = stored("a", metadata={"labels": {"r": "d"}}), stored("b")
        alive["status"].update(phase="Running", podIP="127.20.0.3")
        over["status"].update(phase="Failed", podIP="127.20.0.4")
        service = {"metadata": {"namespace": "ns", "name": "s"}, "spec": {"selector": {"r": "d"}}}
        known = resolutions([service], [alive, over])
        assert known == [("ns", "a", "127.20.0.3"), ("ns", "s", "127.20.0.3")]
        own, other = (hosts_file(each, known, "127.20.0.2") for each in ("ns", "other"))
        assert "127.20.0.3\ts s.ns.svc.cluster.local s.ns.svc s.ns\n" in own
        assert "127.20.0.3\ts.ns.svc.cluster.local s.ns.svc s.ns\n" in other
        assert "127.20.0.2\tkubernetes.default.svc.cluster.local kubernetes.default.svc" in own


def test_a_script_keeps_odd_names_apart(tmp_path):
    odd = tmp_path / "it's; rm -rf $HOME"
    odd.mkdir()
    room = Room(
        folder=odd,
        hostname="p",
        layers={},
        mounts=[Mount(odd, "/a b", read_only=True)],
        working_dir="/w'd",
        argv=("echo", "$HOME 'x'"),
    )
    lines = script(room, TopLevel(("etc", "usr"), {"bin": "usr/bin"})).splitlines()
    command = shlex.split(lines[-1])
    assert command[-2:] == ["echo", "$HOME 'x'"]
    assert any(
        shlex.split(line) == ["mount", "--rbind", str(odd), "$R/.mounts/0"] for line in lines
    )
    inner = command[command.index("-c") + 1]
    assert "remount,ro,bind '/a b'" in inner


class TestVolumes:
    def made(self, tmp_path, volume, **objects):
        volumes = Volumes(
            stored(volumes=[{"name": "v", **volume}]), tmp_path / "pod" / "volumes",
            lambda plural, name: objects.get(plural), lambda source: "token", FACTS,
        )  # fmt: skip
        return volumes, volumes.make()["v"]

    def test_keys_become_files_of_their_modes(self, tmp_path):
        items = [{"key": "a", "path": "d/x", "mode": 0o400}]
        value = {"data": {"a": "1", "b": "2"}, "binaryData": {"c": "AAE="}}
        source = {"configMap": {"name": "c", "defaultMode": 0o640}}
        _, place = self.made(tmp_path, source, configmaps=value)
        assert {each.name: each.read_bytes() for each in place.iterdir()} == {
            "a": b"1", "b": b"2", "c": b"\0\1",
        }  # fmt: skip
        assert (place / "a").stat().st_mode & 0o777 == 0o640
        source["configMap"]["items"] = items
        _, place = self.made(tmp_path / "two", source, configmaps=value)
        assert (place / "d" / "x").stat().st_mode & 0o777 == 0o400

    def test_a_change_is_followed(self, tmp_path):
        value = {"data": {"a": "1"}}
        volumes, place = self.made(tmp_path, {"configMap": {"name": "c"}}, configmaps=value)
        value["data"]["a"] = "2"
        volumes.make()
        assert [each.name for each in place.iterdir()] == ["a"]
        assert (place / "a").read_text() == "2"

    def test_projections_gather(self, tmp_path):
        sources = [
            {"serviceAccountToken": {"path": "token"}},
            {"secret": {"name": "s"}},
            {"downwardAPI": {"items": [{"path": "n", "fieldRef": {"fieldPath": "metadata.name"}}]}},
        ]
        volume = {"projected": {"sources": sources, "defaultMode": 0o644}}
        _, place = self.made(tmp_path, volume, secrets={"data": {"k": "djE="}})
        found = {each.name: each.read_text() for each in place.iterdir()}
        assert found == {"token": "token", "k": "v1", "n": "p"}

    @pytest.mark.parametrize(
        ("volume", "text"),
        [
            ({"secret": {"secretName": "s"}}, 'secret "s" not found'),
            ({"hostPath": {"path": "/nowhere/at/all", "type": "Directory"}}, "is not a directory"),
            ({"nfs": {"server": "x"}}, "nfs is not emulated"),
        ],
    )
    def test_what_cannot_be_made_says_why(self, tmp_path, volume, text):
        with pytest.raises(MountFault, match=text):
            self.made(tmp_path, volume)


class TestLogs:
    def read(self, file, running=lambda: False, **options):
        async def all_of():
            wanted = LogOptions("main", **options)
            return b"".join([each async for each in logs.read(file, wanted, running, lambda: 0.0)])

        return asyncio.run(all_of())

    @pytest.fixture
    def file(self, tmp_path) -> Path:
        file = tmp_path / "0.log"
        writer = logs.LogWriter(file)
        writer.write("stdout", b"one\ntw")
        writer.write("stderr", b"err\n")
        writer.write("stdout", b"o\nrest")
        writer.close()
        return file

    def test_lines_are_whole_whatever_came_in_pieces(self, file):
        assert self.read(file) == b"one\nerr\ntwo\nrest"
        assert [line.split(b" ")[1:3] for line in file.read_bytes().splitlines()] == [
            [b"stdout", b"F"], [b"stderr", b"F"], [b"stdout", b"F"], [b"stdout", b"P"],
        ]  # fmt: skip

    def test_the_tail_and_the_first_bytes(self, file):
        assert self.read(file, tail_lines=2) == b"two\nrest"
        assert self.read(file, tail_lines=0) == b""
        assert self.read(file, limit_bytes=5) == b"one\ne"

    def test_following_ends_with_the_container(self, file):
        asked = iter([True, True, False])

        def running():
            with open(file, "ab") as log:
                log.write(b"2026-01-01T00:00:00.000000000Z stdout F more\n")
            return next(asked)

        assert self.read(file, running, follow=True).endswith(b"rest" + b"more\n" * 3)


def test_the_catalog_is_what_the_toolkit_writes(tmp_path):
    file = tmp_path / "images.json"
    file.write_text(
        json.dumps([{"names": ["a:1"], "entrypoint": ["/e"], "folders": {"/opt/a": "/x"}}])
    )
    image = ImageCatalog.read(file).find("a:1")
    assert (image.entrypoint, image.folders) == (("/e",), {"/opt/a": Path("/x")})
    assert "PATH" in image.environment
