"""Probes and hooks: how a node asks a container whether it lives, or tells it to do something."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

from spark_emulators.kubernetes.node.containers import Container
from spark_emulators.kubernetes.runtime import ExecRequest

__all__ = ["ask", "port_of"]


async def ask(handler: Mapping[str, Any], container: Container, ip: str, ports: Any) -> str:
    """Put a handler's question; returns what is wrong, or an empty string.

    Args:
        handler: a probe or hook: ``exec``, ``httpGet``, ``tcpSocket``, ``grpc`` or ``sleep``.
        ports: the container's declared ports, for those named.
    """
    seconds = handler.get("timeoutSeconds", 1)
    try:
        return await asyncio.wait_for(_put(handler, container, ip, ports), seconds)
    except (asyncio.TimeoutError, TimeoutError):
        return f"command timed out after {seconds}s"
    except OSError as error:
        return str(error)


async def _put(handler: Mapping[str, Any], container: Container, ip: str, ports: Any) -> str:
    if "exec" in handler:
        request = ExecRequest("", tuple(handler["exec"]["command"]))
        code = await container.execute(request, None)
        return f"command exited with {code}" if code else ""
    if "httpGet" in handler:
        return await _http(handler["httpGet"], ip, ports)
    for kind in ("tcpSocket", "grpc"):
        if kind in handler:
            host = handler[kind].get("host") or ip
            return await _connects(host, port_of(handler[kind]["port"], ports))
    return ""


async def _connects(host: str, port: int) -> str:
    _, writer = await asyncio.open_connection(host, port)
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return ""


async def _http(get: Mapping[str, Any], ip: str, ports: Any) -> str:
    import httpx

    scheme = get.get("scheme", "HTTP").lower()
    url = f"{scheme}://{get.get('host') or ip}:{port_of(get['port'], ports)}{get.get('path', '/')}"
    headers = {each["name"]: each["value"] for each in get.get("httpHeaders") or ()}
    # a kubelet does not check certificates, and the user's proxy cannot reach a pod
    async with httpx.AsyncClient(verify=False, trust_env=False, timeout=None) as client:  # noqa: S501, S113
        try:
            code = (await client.get(url, headers=headers)).status_code
        except httpx.HTTPError as error:
            return f'Get "{url}": {error}'
    return "" if 200 <= code < 400 else f"HTTP probe failed with statuscode: {code}"


def port_of(wanted: int | str, ports: Any) -> int:
    """A port by number or by its name among a container's."""
    if isinstance(wanted, int):
        return wanted
    return next(
        (int(each["containerPort"]) for each in ports or () if each.get("name") == wanted), 0
    )
