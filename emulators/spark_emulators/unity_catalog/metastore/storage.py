"""Credentials, and the external locations that are reached by them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.metastore.objects import Change, Objects, check_owner
from spark_emulators.unity_catalog.metastore.overlaps import DATA, check_empty, free
from spark_emulators.unity_catalog.paging import EVERYTHING
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_platform.kernel.errors import InvalidInput

__all__ = ["ExternalLocations"]

_CREDENTIAL = "credential_id"


class ExternalLocations:
    """Makes and changes external locations and credentials."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._securables = objects.securables

    def create_credential(
        self, name: str, purpose: str, comment: str | None, details: Mapping[str, Any]
    ) -> Place:
        """Raises InvalidInput or AlreadyExists."""
        self._objects.may_create(Kind.CREDENTIAL, [name])
        return self._securables.create(
            Kind.CREDENTIAL, [name], type=purpose, comment=comment, details=details
        )

    def change_credential(self, name: str, change: Change, details: Mapping[str, Any]) -> Place:
        """Raises InvalidInput, NoSuch or AlreadyExists."""
        if change.new_name is not None:
            self._objects.check_name(Kind.CREDENTIAL, change.new_name)
        self._objects.may(Action.CHANGE_CREDENTIAL, Kind.CREDENTIAL, [name])

        check_owner(change)

        def changed(credential: Securable) -> Securable:
            return dataclasses.replace(
                change.of(credential), details={**credential.details, **details}
            )

        _, after = self._securables.change(Kind.CREDENTIAL, [name], changed)
        return after

    def drop_credential(self, name: str, *, force: bool) -> None:
        """Forget a credential.

        Args:
            force: even if external locations are reached by it.

        Raises:
            InvalidInput: one is.
            NoSuch: it is missing.
        """
        credential = self._objects.may(Action.CHANGE_CREDENTIAL, Kind.CREDENTIAL, [name]).securable
        users = [one.name for one in self._all() if one.details[_CREDENTIAL] == credential.id]
        if users and not force:
            raise InvalidInput(
                f"credential {name} is used by external location {users[0]}",
                hint="drop that first, or use force=true",
            )
        self._securables.drop(Kind.CREDENTIAL, [name])

    def create(self, name: str, url: str, credential: str, comment: str | None) -> Place:
        """Make an external location.

        Raises:
            InvalidInput: the name or URL is not allowed, or overlaps with another's.
            NoSuch: the credential is missing.
            AlreadyExists: the name is taken.
        """
        self._objects.may_create(Kind.EXTERNAL_LOCATION, [name])
        place = self._objects.named_place(url, "url")
        id = self._usable(credential)
        return self._securables.create(
            Kind.EXTERNAL_LOCATION,
            [name],
            free(place, [Kind.EXTERNAL_LOCATION]),
            comment=comment,
            storage_location=place,
            details={_CREDENTIAL: id},
        )

    def change(self, name: str, change: Change, url: str | None, credential: str | None) -> Place:
        """Raises InvalidInput, NoSuch or AlreadyExists."""
        before = self._objects.may(Action.CHANGE_LOCATION, Kind.EXTERNAL_LOCATION, [name]).securable
        if change.new_name is not None:
            self._objects.check_name(Kind.EXTERNAL_LOCATION, change.new_name)
        check_owner(change)
        fields: dict[str, Any] = {}
        checks = {}
        if url is not None:
            fields["storage_location"] = self._objects.named_place(url, "url")
            kinds = [Kind.EXTERNAL_LOCATION]
            checks["check"] = free(fields["storage_location"], kinds, but=before.id)
        if credential is not None:
            fields["details"] = {_CREDENTIAL: self._usable(credential)}
        _, after = self._securables.change(
            Kind.EXTERNAL_LOCATION,
            [name],
            lambda location: dataclasses.replace(change.of(location), **fields),
            **checks,
        )
        return after

    def drop(self, name: str, *, force: bool) -> None:
        """Forget an external location.

        Args:
            force: even if tables or volumes are in it.

        Raises:
            InvalidInput: some are.
            NoSuch: it is missing.
        """
        location = self._objects.may(
            Action.CHANGE_LOCATION, Kind.EXTERNAL_LOCATION, [name]
        ).securable
        if not force:
            check_empty(self._securables, location.storage_location or "", DATA)
        self._securables.drop(Kind.EXTERNAL_LOCATION, [name])

    def credential_names(self, locations: Sequence[Place]) -> dict[str, str]:
        """By location's id the name of the credential it is reached by, unless that was dropped."""
        ids = {one.securable.id: one.securable.details[_CREDENTIAL] for one in locations}
        names = {one.id: one.name for one in self._securables.by_ids(set(ids.values()))}
        return {location: names[id] for location, id in ids.items() if id in names}

    def _usable(self, credential: str) -> str:
        """The id of a credential for a location; raises NoSuch."""
        return self._objects.may(Action.USE_CREDENTIAL, Kind.CREDENTIAL, [credential]).securable.id

    def _all(self) -> list[Securable]:
        metastore = self._securables.find(Kind.METASTORE, [])
        found = self._securables.children(metastore, Kind.EXTERNAL_LOCATION, EVERYTHING)
        return list(found.items)
