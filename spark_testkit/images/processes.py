"""Images for pods that are processes: an engine's, and that of the toolkit's own servers.

An engine's is folders laid over this machine's own: they hold the same jars, scripts and entrypoint
at the same places as the container image does.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from spark_testkit.engine import Engine, engine_spec, engine_specs, install, is_installed
from spark_testkit.engine.progress import OnProgress, silent
from spark_testkit.images.launching import launch_files
from spark_testkit.resources import resource
from spark_testkit.settings import Settings

__all__ = ["image_names", "process_images"]

_SPARK = "/opt/spark"
_PLATFORM = "/opt/platform"
_SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_PACKAGES = ("spark_testkit", "spark_emulators", "spark_platform")
_SCRIPTS = ("entrypoint.sh", "decom.sh")
# a pod has its own: what lies there on this machine has to be laid into it
_PRIVATE = ("/tmp", "/run", "/dev")  # noqa: S108


def process_images(settings: Settings, progress: OnProgress = silent) -> list[dict[str, Any]]:
    """The emulator's description of all images that a cluster has.

    Of the default engine, of those that are installed anyway, and of the toolkit's servers.

    Args:
        progress: told how the default engine is installed where it is not.
    """
    default = engine_spec().version
    engines = (
        install(version, settings, progress=progress)
        for version in engine_specs()
        if version == default or is_installed(version, settings)
    )
    return [*(_spark_image(each, settings) for each in engines), _testkit_image()]


def _spark_image(engine: Engine, settings: Settings) -> dict[str, Any]:
    """The emulator's description of an engine's image; what it names is made where it is absent."""
    folder = _have_folder(engine, settings)
    java = engine.java.binary.parent
    python_path = [f"{_PLATFORM}/python", *map(str, engine.python_path)]
    folders = {
        _SPARK: str(folder / "spark"),
        _PLATFORM: str(folder / "platform"),
        **{f"/opt/{name}": str(folder / name) for name in _SCRIPTS},
        **_hidden((settings.cache_dir, engine.spark_home, *engine.python_path)),
    }
    repository = engine.spec.image.rpartition(":")[0]
    return {
        "names": [engine.spec.image, f"{repository}:{engine.spec.pyspark}*"],
        "entrypoint": ["/opt/entrypoint.sh"],
        "working_dir": f"{_SPARK}/work-dir",
        "environment": {
            "SPARK_HOME": _SPARK,
            "JAVA_HOME": str(java.parent),
            "PATH": f"{_SPARK}/bin:{java}:{_SYSTEM_PATH}",
            "PYSPARK_PYTHON": sys.executable,
            "PYTHONPATH": ":".join(python_path),
            "SPARK_DIST_CLASSPATH": f"{_PLATFORM}/jars/*",
        },
        "folders": folders,
    }


def _testkit_image() -> dict[str, Any]:
    """The emulator's description of the image ``testkit``: this Python with this toolkit."""
    found = (importlib.util.find_spec(name) for name in _PACKAGES)
    sources = {Path(spec.origin).parents[1] for spec in found if spec and spec.origin}
    return {
        "names": ["testkit:latest", "testkit:*"],
        "entrypoint": [sys.executable],
        "working_dir": "/",
        "environment": {"PATH": _SYSTEM_PATH, "PYTHONPATH": ":".join(sorted(map(str, sources)))},
        "folders": _hidden(sources),
    }


def image_names(images: Any) -> list[str]:
    """The moving tags of a cluster's images."""
    return [each["names"][0] for each in images or ()]


def _hidden(wanted: Iterable[Path]) -> dict[str, str]:
    """Those, and Python's, that lie where pods have folders of their own."""
    private = tuple(Path(each) for each in _PRIVATE)
    needed = {*wanted, Path(sys.prefix), Path(sys.base_prefix)}
    return {
        str(path): str(path)
        for path in sorted(needed)
        if any(path.is_relative_to(each) for each in private)
    }


def _have_folder(engine: Engine, settings: Settings) -> Path:
    links, texts = _links(engine), _texts(engine)
    shown = repr((sorted(links.items()), sorted(texts.items())))
    name = f"{engine.spec.pyspark}-{hashlib.sha256(shown.encode()).hexdigest()[:12]}"
    folder = settings.cache_dir / "rootfs" / name
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Path(temporary) / "made"
        _fill(made, engine, links, texts)
        made.chmod(0o755)
        try:
            made.rename(folder)
        except OSError:
            # somebody else made it meanwhile
            if not folder.is_dir():
                raise
    return folder


def _links(engine: Engine) -> dict[str, Path]:
    home = engine.spark_home
    found = {f"spark/jars/{jar.name}": jar for jar in engine.jars}
    for name in ("examples", "data"):
        if (home / name).is_dir():
            found[f"spark/{name}"] = home / name
    return found


def _texts(engine: Engine) -> dict[str, bytes]:
    runtime = resource("images/spark-runtime")
    listed = "".join(f"{_SPARK}/jars/{jar.name}\n" for jar in engine.jars)
    return {
        **{name: (runtime / name).read_bytes() for name in _SCRIPTS},
        **{f"spark/launch/{each.name}": each.read_bytes() for each in _files(runtime / "launch")},
        **{f"spark/launch/{name}": data for name, data in launch_files(engine.spec).items()},
        "spark/launch/classpath/10-spark": listed.encode(),
    }


def _files(folder: Path) -> Sequence[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _fill(
    made: Path, engine: Engine, links: Mapping[str, Path], texts: Mapping[str, bytes]
) -> None:
    for name in ("bin", "sbin"):
        shutil.copytree(engine.spark_home / name, made / "spark" / name)
        for script in (made / "spark" / name).iterdir():
            # a wheel's installer need not keep who may run a file
            script.chmod(0o755)
    rooms = ("spark/conf", "spark/work-dir", "spark/python", "spark/jars")
    for room in (*rooms, *(f"platform/{each}" for each in ("jars", "python", "init.d", "conf"))):
        (made / room).mkdir(parents=True, exist_ok=True)
    for name, target in links.items():
        os.symlink(target, made / name)
    for name, data in texts.items():
        file = made / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        file.chmod(0o755 if file.suffix == ".sh" else 0o644)
