"""HTTP, as a Kubernetes API server speaks it, of SparkApplications and their drivers."""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import Any

import anyio
from anyio import to_thread
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.applications import Applications
from spark_platform.gateway.callers import RecentCallers
from spark_platform.gateway.clusters import Changes
from spark_platform.gateway.deletions import deletion
from spark_platform.gateway.queries import number, only, selected_name
from spark_platform.gateway.statuses import status_of
from spark_platform.gateway.tables import is_asked_for, table
from spark_platform.identity import Caller, Verifier, bearer
from spark_platform.kernel.errors import (
    InvalidInput,
    NotFound,
    PlatformError,
    Transient,
    Unauthenticated,
)
from spark_platform.kernel.kubernetes.errors import Expired
from spark_platform.kernel.kubernetes.resources import Object

__all__ = ["create_app"]

_LOG = logging.getLogger(__name__)
GROUP, _, VERSION = APPLICATIONS.group_version.partition("/")
_PARAMETER = "the query parameter {}"
_LISTS = (
    *("labelSelector", "fieldSelector", "limit", "watch", "resourceVersion", "timeoutSeconds"),
    *("allowWatchBookmarks", "fieldValidation", "pretty", "resourceVersionMatch"),
    "sendInitialEvents",
)
_LARGEST_BODY = 3 * 1024 * 1024
_LONGEST_WATCH_S = 1800
_LOOKS_EVERY_S = 0.5
_PAGE, _LARGEST_PAGE = 100, 1000
# watches hold a thread each, which must not be those of other requests
_MOST_WATCHES = 500

Endpoint = Callable[[Request, Caller], Awaitable[Response]]


