"""Kubernetes clusters of this machine: several side by side, of several flavours.

Each has a kubeconfig; whoever uses that cannot tell the flavour.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.clusters.cluster import Flavor
from spark_testkit.settings import Settings

__all__ = ["DEFAULT_FLAVOR", "FLAVORS", "make_flavor"]

DEFAULT_FLAVOR = "emulated"


def _kind(settings: Settings) -> Flavor:
    from spark_testkit.clusters.kind.flavor import KindFlavor

    return KindFlavor(settings)


def _emulated(settings: Settings) -> Flavor:
    from spark_testkit.clusters.emulated.flavor import EmulatedFlavor

    return EmulatedFlavor(settings)


FLAVORS: Mapping[str, Callable[[Settings], Flavor]] = {"emulated": _emulated, "kind": _kind}


def make_flavor(name: str, settings: Settings) -> Flavor:
    """The flavour of that name.

    Raises:
        InvalidInput: there is none; lists those there are.
    """
    if name not in FLAVORS:
        raise InvalidInput(
            f"cluster flavour {name!r} is not known",
            hint=f"`--flavor` takes: {', '.join(FLAVORS)}",
        )
    return FLAVORS[name](settings)
