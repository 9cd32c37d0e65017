"""The Runner's HTTP door, through its clients and past them."""

import asyncio
import socket
import threading

import httpx
import pytest
import uvicorn
from runs import IMAGES, Known, job

from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import (
    Conflict,
    Forbidden,
    InvalidInput,
    NotFound,
    TimedOut,
    Transient,
)
from spark_platform.model import Executors, Retries, RunState, Size
from spark_platform.runner.advance import Pace
from spark_platform.runner.client import AsyncRunnerClient, RunnerClient
from spark_platform.runner.rest import create_app
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store
from spark_platform.runner.worker import Worker, WorkerSettings


@pytest.fixture
def store(tmp_path):
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))
    yield store
    store.close()


@pytest.fixture
def url(store, backend):
    """A Runner that serves, with a worker beside it."""
    settings = WorkerSettings(pace=Pace(moving_s=0.02, steady_s=0.05))
    worker = Worker(store, lambda _: backend, settings=settings)
    runner = Runner(store, IMAGES, woken=worker.wake)
    app = create_app(runner, Known(), lambda _: backend)
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="off"))
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads = [
            threading.Thread(target=server.run, kwargs={"sockets": [listener]}),
            threading.Thread(target=worker.run, args=(stop,)),
        ]
        for each in threads:
            each.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        stop.set()
        server.should_exit = True
        for each in threads:
            each.join()


@pytest.fixture
def client(url):
    with RunnerClient(url, "ana@travel") as client:
        yield client


def test_a_run_from_its_submission_to_its_end(client, backend):
    run = client.submit("t", job())
    assert (run.name, run.owner, run.image) == ("flights", "ana", "spark-platform:4.1-latest")
    seen = []
    for each in client.follow(run.run_id, timeout_s=30):
        seen.append(each.state)
        name = f"{run.run_id}-1"
        if each.state is RunState.SUBMITTED:
            backend.tell(name, RunState.RUNNING, ui="http://ui:4040", application="travel/x")
        if each.state is RunState.RUNNING:
            assert each.links["ui"] == "http://ui:4040"
            assert client.logs(run.run_id, tail=3) == f"{name} 3"
            backend.tell(name, RunState.SUCCEEDED, exit_code=0)
    assert seen[-2:] == [RunState.RUNNING, RunState.SUCCEEDED]
    over = client.check(run.run_id)
    assert over.attempts[0].exit_code == 0
    assert over.attempts[0].ended_at is not None
    history = client.history(run.run_id)
    assert history.transitions[-1].state is RunState.SUCCEEDED
    assert history.decisions[0].strategy == "choose_parameters"


def test_all_of_a_job_arrives(client, store):
    whole = job(
        conf={"a": "b"}, arguments=("1", "2"), py_files=("local:///a.py",), jars=("local:///j.jar",),
        driver=Size(2, 2048), executors=Executors(Size(3, 4096), 1, 5), timeout_s=60,
        retries=Retries(5, 1.5), secrets={"K": "s:k"}, region="eu", ttl_s=9,
    )  # fmt: skip
    assert store.get(client.submit("t", whole).run_id).job == whole


def test_the_same_request_is_the_same_run_and_another_is_refused(url, client):
    first = client.submit("t", job())
    assert client.submit("t", job()).run_id == first.run_id
    with pytest.raises(Conflict, match="'t' was used for another job"):
        client.submit("t", job(main="local:///other.py"))
    assert [each.run_id for each in client.list()] == [first.run_id]


def test_cancelling(client):
    run = client.submit("t", job())
    assert client.cancel(run.run_id).cancel_reason == "ana cancelled it"
    (*_, over) = client.follow(run.run_id, timeout_s=30)
    assert (over.state, over.reason) == (RunState.CANCELLED, "ana cancelled it")
    assert client.cancel(run.run_id, "again").reason == "ana cancelled it"


def test_pages(client):
    made = [client.submit(f"t{number}", job()).run_id for number in range(5)]
    first = client.list(limit=3)
    rest = client.list(limit=3, after=first[-1].run_id)
    assert [each.run_id for each in (*first, *rest)] == made[::-1]
    assert client.list(states=[RunState.FAILED]) == []


def test_asyncio(url):
    async def go():
        async with AsyncRunnerClient(url, "ana@travel") as client:
            run = await client.submit("t", job())
            assert (await client.cancel(run.run_id, "no")).cancel_reason == "no"
            over = await client.check(run.run_id, known=99, wait_s=0.1)
            assert over.run_id == (await client.list())[0].run_id
            assert (await client.history(run.run_id)).transitions
            with pytest.raises(NotFound):
                await client.check("none")

    asyncio.run(go())


