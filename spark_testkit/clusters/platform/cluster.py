"""A cluster with the platform in it, for whoever wants all of it at once."""

from __future__ import annotations

import json
import secrets
from types import TracebackType

from spark_platform.kernel.errors import Conflict
from spark_platform.kernel.files import write_atomically
from spark_platform.kernel.process import ProcessId
from spark_testkit.clusters import make_flavor
from spark_testkit.clusters.cluster import Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.platform.installing import install
from spark_testkit.clusters.platform.servers import NODE_PORTS, Wiring, gateway_host
from spark_testkit.engine import engine_spec
from spark_testkit.engine.progress import OnProgress
from spark_testkit.engine.storage import read_json
from spark_testkit.ports import free_ports
from spark_testkit.services import gateway, s3, unity_catalog
from spark_testkit.settings import Settings

__all__ = ["NAMESPACE", "PlatformCluster"]

NAMESPACE = "spark-platform"
"""Of the platform's servers."""

_LAYERS = ("minio", "testkit", "spark-platform")


class PlatformCluster:
    """A cluster with the platform's servers as pods, reached at ports of this machine.

    As a context manager it is deleted with its block, if the block has made it.

    Args:
        name: the cluster's.
        flavor: what makes it; one that publishes ports.
        settings: where clusters and caches lie.
        keep: leave it there.
    """

    def __init__(self, name: str, flavor: str, settings: Settings, *, keep: bool = False) -> None:
        self._name, self._flavor, self._settings, self._keep = name, flavor, settings, keep
        self._clusters = Clusters(settings)
        self._made = False

    def __enter__(self) -> PlatformCluster:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._made and not self._keep:
            self._clusters.down(self._name)

    def up(self, warm: str, progress: OnProgress, *, auth: bool = False) -> dict[str, str]:
        """Have it: images, cluster, servers. One that is there with all of it is left alone.

        Args:
            warm: the domain that a driver for queries is kept warm for.
            auth: whether the catalog asks who one is, and Spark tells it what comes from what.

        Returns:
            The variables of clients on this machine.

        Raises:
            Conflict: a cluster of that name is there, without the platform or with another catalog.
            InvalidInput: an impossible name, or no such flavour, or one that publishes no ports.
            Missing: something is not here.
            PlatformError: it does not come to work.
        """
        doors = dict(zip(NODE_PORTS, free_ports(len(NODE_PORTS)), strict=True))
        wanted = Wanted(
            holder=None if self._keep else ProcessId.current(),
            operator=True,
            ports={NODE_PORTS[purpose]: port for purpose, port in doors.items()},
        )
        # at once, and not after minutes of building
        make_flavor(self._flavor, self._settings).check(wanted)
        found = self._found()
        if found:
            self._check(found, auth)
            return found
        self._build(progress)
        made = self._clusters.up(self._name, self._flavor, progress, wanted)
        self._made = True
        images = [s3.MINIO_IMAGE, unity_catalog.IMAGE, engine_spec().image]
        self._clusters.load(self._name, images, progress)
        wiring = Wiring(
            NAMESPACE,
            doors,
            keys={
                "access": f"TESTKIT{secrets.token_hex(6).upper()}",
                "secret": secrets.token_urlsafe(30),
                "issuer": secrets.token_urlsafe(30),
                **({"catalog": secrets.token_urlsafe(30)} if auth else {}),
            },
            tls=gateway.certificates("localhost", gateway_host(NAMESPACE)),
            warm={warm: 1},
            lineage=auth,
        )
        install(made.kubeconfig, wiring, progress)
        exports = {**wiring.exports(), "KUBECONFIG": str(made.kubeconfig)}
        write_atomically(made.kubeconfig.parent / "platform.json", json.dumps(exports))
        return exports

    def _found(self) -> dict[str, str]:
        """The variables of a platform that is there; empty where there is no such cluster."""
        for known in self._clusters.all():
            # what somebody has left half-made, the next `up` removes
            if known.name != self._name or known.state == "failed":
                continue
            exports: dict[str, str] = read_json(known.kubeconfig.parent / "platform.json")
            if known.state != "running" or known.flavor != self._flavor or not exports:
                raise Conflict(
                    f"there is a cluster {self._name!r} already, flavour {known.flavor}, "
                    f"{known.state}, and the platform is not ready in it",
                    hint=f"`spark-testkit cluster down {self._name}` deletes it; "
                    "or choose another name",
                )
            return exports
        return {}

    def _check(self, exports: dict[str, str], auth: bool) -> None:
        if (unity_catalog.TOKEN in exports) == auth:
            return
        there = "an open catalog" if auth else "a catalog that asks who one is"
        raise Conflict(
            f"cluster {self._name!r} has {there}",
            hint=f"`spark-testkit cluster down {self._name}` deletes it; or choose another name",
        )

    def _build(self, progress: OnProgress) -> None:
        """Have the images that the cluster is given; what is there unchanged is left alone."""
        from spark_testkit.images import build

        build(engine_spec(), self._settings, layers=_LAYERS, progress=progress)
