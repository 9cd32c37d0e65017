"""The clusters of a user: made, found, listed, deleted, whatever their flavour.

A cluster has a private folder (0700) in the state directory: ``cluster.json`` says what it is, and
who makes it; ``kubeconfig`` (0600) is there as soon as it is made. One process at a time acts on a
cluster. A failed ``up`` leaves nothing; what a killed one leaves, the next ``up`` or ``down``
removes.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from spark_platform.kernel.errors import Conflict, NotFound, PlatformError
from spark_platform.kernel.files import private_folder, write_atomically
from spark_platform.kernel.process import ProcessId
from spark_testkit.clusters import make_flavor
from spark_testkit.clusters.cluster import Cluster, Wanted, check_name
from spark_testkit.clusters.kubeconfig import named
from spark_testkit.clusters.operator import OperatorProcess
from spark_testkit.engine.progress import OnProgress, Progress, silent
from spark_testkit.engine.storage import exclusive, read_json
from spark_testkit.settings import Settings

__all__ = ["Clusters"]

# a first `up` builds Kubernetes
_LOCK_TIMEOUT_S = 3600.0


class Clusters:
    """All clusters of one state directory."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._parent = settings.state_dir / "clusters"

    def up(
        self, name: str, flavor: str, progress: OnProgress = silent, wanted: Wanted | None = None
    ) -> Cluster:
        """Have a cluster. One of that name and flavour that runs is left alone.

        Args:
            wanted: what a new one is to be.

        Raises:
            InvalidInput: an impossible name, no such flavour, or none that makes what is wanted.
            Conflict: the name is another cluster's, or one that stands still.
            Missing: what the flavour needs is not here.
            PlatformError: it could not be made; nothing of it is left.
        """
        check_name(name)
        maker = make_flavor(flavor, self._settings)
        wanted = wanted or Wanted()
        self._sweep(but=name)
        with self._alone(name, "making", progress):
            known = self._find(name)
            if known and known.state == "running" and known.flavor == flavor:
                self._mend(known, progress)
                return replace(known, detail="")
            if known and known.state != "failed":
                raise _in_use(known)
            if known:
                self._remove(known)
            maker.check(wanted)
            private_folder(self._parent)
            folder = private_folder(self._folder(name))
            try:
                held = {"holder": asdict(wanted.holder)} if wanted.holder else {}
                self._note(name, flavor=flavor, maker=asdict(ProcessId.current()), **held)
                created = maker.create(name, folder, wanted, progress)
                self._note(name, flavor=flavor, kubernetes=created.kubernetes, **held)
                write_atomically(folder / "kubeconfig", named(created.kubeconfig, name))
                if wanted.operator:
                    progress(Progress("ready", "Spark operator", 0, 1))
                    OperatorProcess(folder).start(created.process or wanted.holder)
                    progress(Progress("ready", "Spark operator", 1, 1))
            except BaseException:
                OperatorProcess(folder).stop()
                # what cannot be removed now is listed as failed, and `down` removes it
                with contextlib.suppress(PlatformError):
                    maker.delete(name)
                    shutil.rmtree(folder)
                raise
            return Cluster(name, flavor, "running", created.kubernetes, folder / "kubeconfig")

    def down(self, name: str, progress: OnProgress = silent) -> bool:
        """Delete a cluster with all that is in it; whether there was one.

        Raises:
            InvalidInput: an impossible name.
            PlatformError: something of it stays.
        """
        check_name(name)
        if not self._folder(name).exists():
            return False
        with self._alone(name, "deleting", progress):
            known = self._find(name)
            if known:
                self._remove(known)
        return known is not None

    def get(self, name: str) -> Cluster:
        """A cluster that is made.

        Raises:
            InvalidInput: an impossible name.
            NotFound: there is none, or it is not made yet.
        """
        known = self._find(check_name(name))
        if known is None:
            names = ", ".join(each.name for each in self.all())
            raise NotFound(
                f"there is no cluster {name!r}; there are: {names or 'none'}",
                hint=f"`spark-testkit cluster up {name}` makes it",
            )
        if not known.kubeconfig.exists():
            raise NotFound(
                f"cluster {name!r} is {known.state}: it has no kubeconfig",
                hint="wait for whoever makes it"
                if known.state == "starting"
                else f"`spark-testkit cluster down {name}` removes what is left of it",
            )
        return known

    def all(self) -> list[Cluster]:
        """Every cluster, half-made ones too, by name."""
        if not self._parent.is_dir():
            return []
        found = (self._find(path.name) for path in sorted(self._parent.iterdir()))
        return [each for each in found if each]

    def load(self, name: str, images: Sequence[str], progress: OnProgress = silent) -> None:
        """Give a cluster images of the local Docker engine.

        Raises:
            NotFound: no such cluster, or no such image.
        """
        cluster = self.get(name)
        with self._alone(name, "loading images into", progress):
            make_flavor(cluster.flavor, self._settings).load(name, images, progress)

    def _find(self, name: str) -> Cluster | None:
        folder = self._folder(name)
        note = read_json(folder / "cluster.json")
        if not note:
            return None
        kubeconfig = folder / "kubeconfig"
        state, detail = "failed", ""
        if kubeconfig.exists():
            try:
                state = make_flavor(note["flavor"], self._settings).state(name)
            except PlatformError as error:
                state, detail = "unknown", error.message
            operator = OperatorProcess(folder)
            if state == "running" and operator.wanted() and not operator.alive():
                detail = f"its Spark operator has ended: `cluster up {name}` starts it again"
        elif "maker" in note and ProcessId(**note["maker"]).alive():
            state = "starting"
        version = note.get("kubernetes", "")
        return Cluster(name, note["flavor"], state, version, kubeconfig, detail)

    def _sweep(self, but: str) -> None:
        """Delete those whose holder has ended."""
        for cluster in self.all():
            holder = read_json(self._folder(cluster.name) / "cluster.json").get("holder")
            if cluster.name != but and holder and not ProcessId(**holder).alive():
                # somebody else may be at it, and one that stays is listed
                with contextlib.suppress(PlatformError):
                    self.down(cluster.name)

    def _mend(self, cluster: Cluster, progress: OnProgress) -> None:
        """Start an operator that has ended anew."""
        folder = self._folder(cluster.name)
        operator = OperatorProcess(folder)
        if operator.wanted() and not operator.alive():
            progress(Progress("ready", "Spark operator", 0, 1))
            emulator = read_json(folder / "process.json")
            holder = read_json(folder / "cluster.json").get("holder")
            ends_with = emulator or holder
            operator.start(ProcessId(**ends_with) if ends_with else None)

    def _remove(self, cluster: Cluster) -> None:
        OperatorProcess(self._folder(cluster.name)).stop()
        make_flavor(cluster.flavor, self._settings).delete(cluster.name)
        shutil.rmtree(self._folder(cluster.name))

    def _folder(self, name: str) -> Path:
        return self._parent / name

    def _note(self, name: str, **facts: Any) -> None:
        write_atomically(self._folder(name) / "cluster.json", json.dumps(facts))

    @contextlib.contextmanager
    def _alone(self, name: str, doing: str, progress: OnProgress) -> Iterator[None]:
        with exclusive(
            self._settings.state_dir / "locks" / f"cluster-{name}",
            purpose=f"{doing} cluster {name}",
            timeout_s=_LOCK_TIMEOUT_S,
            on_wait=lambda holder: progress(Progress("wait", f"for {holder}", 0, 1)),
        ):
            yield


def _in_use(known: Cluster) -> Conflict:
    return Conflict(
        f"there is a cluster {known.name!r} already: flavour {known.flavor}, {known.state}"
        + (f" ({known.detail})" if known.detail else ""),
        hint=f"`spark-testkit cluster down {known.name}` deletes it; or choose another name",
    )
