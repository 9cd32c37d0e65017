"""Logs, exec, attach and port-forward: checked here, done by the node."""

from __future__ import annotations

import asyncio
from typing import Any

from spark_emulators.kubernetes.api import writes
from spark_emulators.kubernetes.api.objects import dig, parse_time
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, bad_request, no_such_path
from spark_emulators.kubernetes.runtime import ExecRequest, LogOptions
from spark_emulators.kubernetes.store.store import Object, encode
from spark_emulators.kubernetes.wire import portforward
from spark_emulators.kubernetes.wire.http import Request, Response, Send
from spark_emulators.kubernetes.wire.resources import Call
from spark_emulators.kubernetes.wire.statuses import failure, success

__all__ = ["NAMES", "handle"]

NAMES = frozenset({"log", "exec", "attach", "portforward", "proxy"})
_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
_STDIN, _STATUS, _CLOSE = 0, 3, 255


async def handle(call: Call, cluster: Cluster, send: Send) -> Response | None:
    """Answer, or stream and return None.

    Raises:
        ApiError: 400 for a container that is absent, ambiguous or not running; 404.
    """
    target = call.target
    pod = writes.get_stored(call.context, call.resource, target.namespace, target.name).value
    if target.subresource == "log":
        return await _logs(call, cluster, pod, send)
    if target.subresource in ("exec", "attach"):
        return await _exec(call, cluster, pod, send)
    if target.subresource == "portforward":
        _upgrades(call.request, pod)
        await portforward.forward(cluster, pod, call.request, send)
        return None
    raise no_such_path()


def _upgrades(request: Request, pod: Object) -> None:
    """
    Raises:
        ApiError: 400 for a pod that has no node, and for what is no WebSocket.
    """
    if not dig(pod, "spec", "nodeName"):
        name = pod["metadata"]["name"]
        raise bad_request(f"pod {name} does not have a host assigned")
    if not request.is_websocket:
        raise bad_request("Upgrade request required")


async def _logs(call: Call, cluster: Cluster, pod: Object, send: Send) -> Response | None:
    request = call.request
    options = _log_options(request, pod)
    if not dig(pod, "spec", "nodeName"):
        return Response(b"", 204, "text/plain")
    chunks = cluster.runtime.logs(pod, options)
    try:
        first = await anext(chunks)
    except StopAsyncIteration:
        return Response(b"", media_type="text/plain")
    headers = [(b"content-type", b"text/plain"), (b"cache-control", b"no-cache, private")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": first, "more_body": True})
    left = asyncio.ensure_future(_disconnected(request))
    try:
        while not left.done():
            following = asyncio.ensure_future(anext(chunks, None))
            await asyncio.wait({following, left}, return_when=asyncio.FIRST_COMPLETED)
            if not following.done():
                following.cancel()
                break
            chunk = following.result()
            if chunk is None:
                break
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    finally:
        left.cancel()
    await send({"type": "http.response.body", "body": b""})
    return None


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _log_options(request: Request, pod: Object) -> LogOptions:
    since_s: float | None = request.number("sinceSeconds")
    if since_s is None and request.query.get("sinceTime"):
        import time

        try:
            since_s = time.time() - parse_time(request.query["sinceTime"])
        except ValueError as error:
            raise bad_request(f"sinceTime: {error}") from error
    tail = request.number("tailLines")
    if tail is not None and tail < 0:
        raise bad_request("tailLines must be greater than or equal to 0")
    return LogOptions(
        container=_container(request.query.get("container", ""), pod),
        follow=request.flag("follow"),
        tail_lines=tail,
        since_s=since_s,
        timestamps=request.flag("timestamps"),
        previous=request.flag("previous"),
        limit_bytes=request.number("limitBytes"),
    )


def _container(name: str, pod: Object) -> str:
    spec, pod_name = pod["spec"], pod["metadata"]["name"]
    plain = [each["name"] for each in spec["containers"]]
    first = [each["name"] for each in spec.get("initContainers") or ()]
    others = [each["name"] for each in spec.get("ephemeralContainers") or ()]
    if not name:
        annotations = pod["metadata"].get("annotations") or {}
        name = str(annotations.get("kubectl.kubernetes.io/default-container", ""))
        if name in plain:
            return name
        if len(plain) == 1:
            return str(plain[0])
        text = f"a container name must be specified for pod {pod_name}, choose one of: "
        text += f"[{' '.join(plain)}]"
        if first:
            text += f" or one of the init containers: [{' '.join(first)}]"
        raise bad_request(text)
    if name not in (*plain, *first, *others):
        raise bad_request(f"container {name} is not valid for pod {pod_name}")
    return name


async def _exec(call: Call, cluster: Cluster, pod: Object, send: Send) -> Response | None:
    request = call.request
    container = _container(request.query.get("container", ""), pod)
    _upgrades(request, pod)
    if dig(pod, "status", "phase") in ("Succeeded", "Failed"):
        phase = dig(pod, "status", "phase")
        raise ApiError(
            500,
            "InternalError",
            f"cannot exec into a container in a completed pod; current phase is {phase}",
        )
    offered = [
        each.strip() for each in request.headers.get("sec-websocket-protocol", "").split(",")
    ]
    protocol = next((each for each in _PROTOCOLS if each in offered), None)
    if protocol is None:
        raise bad_request(f"unable to upgrade: no supported protocol among {offered}")
    asked = ExecRequest(
        container=container,
        command=tuple(value for name, value in request.values if name == "command"),
        stdin=request.flag("stdin"),
        stdout=request.flag("stdout"),
        stderr=request.flag("stderr"),
        tty=request.flag("tty"),
    )
    if call.target.subresource == "exec" and not asked.command:
        raise bad_request("you must specify at least 1 command for exec")
    await send({"type": "websocket.accept", "subprotocol": protocol})
    stream = _Channels(request, send)
    try:
        code = await cluster.runtime.execute(pod, asked, stream)
        status = success() if not code else _exit_status(code)
    except ApiError as error:
        status = failure(error)
    await stream.write(_STATUS, encode(status))
    await send({"type": "websocket.close", "code": 1000})
    return None


def _exit_status(code: int) -> dict[str, Any]:
    return {
        "metadata": {},
        "status": "Failure",
        "message": "command terminated with non-zero exit code: error executing command, exit code"
        f" {code}",
        "reason": "NonZeroExitCode",
        "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]},
    }


class _Channels:
    """A WebSocket whose messages begin with the number of their channel."""

    def __init__(self, request: Request, send: Send) -> None:
        self._request = request
        self._send = send
        self._ended = False

    async def read(self) -> bytes | None:
        while not self._ended:
            message = await self._request.receive()
            if message["type"] == "websocket.disconnect":
                self._ended = True
                break
            data: bytes = message.get("bytes") or (message.get("text") or "").encode()
            if data[:1] == bytes([_STDIN]):
                return data[1:]
            if data[:2] == bytes([_CLOSE, _STDIN]):
                self._ended = True
        return None

    async def write(self, channel: int, data: bytes) -> None:
        await self._send({"type": "websocket.send", "bytes": bytes([channel]) + data})
