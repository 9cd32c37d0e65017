"""What seeing, updating, deleting and creating is called for each kind of securable."""

from __future__ import annotations

from collections.abc import Mapping

from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.securables import Kind

__all__ = ["CREATE", "DELETE", "SEE", "UPDATE", "WRITE"]

SEE: Mapping[Kind, Action] = {
    Kind.CATALOG: Action.SEE_CATALOG,
    Kind.SCHEMA: Action.SEE_SCHEMA,
    Kind.TABLE: Action.SEE_TABLE,
    Kind.VOLUME: Action.SEE_VOLUME,
    Kind.FUNCTION: Action.SEE_FUNCTION,
    Kind.MODEL: Action.SEE_MODEL,
    Kind.MODEL_VERSION: Action.SEE_MODEL,
    Kind.EXTERNAL_LOCATION: Action.SEE_LOCATION,
    Kind.CREDENTIAL: Action.SEE_CREDENTIAL,
}
UPDATE: Mapping[Kind, Action] = {
    Kind.CATALOG: Action.UPDATE_CATALOG,
    Kind.SCHEMA: Action.UPDATE_SCHEMA,
    Kind.TABLE: Action.UPDATE_TABLE,
    Kind.VOLUME: Action.UPDATE_VOLUME,
    Kind.FUNCTION: Action.UPDATE_FUNCTION,
    Kind.MODEL: Action.UPDATE_MODEL,
    Kind.MODEL_VERSION: Action.UPDATE_MODEL,
    Kind.EXTERNAL_LOCATION: Action.CHANGE_LOCATION,
    Kind.CREDENTIAL: Action.CHANGE_CREDENTIAL,
}
DELETE: Mapping[Kind, Action] = {
    Kind.CATALOG: Action.DELETE_CATALOG,
    Kind.SCHEMA: Action.DELETE_SCHEMA,
    Kind.TABLE: Action.DELETE_TABLE,
    Kind.VOLUME: Action.DELETE_VOLUME,
    Kind.FUNCTION: Action.DELETE_FUNCTION,
    Kind.MODEL: Action.DELETE_MODEL,
    Kind.MODEL_VERSION: Action.UPDATE_MODEL,
    Kind.EXTERNAL_LOCATION: Action.CHANGE_LOCATION,
    Kind.CREDENTIAL: Action.CHANGE_CREDENTIAL,
}
CREATE: Mapping[Kind, Action] = {
    Kind.CATALOG: Action.CREATE_CATALOG,
    Kind.SCHEMA: Action.CREATE_SCHEMA,
    Kind.TABLE: Action.CREATE_TABLE,
    Kind.VOLUME: Action.CREATE_VOLUME,
    Kind.FUNCTION: Action.CREATE_FUNCTION,
    Kind.MODEL: Action.CREATE_MODEL,
    Kind.MODEL_VERSION: Action.UPDATE_MODEL,
    Kind.EXTERNAL_LOCATION: Action.CREATE_LOCATION,
    Kind.CREDENTIAL: Action.CREATE_CREDENTIAL,
}
"""On what it is to be in."""

WRITE: Mapping[Kind, Action] = {
    Kind.TABLE: Action.WRITE_DATA,
    Kind.VOLUME: Action.WRITE_VOLUME,
    Kind.MODEL: Action.WRITE_MODEL,
    Kind.MODEL_VERSION: Action.WRITE_MODEL,
}
"""Its files."""
