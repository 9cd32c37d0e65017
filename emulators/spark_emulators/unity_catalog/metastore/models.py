"""Registered models and their versions, which are numbered and become ready once uploaded."""

from __future__ import annotations

import dataclasses
import re
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.tables import managed_folder
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_platform.kernel.errors import InvalidInput, NotFound

__all__ = ["PENDING", "READY", "Models", "version_of"]

PENDING, READY = "PENDING_REGISTRATION", "READY"
_LAST, _STATUS, _ALIASES = "last_version", "status", "aliases"
_DIGITS = 10
Aliases = dict[str, int]
_VERSION = re.compile(r"[1-9][0-9]{0,9}")


def version_of(version: Securable) -> int:
    """A version's number."""
    return int(version.name)


class Models:
    """Makes models and versions."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def create(self, names: Sequence[str], comment: str | None) -> Place:
        """Make a model without versions.

        Raises:
            InvalidInput: the name is not allowed, or the catalog has no storage.
            NoSuch: the schema is missing.
            AlreadyExists: the name is taken.
        """
        schema = self._objects.may_create(Kind.MODEL, names)
        id = str(uuid.uuid4())
        return self._objects.securables.create(
            Kind.MODEL,
            names,
            id=id,
            comment=comment,
            storage_location=f"{managed_folder(schema)}/models/{id}",
            details={_LAST: 0, _ALIASES: {}},
        )

    def create_version(
        self, names: Sequence[str], comment: str | None, details: Mapping[str, Any]
    ) -> Place:
        """Give a model its next version, whose files are still to be uploaded.

        Args:
            details: where it comes from, as the API spells it.

        Raises:
            NoSuch: the model is missing.
        """

        def counted(model: Securable) -> Securable:
            return dataclasses.replace(
                model, details={**model.details, _LAST: model.details[_LAST] + 1}
            )

        self._objects.may(Action.UPDATE_MODEL, Kind.MODEL, names)
        _, model = self._objects.securables.change(Kind.MODEL, names, counted)
        number = model.securable.details[_LAST]
        id = str(uuid.uuid4())
        return self._objects.securables.create(
            Kind.MODEL_VERSION,
            [*names, _name(number)],
            id=id,
            comment=comment,
            storage_location=f"{model.securable.storage_location}/versions/{id}",
            details={**details, _STATUS: PENDING},
        )

    def version(self, names: Sequence[str], number: str) -> Place:
        """Raises InvalidInput or NoSuch."""
        path = self._path(names, number)
        return self._objects.may(Action.SEE_MODEL, Kind.MODEL_VERSION, path)

    def change_version(self, names: Sequence[str], number: str, comment: str | None) -> Place:
        """Raises InvalidInput or NoSuch."""
        path = self._path(names, number)
        self._objects.may(Action.UPDATE_MODEL, Kind.MODEL_VERSION, path)
        _, after = self._objects.securables.change(
            Kind.MODEL_VERSION,
            path,
            lambda version: dataclasses.replace(version, comment=comment),
        )
        return after

    def finalize(self, names: Sequence[str], number: str) -> Place:
        """Say that a version's files are all there.

        Raises:
            InvalidInput: it does not wait for that.
            NoSuch: it is missing.
        """

        def ready(version: Securable) -> Securable:
            if version.details[_STATUS] != PENDING:
                raise InvalidInput(
                    f"version {number} of model {'.'.join(names)} is "
                    f"{version.details[_STATUS]}, not {PENDING}"
                )
            return dataclasses.replace(version, details={**version.details, _STATUS: READY})

        path = self._path(names, number)
        self._objects.may(Action.UPDATE_MODEL, Kind.MODEL_VERSION, path)
        _, after = self._objects.securables.change(Kind.MODEL_VERSION, path, ready)
        return after

    def drop_version(self, names: Sequence[str], number: str) -> None:
        """Forget a version, and the aliases that lead to it; raises InvalidInput or NoSuch."""
        path = self._path(names, number)
        self._objects.may(Action.UPDATE_MODEL, Kind.MODEL_VERSION, path)
        self._objects.securables.drop(Kind.MODEL_VERSION, path)
        self._change_aliases(
            names, lambda aliases: {k: v for k, v in aliases.items() if v != int(number)}
        )

    def set_alias(self, names: Sequence[str], alias: str, number: int) -> None:
        """Let an alias lead to a version.

        Raises:
            InvalidInput: the alias is no name.
            NoSuch: model or version is missing.
        """
        self._objects.check_name(Kind.MODEL, alias)
        self.version(names, str(number))
        self._change_aliases(names, lambda aliases: {**aliases, alias: number})

    def aliased(self, names: Sequence[str], alias: str) -> Place:
        """The version that an alias leads to; raises NoSuch, or NotFound of the alias."""
        model = self._objects.may(Action.SEE_MODEL, Kind.MODEL, names).securable
        if alias not in model.details[_ALIASES]:
            raise NotFound(f"model {'.'.join(names)} has no alias {alias}")
        return self.version(names, str(model.details[_ALIASES][alias]))

    def drop_alias(self, names: Sequence[str], alias: str) -> None:
        """Raises NoSuch, or NotFound of the alias."""
        self.aliased(names, alias)
        self._change_aliases(
            names, lambda aliases: {k: v for k, v in aliases.items() if k != alias}
        )

    def _change_aliases(self, names: Sequence[str], change: Callable[[Aliases], Aliases]) -> None:
        def changed(model: Securable) -> Securable:
            aliases = change(model.details[_ALIASES])
            return dataclasses.replace(model, details={**model.details, _ALIASES: aliases})

        self._objects.may(Action.UPDATE_MODEL, Kind.MODEL, names)
        self._objects.securables.change(Kind.MODEL, names, changed)

    def _path(self, names: Sequence[str], number: str) -> Sequence[str]:
        if not _VERSION.fullmatch(number):
            raise InvalidInput(f"version must be a positive whole number, not {number!r}")
        return [*names, _name(int(number))]


def _name(number: int) -> str:
    # in the order of names as in that of numbers
    return f"{number:0{_DIGITS}d}"
