"""`make` and `.ci/run` on machines that lack something, played by programs that only take notes."""

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from spark_testkit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PROMISED = "docker,javac,maven,namespaces,openssl,postgresql,shellcheck"
TOOLS = ("bash", "cat", "dirname", "ln", "make", "mkdir", "mktemp", "rm", "sed", "touch")

INSTALLED = ("javac", "mmdebstrap", "mvn", "openssl", "pg_ctlcluster", "shellcheck")


class Machine:
    """A machine with nothing on it but the tools of every machine and what a test puts there."""

    def __init__(self, folder):
        self.folder = folder
        self.programs = folder / "programs"
        self.programs.mkdir()
        self.notes = folder / "notes"
        self.notes.touch()
        self.variables = {"PATH": str(self.programs), "HOME": str(folder)}
        for name in TOOLS:
            (self.programs / name).symlink_to(shutil.which(name))

    def put(self, name, script="", notes='"$*"', folder=None):
        """A program that notes what it is asked for, then does what ``script`` says."""
        program = (folder or self.programs) / name
        program.unlink(missing_ok=True)
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(f'#!/bin/sh\necho {name} {notes} >> "{self.notes}"\n{script}\n')
        program.chmod(0o755)

    def run(self, *command, cwd):
        return subprocess.run(
            command, cwd=cwd, env=self.variables, capture_output=True, text=True, timeout=120
        )

    def noted(self, name):
        lines = self.notes.read_text().splitlines()
        return [line.removeprefix(f"{name} ") for line in lines if line.startswith(f"{name} ")]


@pytest.fixture
def machine(tmp_path):
    return Machine(tmp_path)


@pytest.fixture
def ci(machine):
    """Runs .ci/run on a machine that lacks nothing but, perhaps, Go; Docker answers."""
    script = machine.folder / "repository" / ".ci" / "run"
    script.parent.mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "run", script)
    for name in ("docker", "room"):
        machine.put(name, folder=script.parent)
    for name in ("spark-testkit", "uv"):
        machine.put(name, folder=script.parents[1] / ".venv" / "bin")
    for name in (*INSTALLED, "python3"):
        machine.put(name)
    machine.put("make", notes='"$*, promised: ${SPARK_TESTKIT_REQUIRE:-nothing}"')

    def run():
        result = machine.run("bash", str(script), cwd=machine.folder)
        assert result.returncode == 0, result.stderr
        return result.stdout

    return run


@pytest.mark.parametrize("version", ["1.21.0", "1.26.8", "1.100rc1"])
def test_ci_builds_programs_and_promises_them(machine, ci, version):
    machine.put("go", f"echo go version go{version} linux/amd64")
    assert ci() == ""
    assert machine.noted("make") == [
        f"minio gcs kind, promised: {PROMISED}",
        f"setup, promised: {PROMISED},minio,gcs,kind",
        f"check, promised: {PROMISED},minio,gcs,kind",
    ]
    assert machine.noted("uv") == ["cache prune"]
    assert machine.noted("spark-testkit") == ["images prune"]
    assert len(machine.noted("room")) == 2


@pytest.mark.parametrize("version", ["1.19.8", "1.9", "1.2"])
def test_ci_with_a_go_that_cannot_build_programs_says_so_and_goes_on(machine, ci, version):
    machine.put("go", f"echo go version go{version} linux/amd64")
    told = ci()
    assert "no MinIO" in told
    assert f"go{version} " in told
    assert machine.noted("make") == [
        f"setup, promised: {PROMISED}",
        f"check, promised: {PROMISED}",
    ]


def test_ci_installs_what_is_wanting(machine, ci):
    machine.put("python3", "exit 1")
    for name in INSTALLED:
        (machine.programs / name).unlink()
    machine.put("go", "echo go version go1.19.8", folder=machine.folder / "fetched")
    go = f'"{machine.folder}/fetched/go" "{machine.programs}/go"'
    machine.put("apt-get", f"[ $1 = update ] || ln -s {go}")
    assert "no MinIO" in ci()
    [_, install] = machine.noted("apt-get")
    wanted = {
        *("openjdk-17-jdk-headless", "maven", "golang", "python3", "python3-venv"),
        *("mmdebstrap", "shellcheck", "openssl", "postgresql"),
    }
    options = {"install", "-y", "-qq", "--no-install-recommends"}
    assert set(install.split()) == wanted | options


