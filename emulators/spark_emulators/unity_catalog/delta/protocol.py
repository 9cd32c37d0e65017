"""What Delta's API tells of a table beside its properties, kept as properties: pure.

A protocol becomes ``delta.feature.NAME`` = ``supported`` and its versions, a domain's metadata one
property each (the open-source server's ``DeltaPropertyMapper``).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from spark_platform.kernel.errors import InvalidInput

__all__ = [
    "CLUSTERING",
    "LAST_TIMESTAMP",
    "LAST_VERSION",
    "ROW_TRACKING",
    "Domains",
    "Protocol",
    "domains_of",
    "features_of",
    "of_domains",
    "with_protocol",
    "without_domains",
]

CLUSTERING, ROW_TRACKING = "delta.clustering", "delta.rowTracking"
LAST_VERSION, LAST_TIMESTAMP = "delta.lastUpdateVersion", "delta.lastCommitTimestamp"
"""Of the last commit that changed more than data."""

_FEATURE = "delta.feature."
_DOMAINS = {
    CLUSTERING: "delta.clusteringColumns",
    ROW_TRACKING: "delta.rowTracking.rowIdHighWaterMark",
}

Domains = Mapping[str, Any]
"""By a domain's name: its one value, a list of column paths or a number."""


@dataclass(frozen=True)
class Protocol:
    """What a table asks of those who read or write it."""

    min_reader_version: int
    min_writer_version: int
    reader_features: Sequence[str] = ()
    writer_features: Sequence[str] = ()


def with_protocol(properties: Mapping[str, str], protocol: Protocol) -> dict[str, str]:
    """Properties with a protocol in place of the one they had."""
    others = {k: value for k, value in properties.items() if not k.startswith(_FEATURE)}
    features = [*protocol.reader_features, *protocol.writer_features]
    return {
        **others,
        "delta.minReaderVersion": str(protocol.min_reader_version),
        "delta.minWriterVersion": str(protocol.min_writer_version),
        **{f"{_FEATURE}{name}": "supported" for name in features},
    }


def features_of(properties: Mapping[str, str]) -> Set[str]:
    """The features that properties say there are."""
    return {key.removeprefix(_FEATURE) for key in properties if key.startswith(_FEATURE)}


def of_domains(domains: Domains) -> dict[str, str]:
    """The properties that domains are kept as."""
    return {
        _DOMAINS[name]: json.dumps(value, separators=(",", ":")) for name, value in domains.items()
    }


def without_domains(properties: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Properties without those of domains.

    Raises:
        InvalidInput: there are no domains of such names.
    """
    unknown = sorted(set(names) - set(_DOMAINS))
    if unknown:
        raise InvalidInput(f"Unknown domain in remove-domain-metadata: {', '.join(unknown)}")
    gone = {_DOMAINS[name] for name in names}
    return {key: value for key, value in properties.items() if key not in gone}


def domains_of(properties: Mapping[str, str]) -> Set[str]:
    """The names of the domains that properties have something of."""
    return {name for name, key in _DOMAINS.items() if key in properties}
