"""Build images: a thin shell around ``plan``, one build at a time per cache.

An image whose exact tag exists is not built again: the tag is a hash of all that goes into it.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.docker.daemon import Daemon
from spark_platform.kernel.errors import InvalidInput, Missing
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine import EngineSpec, OnProgress, Progress
from spark_testkit.engine.catalogue import image_ground
from spark_testkit.engine.storage import disk_full_explained, exclusive
from spark_testkit.images.base import base_identity, ensure_base
from spark_testkit.images.context import write_context
from spark_testkit.images.materials import Materials, program_versions, sources_identity
from spark_testkit.images.model import ImageSpec
from spark_testkit.images.plan import PROGRAMS, Surroundings, check_layers, plan_images
from spark_testkit.images.sbom import sbom
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["Built", "build", "certificates_in", "planned", "sbom_path"]

# a first build with its downloads on a slow line
_LOCK_TIMEOUT_S = 3600.0


@dataclass(frozen=True)
class Built:
    """An image that is there.

    Attributes:
        spec: what it was built from.
        image_id: the engine's name for it.
        size_bytes: all of it.
        own_bytes: what it adds to the image it stands on.
        elapsed_s: what it took; 0 where it was there already.
        sbom: the file that says what is inside.
    """

    spec: ImageSpec
    image_id: str
    size_bytes: int
    own_bytes: int
    elapsed_s: float
    sbom: Path


def certificates_in(folder: Path | None) -> Mapping[str, bytes]:
    """The extra authorities in a folder: files ``*.crt`` in PEM.

    Raises:
        InvalidInput: the folder is not there or has none, or a file is not PEM.
    """
    if folder is None:
        return {}
    found = {path.name: path.read_bytes() for path in sorted(folder.glob("*.crt"))}
    if not found:
        raise InvalidInput(
            f"there is no *.crt file in {folder}", hint="one certificate a file, PEM"
        )
    for name, content in found.items():
        if b"-----BEGIN CERTIFICATE-----" not in content:
            raise InvalidInput(f"{folder / name} is not a certificate in PEM")
    return found


def planned(
    spec: EngineSpec,
    settings: Settings,
    base: str,
    *,
    layers: Sequence[str] = (),
    certificates: Mapping[str, bytes] | None = None,
) -> tuple[ImageSpec, ...]:
    """The images of an engine as they would be built now, on a base of that identity."""
    surroundings = Surroundings(
        base, program_versions(settings), certificates or {}, sources_identity()
    )
    for layer in PROGRAMS.keys() & set(layers) - surroundings.programs.keys():
        program = PROGRAMS[layer]
        raise Missing(
            f"there is no {program.title} in the cache to put into the image",
            hint=f"`make {program.target}`",
        )
    return plan_images(
        spec, image_ground(), surroundings, cache_dir=settings.cache_dir, layers=layers
    )


def build(
    spec: EngineSpec,
    settings: Settings,
    *,
    layers: Sequence[str] = (),
    certificates: Mapping[str, bytes] | None = None,
    fresh: bool = False,
    progress: OnProgress,
) -> tuple[Built, ...]:
    """Have the images of an engine, and with them those they stand on.

    Args:
        layers: those wanted; all where there is none.
        certificates: extra authorities that the images shall trust.
        fresh: build anew what is there, the base image too, on Debian's packages of today.

    Raises:
        InvalidInput: no such layer.
        Missing: no Docker engine, no base image, no program where its image is wanted.
        Terminal: a build failed, or a disk is full.
        TimedOut: another process has been building for too long.
    """
    check_layers(layers)

    def tell(step: str, detail: str, done: int = 0) -> None:
        progress(Progress(step, detail, done, 1))

    with (
        Daemon() as daemon,
        disk_full_explained(settings.cache_dir),
        exclusive(
            settings.cache_dir / "images.lock",
            purpose=f"building images of engine {spec.version}",
            timeout_s=_LOCK_TIMEOUT_S,
            on_wait=lambda holder: tell("wait", f"for {holder}"),
        ),
    ):
        known = "" if fresh else base_identity(daemon, image_ground())
        if not known:
            known = ensure_base(
                daemon, image_ground(), lambda line: tell("base", line), fresh=fresh
            )
            tell("base", image_ground().base, 1)
        images = planned(spec, settings, known, layers=layers, certificates=certificates)
        built = []
        for image in images:
            materials = Materials(
                spec,
                settings,
                machine=daemon.machine,
                certificates=certificates or {},
                on_line=lambda line, layer=image.layer: tell(layer, line),  # type: ignore[misc]
            )
            done = _one(daemon, image, materials, settings, fresh, tell)
            built.append(done)
            tell(image.layer, f"{image.exact}  {done.own_bytes / 1e6:.0f} MB", 1)
    return tuple(built)


def _one(
    daemon: Daemon,
    image: ImageSpec,
    materials: Materials,
    settings: Settings,
    fresh: bool,
    tell: Callable[[str, str], None],
) -> Built:
    begun = time.monotonic()
    present = daemon.image(image.exact)
    elapsed_s = 0.0
    if present is None or fresh:
        tell(image.layer, "gathering what goes in")
        with tempfile.TemporaryFile() as context:
            write_context(materials.context(image), context)
            context.seek(0)
            daemon.build(
                context,
                tag=image.exact,
                build_args={"BASE_IMAGE": image.parent, **image.build_args},
                labels={**image.labels, **_revision()},
                fresh=fresh,
                on_line=lambda line: tell(image.layer, line),
            )
        elapsed_s = time.monotonic() - begun
        present = daemon.image(image.exact)
        assert present is not None, "the engine has what it has just built"
    daemon.tag(image.exact, image.moving)
    parent = daemon.image(image.parent)
    list_of_parts = sbom_path(settings, image)
    if elapsed_s or not list_of_parts.exists():
        content = json.dumps(sbom(daemon, image.exact), indent=1)
        write_atomically(list_of_parts, content, mode=0o644)
    size = int(present["Size"])
    own = size - (int(parent["Size"]) if parent else 0)
    return Built(image, present["Id"], size, own, elapsed_s, list_of_parts)


def sbom_path(settings: Settings, image: ImageSpec) -> Path:
    """Where the list of an image's contents is kept."""
    return settings.cache_dir / "images" / "sbom" / f"{image.exact.replace(':', '-')}.cdx.json"


def _revision() -> dict[str, str]:
    """The commit that the images are built from, where they are built in a checkout."""
    folder = resource("images/engines.toml").parent
    try:
        found = subprocess.run(
            ["git", "rev-parse", "HEAD"],
            cwd=folder,
            env={**os.environ, "LC_ALL": "C"},
            capture_output=True,
            text=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return {}
    commit = found.stdout.strip()
    return {"org.opencontainers.image.revision": commit} if found.returncode == 0 else {}
