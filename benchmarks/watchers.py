"""A process of watchers: notes when each of them gets each event.

Called with a kubeconfig, a path to watch, how many watchers and how many events. Says ``ready``
when all watch, and in the end, as JSON, for each object's name the times (``time.monotonic_ns``,
which processes of one machine share).
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from benchmarks.kube_client import access

_NAME = b'"name":"'


async def _main(kubeconfig: Path, path: str, watchers: int, events: int) -> None:
    host, port, context, headers = access(kubeconfig)
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}", *(f"{k}: {v}" for k, v in headers.items())]
    request = ("\r\n".join(lines) + "\r\n\r\n").encode()
    streams = []
    for _ in range(watchers):
        reader, writer = await asyncio.open_connection(host, port, ssl=context, limit=2**20)
        writer.write(request)
        status = await reader.readuntil(b"\r\n\r\n")
        if not status.startswith(b"HTTP/1.1 200"):
            sys.exit(status.decode())
        streams.append((reader, writer))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    times: dict[str, list[int]] = {}
    await asyncio.gather(*(_follow(reader, events, times) for reader, _ in streams))
    json.dump(times, sys.stdout)
    for _, writer in streams:
        writer.close()


async def _follow(reader: asyncio.StreamReader, events: int, times: dict[str, list[int]]) -> None:
    seen = 0
    while seen < events:
        line = await reader.readline()
        now = time.monotonic_ns()
        if line.startswith(b'{"type":"ADDED"'):
            name = line.partition(_NAME)[2].partition(b'"')[0].decode()
            times.setdefault(name, []).append(now)
            seen += 1
        elif not line:
            sys.exit("a watch ended")


if __name__ == "__main__":
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
