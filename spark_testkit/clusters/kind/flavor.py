"""Flavour ``kind``: drives kind's own program, on whatever Docker engine there is.

Each cluster has a Docker network of its own, which goes with it; kind's usual one stays for good.
Deleting asks the engine for what bears the cluster's label: that finds half-made clusters too, and
needs no kind.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spark_platform.kernel import process, wait
from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.errors import CommandFailed, InvalidInput, NotFound, Terminal
from spark_testkit.clusters.cluster import Created, Wanted
from spark_testkit.clusters.kind import host, plan
from spark_testkit.clusters.kind.node import NodeImage, find_node, have_node
from spark_testkit.clusters.kind.programs import Programs
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.settings import Settings

__all__ = ["KindFlavor"]

_CREATE_TIMEOUT_S = 600
_LOAD_TIMEOUT_S = 900
_READY_WITHIN_S = 240
_GONE_WITHIN_S = 60
_KUBECTL = ("kubectl", "--kubeconfig=/etc/kubernetes/admin.conf")


class KindFlavor:
    """Clusters of one node each, real Kubernetes. Implements ``Flavor``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, wanted: Wanted) -> None:
        if wanted.nodes != 1 or wanted.runtime:
            what = wanted.runtime and f"runtime {wanted.runtime}"
            raise InvalidInput(
                f"a cluster of flavour kind has one node, of containerd: {what or wanted.nodes}",
                hint="`--flavor emulated` takes any number of nodes, and runtimes",
            )
        with Daemon() as daemon:
            host.check_docker(daemon)

    def node(self) -> NodeImage | None:
        """The image that clusters would start from at once; None where it is not here yet.

        Raises:
            Missing: no Docker engine.
        """
        with Daemon() as daemon:
            programs = Programs(self._settings, daemon.machine)
            return find_node(daemon, programs) if programs.has_kind() else None

    def prepare(self, progress: OnProgress) -> tuple[Path, NodeImage]:
        """Have the program kind and a node's image, which is all of a cluster that takes long.

        Raises:
            PlatformError: one of them cannot be had.
        """
        with Daemon() as daemon:
            host.check_docker(daemon)
            programs = Programs(self._settings, daemon.machine)
            kind = programs.kind(progress)
            return kind, have_node(daemon, programs, self._settings, progress)

    def create(
        self,
        name: str,
        folder: Path,
        wanted: Wanted,
        progress: OnProgress,
    ) -> Created:
        kind, node = self.prepare(progress)
        kubeconfig = self._make(kind, node, name, wanted, folder, progress)
        with Daemon() as daemon:
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
        return Created(version, kubeconfig)

    def _make(
        self,
        kind: Path,
        node: NodeImage,
        name: str,
        wanted: Wanted,
        folder: Path,
        progress: OnProgress,
    ) -> str:
        """Have kind make the cluster; its kubeconfig as kind writes it."""
        progress(Progress("create", f"cluster {name}", 0, 1))
        with tempfile.TemporaryDirectory(dir=folder) as private:
            config, kubeconfig = Path(private, "kind.json"), Path(private, "kubeconfig")
            config.write_text(
                plan.cluster_config(
                    built_here=node.built_here, region=wanted.region, ports=wanted.ports
                )
            )
            options = {
                "--name": self._kind_name(name),
                "--image": node.reference,
                "--config": config,
                # not the user's own, which kind would add to
                "--kubeconfig": kubeconfig,
            }
            self._run(
                [*(str(kind), "create", "cluster"), *(f"{k}={v}" for k, v in options.items())],
                name,
                lambda line: progress(Progress("create", line.strip(), 0, 1)),
                timeout_s=_CREATE_TIMEOUT_S,
            )
            return kubeconfig.read_text()

    def state(self, name: str) -> str:
        with Daemon() as daemon:
            containers, _ = self._held(daemon, name)
        if not containers:
            return "failed"
        return "running" if all(each.status == "running" for each in containers) else "stopped"

    def delete(self, name: str) -> None:
        def check() -> None:
            # asked first: what it makes while we look, we look for again
            busy = _docker_is_busy_with(self._kind_name(name))
            containers, networks = self._held(daemon, name)
            # what is being removed already is met again
            with contextlib.suppress(docker.errors.APIError):
                for each in containers:
                    each.remove(force=True, v=True)
                for each in networks:
                    each.remove()
            if busy or containers or networks:
                left = [each.name for each in (*containers, *networks)]
                raise wait.NotYet(", ".join(left) or "docker still makes it")

        import docker

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
                lambda line, image=image: progress(Progress(f"load {image}", line, 0, 1)),
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
                own_session=True,
            )
        except CommandFailed as error:
            if "no space left on device" in error.output.lower():
                raise Terminal(
                    f"no space left on the Docker engine's disk, for cluster {name}",
                    hint="`docker system df` shows what Docker holds; `docker image prune` helps",
                ) from error
            raise CommandFailed(
                error.argv,
                error.returncode,
                error.output,
                hint="`spark-testkit doctor` checks what kind needs",
            ) from error

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


def _docker_is_busy_with(kind_name: str) -> bool:
    """Whether a `docker` that kind has started works on a cluster.

    One that makes a container outlives a kind that was interrupted, and the engine does not list
    what is being made: it has to be waited for.
    """
    import psutil

    for each in psutil.process_iter(["cmdline", "status"]):
        argv = each.info["cmdline"] or [""]
        named = any(kind_name in argument for argument in argv)
        if named and Path(argv[0]).name == "docker" and each.info["status"] != psutil.STATUS_ZOMBIE:
            return True
    return False


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
