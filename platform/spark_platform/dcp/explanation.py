"""What a manifest means: each value it has in the end, and where that comes from. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

from spark_platform.dcp.document import Document
from spark_platform.dcp.manifest import ContinuousJob, CoreETLJob
from spark_platform.dcp.problems import Path, dotted

__all__ = ["Meaning", "meanings"]


@dataclass(frozen=True)
class Meaning:
    """One value of a manifest.

    Attributes:
        path: where it belongs, such as ``spec.resources.driver.memory``.
        value: text, a number; None, an empty list or mapping where there is nothing.
        source: whether the file says it.
        line: where in the file, from 1; None for a default.
    """

    path: str
    value: Any
    source: Literal["file", "default"]
    line: int | None


def meanings(manifest: CoreETLJob | ContinuousJob, document: Document) -> list[Meaning]:
    """Every value of a manifest, in the order of its fields.

    Args:
        document: what the manifest was read from.
    """
    return [*_meanings(manifest.model_dump(mode="json", by_alias=True), (), document)]


def _meanings(value: Any, path: Path, document: Document) -> Iterator[Meaning]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            # of a dataset, what it is not is of no interest
            if inner is not None or not _in_list(path):
                yield from _meanings(inner, (*path, key), document)
    elif isinstance(value, list) and value:
        for index, inner in enumerate(value):
            yield from _meanings(inner, (*path, index), document)
    else:
        line = document.line(path)
        if line is None and _in_list(path[:-1]):
            # a dataset that is a text alone, which has no keys
            line = document.line(path[:-1])
        yield Meaning(dotted(path), value, "default" if line is None else "file", line)


def _in_list(path: Path) -> bool:
    return bool(path) and isinstance(path[-1], int)
