"""Addresses for pods that are processes: each has its own, so standard ports never clash.

All of 127.0.0.0/8 is this machine's loopback on Linux, without anything to set up.
"""

from __future__ import annotations

import ipaddress
import itertools
import random
import socket

from spark_platform.kernel.errors import Missing

__all__ = ["Addresses", "Pool"]

# the claim on a network is this port, held on its first address
_CLAIM_PORT = 47017
_NETWORKS = range(16, 250)


class Pool:
    """Addresses of a network, each given to one pod at a time.

    Args:
        network: all there are.
        reserved: how many of the first are not for pods.
    """

    def __init__(self, network: ipaddress.IPv4Network, reserved: int) -> None:
        self._free = itertools.islice(network.hosts(), reserved, None)
        self._returned: list[str] = []

    def take(self) -> str:
        """An address that nobody has."""
        following = next(self._free, None)
        if following is not None:
            return str(following)
        return self._returned.pop(0)

    def give_back(self, address: str) -> None:
        """Let another pod have it, when there are no fresh ones."""
        self._returned.append(address)


class Addresses(Pool):
    """The loopback /16 of one cluster's pods; no other cluster on this machine has the same.

    Raises:
        Missing: all networks are taken.
    """

    def __init__(self) -> None:
        self._network, self._claim = _claimed()
        # the claim's, and the API server's
        super().__init__(self._network, reserved=2)

    @property
    def server(self) -> str:
        """The address at which pods find the API server."""
        return str(self._network[2])

    def close(self) -> None:
        """Let another node have the network."""
        self._claim.close()


def _claimed() -> tuple[ipaddress.IPv4Network, socket.socket]:
    for number in random.sample(_NETWORKS, len(_NETWORKS)):
        network = ipaddress.IPv4Network(f"127.{number}.0.0/16")
        claim = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            claim.bind((str(network[1]), _CLAIM_PORT))
            return network, claim
        except OSError:
            claim.close()
    raise Missing("no network of 127.0.0.0/8 is left for pods", hint="take another cluster down")
