"""The Runner's gRPC door, by a stub made of the published file."""

import re
import threading

import anyio
import anyio.from_thread
import anyio.lowlevel
import grpc
import pytest
from runs import IMAGES, Known, job

from spark_platform.kernel.database import sqlite_url
from spark_platform.model import Executors, JobKind, Retries, RunState, Size
from spark_platform.runner.grpc import runner_pb2 as pb
from spark_platform.runner.grpc.messages import job_of
from spark_platform.runner.grpc.runner_pb2_grpc import SparkRunnerStub
from spark_platform.runner.grpc.server import serving
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.worker import Worker
from spark_testkit.resources import resource

TOKEN = (("authorization", "Bearer ana@travel"),)
TIMEOUT_S = 30


@pytest.fixture
def store(tmp_path):
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))
    yield store
    store.close()


@pytest.fixture
def stub(store):
    """A door that serves, on a thread with an event loop of its own."""
    up, stop, port = threading.Event(), anyio.Event, []
    ends = []

    async def serve():
        async with serving(Runner(store, IMAGES), Known(), "127.0.0.1", 0) as bound:
            port.append(bound)
            ended = stop()
            ends.append((anyio.lowlevel.current_token(), ended))
            up.set()
            await ended.wait()

    thread = threading.Thread(target=anyio.run, args=(serve,))
    thread.start()
    assert up.wait(TIMEOUT_S)
    with grpc.insecure_channel(f"127.0.0.1:{port[0]}") as channel:
        yield SparkRunnerStub(channel)
    token, ended = ends[0]
    anyio.from_thread.run_sync(ended.set, token=token)
    thread.join()


def message(**given):
    plain = {"name": "flights", "domain": "travel", "owner": "ana", "engine": "4.1"}
    return pb.Job(**{**plain, "main": "local:///ok.py", **given})


def submitted(stub, token="t", job=None, metadata=TOKEN):
    request = pb.SubmitRequest(idempotency_token=token, job=job or message())
    return stub.Submit(request, metadata=metadata, timeout=TIMEOUT_S)


def refused(call):
    with pytest.raises(grpc.RpcError) as error:
        call()
    return error.value.code(), error.value.details(), dict(error.value.trailing_metadata())


def test_a_run_from_its_submission_to_its_end(stub, store, backend):
    answer = submitted(stub)
    assert answer.created
    assert not submitted(stub).created
    run = answer.run
    assert (run.image, pb.State.Name(run.state)) == ("spark-platform:4.1-latest", "ACCEPTED")
    worker, seen = Worker(store, lambda _: backend), []
    for each in stub.Watch(pb.CheckRequest(run_id=run.run_id), metadata=TOKEN, timeout=TIMEOUT_S):
        seen.append(pb.State.Name(each.state))
        if each.state == pb.ACCEPTED:
            worker.step()
        if each.state == pb.SUBMITTED:
            backend.tell(f"{run.run_id}-1", RunState.SUCCEEDED, exit_code=0)
            store.touch(run.run_id, worker._now())
            worker.step()
    assert seen[0] == "ACCEPTED"
    assert seen[-2:] == ["SUBMITTED", "SUCCEEDED"]
    over = stub.Check(pb.CheckRequest(run_id=run.run_id), metadata=TOKEN)
    assert over.attempts[0].exit_code == 0
    assert over.ended_at.ToDatetime() >= over.created_at.ToDatetime()
    listed = stub.List(pb.ListRequest(states=[pb.SUCCEEDED]), metadata=TOKEN)
    assert [each.run_id for each in listed.runs] == [run.run_id]


def test_cancelling(stub):
    run = submitted(stub).run
    asked = stub.Cancel(pb.CancelRequest(run_id=run.run_id, reason="no"), metadata=TOKEN)
    assert asked.cancel_reason == "no"


