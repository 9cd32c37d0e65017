"""Building kind's programs, with a Go that only takes notes; and the stand-in for runc."""

import dataclasses
import json
import shutil
import subprocess

import pytest

from requirements import need
from spark_platform.kernel.errors import CommandFailed, Missing, Terminal
from spark_testkit.clusters.kind.programs import Programs
from spark_testkit.engine.progress import silent
from spark_testkit.resources import resource

VERSION = 'if [ "$1" = version ]; then echo go version go{version} linux/amd64; exit; fi\n'
BUILDS = 'while [ "$1" != -o ]; do shift; done; echo program > "$2"; echo "$GOARCH" >> "$2"'


class Machine:
    def __init__(self, folder, settings):
        self.folder = folder / "bin"
        self.folder.mkdir()
        self.programs = Programs(
            dataclasses.replace(settings, cache_dir=folder / "cache"), "aarch64"
        )

    def go(self, script, version="1.26.8"):
        self.put("go", VERSION.format(version=version) + script)

    def put(self, name, script):
        program = self.folder / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        return program

    def left(self):
        return sorted(each.name for each in self.programs.path("x").parent.glob("*"))


@pytest.fixture
def machine(tmp_path, settings, monkeypatch):
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(shutil, "which", _only_in(tmp_path / "bin"))
    return Machine(tmp_path, settings)


def _only_in(folder):
    def which(name, **_):
        return str(folder / name) if (folder / name).exists() else None

    return which


def test_each_program_is_built_once_for_the_engines_machine(machine):
    machine.go(BUILDS)
    machine.programs.ensure(["etcd", "pause"], silent)
    assert machine.programs.path("etcd").read_text() == "program\narm64\n"
    assert machine.left() == ["etcd", "pause"]
    machine.go("exit 1")
    machine.programs.ensure(["pause", "etcd"], silent)


def test_a_build_that_fails_leaves_nothing_and_says_why(machine):
    machine.go("echo no such module; exit 1")
    with pytest.raises(CommandFailed, match="no such module") as error:
        machine.programs.ensure(["etcd"], silent)
    assert "GOPROXY" in error.value.hint
    assert machine.left() == []


def test_a_full_disk_is_called_one(machine):
    machine.go("echo write: no space left on device; exit 1")
    with pytest.raises(Terminal, match="no space left on a disk, building etcd"):
        machine.programs.ensure(["etcd"], silent)


@pytest.mark.parametrize("version", ["1.19.8", "1.9"])
def test_a_go_that_is_too_old_is_missing(machine, version):
    machine.go(BUILDS, version)
    with pytest.raises(Missing, match=f"a newer Go than .*{version}") as error:
        machine.programs.ensure(["etcd"], silent)
    assert "install Go 1.21" in error.value.hint


def test_without_go_a_kind_that_is_installed_will_do(machine):
    with pytest.raises(Missing, match="takes Go, which is not installed") as error:
        machine.programs.kind(silent)
    assert error.value.hint.endswith("; or install kind")
    assert not machine.programs.has_kind()
    installed = machine.put("kind", "exit")
    assert machine.programs.kind(silent) == installed
    assert machine.programs.has_kind()


def test_the_one_built_here_is_preferred(machine):
    machine.put("kind", "exit")
    machine.go(BUILDS)
    assert machine.programs.kind(silent) == machine.programs.path("kind")


class TestStandInForRunc:
    @pytest.fixture
    def runc(self, tmp_path):
        need("jq", shutil.which("jq") is not None, "apt-get install jq")
        real = tmp_path / "runc.real"
        real.write_text('#!/bin/sh\necho "$@"\n')
        real.chmod(0o755)
        script = resource("images/kind-node/runc.sh").read_text()
        assert "/usr/sbin/runc.real" in script
        return ["bash", "-c", script.replace("/usr/sbin/runc.real", str(real)), "runc"]

    def process(self, *capabilities, score):
        return {"capabilities": {"bounding": list(capabilities)}, "oomScoreAdj": score}

    def test_a_container_does_not_ask_for_what_is_withheld(self, runc, tmp_path):
        asked = self.process("CAP_SYS_ADMIN", "CAP_SYS_RESOURCE", score=-999)
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"ociVersion": "1", "process": asked}))
        argv = ["--root", "/r", "create", "--bundle", str(tmp_path), "--pid-file", "p", "id"]
        done = subprocess.run([*runc, *argv], capture_output=True, text=True, check=True)
        assert done.stdout.split() == argv
        mended = json.loads(config.read_text())
        assert mended == {"ociVersion": "1", "process": self.process("CAP_SYS_ADMIN", score=0)}

    def test_nor_does_a_process_that_joins_one(self, runc, tmp_path):
        file = tmp_path / "process.json"
        file.write_text(json.dumps(self.process("CAP_SYS_RESOURCE", "CAP_KILL", score=100)))
        subprocess.run([*runc, "exec", "--process", str(file), "id"], check=True)
        assert json.loads(file.read_text()) == self.process("CAP_KILL", score=100)

    def test_any_other_command_is_passed_on(self, runc):
        done = subprocess.run([*runc, "state", "id"], capture_output=True, text=True, check=True)
        assert done.stdout == "state id\n"


def test_the_scripts_of_a_node_are_sound():
    need("shellcheck", shutil.which("shellcheck") is not None, "apt-get install shellcheck")
    folder = resource("images/kind-node")
    scripts = [str(each) for each in sorted(folder.rglob("*.sh"))]
    assert len(scripts) == 2
    subprocess.run(["shellcheck", *scripts, str(folder.parents[1] / ".ci" / "docker")], check=True)