def create_app(
    applications: Applications,
    verifier: Verifier,
    document: Callable[[str], Any],
    *,
    lifespan: Callable[[Any], Any] | None = None,
) -> Starlette:
    """The door.

    Args:
        applications: what it leads to.
        verifier: tells who asks.
        document: what a cluster has at a path: schemas, for kubectl.
        lifespan: what is to be there while it serves: Starlette's.
    """
    door, callers = _Door(applications, document), RecentCallers(verifier)
    group = f"/apis/{APPLICATIONS.group_version}"
    space = f"{group}/namespaces/{{namespace}}/{APPLICATIONS.plural}"
    pod = "/api/v1/namespaces/{namespace}/pods/{pod}"
    routes: list[tuple[str, str, Endpoint]] = [
        ("GET", "/version", door.version),
        ("GET", "/api", door.core),
        ("GET", "/apis", door.groups),
        ("GET", "/api/v1", door.core_resources),
        ("GET", group, door.resources),
        ("GET", "/openapi/v3", door.schemas),
        ("GET", f"/openapi/v3{group}", door.schema),
        ("GET", f"{group}/{APPLICATIONS.plural}", door.list),
        ("GET", space, door.list),
        ("POST", space, door.create),
        ("GET", f"{space}/{{name}}", door.get),
        ("DELETE", f"{space}/{{name}}", door.delete),
        ("GET", pod, door.pod),
        ("GET", f"{pod}/log", door.log),
        ("GET", "/audit", door.audit),
    ]

    def known(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
        async def answer(request: Request) -> Response:
            try:
                token = bearer(request.headers.get("authorization"))
                if (caller := callers.known(token)) is None:
                    caller = await to_thread.run_sync(callers.verify, token)
            except Unauthenticated as error:
                # of no use in the audit, which strangers could fill
                _LOG.warning("%s %r refused: %s", request.method, request.url.path, error.message)
                raise
            return await endpoint(request, caller)

        return answer

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    async def refused(_: Request, error: Exception) -> Response:
        assert isinstance(error, PlatformError)
        body = status_of(error)
        headers = {}
        if isinstance(error, Transient) and not isinstance(error, Expired):
            headers["Retry-After"] = str(int(error.retry_after_s or 1))
        return JSONResponse(body, body["code"], headers)

    async def nothing(_: Request, __: Exception) -> Response:
        body = status_of(NotFound("the server could not find the requested resource"))
        return JSONResponse(body, body["code"])

    return Starlette(
        routes=[
            Route("/healthz", healthz),
            *(Route(path, known(each), methods=[method]) for method, path, each in routes),
        ],
        exception_handlers={PlatformError: refused, 404: nothing, 405: nothing},
        lifespan=lifespan,
    )


class _Door:
    def __init__(self, applications: Applications, document: Callable[[str], Any]) -> None:
        self._applications, self._document = applications, document
        self._watching = anyio.CapacityLimiter(_MOST_WATCHES)

    async def version(self, request: Request, caller: Caller) -> Response:
        del request, caller
        return JSONResponse(await to_thread.run_sync(self._document, "/version"))

    async def core(self, request: Request, caller: Caller) -> Response:
        del request, caller
        return JSONResponse({"kind": "APIVersions", "versions": ["v1"]})

    async def groups(self, request: Request, caller: Caller) -> Response:
        del request, caller
        version = {"groupVersion": APPLICATIONS.group_version, "version": VERSION}
        group = {"name": GROUP, "versions": [version], "preferredVersion": version}
        return JSONResponse({"kind": "APIGroupList", "apiVersion": "v1", "groups": [group]})

    async def core_resources(self, request: Request, caller: Caller) -> Response:
        del request, caller
        pods = {"name": "pods", "singularName": "pod", "namespaced": True, "kind": "Pod"}
        log = {**pods, "name": "pods/log"}
        return _resources("v1", [{**pods, "verbs": ["get"]}, {**log, "verbs": ["get"]}])

    async def resources(self, request: Request, caller: Caller) -> Response:
        del request, caller
        found = {
            "name": APPLICATIONS.plural,
            "singularName": "sparkapplication",
            "namespaced": True,
            "kind": "SparkApplication",
            "verbs": ["create", "delete", "get", "list", "watch"],
            "shortNames": ["sparkapp"],
        }
        return _resources(APPLICATIONS.group_version, [found])

    async def schemas(self, request: Request, caller: Caller) -> Response:
        del request, caller
        path = f"apis/{APPLICATIONS.group_version}"
        return JSONResponse({"paths": {path: {"serverRelativeURL": f"/openapi/v3/{path}"}}})

    async def schema(self, request: Request, caller: Caller) -> Response:
        del caller
        return JSONResponse(await to_thread.run_sync(self._document, request.url.path))

    async def list(self, request: Request, caller: Caller) -> Response:
        namespace = request.path_params.get("namespace", "")
        query = request.query_params
        only(query, _LISTS, _PARAMETER)
        labels = query.get("labelSelector", "")
        if query.get("watch") in ("true", "1"):
            return await self._watch(request, caller, namespace, labels)
        name = selected_name(query.get("fieldSelector", ""))
        found, version = await to_thread.run_sync(
            lambda: self._applications.list(caller, namespace, labels, name)
        )
        if is_asked_for(request.headers.get("accept", "")):
            return JSONResponse(table(found, version))
        return JSONResponse(
            {
                "apiVersion": APPLICATIONS.group_version,
                "kind": "SparkApplicationList",
                "metadata": {"resourceVersion": version},
                "items": found,
            }
        )

    async def create(self, request: Request, caller: Caller) -> Response:
        namespace = request.path_params["namespace"]
        query = request.query_params
        only(query, ("fieldManager", "fieldValidation", "pretty"), _PARAMETER)
        validation = query.get("fieldValidation", "")
        value = await _body(request)
        made = await to_thread.run_sync(
            lambda: self._applications.create(caller, namespace, value, validation=validation)
        )
        return JSONResponse(made, 201)

    async def get(self, request: Request, caller: Caller) -> Response:
        given = request.path_params
        found = await to_thread.run_sync(
            lambda: self._applications.get(caller, given["namespace"], given["name"])
        )
        if is_asked_for(request.headers.get("accept", "")):
            return JSONResponse(table([found], found["metadata"]["resourceVersion"]))
        return JSONResponse(found)

    async def delete(self, request: Request, caller: Caller) -> Response:
        given = request.path_params
        options = await _body(request) or dict(request.query_params)
        found = await to_thread.run_sync(
            lambda: self._applications.delete(
                caller, given["namespace"], given["name"], deletion(options)
            )
        )
        return JSONResponse(found)

    async def pod(self, request: Request, caller: Caller) -> Response:
        given = request.path_params
        found = await to_thread.run_sync(
            lambda: self._applications.driver(caller, given["namespace"], given["pod"])
        )
        return JSONResponse(found)

    async def log(self, request: Request, caller: Caller) -> Response:
        given, query = request.path_params, request.query_params
        only(query, ("container", "tailLines", "pretty"), _PARAMETER)
        tail = number(query, "tailLines")
        text = await to_thread.run_sync(
            lambda: self._applications.logs(
                caller, given["namespace"], given["pod"], query.get("container", ""), tail
            )
        )
        return PlainTextResponse(text)

    async def audit(self, request: Request, caller: Caller) -> Response:
        query = request.query_params
        only(query, ("domain", "namespace", "after", "limit"), _PARAMETER)
        domain, namespace = query.get("domain", ""), query.get("namespace", "")
        after = number(query, "after") or 0
        limit = number(query, "limit", most=_LARGEST_PAGE)
        found = await to_thread.run_sync(
            lambda: self._applications.audited(
                caller, domain=domain, namespace=namespace, after=after, limit=limit or _PAGE
            )
        )
        told = [{**vars(each), "at": each.at.isoformat()} for each in found]
        # where whoever reads on goes on, also if there is nothing new yet
        return JSONResponse({"entries": told, "after": found[-1].id if found else after})

    async def _watch(
        self, request: Request, caller: Caller, namespace: str, labels: str
    ) -> Response:
        query = request.query_params
        version = query.get("resourceVersion", "")
        asked = query.get("timeoutSeconds", "")
        within_s = min(int(asked) if asked.isdecimal() else _LONGEST_WATCH_S, _LONGEST_WATCH_S)
        name = selected_name(query.get("fieldSelector", ""))
        whole = query.get("sendInitialEvents") == "true"
        first: list[Object] = []
        if whole or version in ("", "0"):
            first, version = await to_thread.run_sync(
                lambda: self._applications.list(caller, namespace, labels, name)
            )
        streams = await to_thread.run_sync(
            lambda: self._applications.watch(caller, namespace, labels, version)
        )
        tabular = is_asked_for(request.headers.get("accept", ""))
        merged = _Merged(self._applications, streams, name, tabular=tabular)

        async def lines() -> AsyncIterator[bytes]:
            try:
                for each in first:
                    yield merged.line("ADDED", each)
                if whole:
                    yield merged.line("BOOKMARK", _all_told(version))
                with anyio.move_on_after(within_s):
                    while True:
                        line = await to_thread.run_sync(
                            merged.next, abandon_on_cancel=True, limiter=self._watching
                        )
                        if line is None:
                            return
                        if line:
                            yield line
            finally:
                merged.stop()

        return StreamingResponse(lines(), media_type="application/json")


class _Merged:
    """Several clusters' changes as one stream, which ends when any of them does.

    Whoever watches then lists anew, and learns what it missed of the one that went.
    """

    def __init__(
        self,
        applications: Applications,
        streams: Mapping[str, Changes],
        called: str,
        *,
        tabular: bool,
    ) -> None:
        self._applications, self._streams = applications, streams
        self._called, self._tabular = called, tabular
        self._lines: queue.Queue[bytes | None] = queue.Queue()
        for name, stream in streams.items():
            threading.Thread(
                target=self._follow, args=(name, stream), name=f"watch {name}", daemon=True
            ).start()

    def line(self, kind: str, found: Object) -> bytes:
        """An event, as a line."""
        told: Any = table([found], "") if self._tabular and kind != "BOOKMARK" else found
        return json.dumps({"type": kind, "object": told}).encode() + b"\n"

    def next(self) -> bytes | None:
        """The next event; nothing where there is none for a while, None at the end."""
        try:
            return self._lines.get(timeout=_LOOKS_EVERY_S)
        except queue.Empty:
            return b""

    def stop(self) -> None:
        """End all streams."""
        for stream in self._streams.values():
            stream.stop()

    def _follow(self, name: str, stream: Changes) -> None:
        try:
            for kind, found in self._events(stream):
                self._lines.put(self.line(kind, self._applications.event(name, found)))
        except PlatformError as error:
            told = {"type": "ERROR", "object": status_of(error)}
            self._lines.put(json.dumps(told).encode() + b"\n")
        finally:
            self._lines.put(None)

    def _events(self, stream: Changes) -> Iterator[tuple[str, Object]]:
        # a bookmark of one cluster says nothing of the others
        return (
            (kind, found)
            for kind, found in stream
            if kind != "BOOKMARK" and self._called in ("", found["metadata"]["name"])
        )


def _all_told(version: str) -> Object:
    """The end of what is there already, for clients that list by watching."""
    metadata = {
        "resourceVersion": version,
        "creationTimestamp": None,
        "annotations": {"k8s.io/initial-events-end": "true"},
    }
    return {
        "apiVersion": APPLICATIONS.group_version,
        "kind": "SparkApplication",
        "metadata": metadata,
    }


def _resources(group_version: str, found: list[dict[str, Any]]) -> Response:
    return JSONResponse(
        {
            "kind": "APIResourceList",
            "apiVersion": "v1",
            "groupVersion": group_version,
            "resources": found,
        }
    )


async def _body(request: Request) -> Any:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _LARGEST_BODY:
            raise InvalidInput(f"the body is larger than {_LARGEST_BODY} bytes")
    if not body.strip():
        return None
    try:
        return json.loads(body)
    except ValueError as error:
        raise InvalidInput(f"the body is no JSON: {error}") from error