def test_all_of_a_job_arrives():
    whole = job(
        kind=JobKind.STREAM, conf={"a": "b"}, arguments=("1",), py_files=("p",), jars=("j",),
        main_class="c.C", driver=Size(2, 2048), executors=Executors(Size(3, 4096), 1, 5),
        timeout_s=60, retries=Retries(None, 1.5), secrets={"K": "s:k"}, region="eu", ttl_s=9,
        labels={"l": "m"}, service_account="own",
    )  # fmt: skip
    sent = message(
        kind=pb.STREAM, conf={"a": "b"}, arguments=["1"], py_files=["p"], jars=["j"],
        main_class="c.C", driver=pb.Size(cores=2, memory_mib=2048),
        executors=pb.Executors(size=pb.Size(cores=3, memory_mib=4096), minimum=1, maximum=5),
        timeout_s=60, retries=pb.Retries(backoff_s=1.5), secrets={"K": "s:k"}, region="eu",
        ttl_s=9, labels={"l": "m"}, service_account="own",
    )  # fmt: skip
    assert job_of(pb.Job.FromString(sent.SerializeToString())) == whole
    assert job_of(message()) == job()


def test_who_is_not_known_learns_nothing(stub):
    run = submitted(stub).run
    one = pb.CheckRequest(run_id=run.run_id)
    calls = {
        "Submit": lambda **options: submitted(stub, "t2", **options),
        "Check": lambda **options: stub.Check(one, **options),
        "Cancel": lambda **options: stub.Cancel(pb.CancelRequest(run_id=run.run_id), **options),
        "List": lambda **options: stub.List(pb.ListRequest(), **options),
        "Watch": lambda **options: list(stub.Watch(one, **options)),
    }
    for name, call in calls.items():
        for metadata in ((), (("authorization", "Bearer nobody"),)):
            code, _, trailing = refused(lambda c=call, m=metadata: c(metadata=m))
            assert code is grpc.StatusCode.UNAUTHENTICATED, name
            assert "spark-platform-hint" in trailing or metadata
    stranger = (("authorization", "Bearer eve@bank"),)
    for name in ("Check", "Cancel", "Watch"):
        code, details, _ = refused(lambda n=name: calls[n](metadata=stranger))
        assert (code, details) == (grpc.StatusCode.NOT_FOUND, f"there is no run {run.run_id}")
    code, details, _ = refused(lambda: submitted(stub, "t2", metadata=stranger))
    assert code is grpc.StatusCode.PERMISSION_DENIED
    assert "the token is of 'bank'" in details


def test_bad_input(stub):
    submitted(stub)
    for call, code, words in (
        (lambda: submitted(stub, ""), "INVALID_ARGUMENT", "idempotency token"),
        (lambda: submitted(stub, "x", message(engine="9")), "INVALID_ARGUMENT", "engine '9'"),
        (lambda: submitted(stub, "x", message(main="")), "INVALID_ARGUMENT", "main is empty"),
        (lambda: submitted(stub, job=message(main="local:///b")), "ALREADY_EXISTS", "another job"),
        (lambda: stub.Check(pb.CheckRequest(run_id="no"), metadata=TOKEN), "NOT_FOUND", "no run"),
        (lambda: stub.List(pb.ListRequest(states=[99]), metadata=TOKEN), "INVALID_ARGUMENT", "99"),
        (lambda: stub.List(pb.ListRequest(limit=-1), metadata=TOKEN), "INVALID_ARGUMENT", "limit"),
        (lambda: submitted(stub, "x", message(main="x" * (2 << 20))), "RESOURCE_EXHAUSTED", ""),
    ):
        found, details, _ = refused(call)
        assert found is getattr(grpc.StatusCode, code), details
        assert words in details


def test_what_is_published_is_what_is_served():
    text = resource("platform/spark_platform/runner/grpc/runner.proto").read_text("utf-8")
    text = re.sub(r"//.*", "", text)
    for name, body in re.findall(r"message (\w+) \{(.*?)\n\}", text, re.S):
        written = {(field, int(number)) for field, number in re.findall(r"(\w+) = (\d+);", body)}
        fields = pb.DESCRIPTOR.message_types_by_name[name].fields
        assert written == {(each.name, each.number) for each in fields}, name
    for name, body in re.findall(r"enum (\w+) \{(.*?)\n\}", text, re.S):
        written = {(value, int(number)) for value, number in re.findall(r"(\w+) = (\d+);", body)}
        values = pb.DESCRIPTOR.enum_types_by_name[name].values
        assert written == {(each.name, each.number) for each in values}, name
    (service,) = pb.DESCRIPTOR.services_by_name.values()
    assert re.findall(r"rpc (\w+)\(", text) == [each.name for each in service.methods]
