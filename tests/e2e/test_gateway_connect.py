"""Spark Connect through the Gateway with real drivers: whose is what, and what becomes of it."""

import secrets
import uuid

import grpc
import pytest
from application_sites import NAME, QUICK, application
from connect_calls import condition, details, refused, request
from connect_fleet import Client
from gateway_stacks import TIMEOUT_S, gateway_stack, running
from google.rpc import error_details_pb2
from pyspark.errors import AnalysisException
from pyspark.errors.exceptions.connect import SparkConnectException
from pyspark.sql.connect.proto import base_pb2 as pb

from spark_platform.backends.settings import CONNECT_PORT

SHARED = "shared"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    name = f"connect-{secrets.token_hex(3)}"
    with gateway_stack(name, tmp_path_factory.mktemp("stack"), warm={}) as site:
        yield site


@pytest.fixture(scope="module", params=["one driver", "drivers of their own"])
def place(request, site):
    """Where two users' sessions are, as the URL says it."""
    if request.param == "one driver":
        site.connect_server(SHARED)
        yield {"x_spark_cluster": SHARED}
        site.end(SHARED)
    else:
        yield {}
        site.end(*site.applications())


@pytest.fixture
def pair(site, place):
    """Sessions of two users, under one id."""
    where = {"session_id": str(uuid.uuid4()), **place}
    with site.session("ana", **where) as ana, site.session("bob", **where) as bob:
        yield ana, bob


@pytest.fixture
def clients(site, place):
    """Clients of the same two, for what stock ones do not say."""
    headers = {"x_spark_cluster": SHARED} if place else {}
    with site.raw("ana", **headers) as ana, site.raw("bob", **headers) as bob:
        yield ana, bob


def test_each_user_has_their_own_views_and_settings(pair):
    for number, session in enumerate(pair, 1):
        session.range(number).createOrReplaceTempView("mine")
        session.conf.set("spark.sql.shuffle.partitions", str(10 + number))
    pair[0].range(1).createTempView("only_anas")
    assert [each.table("mine").count() for each in pair] == [1, 2]
    assert [each.conf.get("spark.sql.shuffle.partitions") for each in pair] == ["11", "12"]
    with pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"):
        pair[1].table("only_anas").count()


def test_users_are_on_drivers_of_their_own_or_on_the_one_they_named(site, pair, place):
    names = [site.driver(each)["metadata"]["name"] for each in pair]
    assert len(set(names)) == (1 if place else 2), names


def test_the_user_is_the_tokens_whatever_the_client_says(site, place):
    where = {"session_id": str(uuid.uuid4()), **place}
    with site.session("ana", **where) as ana:
        ana.range(3).createTempView("anas")
        with site.session("ana", user_id="bob", **where) as said_bob:
            assert said_bob.table("anas").count() == 3
        with (
            site.session("bob", user_id="ana", **where) as bob,
            pytest.raises(AnalysisException, match="TABLE_OR_VIEW_NOT_FOUND"),
        ):
            bob.table("anas").count()


def test_an_error_is_told_to_whom_it_befell(pair, clients):
    session_id = pair[0].session_id
    assert [each.range(1).count() for each in pair] == [1, 1]
    ana, bob = clients
    broken = pb.Plan(root={"read": {"named_table": {"unparsed_identifier": "not.there"}}})
    message = request("AnalyzePlan", session_id, schema={"plan": broken})
    error = refused(ana, "AnalyzePlan", message.SerializeToString())
    error_id = details(error, error_details_pb2.ErrorInfo).metadata["errorId"]
    wanted = request("FetchErrorDetails", session_id, error_id=error_id).SerializeToString()
    told = [
        pb.FetchErrorDetailsResponse.FromString(each.ask("FetchErrorDetails", wanted))
        for each in (bob, ana)
    ]
    assert [len(each.errors) > 0 for each in told] == [False, True]


def test_an_operation_is_its_users(pair, clients):
    ana, bob = pair
    assert bob.range(1).count() == 1
    with running(ana) as (operation, rows):
        assert bob.interruptAll() == []
        assert bob.interruptOperation(operation) == []
        wanted = request("ReattachExecute", ana.session_id, operation_id=operation)
        error = refused(clients[1], "ReattachExecute", wanted.SerializeToString())
        assert condition(error) == "INVALID_HANDLE.OPERATION_NOT_FOUND"
        freed = request("ReleaseExecute", ana.session_id, operation_id=operation, release_all={})
        clients[1].ask("ReleaseExecute", freed.SerializeToString())
        assert not rows.done()
        assert len(rows.result(TIMEOUT_S)) == 10
    with running(ana, rows=1000) as (operation, rows):
        assert ana.interruptAll() == [operation]
        with pytest.raises(SparkConnectException, match="OPERATION_CANCELED"):
            rows.result(TIMEOUT_S)


def test_a_named_application_answers_the_gateway_alone_until_it_is_deleted(site):
    name = f"named-{secrets.token_hex(3)}"
    site.connect_server(name)
    where = {"session_id": str(uuid.uuid4()), "x_spark_cluster": name}
    with site.session("ana", **where) as session:
        assert session.range(4).count() == 4
        address = site.driver(session)["status"]["podIP"]
        message = request("Config", where["session_id"], user="ana", operation={"get_all": {}})
        for token in ("", "a-guess"):
            with Client(CONNECT_PORT, token) as client:
                client.channel = grpc.insecure_channel(f"{address}:{CONNECT_PORT}")
                error = refused(client, "Config", message.SerializeToString())
            assert error.code() is grpc.StatusCode.UNAUTHENTICATED
        site.end(name)
        with pytest.raises(SparkConnectException, match=r"INVALID_HANDLE\.SESSION_CHANGED"):
            session.range(1).count()
    with (
        site.session("ana", x_spark_cluster=name) as another,
        pytest.raises(SparkConnectException, match=f"no application {name}"),
    ):
        another.range(1).count()


def test_kubectl_makes_watches_and_ends_a_job(site):
    kubectl = site.kubectl
    state = "{.status.currentState.currentStateSummary}"
    table = ("get", "sparkapplications", "--watch", "-o", f"jsonpath={state}{{'\\n'}}")
    with kubectl.running(*table) as watch:
        kubectl("create", "-f", "-", stdin=application(QUICK))
        states = list(iter(lambda: watch.stdout.readline().strip(), "Succeeded"))
    assert "RunningHealthy" in states
    assert "rows 1000" in kubectl("logs", f"{NAME}-0-driver")
    kubectl("delete", "sparkapplication", NAME)
    assert NAME not in kubectl("get", "sparkapplications", "--no-headers")
