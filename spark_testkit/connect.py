"""A Spark Connect session from Python, also to a server older than the installed client."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import grpc
from pyspark.sql.connect.client import DefaultChannelBuilder
from pyspark.sql.connect.client.retries import DefaultPolicy
from pyspark.sql.connect.proto import ReleaseSessionRequest
from pyspark.sql.connect.session import SparkSession as ConnectSession

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = ["end_session", "make_active", "open_session"]

# about 6 seconds in all; pyspark's own default goes on for 10 minutes after a server has died
_RETRIES = 5
_LONGEST_WAIT_MS = 2000
_RELEASE_WITHIN_S = 10
_NO_ANSWER = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED)


def open_session(url: str, *interceptors: Any) -> SparkSession:
    """A new session at ``url``; also what ``SparkSession.getActiveSession()`` returns from now on.

    Nothing is sent before its first use. A server that stays away is an error within seconds.

    Args:
        url: ``sc://…``, token included.
        interceptors: gRPC client interceptors that see each of the session's requests.
    """
    # by this, and not by the session at hand, pyspark's functions choose between JVM and Connect
    os.environ["SPARK_CONNECT_MODE_ENABLED"] = "1"
    builder = DefaultChannelBuilder(url)
    for interceptor in (*interceptors, _SpeaksSpark35()):
        builder.add_interceptor(interceptor)
    session = ConnectSession.builder.channelBuilder(builder).create()
    session.client.set_retry_policies(
        [DefaultPolicy(max_retries=_RETRIES, max_backoff=_LONGEST_WAIT_MS)]
    )
    make_active(session)
    return session


def make_active(session: SparkSession) -> None:
    """Have ``getActiveSession()`` and ``builder.getOrCreate()`` return a session from now on.

    pyspark itself leaves a session that is active already in its place, also one that somebody
    else keeps open.
    """
    with ConnectSession._lock:
        ConnectSession._default_session = session
    ConnectSession._active_session.session = session


def end_session(session: SparkSession) -> bool:
    """Stop a session, for good; False when its server does not answer any more.

    pyspark closes a session's client once more when the garbage collector finds it. That shuts down
    a thread pool all clients share, from whatever thread collects just then: a deadlock, if that
    thread was being started by the pool.
    """
    connect: Any = session
    answered = _release(connect.client)
    connect.release_session_on_close = False
    connect.stop()
    connect.client.close = lambda: None
    return answered


def _release(client: Any) -> bool:
    """Let the server forget the session; one attempt.

    Not by ``stop()``, which would try for as long as any request, and on a cloned session reads
    what that lacks.
    """
    if client.is_closed:
        # stopped already, or told that its driver has gone; there is nothing left to release
        return True
    request = ReleaseSessionRequest(session_id=client._session_id)
    if client._user_id:
        request.user_context.user_id = client._user_id
    try:
        client._stub.ReleaseSession(
            request, metadata=client._builder.metadata(), timeout=_RELEASE_WITHIN_S
        )
    except grpc.RpcError as error:
        return error.code() not in _NO_ANSWER
    return True


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
    # a request that is sent again comes by again
    del old.pos_args[:]
    for name, value in new.named_arguments.items():
        if value.HasField("literal"):
            old.args[name].CopyFrom(value.literal)
    for value in new.pos_arguments:
        if value.HasField("literal"):
            old.pos_args.append(value.literal)