class TestStrangers:
    def test_without_a_token(self, url):
        for method, path in (
            ("POST", "/v1/runs"), ("GET", "/v1/runs"), ("GET", "/v1/runs/x"),
            ("GET", "/v1/runs/x/history"), ("GET", "/v1/runs/x/logs"),
            ("POST", "/v1/runs/x/cancel"),
        ):  # fmt: skip
            for header in ({}, {"Authorization": "Basic x"}, {"Authorization": "Bearer"}):
                body = {"token": "t", "job": {}} if method == "POST" else None
                answer = httpx.request(method, url + path, headers=header, json=body)
                assert answer.status_code == 401, (path, answer.text)
                assert answer.json()["error"]["type"] == "Unauthenticated"

    def test_another_domain_sees_nothing(self, url, client):
        run = client.submit("t", job())
        with RunnerClient(url, "eve@bank") as stranger:
            for ask in (stranger.check, stranger.cancel, stranger.history, stranger.logs):
                with pytest.raises(NotFound, match="there is no run"):
                    ask(run.run_id)
            assert stranger.list() == []
            with pytest.raises(NotFound):
                stranger.list(after=run.run_id)
            with pytest.raises(
                Forbidden, match=r"job\.domain is 'travel', and the token is of 'bank'"
            ):
                stranger.submit("t2", job())
        assert not client.check(run.run_id).cancel_reason


class TestBadInput:
    def test_tokens_and_engines(self, client):
        for token in ("", "a b", "x" * 200):
            with pytest.raises(InvalidInput, match="idempotency token"):
                client.submit(token, job())
        with pytest.raises(InvalidInput, match=r"engine '9\.9' is not known") as refused:
            client.submit("t", job(engine="9.9"))
        assert "allowed: 4.1" in refused.value.hint

    @pytest.mark.parametrize(
        ("body", "match"),
        [
            ({}, "token: Field required; job: Field required"),
            ({"token": "t", "job": {"name": "x"}}, "job.domain: Field required"),
            ({"token": "t", "job": {}, "more": 1}, "more: Extra inputs are not permitted"),
        ],
    )
    def test_bodies(self, url, body, match):
        header = {"Authorization": "Bearer ana@travel"}
        answer = httpx.post(f"{url}/v1/runs", json=body, headers=header)
        assert answer.status_code == 400
        assert match in answer.json()["error"]["message"]

    def test_a_job_that_cannot_be(self, url):
        body = {"token": "t", "job": {
            "name": "x", "domain": "travel", "owner": "o", "engine": "4.1", "main": "",
        }}  # fmt: skip
        header = {"Authorization": "Bearer ana@travel"}
        answer = httpx.post(f"{url}/v1/runs", json=body, headers=header)
        assert (answer.status_code, "main is empty" in answer.text) == (400, True)

    def test_too_large_a_body(self, url):
        header = {"Authorization": "Bearer ana@travel"}
        answer = httpx.post(f"{url}/v1/runs", content=b"x" * (2 << 20), headers=header)
        assert answer.status_code == 400
        chunked = httpx.post(f"{url}/v1/runs", content=iter([b"x"] * 3), headers=header)
        assert "of unknown length" in chunked.text

    def test_what_there_is_not(self, client):
        run = client.submit("t", job())
        with pytest.raises(NotFound, match="there is no run none"):
            client.check("none")
        with pytest.raises(NotFound, match="has no attempt 7"):
            client.logs(run.run_id, attempt=7)


def test_waiting_ends_in_time(client):
    run = client.submit("t", job())
    with pytest.raises(TimedOut, match="has not ended within"):
        list(client.follow(run.run_id, timeout_s=0.3))


def test_nobody_there():
    client = RunnerClient("http://127.0.0.1:9", "t")
    with client, pytest.raises(Transient, match="the Runner does not answer"):
        client.check("x")


def test_its_openapi_names_everything(url):
    document = httpx.get(f"{url}/openapi.json").json()
    assert set(document["paths"]) == {
        "/v1/runs", "/v1/runs/{run_id}", "/v1/runs/{run_id}/history", "/v1/runs/{run_id}/logs",
        "/v1/runs/{run_id}/cancel",
    }  # fmt: skip
    assert httpx.get(f"{url}/healthz").text == "ok"
