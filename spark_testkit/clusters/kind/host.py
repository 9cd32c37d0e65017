"""Whether this machine can have kind clusters, and what of it a node must know."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.errors import Missing

__all__ = ["check_docker", "find_go", "withholds_sys_resource"]

_CAP_SYS_RESOURCE = 24
# the first that fetches the newer Go which Kubernetes asks for
_OLDEST_GO = (1, 21)


def withholds_sys_resource(status: str | None = None) -> bool:
    """Whether nobody here may have CAP_SYS_RESOURCE, so that runc needs its stand-in.

    Args:
        status: what ``/proc/self/status`` says; read where None.
    """
    if status is None:
        if sys.platform != "linux":
            return False
        status = Path("/proc/self/status").read_text()
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", status, re.M)
    return found is not None and not int(found[1], 16) >> _CAP_SYS_RESOURCE & 1


def check_docker(daemon: Daemon) -> None:
    """Whether the engine can start a node, which is a privileged container.

    Raises:
        Missing: there is no `docker` for kind to call, or privileged containers cannot start.
    """
    if shutil.which("docker") is None:
        raise Missing(
            "there is no `docker` command, which kind calls",
            hint="install Docker's command line (Debian and Ubuntu: docker.io or docker-cli)",
        )
    with docker_errors("asking Docker for its runtime"):
        runtime = daemon.client.info()["DefaultRuntime"]
    if withholds_sys_resource() and runtime in ("runc", "io.containerd.runc.v2"):
        raise Missing(
            "this machine withholds CAP_SYS_RESOURCE, and Docker's runtime asks for it: "
            "privileged containers, as kind needs them, cannot start",
            hint="make images/kind-node/runc.sh Docker's default-runtime, as .ci/docker does",
        )


def find_go(environ: Mapping[str, str]) -> str:
    """A Go that can build a node's programs.

    Raises:
        Missing: none is on the PATH, or it is too old to fetch the one that is needed.
    """
    program = shutil.which("go", path=environ.get("PATH"))
    oldest = ".".join(map(str, _OLDEST_GO))
    hint = f"install Go {oldest} or newer; it fetches the one that Kubernetes needs by itself"
    if program is None:
        raise Missing("building what kind needs takes Go, which is not installed", hint=hint)
    said = process.run([program, "version"], timeout_s=60).strip()
    version = re.search(r"go(\d+)\.(\d+)", said)
    if version is None or (int(version[1]), int(version[2])) < _OLDEST_GO:
        raise Missing(f"building what kind needs takes a newer Go than {said!r}", hint=hint)
    return program
