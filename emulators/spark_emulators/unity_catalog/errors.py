"""The catalog's errors: the kernel's classes, cut finer where clients tell cases apart."""

from __future__ import annotations

from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound

__all__ = [
    "AlreadyExists",
    "CommitFailed",
    "CommitVersionConflict",
    "FailedPrecondition",
    "NoSuch",
    "NoSuchView",
    "NotEmpty",
    "RequirementConflict",
    "TooMany",
    "Unprocessable",
    "Unsupported",
    "UnsupportedTableFormat",
]


class NoSuch(NotFound):
    """There is nothing of that kind and name.

    Args:
        kind: of what is missing: of a table in no schema, the schema.
    """

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(f"{kind.noun} {name} does not exist")
        self.kind = kind


class NoSuchView(NotFound):
    """The schema has no such view."""


class AlreadyExists(Conflict):
    """The name is taken.

    Args:
        kind: of what has it.
    """

    def __init__(self, kind: Kind, name: str) -> None:
        super().__init__(f"{kind.noun} {name} already exists")
        self.kind = kind


class NotEmpty(Conflict):
    """What holds others cannot be dropped.

    Args:
        kind: of what was to be dropped.
    """

    def __init__(self, kind: Kind, name: str, *, hint: str = "") -> None:
        super().__init__(f"{kind.noun} {name} is not empty", hint=hint)
        self.kind = kind


class FailedPrecondition(Conflict):
    """The thing is not in the state that the request needs."""


class CommitFailed(Conflict):
    """Nothing was changed: the table is not what the writer believed. It may refresh and retry."""


class CommitVersionConflict(Conflict):
    """The version is taken by another commit: read it, and commit on top of it."""


class RequirementConflict(Conflict):
    """The table is not what the writer requires it to be: load it, and try again."""


class TooMany(Conflict):
    """A limit is reached: something has to be done before there can be more."""


class Unprocessable(InvalidInput):
    """The parts of the request contradict each other."""


class Unsupported(InvalidInput):
    """Right by its specification, but not served here."""


class UnsupportedTableFormat(InvalidInput):
    """The table is of another format than the API is for: another API has it."""
