"""Connect servers that say what they were asked, and a gateway's door in front of them.

What a driver does with a session is tested with Spark's own; this is for what passes on the wire.
"""

from __future__ import annotations

import asyncio
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import grpc
from pyspark.sql.connect.proto import base_pb2 as pb
from runs import Known

from spark_platform.gateway.audit import Audit
from spark_platform.gateway.connect.methods import METHODS
from spark_platform.gateway.connect.pools import Pool, Pools
from spark_platform.gateway.connect.records import Place
from spark_platform.gateway.connect.server import serving
from spark_platform.gateway.connect.store import Store
from spark_platform.gateway.policy import Domain, Policy
from spark_platform.kernel.errors import InvalidInput, NotFound, Transient
from spark_platform.model import Observation, RunState

TIMEOUT_S = 30
POLICY = Policy(domains={"travel": Domain(namespace="travel"), "bank": Domain(namespace="bank")})
POOL = Pool(image="spark:4", spark_version="4.1.4", size=1, most=3, starts_within_s=20)


@dataclass
class Asked:
    """A call as a driver had it.

    Attributes:
        messages: its requests.
        headers: its metadata.
        time_s: what was left of its time.
    """

    method: str
    messages: list[bytes]
    headers: dict[str, str | bytes]
    time_s: float | None


@dataclass
class Server(grpc.GenericRpcHandler):
    """A Connect server that repeats the session's id, or does what a test says.

    Attributes:
        acts: method → what to answer with: called with the requests and the call's context.
    """

    token: str = "driver's"
    acts: dict[str, object] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            ("grpc.so_reuseport", 0),
        )
        self._server = grpc.server(ThreadPoolExecutor(16), options=options)
        self._server.add_generic_rpc_handlers((self,))
        self.port = self._server.add_insecure_port("127.0.0.1:0")
        self._server.start()

    def stop(self) -> None:
        self._server.stop(0).wait()

    def of(self, name: str) -> list[Asked]:
        """The calls of a method."""
        return [each for each in list(self.asked) if each.method == name]

    def service(self, details):
        method = METHODS[details.method]

        def answer(requests, context):
            messages = list(requests) if method.streams_in else [requests]
            headers = dict(context.invocation_metadata())
            self.asked.append(Asked(method.name, messages, headers, context.time_remaining()))
            if self.token and headers.get("authorization") != f"Bearer {self.token}":
                context.abort(grpc.StatusCode.UNAUTHENTICATED, "who asks?")
            act = self.acts.get(method.name)
            if act is not None:
                return act(messages, context)
            session = pb.ConfigRequest.FromString(messages[0]).session_id.encode()
            reply = bytes([method.reply_session << 3 | 2, len(session)]) + session
            return iter([reply]) if method.streams_out else reply

        if method.streams_in:
            return grpc.stream_unary_rpc_method_handler(answer)
        if method.streams_out:
            return grpc.unary_stream_rpc_method_handler(answer)
        return grpc.unary_unary_rpc_method_handler(answer)


class Fleet:
    """Drivers as a cluster would have them. In the place of ``Drivers``.

    Attributes:
        servers: by the application's name.
        hold: while it is not set, none comes up.
        forgetful: tokens are asked of the cluster, as by a gateway that has just begun.
    """

    def __init__(self) -> None:
        self.servers: dict[str, Server] = {}
        self.lives: dict[str, int] = defaultdict(int)
        self.started: list[str] = []
        self.ended: list[str] = []
        self.away = self.forgetful = False
        self.hold = threading.Event()
        self.hold.set()

    def start(self, domain, job):
        self.started.append(job.name)
        self.servers[job.name] = Server()

    def run(self, name, **given):
        """An application that somebody else has made."""
        self.servers[name] = Server(**given)
        return self.servers[name]

    def kill(self, name):
        self.servers.pop(name).stop()

    def restart(self, name):
        """The same application, with another driver at another address."""
        self.kill(name)
        self.lives[name] += 1
        return self.run(name)

    def seen(self, domain):
        self._answer()
        connect = "somewhere" if self.hold.is_set() else ""
        return {name: Observation(name, RunState.RUNNING, connect=connect) for name in self.servers}

    def place(self, domain, name):
        self._answer()
        if name.startswith("batch"):
            raise InvalidInput(f"{name} is no Spark Connect server")
        if name not in self.servers:
            raise NotFound(f"{name} is not there")
        return Place(name, f"{name}-{self.lives[name]}", f"127.0.0.1:{self.servers[name].port}")

    def end(self, domain, name):
        if name in self.servers:
            self.ended.append(name)
            self.kill(name)

    def known_token(self, place):
        return None if self.forgetful else "driver's"

    def token(self, domain, place):
        if self.forgetful:
            self.place(domain, place.application)
        return "driver's"

    def forget(self, incarnation):
        pass

    def answers(self, place):
        return place.application in self.servers

    def close(self):
        for name in list(self.servers):
            self.kill(name)

    def _answer(self):
        if self.away:
            raise Transient("the cluster does not answer", retry_after_s=1)


class Door:
    """A gateway's door, on a thread."""

    def __init__(self, fleet, database, pools=None, verifier=None, **options):
        self.store = Store(database)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._stop: asyncio.Event | None = None
        self.audit = Audit(database)
        given = (fleet, POLICY, verifier or Known(), self.audit, self.store, pools or Pools())
        self._thread = threading.Thread(target=self._run, args=(given, options))
        self._thread.start()
        assert self._ready.wait(TIMEOUT_S)

    def _run(self, given, options):
        async def serve():
            self._stop = asyncio.Event()
            async with serving(*given, host="127.0.0.1", port=0, **options) as self.port:
                self._ready.set()
                await self._stop.wait()

        self._loop.run_until_complete(serve())

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self.store.close()
        self.audit.close()


class Client:
    """Asks a door, or a driver, as stock clients do."""

    def __init__(self, port, token="ana@travel", **headers):
        options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
        self.channel = grpc.insecure_channel(f"localhost:{port}", options)
        self.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
        if token:
            self.headers.append(("authorization", f"Bearer {token}"))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.channel.close()

    def ask(self, name, request, **options):
        """What a method answers: a message, or a list of them."""
        path = f"/spark.connect.SparkConnectService/{name}"
        method = METHODS.get(path)
        options.setdefault("timeout", TIMEOUT_S)
        options.setdefault("metadata", self.headers)
        if method is not None and method.streams_in:
            return self.channel.stream_unary(path)(iter(request), **options)
        if method is not None and method.streams_out:
            return list(self.channel.unary_stream(path)(request, **options))
        return self.channel.unary_unary(path)(request, **options)
