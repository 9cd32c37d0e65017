"""A file → a manifest, or everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from spark_platform.dcp.document import Document, compose
from spark_platform.dcp.manifest import KINDS, ContinuousJob, CoreETLJob
from spark_platform.dcp.parts import not_of
from spark_platform.dcp.problems import BadManifest, Path, Problem, dotted, nearest

__all__ = ["examine", "load"]

_KIND: Path = ("kind",)
# of what stands there nothing is shown: it might be a secret itself
_SECRETS: Path = ("spec", "secrets")


def load(source: bytes | str, *, engines: Collection[str] = ()) -> CoreETLJob | ContinuousJob:
    """Read a manifest.

    Args:
        source: the content of a YAML file.
        engines: the versions there are; where none is named, any will do.

    Raises:
        BadManifest: it has every fault, with its place.
    """
    return examine(source, engines=engines)[0]


def examine(
    source: bytes | str, *, engines: Collection[str] = ()
) -> tuple[CoreETLJob | ContinuousJob, Document]:
    """Read a manifest, and where each of its values stands. Arguments and errors as of ``load``."""
    document = compose(source)
    given = document.value
    if not isinstance(given, Mapping):
        wanted = Problem("is no manifest", hint="keys: apiVersion, kind, metadata, spec")
        raise BadManifest([document.placed(wanted, ())])
    kind = given.get("kind")
    known = kind in KINDS if isinstance(kind, str) else False
    # of an unknown kind, too, the rest is looked at
    model = KINDS[str(kind) if known else nearest(str(kind), KINDS) or CoreETLJob.__name__]
    found: list[tuple[Path, Mapping[str, Any]]] = []
    manifest = None
    try:
        manifest = model.model_validate(given, context={"engines": tuple(engines)})
    except ValidationError as error:
        found = [(each["loc"], each["ctx"]) for each in error.errors(include_url=False)]
    if not known:
        found = [(path, told) for path, told in found if path != _KIND or "kind" not in given]
        if "kind" in given:
            found.append((_KIND, not_of(kind, tuple(KINDS)).context or {}))
    problems = _problems(document, found)
    if manifest is None or problems:
        raise BadManifest(problems)
    return manifest, document


def _problems(document: Document, found: list[tuple[Path, Mapping[str, Any]]]) -> list[Problem]:
    """All faults in the order of the file; of one value, its first."""
    # a key that should not be, and what is no reference: that is said instead of all else
    first = {path for path, told in found if _leads(path, told)}
    spoilt = {path: each for path, each in document.spoilt.items() if not first & _above(path)}
    problems = [*document.faults, *spoilt.values()]
    for path, told in found:
        if _leads(path, told) or not _above(path) & (first | spoilt.keys()):
            problems.append(_problem(document, path, told))
    discreet = (
        replace(each, excerpt="", value=None) if each.path.startswith(dotted(_SECRETS)) else each
        for each in problems
    )
    return sorted(discreet, key=lambda problem: (problem.line, problem.column))


def _leads(path: Path, told: Mapping[str, Any]) -> bool:
    return bool(told.get("at_key")) or path[: len(_SECRETS)] == _SECRETS


def _above(path: Path) -> set[Path]:
    """A path and all that it leads through."""
    return {path[:length] for length in range(len(path) + 1)}


def _problem(document: Document, path: Path, told: Mapping[str, Any]) -> Problem:
    known = document.known(path)
    value = _value(document.value, known)
    if not isinstance(value, Mapping | list):
        # a text that stands for a mapping has no keys to name
        path = known
    at_key = told.get("at_key", False)
    single = path == known and isinstance(value, str | int) and not at_key
    problem = Problem(
        message=told["message"],
        hint=told["hint"],
        value=_written(value) if single else None,
        allowed=told.get("allowed", ()),
        suggestion=told.get("suggestion", ""),
    )
    return document.placed(problem, path, at_key=at_key)


def _value(given: Any, path: Path) -> Any:
    for part in path:
        given = given[part]
    return given


def _written(value: str | int) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
