"""Every code block of README and docs is run."""

import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from cluster_fixtures import need_kind
from filelock import FileLock
from kube_nodes import need_namespaces

from spark_testkit.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
RUN_BY_A_READER = {"mermaid", "json"}
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.M | re.S)


def blocks(page):
    return BLOCK.findall((ROOT / page).read_text())


@pytest.fixture
def environment(tmp_path):
    """A user's shell: the command on PATH, state of its own, no test run around it."""
    settings = dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "state")
    bin_folder = Path(sys.executable).parent
    own = {"PATH": f"{bin_folder}{os.pathsep}{os.environ['PATH']}", **settings.as_env()}
    return {
        key: value
        for key, value in {**os.environ, **own}.items()
        if not key.startswith(("PYTEST_", "SPARKTK_"))
    }


def run(argv, cwd, environment):
    result = subprocess.run(
        argv, cwd=cwd, env=environment, capture_output=True, text=True, timeout=600
    )
    assert result.returncode == 0, f"{result.stdout[-3000:]}\n{result.stderr[-3000:]}"
    return result.stdout


def test_every_block_is_of_a_language_that_is_run():
    pages = ("fixtures", "architecture", "containers", "clusters", "kubernetes")
    for page in ("README.md", *(f"docs/{each}.md" for each in pages)):
        languages = {language for language, _ in blocks(page)}
        assert languages <= {"python", "bash", "make"} | RUN_BY_A_READER


def test_the_containers_shown_run(docker_stack_images, tmp_path, environment):
    for language, code in blocks("docs/containers.md"):
        if language == "python":
            run([sys.executable, "-c", code], tmp_path, environment)
        else:
            run(["bash", "-euo", "pipefail", "-c", code], tmp_path, environment)


def test_the_cluster_shown_is_made_and_deleted(tmp_path, environment):
    need_kind()
    shown = [code for language, code in blocks("docs/clusters.md") if language == "bash"]
    try:
        printed = run(["bash", "-euo", "pipefail", "-c", *shown], tmp_path, environment)
    finally:
        run(["spark-testkit", "cluster", "down", "east"], tmp_path, environment)
    assert "control-plane" in printed


def test_the_emulated_cluster_shown_runs_pods_and_spark(tmp_path, environment):
    need_namespaces()
    shown = [code for language, code in blocks("docs/kubernetes.md") if language == "bash"]
    try:
        printed = run(["bash", "-euo", "pipefail", "-c", "\n".join(shown)], tmp_path, environment)
    finally:
        run(["spark-testkit", "cluster", "down"], tmp_path, environment)
    assert "hello from hello" in printed
    # of the watch, which may begin when the container is being made
    assert re.search(r"^hello +0/1 +(Pending|ContainerCreating)", printed, re.M)
    assert "Pi is roughly 3.1" in printed


def test_the_faults_shown_befall_a_cluster(tmp_path, environment):
    need_namespaces()
    [shown] = [code for language, code in blocks("docs/clusters.md") if language == "python"]
    run(["spark-testkit", "cluster", "up", "east"], tmp_path, environment)
    try:
        file = run(["spark-testkit", "cluster", "kubeconfig", "east"], tmp_path, environment)
        run([sys.executable, "-c", shown], tmp_path, {**environment, "KUBECONFIG": file.strip()})
    finally:
        run(["spark-testkit", "cluster", "down", "east"], tmp_path, environment)


@pytest.mark.parametrize("page", ["README.md", "docs/fixtures.md"])
def test_the_tests_shown_pass(page, tmp_path, environment):
    shown = [
        code for language, code in blocks(page) if language == "python" and "def test_" in code
    ]
    assert shown
    for number, code in enumerate(shown):
        (tmp_path / f"test_shown_{number}.py").write_text(code)
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider"]
    run([*command, str(tmp_path)], tmp_path, environment)


def test_the_programs_shown_run(tmp_path, environment):
    shown = [code for lang, code in blocks("README.md") if lang == "python" and "test_" not in code]
    assert shown
    for code in shown:
        run([sys.executable, "-c", code], tmp_path, environment)


def test_the_shell_session_shown_runs_from_top_to_bottom(tmp_path, environment, tmp_path_factory):
    # the demo has a test of its own
    shown = [
        code for language, code in blocks("README.md") if language == "bash" and "demo" not in code
    ]
    script = "set -euo pipefail\n" + "\n".join(shown)
    # it uses the default stack's well-known ports
    with FileLock(tmp_path_factory.getbasetemp().parent / "default-ports.lock", timeout=280):
        printed = run(["bash", "-c", script], tmp_path, environment)
    assert "| id|amount|" in printed


def test_the_make_targets_shown_exist():
    shown = [code for language, code in blocks("README.md") if language == "make"]
    targets = re.findall(r"^make (\w+)", "\n".join(shown), re.M)
    assert targets == ["demo", "test"]
    subprocess.run(["make", "-n", *targets], cwd=ROOT, check=True, capture_output=True)
