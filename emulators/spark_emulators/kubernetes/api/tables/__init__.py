"""Tables: what ``kubectl get`` prints, computed where the objects are."""

from spark_emulators.kubernetes.api.tables.table import table

__all__ = ["table"]
