"""What a cluster is, and what makes one: a flavour. Data and a Protocol, nothing that acts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from spark_platform.kernel.errors import InvalidInput
from spark_platform.kernel.process import ProcessId
from spark_testkit.engine.progress import OnProgress

__all__ = ["Cluster", "Created", "Flavor", "Wanted", "check_name"]

# a node's host name is made of it, and that has 63 characters at most
_NAME = re.compile(r"[a-z]([a-z0-9-]{0,28}[a-z0-9])?")


def check_name(name: str) -> str:
    """``name``, if a cluster can be called so.

    Raises:
        InvalidInput: it cannot.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInput(
            f"cluster name {name!r} is not allowed",
            hint="1 to 30 of a-z, 0-9 and '-', a letter first and no '-' last",
        )
    return name


@dataclass(frozen=True)
class Cluster:
    """A cluster of this user.

    Attributes:
        name: also its context, cluster and user in the kubeconfig.
        flavor: what made it.
        state: ``running``; ``starting`` while somebody makes it; ``stopped`` when it stands still;
            ``failed`` when whoever made it was killed, or its containers are gone; ``unknown``
            when what runs it cannot be asked.
        kubernetes: the version of its Kubernetes; empty while it is not made.
        kubeconfig: the file that leads there; not there while it is not made.
        detail: why the state is unknown.
    """

    name: str
    flavor: str
    state: str
    kubernetes: str
    kubeconfig: Path
    detail: str = ""


@dataclass(frozen=True)
class Wanted:
    """What is asked of a new cluster.

    Attributes:
        nodes: how many take pods.
        runtime: what pods' containers are, where the flavour has a choice; empty leaves it to that.
        region: that its nodes say they are in; empty for none.
        holder: the process that it is for: it is deleted when that has ended, at the latest when
            another is made. None for one that stays.
        operator: whether it has a Spark operator.
        ports: of its nodes, as services of type NodePort have them → of this machine's loopback
            interface, which lead there.
    """

    nodes: int = 1
    runtime: str = ""
    region: str = ""
    holder: ProcessId | None = None
    operator: bool = False
    ports: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Created:
    """What a flavour hands over of a cluster that it has made.

    Attributes:
        kubernetes: the version of its Kubernetes, such as ``1.36.3``.
        kubeconfig: a kubeconfig with one context; its names may be any.
        process: what the cluster is, where it is a process of this machine.
    """

    kubernetes: str
    kubeconfig: str
    process: ProcessId | None = None


class Flavor(Protocol):
    """A way to make clusters. What it makes is known by the cluster's name alone.

    A flavour keeps no books: which clusters there are, their files and locks are ``Clusters``'.
    """

    def check(self, wanted: Wanted) -> None:
        """Whether such a cluster can be made here at all, as far as that is quickly known.

        Raises:
            InvalidInput: the flavour has no such clusters.
            Missing: something is not here.
        """

    def create(self, name: str, folder: Path, wanted: Wanted, progress: OnProgress) -> Created:
        """Make a cluster and wait until it takes pods.

        Args:
            folder: the cluster's private folder, for what has to be in a file.

        Raises:
            PlatformError: it cannot be had. What is left of it, ``delete`` removes.
        """

    def state(self, name: str) -> str:
        """``running``, ``stopped``, or ``failed`` where there is nothing of it.

        Raises:
            Missing: what runs it does not answer.
        """

    def delete(self, name: str) -> None:
        """Remove whatever there is of a cluster, half-made ones too; nothing is no error.

        Raises:
            PlatformError: something of it stays.
        """

    def load(self, name: str, images: Sequence[str], progress: OnProgress) -> None:
        """Give the cluster's nodes images of the local Docker engine.

        Raises:
            NotFound: there is no such image.
        """
