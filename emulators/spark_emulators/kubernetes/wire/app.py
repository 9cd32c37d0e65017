"""The ASGI application: who asks, for what, and who answers."""

from __future__ import annotations

import asyncio
import logging
from contextlib import nullcontext

from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.api.watches import Watch
from spark_emulators.kubernetes.auth.authentication import ANONYMOUS, Authenticator, impersonated
from spark_emulators.kubernetes.auth.authorization import Attributes, Authorizer
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import ApiError, bad_request, no_such_path
from spark_emulators.kubernetes.faults import CUT, DELAY, REFUSE, Asked, refusal
from spark_emulators.kubernetes.runtime import Machines
from spark_emulators.kubernetes.wire import door, options, statuses, subresources, watching
from spark_emulators.kubernetes.wire.http import Receive, Request, Response, Scope, Send
from spark_emulators.kubernetes.wire.meta import handle_meta
from spark_emulators.kubernetes.wire.negotiation import negotiate
from spark_emulators.kubernetes.wire.paths import Target, parse
from spark_emulators.kubernetes.wire.resources import Call, handle

__all__ = ["KubernetesApp"]

_LOG = logging.getLogger(__name__)
_VERBS = {"GET": "get", "HEAD": "get", "POST": "create", "PUT": "update", "PATCH": "patch",
          "DELETE": "delete"}  # fmt: skip


class _Cut(Exception):
    """The connection is to be broken instead of answered."""


