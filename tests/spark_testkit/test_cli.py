"""The command line as people and programs use it: words, JSON, exit codes."""

import json
import signal
import socket
import subprocess
import sys

import pytest
from filelock import FileLock
from stacks import cli, folders_of, processes_of

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.stack import Stack


@pytest.fixture
def default_ports(tmp_path_factory):
    """The well-known ports belong to one test at a time, also among xdist's workers."""
    root = tmp_path_factory.getbasetemp()
    with FileLock(root.parent / "default-ports.lock", timeout=280):
        yield


def test_help_teaches(settings):
    result = cli("--help", settings=settings)
    assert result.returncode == 0
    assert "First time?" in result.stdout
    for command in ("up", "down", "status", "env", "logs", "doctor", "demo", "sql", "engines"):
        assert command in result.stdout
        assert cli(command, "--help", settings=settings).returncode == 0


def test_a_stacks_life_in_json(settings):
    up = cli("up", "unity-catalog", "--name", "life", "-o", "json", settings=settings)
    assert up.returncode == 0, up.stderr
    document = json.loads(up.stdout)
    assert (document["name"], document["provider"]) == ("life", "process")
    assert [set(each) for each in document["services"]] == [
        {"name", "state", "endpoint", "provider", "started_in_s", "detail"}
    ] * 2
    assert {each["name"]: each["state"] for each in document["services"]} == {
        "s3": "running",
        "unity-catalog": "running",
    }
    assert "✓ s3" in up.stderr

    status = cli("status", "--name", "life", "-o", "json", settings=settings)
    assert json.loads(status.stdout) == document
    assert "running" in cli("status", "--name", "life", settings=settings).stdout

    env = cli("env", "--name", "life", "-o", "json", settings=settings)
    exports = json.loads(env.stdout)
    assert exports["ICEBERG_REST_URI"].endswith("/api/2.1/unity-catalog/iceberg")

    shell = cli("env", "--name", "life", settings=settings).stdout
    echoed = subprocess.run(
        ["bash", "-c", f'{shell}\necho "$AWS_SECRET_ACCESS_KEY"'], capture_output=True, text=True
    )
    assert echoed.stdout.strip() == exports["AWS_SECRET_ACCESS_KEY"]

    logs = cli("logs", "unity-catalog", "--name", "life", settings=settings)
    assert "serving Iceberg catalogs" in logs.stdout
    logs = cli("logs", "unity-catalog", "--name", "life", "-o", "json", settings=settings)
    assert json.loads(logs.stdout)["lines"]

    down = cli("down", "--name", "life", "-o", "json", settings=settings)
    assert json.loads(down.stdout) == {"name": "life", "stopped": True}
    assert processes_of(settings) == []
    again = cli("down", "--name", "life", settings=settings)
    assert (again.returncode, again.stderr) == (0, "stack life was not running\n")


def test_logs_can_be_followed_to_the_end(settings):
    stack = Stack("follow", settings=settings)
    stack.up("unity-catalog")
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "spark_testkit.cli",
            "logs",
            "unity-catalog",
            "-f",
            "--name",
            "follow",
        ],
        env={**settings.as_env(), "PATH": ""},
        stdout=subprocess.PIPE,
        text=True,
    ) as follower:
        assert follower.stdout.readline()
        stack.down()
        follower.communicate(timeout=60)
    assert follower.returncode == 0


def test_lineage_wants_a_catalog(settings):
    gone = cli("lineage", "unity.s.t", settings=settings)
    assert (gone.returncode, "is not running" in gone.stderr) == (3, True)
    Stack("bare", settings=settings).up("s3")
    bare = cli("lineage", "unity.s.t", "--name", "bare", settings=settings)
    assert (bare.returncode, "runs no Unity Catalog" in bare.stderr) == (3, True)


def test_status_of_a_stack_that_is_not_running(settings):
    document = json.loads(cli("status", "-o", "json", settings=settings).stdout)
    assert {each["state"] for each in document["services"]} == {"stopped"}


@pytest.mark.parametrize(
    ("arguments", "code", "kind", "words"),
    [
        (["up", "sparkconnect"], 2, "InvalidInput", "did you mean 'spark-connect'"),
        (["up", "--provider", "cloud"], 2, "InvalidInput", "providers are: process"),
        (["up", "--engine", "4.2"], 2, "InvalidInput", "allowed: 4.1, 4.0, 3.5"),
        (["up", "s3", "--engine", "9.9"], 2, "InvalidInput", "'9.9' is not known"),
        (["up", "s3", "--name", "Öl"], 2, "InvalidInput", "stack name 'Öl' is not allowed"),
        (["env"], 3, "Missing", "stack 'default' is not running"),
        (["logs", "s3"], 3, "Missing", "start it: `spark-testkit up`"),
        (["sql", "select 1"], 3, "Missing", "not running"),
        (["engines", "install", "9"], 2, "InvalidInput", "allowed: 4.1, 4.0, 3.5"),
    ],
)
def test_bad_input_is_one_clear_error_with_its_exit_code(settings, arguments, code, kind, words):
    plain = cli(*arguments, settings=settings)
    assert plain.returncode == code
    assert plain.stdout == ""
    assert words in plain.stderr
    assert "Traceback" not in plain.stderr

    machine = cli(*arguments, "-o", "json", settings=settings)
    assert machine.returncode == code
    error = json.loads(machine.stdout)["error"]
    assert error["type"] == kind
    assert words in f"{error['message']} {error['hint']}"
    assert folders_of(settings) == []


@pytest.mark.parametrize("arguments", [["up", "--nonsense"], ["frobnicate"], ["-o"]])
def test_a_misspelt_command_line_is_a_usage_error(settings, arguments):
    result = cli(*arguments, settings=settings)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr


def test_a_taken_port_is_named_with_its_holder_and_nothing_is_left(settings, default_ports):
    with socket.socket() as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", 9000))
        holder.listen()
        result = cli("up", "s3", settings=settings)
    assert result.returncode == 3
    assert "port 9000, which s3 needs, is taken by process" in result.stderr
    assert "--name NAME" in result.stderr
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_the_default_stack_has_the_well_known_ports(settings, default_ports):
    up = cli("up", "unity-catalog", "-o", "json", settings=settings)
    endpoints = [each["endpoint"] for each in json.loads(up.stdout)["services"]]
    assert endpoints == ["http://localhost:9000", "http://localhost:8080"]
    assert cli("down", settings=settings).returncode == 0


def test_a_missing_java_is_named_before_anything_starts(settings):
    environment = {"JAVA_HOME": "/no/java/here"}
    result = cli("up", "--name", "nojava", settings=settings, env=environment)
    assert result.returncode == 3
    assert "JAVA_HOME is /no/java/here" in result.stderr
    assert "hint:" in result.stderr
    assert folders_of(settings) == []


def test_a_java_that_is_too_old_is_named(settings, tmp_path):
    java = tmp_path / "jdk8" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.write_text(
        "#!/bin/sh\n"
        "echo '    java.specification.version = 1.8'\n"
        "echo '    java.vm.name = Old VM'\n"
        "echo '    java.vm.version = 25.1'\n"
    )
    java.chmod(0o755)
    environment = {"JAVA_HOME": str(java.parent.parent)}
    result = cli("up", "--name", "oldjava", settings=settings, env=environment)
    assert result.returncode == 3
    assert "Java 8" in result.stderr
    assert "older than Java 17" in result.stderr


def test_a_service_that_fails_to_start_shows_its_last_words(settings, tmp_path):
    broken = tmp_path / "bin" / "minio"
    broken.parent.mkdir()
    broken.write_text("#!/bin/sh\necho 'the disk is on fire' >&2\nexit 7\n")
    broken.chmod(0o755)
    environment = {"SPARK_TESTKIT_CACHE_DIR": str(tmp_path), "SPARK_TESTKIT_S3": "minio"}
    result = cli("up", "s3", "--name", "broken", settings=settings, env=environment)
    assert result.returncode == 1
    assert "s3 exited with 7" in result.stderr
    assert "the disk is on fire" in result.stderr
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_a_service_that_never_answers_ends_in_a_timeout(settings, tmp_path):
    silent = tmp_path / "bin" / "minio"
    silent.parent.mkdir()
    silent.write_text("#!/bin/sh\necho 'thinking' >&2\nexec sleep 600\n")
    silent.chmod(0o755)
    environment = {"SPARK_TESTKIT_CACHE_DIR": str(tmp_path), "SPARK_TESTKIT_S3": "minio"}
    result = cli(
        *("up", "s3", "--name", "silent", "--timeout", "1"), settings=settings, env=environment
    )
    assert result.returncode == 4
    assert "gave up after 1 s waiting for s3 to answer" in result.stderr
    assert "thinking" in result.stderr
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_an_interrupted_up_leaves_nothing(settings, tmp_path):
    slow = tmp_path / "bin" / "minio"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    with subprocess.Popen(
        [sys.executable, "-m", "spark_testkit.cli", "up", "s3", "--name", "cut"],
        env={
            **settings.as_env(),
            "SPARK_TESTKIT_CACHE_DIR": str(tmp_path),
            "SPARK_TESTKIT_S3": "minio",
            "PATH": "/usr/bin:/bin",
        },
        stderr=subprocess.PIPE,
        text=True,
    ) as command:

        def started():
            if not any("sleep 600" in line for line in processes_of(settings)):
                raise NotYet("the service has not started")

        poll(started, what="the service to start", timeout_s=60)
        command.send_signal(signal.SIGINT)
        words = command.communicate(timeout=60)[1]
    assert command.returncode == 130
    assert words.endswith("interrupted\n")
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_a_full_disk_is_one_clear_error(settings, monkeypatch, capsys):
    from spark_testkit.cli import main
    from spark_testkit.stack_folder import StackFolder

    def full(self, *arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("spark_testkit.stack.private_folder", full)
    monkeypatch.setattr(StackFolder, "remove", lambda self: None)
    monkeypatch.setattr(sys, "argv", ["spark-testkit", "up", "s3", "--name", "full"])
    for key, value in settings.as_env().items():
        monkeypatch.setenv(key, value)
    with pytest.raises(SystemExit) as caught:
        main.main()
    assert caught.value.code == 1
    words = capsys.readouterr().err
    assert "No space left on device" in words
    assert "free some disk space" in words


def test_doctor_checks_and_says_how_to_mend(settings):
    document = json.loads(cli("doctor", "-o", "json", settings=settings).stdout)
    checks = {each["name"]: each for each in document["checks"]}
    assert {"java", "memory", "ports", "disk", "docker", "go", "s3", "client"} <= set(checks)
    assert checks["java"]["state"] == "ok"
    assert all(each["mend"] for each in checks.values() if each["state"] != "ok")


def test_doctor_fails_where_up_would(settings):
    result = cli("doctor", settings=settings, env={"JAVA_HOME": "/no/java/here"})
    assert result.returncode == 3
    assert "JAVA_HOME is /no/java/here" in result.stderr


def test_engines_are_listed(settings):
    rows = json.loads(cli("engines", "list", "-o", "json", settings=settings).stdout)
    assert [(row["version"], row["default"]) for row in rows] == [
        ("4.1", True),
        ("4.0", False),
        ("3.5", False),
    ]
