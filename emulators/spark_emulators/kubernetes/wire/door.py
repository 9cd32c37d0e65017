"""The emulator's own door: faults, for those who test what the platform does about them.

Nothing of it is Kubernetes'; it lies below ``/emulator``, for whoever RBAC lets at that path.

| Request | Does |
|---|---|
| GET /emulator/faults | the rules, and how often each hit |
| POST /emulator/faults | adds a rule, see ``faults.Rule``; answers ``{"id": …}`` |
| DELETE /emulator/faults[/ID] | takes all rules back, or one |
| POST /emulator/nodes/NAME/lose | the machine stops dead |
| POST /emulator/nodes/NAME/return | it starts again |
| POST /emulator/nodes/NAME/preempt | ``{"notice_s": 30}``: pods end, then machine and Node go |
| POST /emulator/namespaces/NS/pods/NAME/oom | ``{"container": …}`` is killed for its memory |
| POST /emulator/namespaces/NS/pods/NAME/evict | ``{"message": …}``: the node ends the pod |
| POST /emulator/tokens/expire | ``{"namespace": "", "account": ""}``: their tokens so far |
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.errors import bad_request, no_such_path, not_found
from spark_emulators.kubernetes.faults import Faults, Rule
from spark_emulators.kubernetes.runtime import Machines
from spark_emulators.kubernetes.wire.http import Request, Response

__all__ = ["PATH", "handle"]

PATH = "emulator"
_LOW_MEMORY = "The node was low on resource: memory. "


async def handle(
    cluster: Cluster, faults: Faults, machines: Machines | None, request: Request
) -> Response:
    """Answer a request below ``/emulator``.

    Raises:
        ApiError: 400 for a body that is none of these, 404.
    """
    match (request.method, *request.segments[1:]):
        case ("GET", "faults"):
            found = [
                {"id": number, "hits": hits, **dataclasses.asdict(rule)}
                for number, (rule, hits) in faults.all().items()
            ]
            return Response({"items": found})
        case ("POST", "faults"):
            return Response({"id": faults.add(_rule(await request.body()))}, 201)
        case ("DELETE", "faults"):
            faults.clear()
        case ("DELETE", "faults", number):
            if not number.isdigit() or not faults.remove(int(number)):
                raise not_found("", "faults", number)
        case ("POST", "nodes", name, what):
            await _befall(_have(machines), name, what, await _body(request))
        case ("POST", "namespaces", namespace, "pods", name, what):
            pod = cluster.get("v1", "Pod", namespace, name)
            await _end(_have(machines), pod, what, await _body(request))
        case ("POST", "tokens", "expire"):
            given = await _body(request)
            cluster.tokens.expire(str(given.get("namespace", "")), str(given.get("account", "")))
        case _:
            raise no_such_path()
    return Response({})


async def _befall(machines: Machines, name: str, what: str, given: dict[str, Any]) -> None:
    match what:
        case "lose":
            await machines.lose(name)
        case "return":
            await machines.return_(name)
        case "preempt":
            notice_s = given.get("notice_s", 30)
            if not isinstance(notice_s, (int, float)) or notice_s < 0:
                raise bad_request(f"notice_s: {notice_s!r} is no number of seconds")
            await machines.preempt(name, notice_s)
        case _:
            raise no_such_path()


async def _end(machines: Machines, pod: Any, what: str, given: dict[str, Any]) -> None:
    match what:
        case "oom":
            containers = [each["name"] for each in pod["spec"]["containers"]]
            container = given.get("container") or containers[0]
            if container not in containers:
                raise bad_request(
                    f"container: {container!r} is not one of the pod's: {', '.join(containers)}"
                )
            await machines.run_out_of_memory(pod, container)
        case "evict":
            machines.evict(pod, str(given.get("message") or _LOW_MEMORY))
        case _:
            raise no_such_path()


def _rule(body: bytes) -> Rule:
    """
    Raises:
        ApiError: 400, naming the field.
    """
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Rule).validate_json(body)
    except ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, each['loc'])) or 'the body'}: {each['msg']}"
            for each in error.errors(include_url=False, include_input=False)
        )
        raise bad_request(f"no rule: {faults}") from error


async def _body(request: Request) -> dict[str, Any]:
    text = await request.body()
    try:
        found = json.loads(text or b"{}")
    except ValueError as error:
        raise bad_request(f"the body is no JSON: {error}") from error
    if not isinstance(found, dict):
        raise bad_request("the body is no JSON object")
    return found


def _have(machines: Machines | None) -> Machines:
    if machines is None:
        raise bad_request("this cluster has no nodes of the emulator's")
    return machines