class KubernetesApp:
    """One cluster behind HTTP.

    Args:
        cluster: the domain.
        authenticator: tells who asks.
        authorizer: tells what they may; everything where None.
        address: host and port clients reach this at, for discovery.
        machines: the nodes' machines, for faults of nodes; none where None.

    Attributes:
        faults: what goes wrong on purpose.
        closing: set when streams have to end.
    """

    def __init__(
        self,
        cluster: Cluster,
        authenticator: Authenticator,
        authorizer: Authorizer | None = None,
        address: str = "",
        machines: Machines | None = None,
    ) -> None:
        self.cluster = cluster
        self.authenticator = authenticator
        self.authorizer = authorizer
        self.address = address
        self.machines = machines
        self.faults = cluster.faults
        self.closing = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        request = Request(scope, receive)
        if request.is_websocket:
            await receive()  # the connect message
        try:
            response = await self._answer(request, send)
        except ApiError as error:
            response = statuses.response(error)
        except _Cut:
            await request.cut()
            return
        except RecursionError:
            response = statuses.response(bad_request("the request is too deeply nested"))
        except Exception:
            _LOG.exception("%s %s", request.method, request.path)
            response = statuses.response(ApiError(500, "InternalError", "Internal error occurred"))
        if response is None:
            return
        if request.is_websocket:
            await _refuse_websocket(response, send)
        else:
            await response.send(request, send)

    async def _answer(self, request: Request, send: Send) -> Response | None:
        watches = request.flag("watch")
        target = parse(request.segments, request.method, watches, self.cluster.context.registry)
        refused = None
        try:
            caller = self.authenticator.authenticate(
                request.headers, request.scope.get("client_name")
            )
            caller = self._impersonate(caller, request)
        except ApiError as error:
            caller, refused = ANONYMOUS, error
        asked = _asked(caller, request, target)
        # who takes faults back must get through
        spared = request.segments[:1] == [door.PATH]
        if not spared:
            await self._disturb(asked)
        if refused:
            raise refused
        with nullcontext() if spared else self.faults.open(asked, request.abort):
            return await self._serve(caller, request, target, asked, send)

    async def _disturb(self, asked: Asked) -> None:
        delay = self.faults.take(asked, DELAY)
        if delay:
            await asyncio.sleep(delay.delay_s)
        rule = self.faults.take(asked, REFUSE, CUT)
        if rule and rule.effect == CUT:
            raise _Cut
        if rule:
            raise refusal(rule, asked)

    async def _serve(
        self, caller: Caller, request: Request, target: Target | None, asked: Asked, send: Send
    ) -> Response | None:
        self._authorize(caller, request, target)
        if request.segments[:1] == [door.PATH]:
            return await door.handle(self.cluster, self.faults, self.machines, request)
        if target is None:
            return handle_meta(self.cluster, request, self.address)
        if target.resource is None:
            raise no_such_path()
        if target.namespace and not target.resource.namespaced:
            raise no_such_path()
        call = Call(self.cluster.context, request, target, target.resource, caller)
        if target.verb == "watch":
            return await self._watch(call, asked, send)
        if target.subresource and target.subresource != "status":
            return await subresources.handle(call, self.cluster, send)
        if target.subresource and target.sub is None:
            raise no_such_path()
        if target.subresource and target.verb not in (target.sub.verbs if target.sub else ()):
            raise ApiError(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        if not target.resource.stores:
            return await subresources.review(
                call, self.cluster, self.authorizer, self.authenticator
            )
        if target.verb in ("create",) and target.resource.namespaced and not target.namespace:
            raise bad_request("an empty namespace may not be set during creation")
        return await handle(call)

    async def _watch(self, call: Call, asked: Asked, send: Send) -> Response | None:
        if "watch" not in call.resource.verbs:
            raise ApiError(
                405,
                "MethodNotAllowed",
                "the server does not allow this method on the requested resource",
            )
        form = (
            negotiate(call.request.headers.get("accept", ""))
            if not call.request.is_websocket
            else negotiate("")
        )
        watch = Watch(
            call.context,
            call.resource,
            call.target.namespace,
            options.watch_options(call.request, call.target.name),
        )
        streaming = watching.Streaming(
            watch, call.request, form, call.context.now, self.closing, self.faults, asked
        )
        if call.request.is_websocket:
            await send({"type": "websocket.accept"})
            await watching.serve_websocket(streaming, send)
        else:
            await watching.serve_http(streaming, send)
        return None

    def _impersonate(self, caller: Caller, request: Request) -> Caller:
        groups = tuple(
            value.decode("latin-1")
            for name, value in request.scope["headers"]
            if name.lower() == b"impersonate-group"
        )
        wanted = impersonated(request.headers, groups)
        if wanted is None:
            return caller
        if self.authorizer is not None:
            for resource, names in (("users", (wanted.name,)), ("groups", groups)):
                for name in names:
                    asked = Attributes(
                        verb="impersonate", resource=resource, name=name, is_resource=True
                    )
                    self.authorizer.require(caller, asked)
        return wanted

    def _authorize(self, caller: Caller, request: Request, target: Target | None) -> None:
        if self.authorizer is None:
            return
        if target is None:
            verb = _VERBS.get(request.method, request.method.lower())
            self.authorizer.require(caller, Attributes(verb=verb, path=request.path))
            return
        self.authorizer.require(
            caller,
            Attributes(
                verb=target.verb,
                group=target.group,
                resource=target.plural,
                subresource=target.subresource,
                namespace=target.namespace,
                name=target.name,
                path=request.path,
                is_resource=True,
            ),
        )


def _asked(caller: Caller, request: Request, target: Target | None) -> Asked:
    if target is None:
        return Asked(request.method.lower(), user=caller.name)
    group = f".{target.group}" if target.group else ""
    below = f"/{target.subresource}" if target.subresource else ""
    return Asked(
        target.verb, f"{target.plural}{group}{below}", target.namespace, target.name, caller.name
    )


async def _refuse_websocket(response: Response, send: Send) -> None:
    """A handshake is answered like any other request."""
    headers = [
        (b"content-type", response.media_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
    ]
    await send(
        {"type": "websocket.http.response.start", "status": response.code, "headers": headers}
    )
    await send({"type": "websocket.http.response.body", "body": response.body})
