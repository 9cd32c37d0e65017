"""The engines that exist, as data: ``images/engines.toml`` read into frozen values."""

from __future__ import annotations

import difflib
import importlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.resources import resource

__all__ = [
    "Coordinate",
    "EngineSpec",
    "ImageGround",
    "KafkaSpec",
    "KindSpec",
    "default_version",
    "engine_spec",
    "engine_specs",
    "image_ground",
    "kafka_spec",
    "kind_spec",
]


@dataclass(frozen=True, order=True)
class Coordinate:
    """One jar's name in the Maven world.

    Attributes:
        classifier: which of a module's jars, such as ``shaded``; empty for the usual one.
    """

    group: str
    artifact: str
    version: str
    classifier: str = ""

    @classmethod
    def parse(cls, text: str) -> Coordinate:
        """Read ``group:artifact:version[:classifier]``.

        Raises:
            InvalidInput: ``text`` has another shape.
        """
        parts = text.split(":")
        if len(parts) not in (3, 4) or not all(parts):
            raise InvalidInput(
                f"a coordinate is group:artifact:version or "
                f"group:artifact:version:classifier, not {text!r}"
            )
        return cls(*parts)

    def __str__(self) -> str:
        return ":".join(filter(None, (self.group, self.artifact, self.version, self.classifier)))

    @property
    def file_name(self) -> str:
        """The jar's conventional file name."""
        return "-".join(filter(None, (self.artifact, self.version, self.classifier))) + ".jar"


@dataclass(frozen=True)
class ImageGround:
    """What every image stands on.

    Attributes:
        base: the image that Dockerfiles start from.
        suite: the Debian release that stands in where ``base`` cannot be had.
        java, python, glibc: the releases of that Debian.
    """

    base: str
    suite: str
    java: str
    python: str
    glibc: str


@dataclass(frozen=True)
class KafkaSpec:
    """The Kafka broker of stacks; it belongs to no engine.

    Attributes:
        version: Kafka's release.
        java_minimum: the oldest Java feature release it starts on.
        image: the container image that holds the same bits.
        jars: the coordinates asked for.
    """

    version: str
    java_minimum: int
    image: str
    jars: tuple[Coordinate, ...]


@dataclass(frozen=True)
class KindSpec:
    """What clusters of kind are made of; all of it are versions but ``node``.

    Attributes:
        kind: the program that makes them.
        node: the node's image where it can be had.
        kubernetes, etcd, coredns, pause: what a node is built from where it cannot.
    """

    kind: str
    node: str
    kubernetes: str
    etcd: str
    coredns: str
    pause: str


@dataclass(frozen=True)
class EngineSpec:
    """One engine, before anything of it is installed.

    Attributes:
        version: the name users give, such as ``4.1``.
        pyspark: the exact pyspark release that is its SPARK_HOME.
        scala: Scala's binary version, part of the connectors' names.
        hadoop: the Hadoop inside that pyspark; ``hadoop-aws`` must equal it.
        java_minimum: the oldest Java feature release it starts on.
        java_tested: the Java feature releases it is tested on.
        python_minimum, python_maximum: the Python releases its workers run on, both included.
        image: the container image that holds the same bits.
        image_python: limits on the Python packages beside PySpark in that image.
        connectors: purpose (``iceberg``, ``s3``, …) to the coordinates asked for.
        provided: ``group:artifact`` of modules the connectors must not bring.
        guard_compiler: what compiles the guard of Connect; None where Spark needs no guard.
    """

    version: str
    pyspark: str
    scala: str
    hadoop: str
    java_minimum: int
    java_tested: tuple[int, ...]
    python_minimum: tuple[int, int]
    python_maximum: tuple[int, int]
    image: str
    image_python: tuple[str, ...]
    connectors: Mapping[str, tuple[Coordinate, ...]]
    provided: tuple[str, ...]
    guard_compiler: Coordinate | None

    @property
    def dev_image(self) -> str:
        """The image's development flavour, which holds a local S3 and a mock Unity Catalog too."""
        return f"{self.image.rpartition(':')[0]}:{self.version}-dev"

    def supports_python(self, release: tuple[int, int]) -> bool:
        """Whether Python workers of this engine run on a Python ``(major, minor)``."""
        return self.python_minimum <= release <= self.python_maximum


@lru_cache(maxsize=1)
def _document() -> Mapping[str, Any]:
    toml = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")
    document: dict[str, Any] = toml.loads(resource("images/engines.toml").read_text("utf-8"))
    return document


def _release(text: str) -> tuple[int, int]:
    major, minor = text.split(".")
    return int(major), int(minor)


def _spec(version: str, table: Mapping[str, Any]) -> EngineSpec:
    guard = table.get("connect_guard")
    return EngineSpec(
        version=version,
        pyspark=table["pyspark"],
        scala=table["scala"],
        hadoop=table["hadoop"],
        java_minimum=table["java"]["minimum"],
        java_tested=tuple(table["java"]["tested"]),
        python_minimum=_release(table["python"]["minimum"]),
        python_maximum=_release(table["python"]["maximum"]),
        image=table["image"],
        image_python=tuple(table["image_python"]),
        connectors=MappingProxyType(
            {
                purpose: tuple(Coordinate.parse(text) for text in coordinates)
                for purpose, coordinates in table["connectors"].items()
            }
        ),
        provided=tuple(table["provided"]),
        guard_compiler=Coordinate.parse(guard["compiler"]) if guard else None,
    )


@lru_cache(maxsize=1)
def engine_specs() -> Mapping[str, EngineSpec]:
    """Every engine by version, newest first."""
    specs = {version: _spec(version, table) for version, table in _document()["engines"].items()}
    ordered = sorted(specs, key=_release, reverse=True)
    return MappingProxyType({version: specs[version] for version in ordered})


@lru_cache(maxsize=1)
def image_ground() -> ImageGround:
    """What images are made on."""
    return ImageGround(**_document()["images"])


@lru_cache(maxsize=1)
def kafka_spec() -> KafkaSpec:
    """Which Kafka stacks run."""
    table = _document()["kafka"]
    return KafkaSpec(**{**table, "jars": tuple(map(Coordinate.parse, table["jars"]))})


@lru_cache(maxsize=1)
def kind_spec() -> KindSpec:
    """What clusters of kind are made of."""
    return KindSpec(**_document()["kind"])


def default_version() -> str:
    """The engine used where nobody names one."""
    version: str = _document()["default"]
    return version


def engine_spec(version: str | None = None) -> EngineSpec:
    """The engine of that version.

    Args:
        version: such as ``4.1``; the default engine when None.

    Raises:
        InvalidInput: no such engine; lists those there are and the nearest.
    """
    specs = engine_specs()
    wanted = default_version() if version is None else version
    if wanted in specs:
        return specs[wanted]
    nearest = difflib.get_close_matches(wanted, specs, n=1, cutoff=0.0)
    raise InvalidInput(
        f"engine version {wanted!r} is not known; allowed: {', '.join(specs)}",
        hint=f"did you mean {nearest[0]!r}?" if nearest else "",
    )
