"""Who may make a table or view in a schema."""

from __future__ import annotations

from spark_emulators.unity_catalog.access.guard import Guard
from spark_emulators.unity_catalog.access.rules import Action
from spark_emulators.unity_catalog.names import TableName
from spark_emulators.unity_catalog.securables import Kind, Place
from spark_emulators.unity_catalog.store.securables import Securables
from spark_emulators.unity_catalog.system import check_writable

__all__ = ["schema_for"]


def schema_for(name: TableName, securables: Securables, guard: Guard) -> Place:
    """The schema for a new table or view, where whoever acts may make one.

    Raises:
        NoSuch: the schema or its catalog is missing.
        Forbidden: they may not, or nobody may in that catalog.
    """
    check_writable(name.catalog)
    schema = securables.find(Kind.SCHEMA, name.names[:2])
    guard.require(Action.CREATE_TABLE, schema)
    return schema
