"""Flavour ``kind``: drives kind's own program, on whatever Docker engine there is.

Each cluster has a Docker network of its own, which goes with it; kind's usual one stays for good.
Deleting asks the engine for what bears the cluster's label: that finds half-made clusters too, and
needs no kind.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spark_platform.kernel import process, wait
from spark_platform.kernel.errors import CommandFailed, NotFound, Terminal
from spark_testkit.clusters.cluster import Created
from spark_testkit.clusters.kind import host, plan
from spark_testkit.clusters.kind.node import have_node
from spark_testkit.clusters.kind.programs import Programs
from spark_testkit.docker.daemon import Daemon, docker_errors
from spark_testkit.engine.catalogue import kind_spec
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.settings import Settings

__all__ = ["KindFlavor"]

_CREATE_TIMEOUT_S = 600
_LOAD_TIMEOUT_S = 900
_READY_WITHIN_S = 120
_GONE_WITHIN_S = 60
# in a row: a container that was asked for may come a moment after whoever asked has ended
_TIMES_GONE = 3
_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


class KindFlavor:
    """Clusters of one node each, real Kubernetes. Implements ``Flavor``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def create(self, name: str, folder: Path, progress: OnProgress) -> Created:
        with Daemon() as daemon:
            host.check_docker(daemon)
            programs = Programs(self._settings, daemon.machine)
            kind = programs.kind(progress)
            node = have_node(daemon, programs, self._settings, progress)
            with tempfile.TemporaryDirectory(dir=folder) as private:
                config = Path(private, "kind.json")
                config.write_text(plan.cluster_config(built_here=node.built_here))
                kubeconfig = Path(private, "kubeconfig")
                progress(Progress("create", f"cluster {name}", 0, 1))
                self._run(
                    [str(kind), "create", "cluster", f"--name={self._kind_name(name)}"]
                    + [f"--image={node.reference}", f"--config={config}"]
                    + [f"--kubeconfig={kubeconfig}"],
                    name,
                    lambda line: progress(Progress("create", line.strip(), 0, 1)),
                    timeout_s=_CREATE_TIMEOUT_S,
                )
                created = kubeconfig.read_text()
            container = self._node(daemon, name)
            version = _in_node(container, "cat", "/kind/version").removeprefix("v")
            progress(Progress("create", f"Kubernetes {version}", 1, 1))
            progress(Progress("ready", "waiting for the node and its name server", 0, 1))
            wait.poll(
                lambda: _require_ready(container),
                what=f"cluster {name} to be ready",
                timeout_s=_READY_WITHIN_S,
                interval_s=0.5,
            )
            progress(Progress("ready", f"cluster {name}", 1, 1))
        return Created(version, created)

    def state(self, name: str) -> str:
        with Daemon() as daemon:
            containers, _ = self._held(daemon, name)
        if not containers:
            return "failed"
        return "running" if all(each.status == "running" for each in containers) else "stopped"

    def delete(self, name: str) -> None:
        gone = 0

        def check() -> None:
            nonlocal gone
            containers, networks = self._held(daemon, name)
            for each in containers:
                each.remove(force=True, v=True)
            for each in networks:
                each.remove()
            gone = 0 if containers or networks else gone + 1
            if gone < _TIMES_GONE:
                raise wait.NotYet(", ".join(each.name for each in (*containers, *networks)))

        with Daemon() as daemon, docker_errors(f"deleting cluster {name}"):
            wait.poll(
                check,
                what=f"the containers and the network of cluster {name} to be gone",
                timeout_s=_GONE_WITHIN_S,
                interval_s=0.2,
            )

    def load(self, name: str, images: Sequence[str], progress: OnProgress) -> None:
        with Daemon() as daemon:
            for image in images:
                if daemon.image(image) is None:
                    raise NotFound(
                        f"the Docker engine has no image {image!r}",
                        hint="`docker pull` it; ours: `spark-testkit images build`",
                    )
            kind = Programs(self._settings, daemon.machine).kind(progress)
        for image in images:
            progress(Progress(f"load {image}", "", 0, 1))
            self._run(
                [str(kind), "load", "docker-image", image, f"--name={self._kind_name(name)}"],
                name,
                lambda line, image=image: progress(Progress(f"load {image}", line, 0, 1)),  # type: ignore[misc]
                timeout_s=_LOAD_TIMEOUT_S,
            )
            progress(Progress(f"load {image}", "", 1, 1))

    def _run(self, argv: list[str], name: str, on_line: Any, *, timeout_s: float) -> None:
        try:
            process.run(
                argv,
                env={**os.environ, "KIND_EXPERIMENTAL_DOCKER_NETWORK": self._kind_name(name)},
                timeout_s=timeout_s,
                on_line=on_line,
                dies_with_caller=True,
            )
        except CommandFailed as error:
            if "no space left on device" in error.output.lower():
                raise Terminal(
                    f"no space left on the Docker engine's disk, for cluster {name}",
                    hint="`docker system df` shows what Docker holds; `docker image prune` drops old",
                ) from error
            raise

    def _kind_name(self, name: str) -> str:
        return plan.kind_name(name, self._settings.state_dir)

    def _held(self, daemon: Daemon, name: str) -> tuple[list[Any], list[Any]]:
        """The containers and networks of a cluster."""
        kind_name = self._kind_name(name)
        with docker_errors(f"looking for cluster {name}"):
            containers = daemon.client.containers.list(
                all=True, filters={"label": f"{plan.LABEL}={kind_name}"}, ignore_removed=True
            )
            networks = [
                each
                for each in daemon.client.networks.list(names=[kind_name])
                if each.name == kind_name
            ]
        return containers, networks

    def _node(self, daemon: Daemon, name: str) -> Any:
        with docker_errors(f"looking for the node of cluster {name}"):
            return daemon.client.containers.get(plan.node_name(self._kind_name(name)))


def _require_ready(container: Any) -> None:
    """Raise ``NotYet`` until pods can run in the cluster and find each other's names.

    kind's own ``--wait`` takes running out of time for success.
    """
    for what in (["--for=condition=Ready", "nodes", "--all"], _COREDNS):
        try:
            _in_node(container, *_KUBECTL, "wait", *what, "--timeout=1s")
        except Terminal as error:
            raise wait.NotYet(error.message) from error


_COREDNS = ["--for=condition=Available", "deployments/coredns", "--namespace=kube-system"]


def _in_node(container: Any, *argv: str) -> str:
    """What a command prints in the node.

    Raises:
        Terminal: it failed.
    """
    with docker_errors(f"running {argv[0]} in {container.name}"):
        code, printed = container.exec_run(list(argv))
    text: str = printed.decode(errors="replace").strip()
    if code:
        raise Terminal(f"{argv[0]} in {container.name} exited with {code}: {text}")
    return text
