"""The image that Dockerfiles start from: one that is here, or a registry's, or made of packages.

Where no registry can be reached, mmdebstrap makes the same small Debian from Debian's packages.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from spark_platform.kernel import process
from spark_platform.kernel.docker.daemon import Daemon, docker_errors
from spark_platform.kernel.errors import CommandFailed, Missing
from spark_testkit.engine.catalogue import ImageGround

__all__ = ["base_identity", "ensure_base"]

_TIMEOUT_S = 900
# as Debian's own slim images leave out; licences stay
_LEFT_OUT = (
    "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",
    "path-exclude=/usr/share/doc/*",
    "path-include=/usr/share/doc/*/copyright",
)


def base_identity(daemon: Daemon, ground: ImageGround) -> str:
    """What the base image is made of, by its layers; empty where there is no such image here."""
    image = daemon.image(ground.base)
    if image is None:
        return ""
    return hashlib.sha256(json.dumps(image["RootFS"]["Layers"]).encode()).hexdigest()[:20]


def ensure_base(
    daemon: Daemon, ground: ImageGround, on_line: Callable[[str], None], *, fresh: bool = False
) -> str:
    """Have the base image and say what it is made of.

    Args:
        fresh: get it anew, also where there is one.

    Raises:
        Missing: it is not here, no registry gave it and mmdebstrap is not installed.
        CommandFailed: mmdebstrap could not get Debian's packages.
    """
    if not fresh and (found := base_identity(daemon, ground)):
        return found
    on_line(f"pulling {ground.base}")
    if not daemon.pull(ground.base):
        _bootstrap(daemon, ground, on_line)
    return base_identity(daemon, ground)


def _bootstrap(daemon: Daemon, ground: ImageGround, on_line: Callable[[str], None]) -> None:
    if sys.platform != "linux" or shutil.which("mmdebstrap") is None:
        raise Missing(
            f"the base image {ground.base} is not here, no registry gave it, and mmdebstrap, "
            "which would make it from Debian's packages, is not installed",
            hint="apt-get install mmdebstrap; or `docker load` the image",
        )
    on_line(f"{ground.base} from Debian's packages, about 20 s")
    with tempfile.TemporaryDirectory() as folder:
        tar = Path(folder) / "base.tar"
        options = [f"--dpkgopt={each}" for each in _LEFT_OUT]
        try:
            process.run(
                ["mmdebstrap", "--variant=minbase", *options, ground.suite, str(tar)],
                # the same packages, the same bytes
                env={**os.environ, "SOURCE_DATE_EPOCH": "315532800", "TMPDIR": folder},
                timeout_s=_TIMEOUT_S,
                on_line=on_line,
                dies_with_caller=True,
            )
        except CommandFailed as error:
            raise CommandFailed(
                error.argv,
                error.returncode,
                error.output,
                hint="can this machine reach a Debian mirror? `apt-get update` tells",
            ) from error
        repository, _, tag = ground.base.rpartition(":")
        with docker_errors(f"importing {ground.base}"):
            daemon.client.api.import_image_from_file(str(tar), repository, tag)
