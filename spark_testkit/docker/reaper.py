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
from typing import TYPE_CHECKING

from spark_platform.kernel.errors import TimedOut

if TYPE_CHECKING:
    from docker import DockerClient

__all__ = ["LABEL", "Reaper", "sweep"]

# whose a container, network or volume is
LABEL = "spark-testkit.stack"
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
            [sys.executable, "-m", "spark_testkit.docker.reaper", owner],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            # a Ctrl-C at a terminal is meant for its maker
            start_new_session=True,
        )
        return cls(owner, process)

    def finish(self) -> None:
        """Have it remove everything, now.

        Raises:
            TimedOut: the engine does not get it done.
        """
        assert self.process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(_FINISHES_WITHIN_S)
        except subprocess.TimeoutExpired:
            raise TimedOut(
                f"Docker has not removed the containers of {self.owner} "
                f"within {_FINISHES_WITHIN_S} s",
                hint=f"see what is left: `docker ps -a --filter label={LABEL}={self.owner}`",
            ) from None


def sweep(client: DockerClient, owner: str) -> None:
    """Remove every container, network and volume of ``owner``."""
    import docker

    gone = (docker.errors.NotFound, docker.errors.APIError)
    filters = {"label": f"{LABEL}={owner}"}
    for container in client.containers.list(all=True, filters=filters, ignore_removed=True):
        with contextlib.suppress(*gone):
            container.remove(force=True, v=True)
    for network in client.networks.list(filters=filters):
        with contextlib.suppress(*gone):
            network.remove()
    for volume in client.volumes.list(filters=filters):
        with contextlib.suppress(*gone):
            volume.remove(force=True)


def main() -> None:
    """Wait for the end of the pipe, then sweep."""
    from spark_testkit.docker.daemon import Daemon

    with Daemon() as daemon:
        sys.stdin.buffer.read()
        sweep(daemon.client, sys.argv[1])


if __name__ == "__main__":
    main()
