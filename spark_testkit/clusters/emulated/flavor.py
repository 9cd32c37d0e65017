"""Flavour ``emulated``: starts the emulator, knows it again, ends it.

The cluster is one process; its pods end with it, however it ends. So does all that it knew, but for
the files in the cluster's folder, which go with the cluster.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import InvalidInput, Missing, NotFound, Terminal
from spark_platform.kernel.files import private_folder, write_atomically
from spark_platform.kernel.process import ProcessId, reap, start_detached
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit import ports
from spark_testkit.clusters.cluster import Created, Wanted
from spark_testkit.engine.progress import OnProgress, Progress
from spark_testkit.engine.storage import read_json
from spark_testkit.images.processes import image_names, process_images
from spark_testkit.settings import Settings

__all__ = ["RUNTIMES", "EmulatedFlavor"]

PROCESS, DOCKER = RUNTIMES = ("process", "docker")
DEFAULT_CLUSTER = "default"
_PORT = 6443
_READY_WITHIN_S = 30.0
_GONE_WITHIN_S = 20.0
_TOOLS = ("unshare", "nsenter", "setpriv")
_LOG_LINES = 20


class EmulatedFlavor:
    """Clusters without Docker. Implements ``Flavor``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def check(self, wanted: Wanted) -> None:
        if wanted.runtime not in ("", *RUNTIMES):
            raise InvalidInput(
                f"runtime {wanted.runtime!r} is not known",
                hint=f"`--runtime` takes: {', '.join(RUNTIMES)}",
            )
        if wanted.ports:
            raise InvalidInput(
                "ports of a cluster's nodes are published by flavour kind only",
                hint="`--flavor kind`, or `kubectl port-forward`",
            )
        if wanted.runtime == DOCKER:
            with Daemon():
                return
        for tool in _TOOLS:
            if not shutil.which(tool):
                raise Missing(
                    f"pods as processes need `{tool}` (util-linux, Linux only)",
                    hint="use `--runtime docker` or `--flavor kind`, which need Docker instead",
                )

    def create(self, name: str, folder: Path, wanted: Wanted, progress: OnProgress) -> Created:
        images = folder / "images.json"
        if wanted.runtime != DOCKER:
            write_atomically(images, json.dumps(process_images(self._settings, progress)))
        progress(Progress("create", f"cluster {name}", 0, 1))
        process = self._start(name, folder, images, wanted)
        kubeconfig = folder / "server.kubeconfig"

        def serving() -> str:
            if not process.alive():
                reap(process.pid)
                raise Terminal(f"the emulator ended{_last_words(folder)}")
            if not kubeconfig.exists():
                raise NotYet("it does not listen yet")
            return kubeconfig.read_text()

        write_atomically(folder / "process.json", json.dumps(asdict(process)))
        text = poll(serving, what=f"cluster {name} to serve", timeout_s=_READY_WITHIN_S)
        progress(Progress("create", f"cluster {name}", 1, 1))
        return Created(_version(folder), text, process)

    def state(self, name: str) -> str:
        process = self._process(name)
        return "running" if process and process.alive() else "failed"

    def delete(self, name: str) -> None:
        process = self._process(name)
        if process is None or not process.alive():
            return
        os.kill(process.pid, signal.SIGTERM)

        def gone() -> None:
            if process.alive():
                raise NotYet("it runs")

        try:
            poll(gone, what=f"cluster {name} to end", timeout_s=_GONE_WITHIN_S)
        except BaseException:
            os.kill(process.pid, signal.SIGKILL)
            raise
        finally:
            reap(process.pid)

    def load(self, name: str, images: Sequence[str], progress: OnProgress) -> None:  # noqa: ARG002
        file = self._folder(name) / "images.json"
        if not file.exists():
            self._find_all(images)
            return
        known = image_names(read_json(file))
        for each in images:
            if each not in known:
                raise InvalidInput(
                    f"image {each} cannot be loaded: pods of an emulated cluster are processes",
                    hint=f"it has these images: {', '.join(known)}",
                )

    def _find_all(self, images: Sequence[str]) -> None:
        """What containers start from is the local engine's: it is there, or it is nowhere."""
        with Daemon() as daemon:
            for each in images:
                if daemon.image(each) is None:
                    raise NotFound(
                        f"the Docker engine has no image {each}",
                        hint="`spark-testkit images build` makes the engines'",
                    )

    def _start(self, name: str, folder: Path, images: Path, wanted: Wanted) -> ProcessId:
        (folder / "server.kubeconfig").unlink(missing_ok=True)
        arguments = {
            "--name": name,
            "--port": str(_port(name)),
            "--data": str(private_folder(folder / "data")),
            "--kubeconfig": str(folder / "server.kubeconfig"),
            "--nodes": str(wanted.nodes),
            "--runtime": wanted.runtime or PROCESS,
        }
        if wanted.region:
            arguments["--region"] = wanted.region
        if images.exists():
            arguments["--images"] = str(images)
        if wanted.holder:
            arguments["--until-end-of"] = str(wanted.holder.pid)
        argv = [
            *(sys.executable, "-m", "spark_emulators.kubernetes"),
            *(part for pair in arguments.items() for part in pair),
        ]
        return start_detached(argv, log=folder / "log")

    def _process(self, name: str) -> ProcessId | None:
        note = read_json(self._folder(name) / "process.json")
        return ProcessId(**note) if note else None

    def _folder(self, name: str) -> Path:
        return self._settings.state_dir / "clusters" / name


def _port(name: str) -> int:
    if name == DEFAULT_CLUSTER:
        with contextlib.suppress(Missing):
            return ports.require_free(_PORT, service="Kubernetes")
    return ports.free_ports(1)[0]


def _version(folder: Path) -> str:
    """Of the Kubernetes that answers."""
    import base64
    import ssl

    import httpx

    config = json.loads((folder / "server.kubeconfig").read_text())
    cluster = config["clusters"][0]["cluster"]
    authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
    context = ssl.create_default_context(cadata=authority)
    # the user's proxy cannot reach it
    with httpx.Client(verify=context, trust_env=False, timeout=10) as client:
        answer = client.get(f"{cluster['server']}/version").raise_for_status()
    return str(answer.json()["gitVersion"]).removeprefix("v")


def _last_words(folder: Path) -> str:
    lines = (folder / "log").read_text("utf-8", "replace").splitlines()[-_LOG_LINES:]
    return "\n--- last lines of its log ---\n" + "\n".join(lines) if lines else ""
