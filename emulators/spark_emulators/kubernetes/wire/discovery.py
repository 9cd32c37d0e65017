"""Discovery: which groups, versions and resources there are; plain and aggregated."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.registry import Registry, Resource, Subresource
from spark_emulators.kubernetes.version import GIT_VERSION

__all__ = ["VERSION", "aggregated", "api_versions", "group", "groups", "resources", "version"]

VERSION = GIT_VERSION


def version() -> dict[str, str]:
    """What ``/version`` says."""
    return {
        "major": "1",
        "minor": "36",
        "emulationMajor": "1",
        "emulationMinor": "36",
        "minCompatibilityMajor": "1",
        "minCompatibilityMinor": "35",
        "gitVersion": VERSION,
        "gitCommit": "",
        "gitTreeState": "clean",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": "",
        "compiler": "",
        "platform": "linux/amd64",
    }


def api_versions(address: str) -> dict[str, Any]:
    """``/api``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}],
    }


def groups(registry: Registry) -> dict[str, Any]:
    """``/apis``."""
    found = [_group(name, versions) for name, versions in registry.groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": found}


def group(registry: Registry, name: str) -> dict[str, Any] | None:
    """``/apis/GROUP``; None where there is no such group."""
    versions = registry.groups().get(name)
    if not name or not versions:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{each}", "version": each} for each in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def resources(registry: Registry, group_name: str, version_name: str) -> dict[str, Any] | None:
    """``/apis/GROUP/VERSION``; None where it is not served."""
    found: list[dict[str, Any]] = []
    for each in registry:
        if each.group == group_name and each.version == version_name:
            found.append(_entry(each))
            found += [_sub_entry(each, sub) for sub in each.subresources.values()]
    if not found:
        return None
    group_version = f"{group_name}/{version_name}" if group_name else version_name
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": sorted(found, key=lambda each: each["name"]),
    }


def _entry(resource: Resource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    return entry


def _sub_entry(resource: Resource, sub: Subresource) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": sub.kind,
        "verbs": list(sub.verbs),
    }
    if (sub.group, sub.version) != (resource.group, resource.version):
        entry["group"], entry["version"] = sub.group, sub.version
    return entry


def aggregated(registry: Registry, *, core: bool) -> dict[str, Any]:
    """Everything of the core group, or of all others, in one document."""
    items = []
    for name, versions in registry.groups().items():
        if bool(name) == core:
            continue
        items.append(
            {
                "metadata": {"name": name} if name else {},
                "versions": [
                    {
                        "version": each,
                        "resources": _aggregated(registry, name, each),
                        "freshness": "Current",
                    }
                    for each in versions
                ],
            }
        )
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": items,
    }


def _aggregated(registry: Registry, group_name: str, version_name: str) -> list[dict[str, Any]]:
    found = []
    for each in registry:
        if each.group != group_name or each.version != version_name:
            continue
        entry: dict[str, Any] = {
            "resource": each.plural,
            "responseKind": {"group": each.group, "version": each.version, "kind": each.kind},
            "scope": "Namespaced" if each.namespaced else "Cluster",
            "singularResource": each.singular,
            "verbs": list(each.verbs),
        }
        if each.short_names:
            entry["shortNames"] = list(each.short_names)
        if each.categories:
            entry["categories"] = list(each.categories)
        if each.subresources:
            entry["subresources"] = [
                {
                    "subresource": sub.name,
                    "responseKind": {"group": sub.group, "version": sub.version, "kind": sub.kind},
                    "verbs": list(sub.verbs),
                }
                for sub in each.subresources.values()
            ]
        found.append(entry)
    return sorted(found, key=lambda entry: str(entry["resource"]))