@pytest.fixture
def repository(machine):
    """The Makefile and the lock, away from this repository's own environment."""
    folder = machine.folder / "repository"
    (folder / "requirements").mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements/dev.txt"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def test_make_without_uv_and_venv_says_what_to_install(machine, repository):
    machine.put("python3", 'case "$*" in *ensurepip*) exit 1;; esac')
    result = machine.run("make", "setup", cwd=repository)
    assert result.returncode == 2
    assert "error: no uv, and no venv to fetch it into: install python3-venv" in result.stderr
    assert not (repository / ".venv").exists()


def test_make_without_uv_fetches_the_locks_into_the_environment(machine, repository):
    made = repository / ".venv" / "bin"
    machine.put("uv", folder=machine.folder / "fetched")
    machine.put(
        "pip", f'cat > "{machine.folder}/asked"; ln -s "{machine.folder}/fetched/uv" "{made}/uv"'
    )
    machine.put(
        "python3",
        f'case "$*" in "-m venv .venv") mkdir -p "{made}"; ln -s "$0" "{made}/python";;'
        ' "-m pip"*) shift 2; exec pip "$@";; esac',
    )
    result = machine.run("make", "setup", cwd=repository)
    assert result.returncode == 0, result.stderr
    assert machine.noted("pip") == ["install --quiet --require-hashes --requirement /dev/stdin"]
    asked = (machine.folder / "asked").read_text().split()
    assert asked[0].startswith("uv==")
    assert {word.partition(":")[0] for word in asked[1:]} == {"\\", "--hash=sha256"}
    assert [line.split()[:2] for line in machine.noted("uv")] == [
        ["venv", "--quiet"],
        ["pip", "sync"],
        ["pip", "install"],
    ]
    assert machine.run("make", "setup", cwd=repository).returncode == 0
    assert len(machine.noted("uv")) == 3


@pytest.fixture
def ready(machine, repository):
    """The same, with an environment that is made."""
    made = repository / ".venv" / "bin"
    path = ":".join(filter(None, sys.path))
    machine.put("python", f'PYTHONPATH={shlex.quote(path)} exec {sys.executable} "$@"', folder=made)
    (repository / ".venv" / ".ready").touch()
    machine.put("go", notes='"$*, $GOBIN, $GOTOOLCHAIN"')
    return repository


@pytest.mark.parametrize("variables", [{}, {"SPARK_TESTKIT_CACHE_DIR": "/somewhere/else"}])
def test_minio_goes_where_the_toolkit_looks(machine, ready, variables, monkeypatch):
    machine.variables.update(variables)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", machine.variables["HOME"])
    result = machine.run("make", "minio", cwd=ready)
    assert result.returncode == 0, result.stderr
    [asked] = machine.noted("go")
    command, folder, toolchain = asked.split(", ")
    assert command.startswith("install github.com/minio/minio@v")
    assert folder == str(Settings.from_env(machine.variables).cache_dir / "bin")
    assert toolchain == "auto"


def test_minio_that_is_there_is_not_built_again(machine, ready):
    machine.variables["SPARK_TESTKIT_CACHE_DIR"] = str(machine.folder / "cache")
    machine.put("minio", folder=machine.folder / "cache" / "bin")
    assert machine.run("make", "minio", cwd=ready).returncode == 0
    assert machine.noted("go") == []


def test_a_toolchain_that_the_user_chose_is_kept(machine, ready):
    machine.variables["GOTOOLCHAIN"] = "go1.99.0"
    assert machine.run("make", "minio", cwd=ready).returncode == 0
    assert machine.noted("go")[0].endswith(", go1.99.0")
