"""Where each API is served."""

from __future__ import annotations

__all__ = ["DATABRICKS", "DELTA", "MOUNTS", "UNITY_CATALOG"]

UNITY_CATALOG = "/api/2.1/unity-catalog"
"""Unity Catalog's own API."""

DATABRICKS = "/api/2.0/unity-catalog"
"""The same, where Databricks' SDK asks for temporary credentials."""

MOUNTS = (f"{UNITY_CATALOG}/iceberg", f"{UNITY_CATALOG}/iceberg-rest")
"""The Iceberg REST protocol, where the open-source server and Databricks serve it."""

DELTA = f"{UNITY_CATALOG}/delta/v1"
"""The API of Delta's own readers and writers."""
