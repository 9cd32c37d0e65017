"""Calls of Spark Connect, as a test makes them."""

from __future__ import annotations

import uuid

import grpc
import pytest
from google.rpc import error_details_pb2, status_pb2
from pyspark.sql.connect.proto import base_pb2 as pb

from spark_platform.gateway.connect.methods import METHODS

ID, OTHER, OPERATION = (str(uuid.UUID(int=number)) for number in (1, 2, 3))
NAMES = [each.name for each in METHODS.values()]
STREAMS_IN = "AddArtifacts"
KINDS = {name: getattr(pb, f"{name}Request", pb.ReleaseExecuteRequest) for name in NAMES}
# the 13th of a later Spark
UNKNOWN = "ListSqlExecutions"


def request(name, session_id=ID, user="mallory", **fields):
    kind = KINDS.get(name, pb.ConfigRequest)
    context = pb.UserContext(user_id=user, user_name=user)
    return kind(session_id=session_id, user_context=context, **fields)


def sent(name, message):
    data = message.SerializeToString()
    return [data, data] if name == STREAMS_IN else data


def open_session(client, session_id=ID):
    client.ask("Config", request("Config", session_id).SerializeToString())


def ready_for(client, name):
    """Have what a method wants to be there."""
    open_session(client)
    if name == "ReattachExecute":
        message = request("ExecutePlan", operation_id=OPERATION)
        client.ask("ExecutePlan", message.SerializeToString())
        return request(name, operation_id=OPERATION)
    if name == "CloneSession":
        return request(name, new_session_id=OTHER)
    return request(name)


def refused(client, name, message, **options):
    with pytest.raises(grpc.RpcError) as error:
        client.ask(name, message, **options)
    return error.value


def details(error, kind):
    """A part of an error's details."""
    status = status_pb2.Status.FromString(
        dict(error.trailing_metadata())["grpc-status-details-bin"]
    )
    assert (status.code, status.message) == (error.code().value[0], error.details())
    for each in status.details:
        found = kind()
        if each.Unpack(found):
            return found
    return None


def condition(error):
    return details(error, error_details_pb2.ErrorInfo).metadata["errorClass"]
