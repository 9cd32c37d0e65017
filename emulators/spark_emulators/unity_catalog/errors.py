"""The catalog's errors: the kernel's classes, cut finer where Iceberg clients tell cases apart."""

from __future__ import annotations

from spark_platform.kernel.errors import Conflict, InvalidInput, NotFound

__all__ = [
    "AlreadyExists",
    "CommitFailed",
    "NamespaceNotEmpty",
    "NoSuchNamespace",
    "NoSuchTable",
    "NoSuchView",
    "NoSuchWarehouse",
    "Unprocessable",
    "Unsupported",
]


class NoSuchWarehouse(NotFound):
    """No catalog of that name is served here."""


class NoSuchNamespace(NotFound):
    """The catalog has no such schema."""


class NoSuchTable(NotFound):
    """The schema has no such table, or there is no such schema."""


class NoSuchView(NotFound):
    """There is no such view; there never is one."""


class AlreadyExists(Conflict):
    """The name is taken."""


class NamespaceNotEmpty(Conflict):
    """A schema with tables in it cannot be dropped."""


class CommitFailed(Conflict):
    """Nothing was changed: the table is not what the writer believed. It may refresh and retry."""


class Unprocessable(InvalidInput):
    """The parts of the request contradict each other."""


class Unsupported(InvalidInput):
    """Right by the Iceberg specification, but not served here."""
