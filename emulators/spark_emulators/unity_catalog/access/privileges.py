"""The privileges, how they are spelled, and on which securables a grant of one counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from enum import Enum

from spark_emulators.unity_catalog.securables import Kind
from spark_platform.kernel.errors import InvalidInput

__all__ = ["COUNTS_ON", "Privilege", "kind_of", "privilege_of"]


class Privilege(str, Enum):
    """What can be granted: the values are the open-source API's spelling, the names Databricks'."""

    CREATE_CATALOG = "CREATE CATALOG"
    USE_CATALOG = "USE CATALOG"
    CREATE_SCHEMA = "CREATE SCHEMA"
    USE_SCHEMA = "USE SCHEMA"
    CREATE_TABLE = "CREATE TABLE"
    CREATE_VOLUME = "CREATE VOLUME"
    CREATE_MODEL = "CREATE MODEL"
    CREATE_FUNCTION = "CREATE FUNCTION"
    SELECT = "SELECT"
    MODIFY = "MODIFY"
    EXECUTE = "EXECUTE"
    READ_VOLUME = "READ VOLUME"
    CREATE_EXTERNAL_LOCATION = "CREATE EXTERNAL LOCATION"
    CREATE_STORAGE_CREDENTIAL = "CREATE STORAGE CREDENTIAL"
    READ_FILES = "READ FILES"
    WRITE_FILES = "WRITE FILES"
    CREATE_EXTERNAL_TABLE = "CREATE EXTERNAL TABLE"
    CREATE_EXTERNAL_VOLUME = "CREATE EXTERNAL VOLUME"
    CREATE_MANAGED_STORAGE = "CREATE MANAGED STORAGE"


_METASTORE = frozenset({Kind.METASTORE})
_CATALOG = frozenset({Kind.CATALOG})
_SCHEMA = _CATALOG | {Kind.SCHEMA}
_TABLE = _SCHEMA | {Kind.TABLE}
_LOCATION = frozenset({Kind.EXTERNAL_LOCATION})

COUNTS_ON: Mapping[Privilege, frozenset[Kind]] = {
    Privilege.CREATE_CATALOG: _METASTORE,
    Privilege.USE_CATALOG: _CATALOG,
    Privilege.CREATE_SCHEMA: _CATALOG,
    Privilege.USE_SCHEMA: _SCHEMA,
    Privilege.CREATE_TABLE: _SCHEMA,
    Privilege.CREATE_VOLUME: _SCHEMA,
    Privilege.CREATE_MODEL: _SCHEMA,
    Privilege.CREATE_FUNCTION: _SCHEMA,
    Privilege.SELECT: _TABLE,
    Privilege.MODIFY: _TABLE,
    Privilege.EXECUTE: _SCHEMA | {Kind.FUNCTION, Kind.MODEL},
    Privilege.READ_VOLUME: _SCHEMA | {Kind.VOLUME},
    Privilege.CREATE_EXTERNAL_LOCATION: _METASTORE | {Kind.CREDENTIAL},
    Privilege.CREATE_STORAGE_CREDENTIAL: _METASTORE,
    Privilege.READ_FILES: _LOCATION,
    Privilege.WRITE_FILES: _LOCATION,
    Privilege.CREATE_EXTERNAL_TABLE: _LOCATION,
    Privilege.CREATE_EXTERNAL_VOLUME: _LOCATION,
    Privilege.CREATE_MANAGED_STORAGE: _LOCATION,
}
"""Where a grant is looked up: on a securable itself, and on what it is in. Anywhere else a grant is
kept and means nothing, as in the open-source server."""

# the rest of the Databricks SDK's 54: known, so that a refusal need not guess at a typo
_OF_DATABRICKS = frozenset(
    [
        "ACCESS", "ALL_PRIVILEGES", "APPLY_TAG", "BROWSE", "CREATE", "CREATE_CLEAN_ROOM",
        "CREATE_CONNECTION", "CREATE_FEATURE", "CREATE_FOREIGN_CATALOG",
        "CREATE_FOREIGN_SECURABLE", "CREATE_MATERIALIZED_VIEW", "CREATE_PROVIDER",
        "CREATE_RECIPIENT", "CREATE_SERVICE_CREDENTIAL", "CREATE_SHARE", "CREATE_VIEW",
        "EXECUTE_CLEAN_ROOM_TASK", "EXTERNAL_USE_LOCATION", "EXTERNAL_USE_SCHEMA", "MANAGE",
        "MANAGE_ALLOWLIST", "MODIFY_CLEAN_ROOM", "READ_FEATURE", "READ_METADATA",
        "READ_PRIVATE_FILES", "REFRESH", "SET_SHARE_PERMISSION", "USAGE", "USE_CONNECTION",
        "USE_MARKETPLACE_ASSETS", "USE_PROVIDER", "USE_RECIPIENT", "USE_SHARE",
        "WRITE_PRIVATE_FILES", "WRITE_VOLUME",
    ]
)  # fmt: skip
_BY_NAME = {privilege.name: privilege for privilege in Privilege}
# one kind has another name at Databricks
_KINDS = {
    **{kind.value: kind for kind in Kind if kind is not Kind.MODEL_VERSION},
    "storage_credential": Kind.CREDENTIAL,
}
_SHOWN = 64


def privilege_of(spelled: str) -> Privilege:
    """The privilege of a name, be it spelled ``USE CATALOG`` or ``USE_CATALOG``.

    Raises:
        InvalidInput: there is none of that name here; a refused grant is better than one that
            nothing ever reads.
    """
    name = spelled.strip().replace(" ", "_")
    if name in _BY_NAME:
        return _BY_NAME[name]
    if name in _OF_DATABRICKS:
        raise InvalidInput(
            f"privilege {name} is Databricks' own; nothing here would heed it",
            hint=f"grant one or more of {', '.join(_BY_NAME)}",
        )
    raise _unknown("privilege", spelled, name.upper(), _BY_NAME)


def kind_of(segment: str) -> Kind:
    """The kind of securable that a path's segment names, in any case.

    Raises:
        InvalidInput: there is none of that name.
    """
    name = segment.lower()
    if name not in _KINDS:
        raise _unknown("securable type", segment, name, _KINDS)
    return _KINDS[name]


def _unknown(what: str, given: str, name: str, allowed: Iterable[str]) -> InvalidInput:
    near = get_close_matches(name[:_SHOWN], list(allowed), n=1, cutoff=0)
    shown = given if len(given) <= _SHOWN else f"{given[:_SHOWN]}…"
    return InvalidInput(
        f"{what} {shown!r} is unknown; the nearest is {near[0]}",
        hint=f"allowed: {', '.join(allowed)}",
    )
