"""The text of ``images/locks``: which jars an engine needs, to the byte. Knows no registry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from spark_platform.kernel.errors import InvalidInput
from spark_testkit.engine.catalogue import Coordinate
from spark_testkit.resources import resource

__all__ = [
    "KAFKA_LOCK",
    "LockedJar",
    "format_lock",
    "parse_lock",
    "read_guard_lock",
    "read_kafka_lock",
    "read_lock",
]

# the name that stands for Kafka where a lock is otherwise an engine's
KAFKA_LOCK = "kafka"

_LINE = re.compile(r"(?P<coordinate>\S+)  sha256:(?P<sha256>[0-9a-f]{64})  (?P<size>[0-9]+)")


@dataclass(frozen=True, order=True)
class LockedJar:
    """One jar of a lock.

    Attributes:
        coordinate: which jar.
        sha256: what its bytes must hash to, in hex.
        size_bytes: how many there are.
    """

    coordinate: Coordinate
    sha256: str
    size_bytes: int

    def __str__(self) -> str:
        return f"{self.coordinate}  sha256:{self.sha256}  {self.size_bytes}"


def parse_lock(text: str) -> tuple[LockedJar, ...]:
    """Read a lock's lines, in the order they stand: that order is the class path's.

    Raises:
        InvalidInput: a line has another shape, or two lines name one module.
    """
    jars: dict[tuple[str, str], LockedJar] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line or line.startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise InvalidInput(
                f"line {number} of the lock is not `group:artifact:version  sha256:HEX  SIZE`: "
                f"{line!r}"
            )
        coordinate = Coordinate.parse(match["coordinate"])
        module = (coordinate.group, coordinate.artifact)
        if module in jars:
            raise InvalidInput(
                f"line {number} of the lock has {coordinate} beside {jars[module].coordinate}: "
                "one module, one version"
            )
        jars[module] = LockedJar(coordinate, match["sha256"], int(match["size"]))
    return tuple(jars.values())


def format_lock(jars: Iterable[LockedJar]) -> str:
    """A lock's text: one line a jar, sorted."""
    return "".join(f"{jar}\n" for jar in sorted(jars))


def read_lock(version: str) -> tuple[LockedJar, ...]:
    """The committed lock of an engine."""
    return parse_lock(resource(f"images/locks/{version}.lock").read_text("utf-8"))


def read_guard_lock(version: str) -> tuple[LockedJar, ...]:
    """The committed lock of what compiles a guarded engine's guard."""
    return parse_lock(resource(f"images/locks/{version}-guard.lock").read_text("utf-8"))


def read_kafka_lock() -> tuple[LockedJar, ...]:
    """The committed lock of the Kafka broker."""
    return read_lock(KAFKA_LOCK)
