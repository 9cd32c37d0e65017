"""What holds of every backend."""

import contextlib
import dataclasses
import secrets
import threading

import pytest
import stand_ins

from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, NotFound
from spark_platform.kernel.wait import NotYet, poll
from spark_platform.model import JobSpec, RunState

TIMEOUT_S = 60
PATH = [RunState.SUBMITTED, RunState.PENDING, RunState.RUNNING, RunState.SUCCEEDED]


def job(script, **given):
    name = f"job-{secrets.token_hex(4)}"
    return JobSpec(
        name=name, image=stand_ins.IMAGE, spark_version="4.1.4", main=f"local:///{script}", **given
    )


def until(backend, name, *states):
    def check():
        found = backend.observe(name)
        if found.state not in states:
            raise NotYet(str(found))
        return found

    return poll(check, what=f"{name} to be {states}", timeout_s=TIMEOUT_S)


def gone(backend, name):
    """Wait until a cancelled job has ended: it is told as such, or not at all."""

    def check():
        with contextlib.suppress(NotFound):
            found = backend.observe(name)
            # one that does not remember may say so until the job is gone
            if found.state is not RunState.CANCELLED or not backend.capabilities().remembers:
                raise NotYet(str(found))
            return found
        return None

    return poll(check, what=f"{name} to be cancelled", timeout_s=TIMEOUT_S)


def test_it_tells_that_it_is_there(backend):
    backend.check()


def test_an_application_of_emr_that_takes_no_jobs(emr_only):
    emr_only.check()
    emr_only._client.stop_application(applicationId=emr_only._application)
    emr_only._client.delete_application(applicationId=emr_only._application)
    with pytest.raises((Missing, NotFound)):
        emr_only.check()


def test_a_job_succeeds(backend):
    wanted = job("ok")
    first = backend.submit(wanted)
    assert first.name == wanted.name
    assert first.submitted_at is not None
    found = until(backend, wanted.name, RunState.SUCCEEDED)
    assert found.exit_code == 0
    assert found.attempt == 1
    assert found.submitted_at <= found.ended_at
    assert found.application
    assert "stand-in runs local:///ok" in backend.logs(wanted.name)
    assert backend.logs(wanted.name, tail=1).count("\n") == 1


def test_a_job_fails_as_its_driver_does(backend):
    wanted = job("fail")
    backend.submit(wanted)
    found = until(backend, wanted.name, RunState.FAILED)
    assert found.exit_code == 3
    assert "3" in found.reason
    assert "it was told to fail" in backend.logs(wanted.name)


def test_the_same_job_again_is_the_one_that_is_there(backend):
    wanted = job("ok")
    first = backend.submit(wanted)
    assert backend.submit(wanted).application == first.application
    done = until(backend, wanted.name, RunState.SUCCEEDED)
    # for ever
    assert backend.submit(wanted).ended_at == done.ended_at
    assert backend.logs(wanted.name).count("stand-in runs") == 1


def test_a_name_is_one_job(backend):
    wanted = job("ok")
    backend.submit(wanted)
    with pytest.raises(Conflict, match=wanted.name):
        backend.submit(dataclasses.replace(wanted, arguments=("other",)))


def test_many_that_submit_one_job_at_once_get_one(backend):
    wanted, told = job("long"), []
    threads = [
        threading.Thread(target=lambda: told.append(backend.submit(wanted))) for _ in range(4)
    ]
    for each in threads:
        each.start()
    for each in threads:
        each.join(TIMEOUT_S)
    assert len({each.application for each in told}) == 1
    assert len(told) == 4
    assert [each.name for each in backend.list()].count(wanted.name) == 1


def test_a_running_job_is_cancelled(backend):
    wanted = job("long")
    backend.submit(wanted)
    running = until(backend, wanted.name, RunState.RUNNING)
    assert running.ready
    assert running.exit_code is None
    assert running.ended_at is None
    backend.cancel(wanted.name)
    gone(backend, wanted.name)


def test_cancellation_twice_or_of_what_has_ended_is_no_error(backend):
    wanted = job("ok")
    backend.submit(wanted)
    until(backend, wanted.name, RunState.SUCCEEDED)
    backend.cancel(wanted.name)
    backend.cancel(wanted.name)
    assert backend.observe(wanted.name).state is RunState.SUCCEEDED


def test_what_has_ended_can_be_forgotten(backend):
    wanted = job("ok")
    backend.submit(wanted)
    until(backend, wanted.name, RunState.SUCCEEDED)
    backend.remove(wanted.name)
    if backend.capabilities().remembers:
        assert backend.observe(wanted.name).state is RunState.SUCCEEDED
        return

    def check():
        with contextlib.suppress(NotFound):
            raise NotYet(str(backend.observe(wanted.name)))

    poll(check, what="the job to be forgotten", timeout_s=TIMEOUT_S)
    backend.remove(wanted.name)


@pytest.mark.parametrize("call", ["observe", "cancel", "logs"])
def test_nobody_knows_a_job_that_is_not_there(backend, call):
    with pytest.raises(NotFound, match="nobody"):
        getattr(backend, call)("nobody")


def test_a_job_may_take_no_longer_than_it_says(backend, hurry):
    wanted = job("long", timeout_s=2)
    backend.submit(wanted)
    until(backend, wanted.name, RunState.RUNNING, RunState.FAILED)
    hurry()
    found = until(backend, wanted.name, RunState.FAILED)
    assert "deadline" in found.reason.lower() or "timed out" in found.reason


def test_all_jobs_are_listed(backend):
    wanted = [job("ok"), job("fail")]
    for each in wanted:
        backend.submit(each)
    assert {each.name for each in wanted} <= {each.name for each in backend.list()}


def test_changes_are_told_in_their_order(backend):
    early, late, stop = job("ok"), job("ok"), threading.Event()
    backend.submit(early)
    told = {early.name: [], late.name: []}
    try:
        for found in backend.watch(stop):
            if found.name not in told:
                continue
            if found.name == early.name and not told[early.name]:
                backend.submit(late)
            told[found.name].append(found.state)
            if all(states and states[-1].ended for states in told.values()):
                break
    finally:
        stop.set()
    for states in told.values():
        assert states == sorted(states, key=PATH.index)
        assert states[-1] is RunState.SUCCEEDED


def test_a_job_that_is_cancelled_is_told_of_a_last_time(backend):
    wanted, stop = job("long"), threading.Event()
    backend.submit(wanted)
    last = None
    try:
        for found in backend.watch(stop):
            if found.name == wanted.name:
                if last is None:
                    backend.cancel(wanted.name)
                last = found
                if found.state.ended:
                    break
    finally:
        stop.set()
    assert last.state is RunState.CANCELLED


@pytest.mark.parametrize(
    ("conf", "text"),
    [
        ({"spark.master": "local"}, r"conf\[spark.master\] is set by the platform"),
        ({"spark.kubernetes.container.image": "x"}, "container.image"),
    ],
)
def test_what_is_the_platforms_is_not_the_jobs(backend, conf, text):
    with pytest.raises(InvalidInput, match=text):
        backend.submit(job("ok", conf=conf))
    assert backend.list() == []


@pytest.mark.parametrize("name", ["", "A", "a_b", "-a", "a-", "x" * 41])
def test_names_that_no_backend_takes(name):
    with pytest.raises(InvalidInput, match="job name"):
        JobSpec(name=name, image="i", spark_version="4.1.4", main="local:///ok")
