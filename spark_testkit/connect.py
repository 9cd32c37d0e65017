"""A Spark Connect session from Python, also to a server older than the installed client."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from pyspark.errors import PySparkException
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.session import SparkSession as ConnectSession

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["end_session", "open_session"]


def open_session(url: str, *interceptors: Any) -> SparkSession:
    """A new session at ``url``; also what ``SparkSession.getActiveSession()`` returns from now on.

    Args:
        url: ``sc://…``, token included.
        interceptors: gRPC client interceptors that see each of the session's requests.
    """
    # by this, and not by the session at hand, pyspark's functions choose between JVM and Connect
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    builder = DefaultChannelBuilder(url)
    for interceptor in (*interceptors, _SpeaksSpark35()):
        builder.add_interceptor(interceptor)
    return ConnectSession.builder.channelBuilder(builder).create()


def end_session(session: SparkSession) -> None:
    """Stop a session, for good.

    pyspark closes a session's client once more when the garbage collector finds it. That shuts down
    a thread pool all clients share, from whatever thread collects just then: a deadlock, if that
    thread was being started by the pool.
    """
    connect: Any = session
    # not by stop(): a 3.5 server has no such method, and a cloned session lacks what stop() reads
    with contextlib.suppress(PySparkException):
        connect.client.release_session()
    connect.release_session_on_close = False
    connect.stop()
    connect.client.close = lambda: None


class _SpeaksSpark35(grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    """Says a SQL command the old way, too.

    Clients from 4.0 on put a statement's text where a 3.5 server does not look; a newer server does
    not look at the old place. ``SqlCommand`` in spark/connect/commands.proto.
    """

    def intercept_unary_stream(
        self, continuation: Callable[[Any, Any], Any], call: Any, request: Any
    ) -> Any:
        if call.method.endswith("/ExecutePlan") and request.plan.command.HasField("sql_command"):
            command = request.plan.command.sql_command
            if command.input.HasField("sql"):
                command.sql = command.input.sql.query
                _copy_literals(command.input.sql, command)
        return continuation(call, request)


def _copy_literals(new: Any, old: Any) -> None:
    for name, value in new.named_arguments.items():
        if value.HasField("literal"):
            old.args[name].CopyFrom(value.literal)
    for value in new.pos_arguments:
        if value.HasField("literal"):
            old.pos_args.append(value.literal)
