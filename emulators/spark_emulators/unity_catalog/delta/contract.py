"""What a managed Delta table must be, as its writers are told when they begin: pure.

The open-source server's ``UcManagedDeltaContract``.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from spark_emulators.unity_catalog.delta.protocol import CLUSTERING, ROW_TRACKING, Protocol
from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "REQUIRED",
    "REQUIRED_PROPERTIES",
    "SUGGESTED_PROPERTIES",
    "SUGGESTED_READER_FEATURES",
    "SUGGESTED_WRITER_FEATURES",
    "TABLE_ID",
    "check_domains",
    "check_managed",
]

TABLE_ID = "io.unitycatalog.tableId"
_READER_FEATURES = ("catalogManaged", "v2Checkpoint", "vacuumProtocolCheck", "deletionVectors")
REQUIRED = Protocol(3, 7, _READER_FEATURES, (*_READER_FEATURES, "inCommitTimestamp"))
REQUIRED_PROPERTIES = {
    "delta.enableDeletionVectors": "true",
    "delta.checkpointPolicy": "v2",
    "delta.enableInCommitTimestamps": "true",
    "delta.checkpoint.writeStatsAsStruct": "true",
    "delta.checkpoint.writeStatsAsJson": "true",
}
"""With ``TABLE_ID``, which is each table's own."""

SUGGESTED_READER_FEATURES = ("columnMapping",)
SUGGESTED_WRITER_FEATURES = ("columnMapping", "domainMetadata", "rowTracking")
SUGGESTED_PROPERTIES: Mapping[str, str | None] = {
    "delta.columnMapping.mode": "name",
    "delta.columnMapping.maxColumnId": None,
    "delta.enableRowTracking": "true",
    "delta.rowTracking.materializedRowIdColumnName": None,
    "delta.rowTracking.materializedRowCommitVersionColumnName": None,
    "delta.randomizeFilePrefixes": "true",
    "delta.parquet.compression.codec": "zstd",
}
"""None where the writer makes the value up."""

_DOMAIN_FEATURES = {CLUSTERING: "clustering", ROW_TRACKING: "rowTracking"}


def check_managed(protocol: Protocol, domains: Set[str], properties: Mapping[str, str]) -> None:
    """Raise InvalidInput unless a table with all this may be a managed one.

    Args:
        domains: the names of those that it has metadata of.
    """
    reads, writes = set(protocol.reader_features), set(protocol.writer_features)
    if not reads <= writes:
        _refuse(f"reader-features without a writer-feature: {_told(reads - writes)}")
    for what, version, least in (
        ("Reader", protocol.min_reader_version, REQUIRED.min_reader_version),
        ("Writer", protocol.min_writer_version, REQUIRED.min_writer_version),
    ):
        if version < least:
            _refuse(f"MANAGED table min{what}Version must be at least {least}, not {version}")
    lacks = (set(REQUIRED.reader_features) - reads) | (set(REQUIRED.writer_features) - writes)
    if lacks:
        _refuse(f"MANAGED table missing required features: {_told(lacks)}")
    check_domains(domains, writes)
    for key, value in REQUIRED_PROPERTIES.items():
        if properties.get(key) != value:
            _refuse(
                f"MANAGED table required property {key!r} must be {value!r}, "
                f"not {properties.get(key)!r}"
            )
    if not properties.get(TABLE_ID):
        _refuse(f"MANAGED table required property {TABLE_ID!r} is missing")


def check_domains(domains: Set[str], writer_features: Set[str]) -> None:
    """Raise InvalidInput where a domain has metadata, and its feature is not there."""
    for name in sorted(domains):
        feature = _DOMAIN_FEATURES[name]
        if feature not in writer_features:
            _refuse(f"domain-metadata.{name} requires the {feature!r} writer feature")


def _refuse(message: str) -> None:
    raise InvalidInput(message)


def _told(names: Set[str]) -> str:
    return ", ".join(sorted(names))
