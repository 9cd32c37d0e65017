"""Who passes the door, and who does not; on the wire."""

import asyncio
import contextlib

import grpc
import pytest
from connect_calls import (
    ID,
    KINDS,
    NAMES,
    STREAMS_IN,
    UNKNOWN,
    condition,
    open_session,
    ready_for,
    refused,
    request,
    sent,
)
from connect_fleet import POLICY, Client
from runs import Known

from spark_platform.gateway.connect.pools import Pools
from spark_platform.gateway.connect.server import serving
from spark_platform.gateway.connect.store import Store
from spark_platform.kernel.database import sqlite_url
from spark_platform.kernel.errors import Missing


@pytest.mark.parametrize("name", NAMES)
def test_every_message_says_whose_it_is_by_the_token(client, driver, name):
    message = ready_for(client, name)
    driver.asked.clear()

    client.ask(name, sent(name, message))

    (call,) = driver.of(name)
    for each in call.messages:
        found = KINDS[name].FromString(each)
        assert (found.user_context.user_id, found.user_context.user_name) == ("ana", "ana")
        assert found.session_id == ID
    assert b"mallory" not in b"".join(call.messages)
    assert call.headers["authorization"] == "Bearer driver's"
    assert "x-spark-cluster" not in call.headers


@pytest.mark.parametrize("name", [*NAMES, UNKNOWN])
@pytest.mark.parametrize("token", ["", "nobody", "ana@nowhere"])
def test_who_is_not_known_gets_nowhere(door, driver, name, token):
    with Client(door.port, token) as client:
        error = refused(client, name, sent(name, request(name)))

    wanted = {"": "UNAUTHENTICATED", "nobody": "UNAUTHENTICATED"}.get(token, "PERMISSION_DENIED")
    assert error.code().name == ("UNIMPLEMENTED" if name == UNKNOWN else wanted)
    assert not driver.asked
    assert token not in error.details() or not token or "@" in token


def test_the_token_header_of_older_jvm_clients_is_known(door, driver):
    with Client(door.port, "", authentication="Bearer ana@travel", x_spark_cluster="app") as client:
        open_session(client)

    assert len(driver.of("Config")) == 1


def test_methods_that_are_not_known_are_refused(client, driver):
    open_session(client)
    driver.asked.clear()

    assert refused(client, UNKNOWN, request("Config").SerializeToString()).code() is (
        grpc.StatusCode.UNIMPLEMENTED
    )
    assert not driver.asked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("other", ["bob@travel", "ana@bank"])
def test_a_session_of_others_is_as_if_it_were_not_there(door, fleet, client, driver, name, other):
    message = ready_for(client, name)
    driver.asked.clear()
    wants = {
        *("ReattachExecute", "ReleaseExecute", "FetchErrorDetails", "CloneSession", "GetStatus")
    }
    nothing = {"Interrupt", "ReleaseSession"}

    with Client(door.port, other, x_spark_cluster="app") as stranger:
        if name in wants:
            error = refused(stranger, name, sent(name, message))
            assert condition(error) == "INVALID_HANDLE.SESSION_NOT_FOUND"
        else:
            stranger.ask(name, sent(name, message))

    # what makes a session has made the stranger's own
    calls = driver.of(name)
    assert len(calls) == (0 if name in wants | nothing else 1)
    for call in calls:
        found = KINDS[name].FromString(call.messages[0])
        assert found.user_context.user_id == other.partition("@")[0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("session_id", ["", "mine", "\n", "a" * 10_000])
def test_ids_that_are_none_are_refused(client, driver, name, session_id):
    error = refused(client, name, sent(name, request(name, session_id)))

    assert condition(error) == "INVALID_HANDLE.FORMAT"
    assert len(error.details()) < 300
    assert not driver.asked


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("message", [b"\x0a\x05ab", b"\xff" * 20, b"\x0b\x0c"])
def test_what_is_no_message_is_refused(client, driver, name, message):
    error = refused(client, name, [message] if name == STREAMS_IN else message)

    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "no message of Spark Connect" in error.details()
    assert not driver.asked


def test_a_port_that_is_taken_is_an_error(door, fleet, tmp_path):
    async def again():
        with contextlib.closing(Store(sqlite_url(tmp_path / "other.sqlite"))) as store:
            given = (fleet, POLICY, Known(), door.audit, store, Pools())
            async with serving(*given, host="127.0.0.1", port=door.port):
                pass

    with pytest.raises(Missing, match="cannot listen"):
        asyncio.run(again())
