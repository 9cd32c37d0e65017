"""Make the data files of the built-in kinds from Kubernetes' own published documents.

    go mod download -json k8s.io/kubernetes@v1.36.3      # prints "Dir"
    python -m spark_emulators.kubernetes.schemas.generate DIR

Only what the served kinds reach is kept. Field numbers come from the Go types of the modules beside
it (``k8s.io/api`` and its kin, v0.36.3). All of it is Apache-2.0, by the Kubernetes authors.
"""

from __future__ import annotations

import gzip
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from spark_emulators.kubernetes.schemas.fields import field_numbers

__all__ = ["main"]

# group/version → the resources served of it; None means all
SERVED: Mapping[str, frozenset[str] | None] = {
    "v1": None,
    "apps/v1": None,
    "events.k8s.io/v1": None,
    "authentication.k8s.io/v1": None,
    "authorization.k8s.io/v1": None,
    "batch/v1": None,
    "networking.k8s.io/v1": frozenset({"ingresses", "ingressclasses", "networkpolicies"}),
    "policy/v1": None,
    "rbac.authorization.k8s.io/v1": None,
    "storage.k8s.io/v1": frozenset({"storageclasses"}),
    "apiextensions.k8s.io/v1": None,
    "scheduling.k8s.io/v1": frozenset({"priorityclasses"}),
    "coordination.k8s.io/v1": frozenset({"leases"}),
    "discovery.k8s.io/v1": None,
}
NOT_SERVED = frozenset({"componentstatuses"})
META = "io.k8s.apimachinery.pkg.apis.meta.v1."
REF = "#/components/schemas/"


def main(argv: list[str]) -> int:
    """Write the files in ``data`` from the sources in argv."""
    source = Path(argv[0]) / "api"
    resources = list(_resources(source))
    definitions = _reachable(_definitions(source), resources)
    data = Path(__file__).parent / "data"
    data.mkdir(exist_ok=True)
    lines = ",\n".join(json.dumps(each, sort_keys=True) for each in resources)
    (data / "resources.json").write_text(f"[\n{lines}\n]\n")
    packed = json.dumps(definitions, sort_keys=True, separators=(",", ":")).encode()
    # no time in the header: the same sources give the same bytes
    (data / "definitions.json.gz").write_bytes(gzip.compress(packed, 9, mtime=0))
    numbers = field_numbers(Path(argv[0]).parent, f"v0.{Path(argv[0]).name.partition('@v1.')[2]}")
    packed = json.dumps(numbers, sort_keys=True, separators=(",", ":")).encode()
    (data / "fields.json.gz").write_bytes(gzip.compress(packed, 9, mtime=0))
    return 0


def _resources(source: Path) -> Iterator[dict[str, Any]]:
    for group_version, wanted in SERVED.items():
        name = "api__v1" if group_version == "v1" else f"apis__{group_version.replace('/', '__')}"
        listed = json.loads((source / "discovery" / f"{name}.json").read_text())
        for entry in listed["resources"]:
            plural = entry["name"].partition("/")[0]
            if plural in NOT_SERVED or (wanted is not None and plural not in wanted):
                continue
            entry.pop("storageVersionHash", None)
            yield {"groupVersion": group_version, **entry}


def _definitions(source: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group_version in SERVED:
        kind = "api__v1" if group_version == "v1" else f"apis__{group_version.replace('/', '__')}"
        document = source / "openapi-spec" / "v3" / f"{kind}_openapi.json"
        found.update(json.loads(document.read_text())["components"]["schemas"])
    return found


def _reachable(
    definitions: Mapping[str, Any], resources: list[dict[str, Any]]
) -> dict[str, dict[str, Any]]:
    by_kind = {
        (tag["group"], tag["version"], tag["kind"]): name
        for name, definition in definitions.items()
        for tag in definition.get("x-kubernetes-group-version-kind", ())
        if not name.startswith(META)
    }
    wanted = [META + kind for kind in ("DeleteOptions", "Status", "Patch", "WatchEvent")]
    for resource in resources:
        group, _, version = resource["groupVersion"].rpartition("/")
        group, version = resource.get("group", group), resource.get("version", version)
        for kind in (resource["kind"], f"{resource['kind']}List"):
            if (group, version, kind) in by_kind:
                wanted.append(by_kind[group, version, kind])
    kept: dict[str, dict[str, Any]] = {}
    while wanted:
        name = wanted.pop()
        if name not in kept:
            kept[name] = definitions[name]
            wanted.extend(_references(definitions[name]))
    # these carry every group's kinds; the server fills in its own
    for name in ("DeleteOptions", "WatchEvent"):
        kept[META + name] = {**kept[META + name], "x-kubernetes-group-version-kind": []}
    return kept


def _references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "$ref" and isinstance(value, str):
                yield value.removeprefix(REF)
            else:
                yield from _references(value)
    elif isinstance(node, list):
        for each in node:
            yield from _references(each)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
