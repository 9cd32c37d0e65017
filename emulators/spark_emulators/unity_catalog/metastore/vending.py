"""Whose files credentials are vended for: of a table, a volume, a model's version, a path."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.acting import who
from spark_emulators.unity_catalog.errors import FailedPrecondition, NoSuch
from spark_emulators.unity_catalog.metastore.models import PENDING, Models
from spark_emulators.unity_catalog.metastore.objects import Objects
from spark_emulators.unity_catalog.metastore.overlaps import DATA, owner_of
from spark_emulators.unity_catalog.metastore.paths import normal, outside_managed
from spark_emulators.unity_catalog.securables import Kind, Place, Securable
from spark_emulators.unity_catalog.store.staging import Staging
from spark_emulators.unity_catalog.vending.policy import Access
from spark_emulators.unity_catalog.vending.sts import Credentials, StsVendor
from spark_platform.kernel.errors import Forbidden, InvalidInput, NotFound

__all__ = ["PathOperation", "Vended", "Vending"]


class PathOperation(str, Enum):
    """What a client wants to do at a path."""

    READ = "PATH_READ"
    READ_WRITE = "PATH_READ_WRITE"
    CREATE_TABLE = "PATH_CREATE_TABLE"

    @property
    def access(self) -> Access:
        return Access.READ if self is PathOperation.READ else Access.READ_WRITE


@dataclass(frozen=True)
class Vended:
    """What a client is given.

    Attributes:
        location: what for.
        credentials: None where files need none: those of this machine.
    """

    location: str
    credentials: Credentials | None


_DATA_ACTIONS: Mapping[Kind, Mapping[Access, Action]] = {
    Kind.TABLE: {Access.READ: Action.READ_DATA, Access.READ_WRITE: Action.WRITE_DATA},
    Kind.VOLUME: {Access.READ: Action.READ_VOLUME, Access.READ_WRITE: Action.WRITE_VOLUME},
    Kind.MODEL: {Access.READ: Action.READ_MODEL, Access.READ_WRITE: Action.WRITE_MODEL},
}
_PATH_ACTIONS = {
    PathOperation.READ: Action.READ_PATH,
    PathOperation.READ_WRITE: Action.WRITE_PATH,
    PathOperation.CREATE_TABLE: Action.CREATE_TABLE_AT_PATH,
}


class Vending:
    """Vends credentials to whoever acts, as far as they may have them.

    Args:
        vendor: None where the catalog has been given no store to vend for.
    """

    def __init__(
        self,
        objects: Objects,
        models: Models,
        staging: Staging,
        vendor: StsVendor | None,
        guard: Guard,
    ) -> None:
        self._objects, self._models, self._staging = objects, models, staging
        self._securables = objects.securables
        self._vendor = vendor
        self._guard = guard

    def for_table(self, id: str, access: Access) -> Vended:
        """Credentials for a table's files, or for those of a staging table.

        Raises:
            NoSuch: there is neither of that id.
            Forbidden: whoever acts may not.
            InvalidInput: it has no files.
            FailedPrecondition, Transient: as ``at``.
        """
        try:
            place = self._securables.by_id(Kind.TABLE, id)
        except NoSuch:
            return self.for_staged(id)
        return self.of(place, access)

    def for_staged(self, id: str) -> Vended:
        """Credentials for who has staged a table, to write its first version.

        Raises:
            NoSuch: nothing is staged of that id, or it is a table by now.
            Forbidden: somebody else has staged it.
            FailedPrecondition, Transient: as ``at``.
        """
        try:
            staged = self._staging.by_id(id)
        except NotFound:
            raise NoSuch(Kind.TABLE, id) from None
        if staged.finished:
            raise NoSuch(Kind.TABLE, id)
        if staged.created_by != who():
            raise Forbidden(f"the staging table {id} is not that of {who()}")
        return self.at(staged.location, Access.READ_WRITE)

    def for_volume(self, id: str, access: Access) -> Vended:
        """Credentials for a volume's files. Raises: as ``for_table``."""
        return self.of(self._securables.by_id(Kind.VOLUME, id), access)

    def for_model_version(self, names: Sequence[str], number: int, access: Access) -> Vended:
        """Credentials for the files of a model's version.

        Raises:
            InvalidInput: it is to be written, and is no longer waiting for that.
            Others: as ``for_table``.
        """
        version = self._models.version(names, str(number))
        self._guard.require(_DATA_ACTIONS[Kind.MODEL][access], version.parent)
        if access is Access.READ_WRITE and version.securable.details["status"] != PENDING:
            raise InvalidInput(f"version {number} of model {'.'.join(names)} is final")
        return self.at(version.securable.storage_location, access)

    def for_path(self, url: str, operation: PathOperation) -> Vended:
        """Credentials for a path: whose it is decides, or the external location it is in.

        Raises:
            InvalidInput: it is no path.
            NotFound: it is nobody's.
            Forbidden: whoever acts may not; or other objects are below it.
            FailedPrecondition, Transient: as ``at``.
        """
        location = normal(url, "url")
        owner = owner_of(self._securables, location, DATA)
        if owner is not None:
            self._check_owner(owner, operation)
        elif self._securables.below(DATA, location):
            raise Forbidden(f"principal {who()} may not have all of {location}: others are in it")
        else:
            outside_managed(location, "url")
            self._check_location(location, operation)
        return self.at(location, operation.access)

    def for_delta_path(self, url: str, access: Access) -> Vended:
        """Credentials for a path that is a Delta table's, or is to become an external one's.

        A free path may be written by who may make a table of it, or may write files there.

        Raises: as ``for_path``.
        """
        if access is Access.READ:
            return self.for_path(url, PathOperation.READ)
        location = normal(url, "location")
        if owner_of(self._securables, location, DATA) is not None:
            return self.for_path(url, PathOperation.READ_WRITE)
        writes = self._guard.allows(Action.WRITE_PATH, self._cover(location))
        return self.for_path(
            url, PathOperation.READ_WRITE if writes else PathOperation.CREATE_TABLE
        )

    def of(self, place: Place, access: Access) -> Vended:
        """Credentials for what a place is. Raises: as ``for_table``."""
        securable = place.securable
        self._guard.require(_DATA_ACTIONS[securable.kind][access], place)
        if securable.storage_location is None:
            raise InvalidInput(f"{securable.kind.noun} {place.full_name} has no files")
        return self.at(securable.storage_location, access)

    def at(self, location: str | None, access: Access) -> Vended:
        """Credentials for a location, which whoever acts may have.

        Raises:
            FailedPrecondition: the catalog cannot vend any.
            Transient: the store does not answer.
        """
        assert location is not None
        location = normal(location)
        if location.startswith("file:"):
            return Vended(location, None)
        if self._vendor is None:
            raise FailedPrecondition(
                "this catalog vends no credentials", hint="start it with `vending` in its settings"
            )
        return Vended(location, self._vendor.vend(location, access))

    def best(self, place: Place) -> Access | None:
        """The most that whoever acts may have of a table; None for nothing."""
        for access in (Access.READ_WRITE, Access.READ):
            if self._guard.allows(_DATA_ACTIONS[Kind.TABLE][access], place):
                return access
        return None

    def _check_owner(self, owner: Securable, operation: PathOperation) -> None:
        if operation is PathOperation.CREATE_TABLE:
            raise InvalidInput(f"{owner.kind.noun} {owner.name} is there already")
        place = self._securables.by_id(owner.kind, owner.id)
        if operation is PathOperation.READ_WRITE and owner.kind is Kind.MODEL:
            raise Forbidden(f"versions of model {owner.name} are written one by one")
        if owner.kind is Kind.MODEL_VERSION:
            if operation is PathOperation.READ_WRITE and owner.details["status"] != PENDING:
                raise InvalidInput(f"version {owner.name} is final")
            place = place.parent
        self._guard.require(_DATA_ACTIONS[place.securable.kind][operation.access], place)

    def _check_location(self, location: str, operation: PathOperation) -> None:
        self._guard.require(_PATH_ACTIONS[operation], self._cover(location))

    def _cover(self, location: str) -> Place:
        """The external location that a path is in."""
        external = owner_of(self._securables, location, [Kind.EXTERNAL_LOCATION])
        if external is not None:
            return self._securables.by_id(Kind.EXTERNAL_LOCATION, external.id)
        # nobody's place is the metastore's business, and its owner's alone
        return self._securables.find(Kind.METASTORE, [])
