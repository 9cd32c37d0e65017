"""Sessions, clones and operations, as clients see them; on the wire."""

import json
import threading
import uuid

import grpc
import pytest
from connect_calls import (
    ID,
    OPERATION,
    OTHER,
    condition,
    details,
    open_session,
    ready_for,
    refused,
    request,
)
from connect_fleet import Client, Door
from google.rpc import error_details_pb2
from pyspark.sql.connect.proto import base_pb2 as pb

from spark_platform.gateway.connect.releases import TOLD_EVERY
from spark_platform.kernel.database import sqlite_url


def test_an_operation_is_known_before_its_client_hears_of_it(client, door, driver):
    message = request("ExecutePlan", operation_id=OPERATION).SerializeToString()
    path = "/spark.connect.SparkConnectService/ExecutePlan"
    gate = threading.Event()

    def some(messages, context):
        yield pb.ExecutePlanResponse(session_id=ID).SerializeToString()
        gate.wait(30)

    driver.acts["ExecutePlan"] = some
    stream = client.channel.unary_stream(path)(message, metadata=client.headers, timeout=30)
    next(stream)
    again = request("ReattachExecute", operation_id=OPERATION).SerializeToString()
    assert len(client.ask("ReattachExecute", again)) == 1
    gate.set()


def test_an_operation_that_the_driver_has_named_is_known(client, driver):
    reply = pb.ExecutePlanResponse(session_id=ID, operation_id=OPERATION).SerializeToString()
    driver.acts["ExecutePlan"] = lambda messages, context: iter([reply])

    client.ask("ExecutePlan", request("ExecutePlan").SerializeToString())

    again = request("ReattachExecute", operation_id=OPERATION).SerializeToString()
    assert len(client.ask("ReattachExecute", again)) == 1


def test_an_operation_lives_until_all_of_it_is_released(client, driver):
    ready_for(client, "ReattachExecute")
    again = request("ReattachExecute", operation_id=OPERATION).SerializeToString()

    until = pb.ReleaseExecuteRequest.ReleaseUntil(response_id="r")
    message = request("ReleaseExecute", operation_id=OPERATION, release_until=until)
    client.ask("ReleaseExecute", message.SerializeToString())
    client.ask("ReattachExecute", again)

    everything = pb.ReleaseExecuteRequest.ReleaseAll()
    message = request("ReleaseExecute", operation_id=OPERATION, release_all=everything)
    client.ask("ReleaseExecute", message.SerializeToString())
    driver.asked.clear()
    error = refused(client, "ReattachExecute", again)
    assert condition(error) == "INVALID_HANDLE.OPERATION_NOT_FOUND"
    assert not driver.asked


def test_a_session_that_was_released_is_closed_for_good(client, driver):
    open_session(client)
    client.ask(
        "ReleaseSession", request("ReleaseSession", allow_reconnect=True).SerializeToString()
    )
    open_session(client)
    client.ask("ReleaseSession", request("ReleaseSession").SerializeToString())
    driver.asked.clear()

    error = refused(client, "Config", request("Config").SerializeToString())

    assert condition(error) == "INVALID_HANDLE.SESSION_CLOSED"
    assert json.loads(
        details(error, error_details_pb2.ErrorInfo).metadata["messageParameters"]
    ) == {"handle": ID}
    reply = client.ask("ReleaseSession", request("ReleaseSession").SerializeToString())
    assert pb.ReleaseSessionResponse.FromString(reply).session_id == ID
    assert not driver.asked
    open_session(client, OTHER)


@pytest.mark.parametrize("given", [OTHER, ""])
def test_a_clone_is_beside_its_parent(client, door, driver, given):
    open_session(client)
    made = given or str(uuid.uuid4())
    reply = pb.CloneSessionResponse(session_id=ID, new_session_id=made).SerializeToString()
    driver.acts["CloneSession"] = lambda messages, context: reply

    message = request("CloneSession", new_session_id=given)
    assert client.ask("CloneSession", message.SerializeToString()) == reply

    with Client(door.port) as anywhere:
        open_session(anywhere, made)
    assert len(driver.of("Config")) == 2
    again = refused(client, "CloneSession", request("CloneSession", new_session_id=made)
                    .SerializeToString())  # fmt: skip
    assert condition(again) == "INVALID_CLONE_SESSION_REQUEST.TARGET_SESSION_ID_ALREADY_EXISTS"


def test_a_clone_that_was_refused_is_not_there(client, door, driver):
    open_session(client)

    def refuse(messages, context):
        context.abort(grpc.StatusCode.INTERNAL, "no")

    driver.acts["CloneSession"] = refuse
    message = request("CloneSession", new_session_id=OTHER).SerializeToString()
    assert refused(client, "CloneSession", message).details() == "no"

    assert condition(
        refused(client, "GetStatus", request("GetStatus", OTHER).SerializeToString())
    ) == ("INVALID_HANDLE.SESSION_NOT_FOUND")


def test_of_a_driver_that_was_started_anew_nothing_is_asked(client, door, fleet, driver):
    open_session(client)
    fleet.restart("app")

    error = refused(client, "Config", request("Config").SerializeToString())

    assert condition(error) == "INVALID_HANDLE.SESSION_CHANGED"
    assert not fleet.servers["app"].asked
    # for good, and a new session works at once
    error = refused(client, "ReattachExecute", request("ReattachExecute").SerializeToString())
    assert condition(error) == "INVALID_HANDLE.SESSION_CHANGED"
    open_session(client, OTHER)


