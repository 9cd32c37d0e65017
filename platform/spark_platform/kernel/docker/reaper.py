"""Containers outlive who made them; the reaper does not let them.

It is a process that waits on a pipe from its maker. However the maker ends, by exit or by
``kill -9``, the pipe closes, and the reaper removes every container, network and volume with the
maker's label. A maker that ends in order closes the pipe itself and waits: one way for both.

Testcontainers' own reaper, Ryuk, is an image that has to be pulled; this one needs none.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spark_platform.kernel.errors import Terminal, TimedOut
from spark_platform.kernel.wait import NotYet, poll

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["LABEL", "Reaper", "sweep"]

# whose a container, network or volume is
LABEL = "spark-testkit.stack"
_SWEPT_WITHIN_S = 30
_FINISHES_WITHIN_S = 60


@dataclass(frozen=True)
class Reaper:
    """A running reaper, and our end of its pipe."""

    owner: str
    process: subprocess.Popen[bytes]

    @classmethod
    def start(cls, owner: str) -> Reaper:
        """Start the reaper of what is labelled ``owner``."""
        process = subprocess.Popen(
            [sys.executable, "-m", "spark_platform.kernel.docker.reaper", owner],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # not in the user's folder: `-m` would import what happens to lie there
            cwd="/",
            # a Ctrl-C at a terminal is meant for its maker
            start_new_session=True,
        )
        return cls(owner, process)

    def finish(self) -> None:
        """Have it remove everything, now.

        Raises:
            TimedOut, Terminal: it did not get it done.
        """
        assert self.process.stdin is not None
        hint = f"see what is left: `docker ps -a --filter label={LABEL}={self.owner}`"
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            returncode = self.process.wait(_FINISHES_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"Docker has not removed the containers of {self.owner} "
                f"within {_FINISHES_WITHIN_S} s",
                hint=hint,
            ) from None
        if returncode:
            raise Terminal(f"the containers of {self.owner} could not be removed", hint=hint)


def sweep(client: DockerClient, owner: str) -> None:
    """Remove every container, network and volume of ``owner``.

    Raises:
        TimedOut: something of it stays.
    """

    def swept() -> None:
        left = _held(client, owner)
        for each, options in left:
            # what is in use still, or is being removed, is met again
            with contextlib.suppress(docker.errors.APIError):
                each.remove(**options)
        if left:
            raise NotYet(", ".join(each.name for each, _ in left))

    import docker

    poll(swept, what=f"what {owner} left to be removed", timeout_s=_SWEPT_WITHIN_S)


def _held(client: DockerClient, owner: str) -> list[tuple[Any, dict[str, bool]]]:
    """What there is of ``owner``, in an order in which it can be removed, and how."""
    filters = {"label": f"{LABEL}={owner}"}
    containers = client.containers.list(all=True, filters=filters, ignore_removed=True)
    return [
        *((each, {"force": True, "v": True}) for each in containers),
        *((each, {}) for each in client.networks.list(filters=filters)),
        *((each, {"force": True}) for each in client.volumes.list(filters=filters)),
    ]


def main() -> None:
    """Wait for the end of the pipe, then sweep."""
    from spark_platform.kernel.docker.daemon import Daemon

    with Daemon() as daemon:
        sys.stdin.buffer.read()
        sweep(daemon.client, sys.argv[1])


if __name__ == "__main__":
    main()
