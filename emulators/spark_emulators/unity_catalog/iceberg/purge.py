"""Which files make up a table, for a drop that takes them along."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator

from pyiceberg.manifest import ManifestFile
from pyiceberg.table.metadata import TableMetadata

from spark_emulators.unity_catalog.iceberg.storage import Storage, TableVersion

__all__ = ["purge"]

_LOG = logging.getLogger(__name__)


def purge(storage: Storage, version: TableVersion, folders: Collection[str] | None = None) -> None:
    """Remove a dropped table's files as far as possible; what is left behind is logged.

    With ``gc.enabled=false`` data and delete files stay: other tables may share them, as they do
    after Spark's ``snapshot`` procedure. The table's own metadata goes in any case. (So does Java's
    ``CatalogUtil.dropTableData``.)

    Args:
        folders: what is elsewhere stays, whatever the table says of it; None for no such limit.
    """
    metadata = version.metadata

    def remove(files: Iterable[str]) -> None:
        storage.remove(file for file in files if folders is None or _is_in(file, folders))

    shares_data = metadata.properties.get("gc.enabled", "true").lower() == "false"
    manifests = _manifests(storage, metadata)
    if not shares_data:
        for manifest in manifests.values():
            remove(_content(storage, manifest))
    # Lists go after what they list: what an interrupted purge leaves can still be found.
    remove(manifests)
    remove({snapshot.manifest_list for snapshot in metadata.snapshots})
    remove({file.statistics_path for file in metadata.statistics})
    remove({file.statistics_path for file in metadata.partition_statistics})
    remove({entry.metadata_file for entry in metadata.metadata_log})
    remove(filter(None, [version.location]))


def _is_in(file: str, folders: Collection[str]) -> bool:
    inside = any(file.startswith(f"{folder.rstrip('/')}/") for folder in folders)
    return inside and ".." not in file.split("/")


def _manifests(storage: Storage, metadata: TableMetadata) -> dict[str, ManifestFile]:
    found: dict[str, ManifestFile] = {}
    for snapshot in metadata.snapshots:
        try:
            manifests = snapshot.manifests(storage.io(snapshot.manifest_list))
        except Exception:
            _LOG.warning("cannot read %s: its files stay behind", snapshot.manifest_list)
            continue
        found.update((manifest.manifest_path, manifest) for manifest in manifests)
    return found


def _content(storage: Storage, manifest: ManifestFile) -> Iterator[str]:
    try:
        io = storage.io(manifest.manifest_path)
        entries = manifest.fetch_manifest_entry(io, discard_deleted=False)
    except Exception:
        _LOG.warning("cannot read %s: its files stay behind", manifest.manifest_path)
        return
    yield from {entry.data_file.file_path for entry in entries}
