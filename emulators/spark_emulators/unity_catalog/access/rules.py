"""Who may do what: the open-source server's rules, as data.

A rule is a list of alternatives, each a set of needs: it allows what satisfies all needs of one of
them. ``|`` and ``&`` put rules together, so ``RULES`` reads like the table it is taken from.
Ownership is no privilege and is never inherited: each rule names the owners it accepts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from spark_emulators.unity_catalog.access.privileges import COUNTS_ON, Privilege
from spark_emulators.unity_catalog.securables import Kind, Place, Securable

__all__ = ["RULES", "Action", "Rights", "allowed", "missing"]


@dataclass(frozen=True)
class Rights:
    """What one caller has.

    Attributes:
        names: its own, and those of the groups it is in.
        grants: by the id of the securable they are on.
    """

    names: frozenset[str]
    grants: Mapping[str, frozenset[Privilege]]


class Action(Enum):
    """What can be asked for, on the securable it happens to: what is made, happens to the parent.

    A model's versions are its own business: what happens to them happens to the model.
    """

    ADMINISTER = "administer the catalog"
    CREATE_CATALOG = "create a catalog"
    SEE_CATALOG = "see the catalog"
    UPDATE_CATALOG = "update the catalog"
    DELETE_CATALOG = "delete the catalog"
    CREATE_SCHEMA = "create a schema"
    SEE_SCHEMA = "see the schema"
    UPDATE_SCHEMA = "update the schema"
    DELETE_SCHEMA = "delete the schema"
    CREATE_TABLE = "create a table"
    SEE_TABLE = "see the table"
    UPDATE_TABLE = "update the table"
    DELETE_TABLE = "delete the table"
    COMMIT = "commit to the table"
    READ_COMMITS = "read the table's commits"
    READ_DATA = "read the table's data"
    WRITE_DATA = "write the table's data"
    CREATE_VOLUME = "create a volume"
    SEE_VOLUME = "see the volume"
    UPDATE_VOLUME = "update the volume"
    DELETE_VOLUME = "delete the volume"
    READ_VOLUME = "read the volume's files"
    WRITE_VOLUME = "write the volume's files"
    CREATE_FUNCTION = "create a function"
    SEE_FUNCTION = "see the function"
    UPDATE_FUNCTION = "update the function"
    DELETE_FUNCTION = "delete the function"
    CREATE_MODEL = "create a model"
    SEE_MODEL = "see the model"
    UPDATE_MODEL = "update the model or its versions"
    DELETE_MODEL = "delete the model"
    READ_MODEL = "read the model's files"
    WRITE_MODEL = "write the model's files"
    CREATE_CREDENTIAL = "create a credential"
    SEE_CREDENTIAL = "see the credential"
    CHANGE_CREDENTIAL = "change the credential"
    USE_CREDENTIAL = "use the credential for an external location"
    CREATE_LOCATION = "create an external location"
    SEE_LOCATION = "see the external location"
    CHANGE_LOCATION = "change the external location"
    PLACE_TABLE = "place a table in the external location"
    PLACE_VOLUME = "place a volume in the external location"
    PLACE_STORAGE = "place managed storage in the external location"
    READ_PATH = "read files in the external location"
    WRITE_PATH = "write files in the external location"
    CREATE_TABLE_AT_PATH = "create a table's files in the external location"
    READ_PERMISSIONS = "read the permissions of others"
    CHANGE_PERMISSIONS = "change permissions"


@dataclass(frozen=True)
class _Owns:
    """Be the owner of what a place is, or of what of a kind it is in."""

    kind: Kind | None = None

    def on(self, place: Place) -> Securable | None:
        if self.kind is None:
            return place.securable
        return next((one for one in place.path if one.kind is self.kind), None)

    def met(self, place: Place, rights: Rights) -> bool:
        there = self.on(place)
        return there is not None and there.owner in rights.names

    def told(self, place: Place) -> str:
        return f"ownership of {_named(self.on(place))}"


@dataclass(frozen=True)
class _Has:
    """Have a privilege where it counts."""

    privilege: Privilege

    def met(self, place: Place, rights: Rights) -> bool:
        return any(
            self.privilege in rights.grants.get(one.id, ()) for one in self._looked_at(place)
        )

    def told(self, place: Place) -> str:
        levels = self._looked_at(place)
        return f"{self.privilege.value} on {_named(levels[-1] if levels else None)}"

    def _looked_at(self, place: Place) -> list[Securable]:
        # what is granted on the metastore is for the metastore: it is nobody's parent here
        path = place.path[1:] or place.path
        return [one for one in path if one.kind in COUNTS_ON[self.privilege]]


@dataclass(frozen=True)
class _Is:
    """Be of one of these kinds: not a need that anybody could grant."""

    kinds: frozenset[Kind]

    def met(self, place: Place, rights: Rights) -> bool:  # noqa: ARG002
        return place.securable.kind in self.kinds


_Need = _Owns | _Has | _Is


@dataclass(frozen=True)
class _Rule:
    alternatives: tuple[frozenset[_Need], ...]

    def __or__(self, other: _Rule) -> _Rule:
        return _Rule(self.alternatives + other.alternatives)

    def __and__(self, other: _Rule) -> _Rule:
        return _Rule(tuple(one | two for one in self.alternatives for two in other.alternatives))


def _rule(need: _Need) -> _Rule:
    return _Rule((frozenset({need}),))


def _is(*kinds: Kind) -> _Rule:
    return _rule(_Is(frozenset(kinds)))


_MO = _rule(_Owns(Kind.METASTORE))
_CO = _rule(_Owns(Kind.CATALOG))
_SO = _rule(_Owns(Kind.SCHEMA))
_OWNER = _rule(_Owns())
_HAS = {privilege: _rule(_Has(privilege)) for privilege in Privilege}
_USE_C, _USE_S = _HAS[Privilege.USE_CATALOG], _HAS[Privilege.USE_SCHEMA]
_C, _S = _CO | _USE_C, _SO | _USE_S
_SELECT, _MODIFY = _HAS[Privilege.SELECT], _HAS[Privilege.MODIFY]
_EXECUTE, _READ_VOLUME = _HAS[Privilege.EXECUTE], _HAS[Privilege.READ_VOLUME]
_FOR_LOCATION = _HAS[Privilege.CREATE_EXTERNAL_LOCATION]
_READ_FILES, _WRITE_FILES = _HAS[Privilege.READ_FILES], _HAS[Privilege.WRITE_FILES]
_PLACE_TABLE = _HAS[Privilege.CREATE_EXTERNAL_TABLE]
_PLACE_VOLUME = _HAS[Privilege.CREATE_EXTERNAL_VOLUME]
_PLACE_STORAGE = _HAS[Privilege.CREATE_MANAGED_STORAGE]


def _sees(right: _Rule) -> _Rule:
    return _MO | _CO | _SO & _USE_C | _USE_S & _USE_C & (_OWNER | right)


def _creates(right: _Rule) -> _Rule:
    return _C & (_SO | _USE_S & right)


_DELETES = _CO | _SO & _USE_C | _USE_S & _USE_C & _OWNER
_OWNS_AND_REACHES = _OWNER & _C & _S

RULES: Mapping[Action, _Rule] = {
    Action.ADMINISTER: _MO,
    Action.CREATE_CATALOG: _MO | _HAS[Privilege.CREATE_CATALOG],
    Action.SEE_CATALOG: _MO | _C,
    Action.UPDATE_CATALOG: _CO,
    Action.DELETE_CATALOG: _MO | _CO,
    Action.CREATE_SCHEMA: _CO | _USE_C & _HAS[Privilege.CREATE_SCHEMA],
    Action.SEE_SCHEMA: _MO | _CO | _S & _USE_C,
    Action.UPDATE_SCHEMA: _MO | _SO | _USE_S & _USE_C,
    Action.DELETE_SCHEMA: _MO | _CO | _SO & _USE_C,
    Action.CREATE_TABLE: _creates(_HAS[Privilege.CREATE_TABLE]),
    Action.SEE_TABLE: _sees(_SELECT | _MODIFY),
    # only Databricks updates tables and functions: as volumes are
    Action.UPDATE_TABLE: _OWNS_AND_REACHES,
    Action.DELETE_TABLE: _DELETES,
    Action.COMMIT: _C & _S & (_OWNER | _MODIFY),
    Action.READ_COMMITS: _C & _S & (_OWNER | _SELECT),
    Action.READ_DATA: _C & _S & (_OWNER | _SELECT),
    Action.WRITE_DATA: _C & _S & (_OWNER | _SELECT & _MODIFY),
    Action.CREATE_VOLUME: _creates(_HAS[Privilege.CREATE_VOLUME]),
    Action.SEE_VOLUME: _sees(_READ_VOLUME),
    Action.UPDATE_VOLUME: _OWNS_AND_REACHES,
    Action.DELETE_VOLUME: _DELETES,
    Action.READ_VOLUME: _C & _S & (_OWNER | _READ_VOLUME),
    Action.WRITE_VOLUME: _OWNS_AND_REACHES,
    Action.CREATE_FUNCTION: _C & _S,
    Action.SEE_FUNCTION: _sees(_EXECUTE),
    Action.UPDATE_FUNCTION: _OWNS_AND_REACHES,
    Action.DELETE_FUNCTION: _MO | _OWNS_AND_REACHES,
    Action.CREATE_MODEL: _creates(_HAS[Privilege.CREATE_MODEL] | _HAS[Privilege.CREATE_FUNCTION]),
    Action.SEE_MODEL: _sees(_EXECUTE),
    Action.UPDATE_MODEL: _OWNS_AND_REACHES,
    Action.DELETE_MODEL: _MO | _DELETES,
    Action.READ_MODEL: _C & _S & (_OWNER | _EXECUTE),
    Action.WRITE_MODEL: _OWNS_AND_REACHES,
    Action.CREATE_CREDENTIAL: _MO | _HAS[Privilege.CREATE_STORAGE_CREDENTIAL],
    Action.SEE_CREDENTIAL: _MO | _OWNER | _FOR_LOCATION,
    Action.CHANGE_CREDENTIAL: _MO | _OWNER,
    Action.USE_CREDENTIAL: _MO | _OWNER | _FOR_LOCATION,
    Action.CREATE_LOCATION: _MO | _FOR_LOCATION,
    Action.SEE_LOCATION: (
        _MO | _OWNER | _READ_FILES | _WRITE_FILES | _PLACE_TABLE | _PLACE_VOLUME | _PLACE_STORAGE
    ),
    Action.CHANGE_LOCATION: _MO | _OWNER,
    Action.PLACE_TABLE: _OWNER | _PLACE_TABLE,
    Action.PLACE_VOLUME: _OWNER | _PLACE_VOLUME,
    Action.PLACE_STORAGE: _OWNER | _PLACE_STORAGE,
    Action.READ_PATH: _MO | _READ_FILES,
    Action.WRITE_PATH: _MO | _READ_FILES & _WRITE_FILES,
    Action.CREATE_TABLE_AT_PATH: _MO | _PLACE_TABLE,
    Action.READ_PERMISSIONS: _MO | _OWNER | _CO | _SO,
    Action.CHANGE_PERMISSIONS: (
        _MO
        | _is(Kind.MODEL, Kind.EXTERNAL_LOCATION, Kind.CREDENTIAL) & _OWNER
        | _is(Kind.CATALOG, Kind.SCHEMA, Kind.TABLE, Kind.VOLUME, Kind.FUNCTION)
        & (_CO | _SO & _USE_C | _OWNER & _USE_C & _USE_S)
    ),
}


def allowed(action: Action, place: Place, rights: Rights) -> bool:
    """Whether somebody with these rights may do it there."""
    place = _held(place)
    return any(
        all(need.met(place, rights) for need in needs) for needs in RULES[action].alternatives
    )


def missing(action: Action, place: Place, rights: Rights) -> tuple[str, ...]:
    """The fewest things that would allow it, grants before ownership; none where it is allowed."""
    place = _held(place)
    lacks = []
    for needs in RULES[action].alternatives:
        unmet = [need for need in needs if not need.met(place, rights)]
        if not any(isinstance(need, _Is) for need in unmet):
            lacks.append([need for need in unmet if not isinstance(need, _Is)])
    owning = [sum(isinstance(need, _Owns) for need in lack) for lack in lacks]
    least = min(range(len(lacks)), key=lambda index: (owning[index], len(lacks[index])))
    return tuple(sorted(need.told(place) for need in lacks[least]))


def _held(place: Place) -> Place:
    return place.parent if place.securable.kind is Kind.MODEL_VERSION else place


def _named(securable: Securable | None) -> str:
    return f"{securable.kind.noun} {securable.name}" if securable else "what is not there"