def test_that_a_driver_is_gone_knows_a_gateway_that_never_asked_it(client, fleet, driver):
    open_session(client)
    fleet.kill("app")
    fleet.forgetful = True

    error = refused(client, "Config", request("Config").SerializeToString())

    assert condition(error) == "INVALID_HANDLE.SESSION_CHANGED"


def test_a_driver_that_is_not_reached_is_waited_for(client, fleet, driver):
    open_session(client)
    fleet.servers["app"].stop()

    error = refused(client, "Config", request("Config").SerializeToString())

    assert error.code() is grpc.StatusCode.UNAVAILABLE


def test_where_nobody_knows_whether_a_driver_lives_nothing_is_decided(client, fleet, driver):
    open_session(client)
    fleet.kill("app")
    fleet.away = True

    error = refused(client, "Config", request("Config").SerializeToString())

    assert error.code() is grpc.StatusCode.UNAVAILABLE
    fleet.away = False
    error = refused(client, "Config", request("Config").SerializeToString())
    assert condition(error) == "INVALID_HANDLE.SESSION_CHANGED"


@pytest.mark.parametrize(
    ("named", "code"), [("nothing", "NOT_FOUND"), ("batch", "INVALID_ARGUMENT")]
)
def test_an_application_that_is_named_must_be_one_of_connect(door, named, code):
    with Client(door.port, x_spark_cluster=named) as client:
        assert refused(client, "Config", request("Config").SerializeToString()).code().name == code


def test_a_session_cannot_be_moved(client, door, fleet):
    fleet.run("app2")
    open_session(client)

    with Client(door.port, x_spark_cluster="app2") as other:
        error = refused(other, "Config", request("Config").SerializeToString())

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "is on app, not on app2" in error.details()
    assert not fleet.servers["app2"].asked


def test_two_doors_over_one_store_agree(client, door, fleet, driver, tmp_path):
    open_session(client)
    fleet.run("app2")
    second = Door(fleet, sqlite_url(tmp_path / "gateway.sqlite"))
    try:
        with Client(second.port) as other:
            open_session(other)
            other.ask("ReleaseSession", request("ReleaseSession").SerializeToString())
        assert len(driver.of("Config")) == 2
        with Client(second.port) as other:
            error = refused(other, "Config", request("Config").SerializeToString())
        assert condition(error) == "INVALID_HANDLE.SESSION_CLOSED"
    finally:
        second.close()


def released(client, operation=OPERATION):
    until = pb.ReleaseExecuteRequest.ReleaseUntil(response_id="r")
    message = request("ReleaseExecute", operation_id=operation, release_until=until)
    reply = client.ask("ReleaseExecute", message.SerializeToString())
    return pb.ReleaseExecuteResponse.FromString(reply)


def test_what_a_client_has_read_is_told_to_the_driver_a_megabyte_later(client, driver):
    def answer(size):
        return pb.ExecutePlanResponse(
            session_id=ID,
            operation_id=OPERATION,
            server_side_session_id="at the server",
            arrow_batch={"data": b"." * size},
        ).SerializeToString()

    driver.acts["ExecutePlan"] = lambda messages, context: iter([answer(10), answer(10)])
    client.ask("ExecutePlan", request("ExecutePlan", operation_id=OPERATION).SerializeToString())
    assert released(client) == pb.ReleaseExecuteResponse(
        session_id=ID, operation_id=OPERATION, server_side_session_id="at the server"
    )
    assert not driver.of("ReleaseExecute")

    driver.acts["ReattachExecute"] = lambda messages, context: iter([answer(TOLD_EVERY)])
    again = request("ReattachExecute", operation_id=OPERATION).SerializeToString()
    client.ask("ReattachExecute", again)
    for _ in range(3):
        assert released(client).session_id == ID
    assert len(driver.of("ReleaseExecute")) == 1


def test_a_driver_that_was_not_told_is_told_again(client, driver):
    answer = pb.ExecutePlanResponse(
        session_id=ID, operation_id=OPERATION, arrow_batch={"data": b"." * TOLD_EVERY}
    ).SerializeToString()
    driver.acts["ExecutePlan"] = lambda messages, context: iter([answer])
    client.ask("ExecutePlan", request("ExecutePlan", operation_id=OPERATION).SerializeToString())

    def away(messages, context):
        context.abort(grpc.StatusCode.INTERNAL, "not now")

    driver.acts["ReleaseExecute"] = away
    with pytest.raises(grpc.RpcError, match="not now"):
        released(client)
    del driver.acts["ReleaseExecute"]
    for _ in range(3):
        assert released(client).session_id == ID
    assert len(driver.of("ReleaseExecute")) == 2


def test_of_an_operation_that_nobody_has_named_the_driver_is_asked(client, driver):
    reply = pb.ExecutePlanResponse(session_id=ID).SerializeToString()
    driver.acts["ExecutePlan"] = lambda messages, context: iter([reply])
    client.ask("ExecutePlan", request("ExecutePlan").SerializeToString())
    released(client, operation="")
    assert len(driver.of("ReleaseExecute")) == 1


def test_a_driver_is_asked_of_operations_that_are_over_or_another_users(client, door, driver):
    ready_for(client, "ReattachExecute")
    everything = pb.ReleaseExecuteRequest.ReleaseAll()
    message = request("ReleaseExecute", operation_id=OPERATION, release_all=everything)
    with Client(door.port, "bob@travel", x_spark_cluster="app") as bob:
        open_session(bob)
        driver.asked.clear()
        released(bob)
    client.ask("ReleaseExecute", message.SerializeToString())
    released(client)
    assert len(driver.of("ReleaseExecute")) == 3
