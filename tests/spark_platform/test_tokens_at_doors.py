"""Whoever has no good token is told so on every route and RPC, and changes nothing."""

import asyncio
import contextlib

import grpc
import httpx
import pytest
from connect_calls import NAMES as CONNECT_RPCS
from connect_calls import request, sent
from connect_fleet import Client, Door, Fleet
from issuers import BAD_TOKENS, issuing
from runs import IMAGES, Told

from spark_platform.gateway.api import create_app as gateway_app
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import NotFound
from spark_platform.runner.grpc import runner_pb2 as pb
from spark_platform.runner.grpc.server import serving
from spark_platform.runner.rest import create_app as runner_app
from spark_platform.runner.service import Runner
from spark_platform.runner.store import Store

TIMEOUT_S = 30


@pytest.fixture(scope="module")
def issuer(tmp_path_factory):
    with issuing(tmp_path_factory.mktemp("issuer")) as issuer:
        yield issuer


@pytest.fixture(params=BAD_TOKENS)
def bad_token(request, issuer):
    return BAD_TOKENS[request.param](issuer)


@pytest.fixture
def runner(tmp_path):
    store = Store(sqlite_url(tmp_path / "runs.sqlite"))
    yield Runner(store, IMAGES)
    store.close()


class Behind:
    """What a door leads to. Whoever comes so far is seen."""

    def __init__(self):
        self.reached = []

    def __getattr__(self, name):
        def reached(*_, **__):
            self.reached.append(name)
            raise NotFound("reached")

        return reached


def answers(app, routes, token):
    """What each route answers, by its method and path."""

    async def ask():
        found = {}
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            for method, path in routes:
                asked = path.replace("{", "").replace("}", "")
                header = {"Authorization": f"Bearer {token}"}
                found[method, path] = await client.request(method, asked, headers=header, json={})
        return found

    return asyncio.run(ask())


def at_gateway(behind, issuer, token):
    app = gateway_app(behind, issuer.verifier(), behind.document)
    routes = [
        (method, each.path)
        for each in app.routes
        for method in each.methods - {"HEAD"}
        if each.path != "/healthz"
    ]
    return answers(app, routes, token)


def at_runner(runner, issuer, token):
    app = runner_app(runner, issuer.verifier(), Told)
    published = app.openapi()["paths"].items()
    routes = [(method.upper(), path) for path, methods in published for method in methods]
    return answers(app, routes, token)


class TestGateway:
    def test_routes(self, issuer, bad_token):
        behind = Behind()
        found = at_gateway(behind, issuer, bad_token)
        assert len(found) == 15
        for where, answer in found.items():
            assert (answer.status_code, answer.json()["reason"]) == (401, "Unauthorized"), where
            assert bad_token not in answer.text
        assert behind.reached == []

    def test_routes_with_a_good_one(self, issuer):
        behind = Behind()
        found = at_gateway(behind, issuer, issuer.token())
        assert {each.status_code for each in found.values()} == {200, 404}
        assert len(behind.reached) == 10

    def test_rpcs(self, issuer, bad_token, tmp_path):
        codes, asked = connect_codes(issuer, bad_token, tmp_path)
        assert codes == dict.fromkeys(CONNECT_RPCS, grpc.StatusCode.UNAUTHENTICATED)
        assert not asked

    def test_rpcs_with_a_good_one(self, issuer, tmp_path):
        codes, asked = connect_codes(issuer, issuer.token(), tmp_path)
        assert len(codes) == 12
        assert grpc.StatusCode.UNAUTHENTICATED not in codes.values()
        assert asked


def connect_codes(issuer, token, folder):
    """How each RPC of Spark Connect is answered, and what a driver has been asked."""
    fleet, codes = Fleet(), {}
    driver = fleet.run("app")
    door = Door(fleet, sqlite_url(folder / "gateway.sqlite"), verifier=issuer.verifier())
    try:
        with Client(door.port, token, x_spark_cluster="app") as client:
            for name in CONNECT_RPCS:
                codes[name], words = grpc.StatusCode.OK, ""
                try:
                    client.ask(name, sent(name, request(name)))
                except grpc.RpcError as error:
                    codes[name], words = error.code(), error.details()
                assert token not in words
    finally:
        door.close()
        fleet.close()
    return codes, driver.asked


class TestRunner:
    def test_routes(self, issuer, bad_token, runner):
        found = at_runner(runner, issuer, bad_token)
        assert len(found) == 6
        for where, answer in found.items():
            told = answer.json()["error"]
            assert (answer.status_code, told["type"]) == (401, "Unauthenticated"), where
            assert bad_token not in answer.text
        assert runner.list() == []

    def test_routes_with_a_good_one(self, issuer, runner):
        found = at_runner(runner, issuer, issuer.token())
        assert {each.status_code for each in found.values()} == {200, 400, 404}

    def test_rpcs(self, issuer, bad_token, runner):
        codes = runner_codes(runner, issuer, bad_token)
        assert set(codes.values()) == {grpc.StatusCode.UNAUTHENTICATED}
        assert runner.list() == []

    def test_rpcs_with_a_good_one(self, issuer, runner):
        codes = runner_codes(runner, issuer, issuer.token())
        assert len(codes) == 5
        assert grpc.StatusCode.UNAUTHENTICATED not in codes.values()


def runner_codes(runner, issuer, token):
    """How each published RPC is answered."""
    service = pb.DESCRIPTOR.services_by_name["SparkRunner"]
    headers = (("authorization", f"Bearer {token}"),)

    async def ask():
        codes = {}
        async with (
            serving(runner, issuer.verifier(), "127.0.0.1", 0) as port,
            grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel,
        ):
            for each in service.methods:
                call = channel.unary_stream(f"/{service.full_name}/{each.name}")
                answer = call(b"", metadata=headers, timeout=TIMEOUT_S)
                with contextlib.suppress(grpc.RpcError):
                    await answer.read()
                codes[each.name] = await answer.code()
                assert token not in (await answer.details() or "")
        return codes

    return asyncio.run(ask())
