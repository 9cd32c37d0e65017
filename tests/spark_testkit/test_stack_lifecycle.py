"""A stack from up to down, on the one service that starts in a second."""

import dataclasses
import os
import signal
import subprocess
import sys
import threading

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stacks import folders_of, processes_of

from spark_platform.kernel.errors import (
    Conflict,
    InvalidInput,
    Missing,
    NotFound,
    Terminal,
    TimedOut,
)
from spark_platform.kernel.process import ProcessId
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.ports import free_ports
from spark_testkit.service import ServiceRequest
from spark_testkit.services import s3
from spark_testkit.stack import Stack


@pytest.fixture
def stack(settings):
    return Stack("one", settings=settings)


def gone(settings):
    def check():
        left = processes_of(settings)
        if left or folders_of(settings):
            raise NotYet(f"{left} {folders_of(settings)}")

    return check


def wait_until_gone(settings):
    poll(gone(settings), what="the stack to vanish", timeout_s=20)


def test_up_answers_with_what_clients_need_and_down_leaves_nothing(stack, settings):
    exports = stack.up("s3")["s3"]
    client = s3.client(exports)
    assert [bucket["Name"] for bucket in client.list_buckets()["Buckets"]] == ["unity"]
    client.close()
    assert stack.env() == exports
    assert [(each.name, each.state) for each in stack.status()] == [("s3", "running")]

    assert stack.down()
    assert processes_of(settings) == []
    assert folders_of(settings) == []
    assert stack.status() == []


def test_up_twice_is_harmless(stack):
    first = stack.up("s3")
    assert stack.up("s3") == first
    assert len(stack.status()) == 1


