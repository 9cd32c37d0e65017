"""What passes the door comes out as it went in; on the wire."""

import threading

import grpc
import pytest
from connect_calls import (
    ID,
    NAMES,
    OPERATION,
    OTHER,
    STREAMS_IN,
    open_session,
    ready_for,
    refused,
    request,
    sent,
)
from connect_fleet import Client
from google.rpc import status_pb2
from pyspark.sql.connect.proto import base_pb2 as pb


def test_all_else_passes_as_it_is(client, driver):
    later = b"\xfa\x3f\x03abc"  # field 1023, of a later version
    reply = pb.AnalyzePlanResponse(session_id=ID).SerializeToString() + later

    def answer(messages, context):
        context.send_initial_metadata([("x-first", "1"), ("x-first-bin", b"\x00\xff")])
        context.set_trailing_metadata([("x-last", "2"), ("x-last-bin", b"\xff\x00")])
        return reply

    driver.acts["AnalyzePlan"] = answer
    message = request("AnalyzePlan").SerializeToString() + later
    path = "/spark.connect.SparkConnectService/AnalyzePlan"
    headers = [*client.headers, ("x-mine", "3"), ("x-mine-bin", b"\x01\x02")]

    found, call = client.channel.unary_unary(path).with_call(message, metadata=headers, timeout=25)

    assert found == reply
    first, last = dict(call.initial_metadata()), dict(call.trailing_metadata())
    assert (first["x-first"], first["x-first-bin"]) == ("1", b"\x00\xff")
    assert (last["x-last"], last["x-last-bin"]) == ("2", b"\xff\x00")
    (asked,) = driver.of("AnalyzePlan")
    assert asked.messages[0].endswith(later)
    assert (asked.headers["x-mine"], asked.headers["x-mine-bin"]) == ("3", b"\x01\x02")
    assert 15 < asked.time_s < 25


@pytest.mark.parametrize("name", NAMES)
def test_a_drivers_error_comes_back_as_it_is(client, driver, name):
    message = ready_for(client, name)
    status = status_pb2.Status(code=13, message="ungültig: %41").SerializeToString()

    def fail(messages, context):
        trailers = [("grpc-status-details-bin", status), ("x-why", "it is so")]
        context.set_trailing_metadata(trailers)
        context.abort(grpc.StatusCode.INTERNAL, "ungültig: %41")

    driver.acts[name] = fail

    error = refused(client, name, sent(name, message))

    assert (error.code().name, error.details()) == ("INTERNAL", "ungültig: %41")
    last = dict(error.trailing_metadata())
    assert (last["grpc-status-details-bin"], last["x-why"]) == (status, "it is so")


def test_a_stream_comes_as_its_reader_takes_it(client, driver):
    part, made = b"\x12" + b"\x80\x80\x40" + b"x" * (1 << 20), []

    def many(messages, context):
        for number in range(200):
            made.append(number)
            yield part

    driver.acts["ExecutePlan"] = many
    path = "/spark.connect.SparkConnectService/ExecutePlan"
    message = request("ExecutePlan", operation_id=OPERATION).SerializeToString()

    stream = client.channel.unary_stream(path)(message, metadata=client.headers, timeout=60)
    assert next(stream) == part
    # 200 MiB are not read ahead
    assert len(made) < 100
    assert sum(1 for _ in stream) == 199


def test_one_slow_reader_stops_nobody_else(client, door, driver):
    part = b"x" * (1 << 20)
    driver.acts["ExecutePlan"] = lambda messages, context: (part for _ in range(100))
    path = "/spark.connect.SparkConnectService/ExecutePlan"
    message = request("ExecutePlan", operation_id=OPERATION).SerializeToString()
    streams = [
        client.channel.unary_stream(path)(message, metadata=client.headers, timeout=60)
        for _ in range(8)
    ]
    for each in streams:
        next(each)

    with Client(door.port) as other:
        open_session(other)

    for each in streams:
        each.cancel()


def test_a_client_that_goes_takes_its_call_along(client, driver):
    ended = threading.Event()

    def for_ever(messages, context):
        context.add_callback(ended.set)
        yield b""
        ended.wait(30)

    driver.acts["ExecutePlan"] = for_ever
    path = "/spark.connect.SparkConnectService/ExecutePlan"
    message = request("ExecutePlan", operation_id=OPERATION).SerializeToString()

    stream = client.channel.unary_stream(path)(message, metadata=client.headers)
    next(stream)
    stream.cancel()

    assert ended.wait(20)


def test_a_large_message_passes_both_ways(client, driver):
    large = b"x" * (120 << 20)
    driver.acts["AnalyzePlan"] = lambda messages, context: messages[0]
    message = request("AnalyzePlan").SerializeToString() + b"\xfa\x3f\x80\x80\x80\x3c" + large

    found = client.ask("AnalyzePlan", message, timeout=120)

    assert found.endswith(large)


def test_what_is_larger_than_any_message_gets_nowhere(client, driver):
    large = b"x" * (257 << 20)

    error = refused(client, "AnalyzePlan", request("AnalyzePlan").SerializeToString() + large)

    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert "larger than max" in error.details()
    assert not driver.asked


def test_artifacts_of_two_sessions_are_not_one_upload(client, driver):
    messages = [request(STREAMS_IN, each).SerializeToString() for each in (ID, ID, OTHER)]

    error = refused(client, STREAMS_IN, messages)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "changes its session midway" in error.details()
    assert refused(client, STREAMS_IN, []).code() is grpc.StatusCode.INVALID_ARGUMENT


def test_a_driver_that_answers_before_all_is_sent_is_heard(client, driver):
    def full(messages, context):
        context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, "the disk is full")

    driver.acts[STREAMS_IN] = full
    messages = [request(STREAMS_IN).SerializeToString()] * 50

    assert refused(client, STREAMS_IN, messages).details() == "the disk is full"


def test_pings_of_clients_without_calls_are_welcome(door, driver):
    options = [
        ("grpc.keepalive_time_ms", 10_000),
        ("grpc.keepalive_permit_without_calls", 1),
    ]
    with grpc.insecure_channel(f"localhost:{door.port}", options) as channel:
        grpc.channel_ready_future(channel).result(20)
