"""A client that waits to be told an address: what every start is measured with."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator

from benchmarks import probe
from benchmarks.workspace import Workspace, clean_environment, started
from spark_platform.kernel.errors import Terminal

__all__ = ["first_result", "waiting_client"]


@contextlib.contextmanager
def waiting_client(space: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A client that has imported what it needs."""
    folder = space.folder("client")
    argv = [sys.executable, probe.__file__]
    with started(
        argv, cwd=folder, env=clean_environment({}), log=folder / "log", talks=True
    ) as client:
        _expect(client, "ready")
        yield client


def first_result(client: subprocess.Popen[str], url: str) -> None:
    """Come back when the client has the result of its first query to ``url``.

    Raises:
        Terminal: it ended before that.
    """
    assert client.stdin is not None
    with contextlib.suppress(OSError):
        # a client that has died is noticed below
        client.stdin.write(f"{url}\n")
        client.stdin.flush()
    _expect(client, "done")


def _expect(client: subprocess.Popen[str], word: str) -> None:
    assert client.stdout is not None
    if client.stdout.readline().strip() != word:
        raise Terminal(f"the benchmark's client ended before it was {word}")