def test_two_ups_at_once_give_one_stack(stack, settings):
    answers: list[object] = []
    threads = [
        threading.Thread(target=lambda: answers.append(Stack("one", settings=settings).up("s3")))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [answers[0]] * 4
    supervisors = [line for line in processes_of(settings) if "spark_testkit.supervisor" in line]
    assert len(supervisors) == 1


def test_up_needs_only_be_told_the_last_service(stack):
    seen: list[tuple[str, str]] = []
    exports = stack.up("unity-catalog", on_service=lambda s: seen.append((s.name, s.state)))
    assert list(exports) == ["s3", "unity-catalog"]
    assert seen.index(("s3", "running")) < seen.index(("unity-catalog", "running"))


def test_the_same_service_with_other_options_is_refused(stack):
    stack.up(ServiceRequest("s3", "s3", {"server": "seaweedfs"}))
    with pytest.raises(Conflict, match="already runs with other options"):
        stack.up(ServiceRequest("s3", "s3", {"server": "minio"}))
    assert stack.up("s3")


def test_a_leased_stack_ends_with_its_block(settings):
    with Stack("leased", settings=settings) as stack:
        stack.up("s3")
        assert processes_of(settings)
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_a_stack_that_is_kept_survives_a_lease_that_ends(settings, stack):
    stack.up("s3")
    with Stack("one", settings=settings) as leased:
        leased.up("s3")
    assert [each.state for each in stack.status()] == ["running"]


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_a_lease_ends_with_its_process_however_that_ends(settings, how):
    code = (
        "from spark_testkit import Stack\n"
        "with Stack('x') as stack:\n"
        "    stack.up('s3'); print('up', flush=True); input()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code],
        env={**os.environ, **settings.as_env()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with child:
        assert child.stdout.readline() == "up\n"
        child.send_signal(how)
    wait_until_gone(settings)


def test_a_held_stack_ends_with_its_holder(settings):
    holder = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with holder:
        Stack("held", settings=settings, holder=ProcessId.of(holder.pid)).up("s3")
        assert processes_of(settings)
        holder.kill()
    wait_until_gone(settings)


def test_a_killed_supervisor_takes_its_services_along_and_the_next_up_heals(stack, settings):
    stack.up("s3")
    supervisor = stack._folder.supervisor()
    os.kill(supervisor.pid, signal.SIGKILL)

    def services_gone():
        left = processes_of(settings)
        if left:
            raise NotYet(str(left))

    poll(services_gone, what="the services to follow", timeout_s=20)
    assert stack.status() == []
    assert stack.up("s3")
    assert [each.state for each in stack.status()] == ["running"]


def test_a_service_that_dies_is_reported_with_its_last_words_and_up_restarts_it(stack):
    stack.up("s3")
    os.kill(stack._folder.processes()["s3"].pid, signal.SIGKILL)

    def failed():
        (status,) = stack.status()
        if status.state != "failed":
            raise NotYet(status.state)
        return status

    status = poll(failed, what="the failure to show", timeout_s=20)
    assert "s3 was killed by signal 9" in status.detail
    assert stack.env() == {}
    stack.up("s3")
    assert [each.state for each in stack.status()] == ["running"]


def test_a_service_started_again_is_where_and_as_it_was(stack):
    exports = stack.up("s3")["s3"]
    client = s3.client(exports)
    client.put_object(Bucket="unity", Key="kept", Body=b"still here")
    server = stack._folder.processes()["s3"]
    os.kill(server.pid, signal.SIGKILL)

    def gone():
        if server.alive():
            raise NotYet(f"process {server.pid} still runs")

    # whether or not the supervisor has noticed by now
    poll(gone, what="the server to end", timeout_s=20, interval_s=0.001)
    assert stack.up("s3")["s3"] == exports
    assert client.get_object(Bucket="unity", Key="kept")["Body"].read() == b"still here"
    client.close()


def test_down_in_the_middle_of_an_up_wins_and_leaves_nothing(settings, stack, tmp_path):
    slow = tmp_path / "bin" / "minio"
    slow.parent.mkdir()
    slow.write_text("#!/bin/sh\nexec sleep 600\n")
    slow.chmod(0o755)
    own = dataclasses.replace(settings, cache_dir=tmp_path, s3_server="minio")
    words: list[str] = []

    def up():
        try:
            Stack("one", settings=own).up("s3")
        except Terminal as error:
            words.append(error.message)

    thread = threading.Thread(target=up)
    thread.start()

    def starting():
        if "s3" not in stack._folder.processes():
            raise NotYet("not yet")

    poll(starting, what="the service to be on its way", timeout_s=20)
    assert stack.down()
    thread.join(timeout=30)
    assert words
    assert "s3 was stopped while it started" in words[0]
    assert processes_of(settings) == []
    assert folders_of(settings) == []


def test_a_supervisor_that_is_stuck_is_ended_by_down(stack, settings, monkeypatch):
    stack.up("s3")
    for name in ("_ANSWER_WITHIN_S", "_SUPERVISOR_ENDS_WITHIN_S"):
        monkeypatch.setattr(f"spark_testkit.stack.{name}", 0.5)
    os.kill(stack._folder.supervisor().pid, signal.SIGSTOP)
    with pytest.raises(TimedOut, match=r"did not answer within 0\.5 s"):
        stack.env()
    monkeypatch.setattr("spark_testkit.stack._SUPERVISOR_ENDS_WITHIN_S", 20)
    assert stack.down()
    wait_until_gone(settings)


def test_a_users_modules_are_not_mistaken_for_the_standard_librarys(settings, tmp_path):
    (tmp_path / "secrets.py").write_text("raise SystemExit('the wrong secrets')")
    code = "from spark_testkit import Stack\nwith Stack('x') as stack: stack.up('s3')"
    ran = subprocess.run(
        [sys.executable, "-c", f"import secrets, sys; sys.path.pop(0)\n{code}"],
        cwd=tmp_path,
        env={**os.environ, **settings.as_env(), "PYTHONSAFEPATH": ""},
        capture_output=True,
        text=True,
    )
    assert "the wrong secrets" in ran.stderr
    ran = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.pop(0)\n{code}"],
        cwd=tmp_path,
        env={**os.environ, **settings.as_env()},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


def test_a_proxy_does_not_answer_for_the_stack(settings):
    environment = {**os.environ, **settings.as_env(), "HTTP_PROXY": "http://127.0.0.1:9"}
    environment = {key: value for key, value in environment.items() if key.lower() != "no_proxy"}
    ran = subprocess.run(
        [sys.executable, "-m", "spark_testkit.cli", "up", "unity-catalog", "--name", "one"],
        env={**environment, "http_proxy": "http://127.0.0.1:9"},
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr


@given(count=st.integers(0, 20))
def test_free_ports_are_different_and_not_promised(count):
    promised = set(free_ports(5))
    found = free_ports(count, avoid=promised)
    assert len(set(found)) == count
    assert not promised & set(found)


def test_a_stale_state_file_of_a_foreign_process_never_kills_it(stack, settings):
    bystander = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    with bystander:
        identity = ProcessId.of(bystander.pid)
        folder = stack._folder
        # the pid is alive, but it started at another time than the process that was noted
        for role in ("supervisor", "s3"):
            folder.record(role, ProcessId(identity.pid, identity.started_at - 1000))
        assert stack.status() == []
        assert stack.up("s3")
        assert identity.alive()
        bystander.communicate(b"\n")


def test_the_remains_of_a_dead_supervisor_are_ended(stack, settings):
    orphan = subprocess.Popen(
        [sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True
    )
    with orphan:
        stack._folder.record("supervisor", ProcessId(2**22 - 7, 1.0))
        stack._folder.record("s3", ProcessId.of(orphan.pid))
        assert stack.down()
        assert orphan.wait() == -signal.SIGKILL
    assert folders_of(settings) == []


def test_an_unreadable_state_file_heals(stack):
    stack._folder.record("supervisor", ProcessId.current())
    (stack._folder.path / "processes" / "supervisor.json").write_text("{half")
    assert stack.status() == []
    assert stack.up("s3")


def test_stop_ends_one_service_and_leaves_the_rest(stack):
    stack.up("unity-catalog")
    stack.stop("unity-catalog")
    assert [each.name for each in stack.status()] == ["s3"]


@pytest.mark.parametrize(
    "name", ["", "Über", "a b", "../x", "-x", "x-", "a" * 64, "A", "x\n", ".", "a/b"]
)
def test_an_odd_stack_name_is_refused(settings, name):
    with pytest.raises(InvalidInput, match="stack name") as caught:
        Stack(name, settings=settings)
    assert "a-z" in caught.value.hint


def test_an_unknown_service_is_refused_and_nothing_starts(stack, settings):
    with pytest.raises(InvalidInput, match="did you mean 's3'"):
        stack.up("s33")
    assert folders_of(settings) == []


def test_questions_to_a_stack_that_is_not_running(stack):
    with pytest.raises(Missing, match="not running") as caught:
        stack.env()
    assert "spark-testkit up --name one" in caught.value.hint
    assert stack.down() is False


def test_a_log_of_a_service_that_is_not_there(stack):
    stack.up("s3")
    assert stack.log_file("s3").exists()
    with pytest.raises(NotFound, match="no service 'kafka'"):
        stack.log_file("kafka")


def test_no_secret_is_in_an_argv(stack, settings):
    exports = stack.up("unity-catalog")
    lines = processes_of(settings)
    assert lines
    token = stack._folder.secrets()["connect_token"]
    for secret in (exports["s3"]["AWS_SECRET_ACCESS_KEY"], token):
        assert not any(secret in line for line in lines)


def test_everything_listens_on_loopback_only(stack, settings):
    stack.up("unity-catalog")
    listening = {
        connection.laddr.ip
        for identity in stack._folder.processes().values()
        for connection in psutil.Process(identity.pid).net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening <= {"127.0.0.1", "::1"}
    assert listening


def test_the_state_folder_is_private(stack, settings):
    stack.up("s3")
    written = [*stack._folder.path.glob("*.json"), *stack._folder.path.glob("*/*/*.json")]
    modes = {path: path.stat().st_mode & 0o077 for path in written}
    assert len(modes) >= 1
    modes[stack._folder.path] = stack._folder.path.stat().st_mode & 0o077
    modes[stack._folder.socket] = stack._folder.socket.stat().st_mode & 0o077
    assert {path: mode for path, mode in modes.items() if mode} == {}


def test_a_state_folder_with_a_very_long_path_works(settings, tmp_path):
    deep = dataclasses.replace(settings, state_dir=tmp_path / ("d" * 100) / "state")
    with Stack("one", settings=deep) as stack:
        stack.up("s3")
        socket = stack._folder.socket
        assert socket.exists()
    assert not socket.exists()
    assert not socket.parent.exists()
