"""Which images there are and what goes into each: decided from locks and small files alone.

Every image's identity holds its parent's, so a change of one layer changes it and those above it,
and no other.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.engine.catalogue import EngineSpec, ImageGround, kafka_spec
from spark_testkit.engine.guard import guard_of
from spark_testkit.engine.lockfile import LockedJar, read_kafka_lock, read_lock
from spark_testkit.images import packages
from spark_testkit.images.context import folder_entries
from spark_testkit.images.launching import launch_files
from spark_testkit.images.model import ImageSpec, Part
from spark_testkit.programs import FAKE_GCS_SERVER, MINIO
from spark_testkit.resources import resource

__all__ = [
    "DISTRIBUTION",
    "LAYERS",
    "PROGRAMS",
    "Surroundings",
    "check_layers",
    "plan_images",
]

# from the ground up
LAYERS = (
    "minio",
    "gcs",
    "testkit",
    "spark-base",
    "kafka",
    "spark-runtime",
    "spark-connectors",
    "spark-platform",
    "spark-platform-dev",
)
_STANDS_ON = {
    "kafka": "spark-base",
    "spark-runtime": "spark-base",
    "spark-connectors": "spark-runtime",
    "spark-platform": "spark-connectors",
    "spark-platform-dev": "spark-platform",
}
# the same for all engines
_SHARED = ("minio", "gcs", "testkit", "spark-base", "kafka")
# those that hold a program which has to be built first
PROGRAMS = {"minio": MINIO, "gcs": FAKE_GCS_SERVER}
# what of pyspark's wheel is Spark's distribution; the rest is the Python package
DISTRIBUTION = ("bin", "sbin", "jars", "licenses", "examples", "data")
_LABEL = "org.opencontainers.image"


@dataclass(frozen=True)
class Surroundings:
    """What a plan depends on besides the repository's own files.

    Attributes:
        base_identity: what the base image is made of; empty while nobody knows.
        programs: layer → version of its program, for those of ``PROGRAMS`` that there are.
        certificates: extra authorities by file name (``*.crt``, PEM).
        sources: identity of the toolkit's own Python sources.
    """

    base_identity: str
    programs: Mapping[str, str]
    certificates: Mapping[str, bytes]
    sources: str


def check_layers(wanted: Sequence[str]) -> None:
    """Refuse a layer that there is not.

    Raises:
        InvalidInput: names it and those there are.
    """
    for layer in wanted:
        if layer not in LAYERS:
            raise InvalidInput(
                f"layer {layer!r} is not known", hint=f"allowed: {', '.join(LAYERS)}"
            )


def plan_images(
    spec: EngineSpec,
    ground: ImageGround,
    surroundings: Surroundings,
    *,
    cache_dir: Path,
    layers: Sequence[str] = (),
) -> tuple[ImageSpec, ...]:
    """The images of an engine, each after the one it stands on.

    Args:
        layers: those wanted, and with them what they stand on; all where there is none.

    Raises:
        InvalidInput: no such layer.
    """
    check_layers(layers)
    wanted = set(layers or LAYERS)
    if not layers:
        wanted -= PROGRAMS.keys() - surroundings.programs.keys()
    for layer in reversed(LAYERS):
        if layer in wanted and layer in _STANDS_ON:
            wanted.add(_STANDS_ON[layer])
    planned: dict[str, ImageSpec] = {}
    for layer in LAYERS:
        if layer in wanted:
            parent = planned.get(_STANDS_ON.get(layer, ""))
            planned[layer] = _planned(layer, parent, spec, ground, surroundings, cache_dir)
    return tuple(planned.values())


def _planned(
    layer: str,
    parent: ImageSpec | None,
    spec: EngineSpec,
    ground: ImageGround,
    surroundings: Surroundings,
    cache_dir: Path,
) -> ImageSpec:
    version, moving = {
        **{name: (version, "latest") for name, version in surroundings.programs.items()},
        "testkit": (ground.suite, "latest"),
        "spark-base": (f"java{ground.java}", f"java{ground.java}-latest"),
        "kafka": (kafka_spec().version, "latest"),
        "spark-platform-dev": (f"{spec.pyspark}-dev", f"{spec.version}-dev"),
    }.get(layer, (spec.pyspark, f"{spec.version}-latest"))
    base = parent.moving if parent else ground.base
    return ImageSpec(
        layer=layer,
        repository="spark-platform" if layer == "spark-platform-dev" else layer,
        version=version,
        moving_tag=moving,
        engine=None if layer in _SHARED else spec.version,
        parent=parent.exact if parent else ground.base,
        parts=tuple(_parts(layer, spec, surroundings, cache_dir)),
        build_args={
            "spark-base": {"JAVA_RELEASE": ground.java},
            "spark-runtime": {"PYTHON_RELEASE": ground.python},
        }.get(layer, {}),
        labels={f"{_LABEL}.version": version, f"{_LABEL}.base.name": base},
        ground="" if parent else surroundings.base_identity,
    )


def _parts(
    layer: str, spec: EngineSpec, surroundings: Surroundings, cache_dir: Path
) -> Iterable[Part]:
    yield Part("", f"folder:{layer}", folder_identity(resource(f"images/{layer}")))
    testkit_lock = packages.testkit_lock()
    match layer:
        case "minio" | "gcs":
            yield Part("bin", f"program:{layer}", surroundings.programs[layer])
        case "testkit":
            yield Part("testkit/packages", "testkit-packages", identity(packages.servers_lock()))
            yield Part("testkit/source", "sources", surroundings.sources)
        case "spark-base":
            yield Part("certs", "certificates", identity(surroundings.certificates))
        case "kafka":
            yield Part("jars", "kafka", identity(sorted(map(str, read_kafka_lock()))))
        case "spark-runtime":
            locked = read_lock(spec.version)
            guard = guard_of(spec, locked, cache_dir)
            yield Part("packages", "packages", identity(packages.engine_lock(spec)))
            yield Part("spark", "spark", identity((spec.pyspark, DISTRIBUTION)))
            yield Part("spark/jars", "connect", identity(connect_jars(spec, locked)))
            yield Part("spark/jars", "guard", guard.jar.stem if guard else "")
            yield Part("launch", "launch", identity(launch_files(spec)))
        case "spark-connectors":
            jars = read_lock(spec.version)
            yield Part("jars", "connectors", identity(sorted(map(str, jars))))
            yield Part("launch", "connectors-classpath", "")
        case "spark-platform":
            yield Part("platform", "rooms", "jars python init.d conf")
        case "spark-platform-dev":
            beside = packages.beside(testkit_lock, packages.engine_lock(spec))
            yield Part("testkit/packages", "dev-packages", identity(beside))
            yield Part("testkit/source", "sources", surroundings.sources)
    if layer != "spark-base":
        yield Part("sbom", "sbom", "1")


def connect_jars(spec: EngineSpec, locked: Iterable[LockedJar]) -> list[LockedJar]:
    """The jars of a Connect that its Spark does not bring: Spark's own, not connectors."""
    wanted = spec.connectors.get("connect", ())
    return [jar for jar in locked if jar.coordinate in wanted]


def identity(value: object) -> str:
    """A hash of a value's text."""
    return hashlib.sha256(repr(value).encode()).hexdigest()[:20]


def folder_identity(folder: Path, *, without: Sequence[str] = ()) -> str:
    """A hash of a folder's files, their names and whether they may be run."""
    digest = hashlib.sha256()
    for entry in folder_entries(folder, without=without):
        assert isinstance(entry.content, Path)
        content = hashlib.sha256(entry.content.read_bytes()).hexdigest()
        digest.update(f"{entry.path}\n{entry.executable}\n{content}\n".encode())
    return digest.hexdigest()[:20]
