"""Reads field numbers out of Kubernetes' Go types, for ``generate``.

Typed Go clients (kubectl's ``create`` among them) send protobuf, whose fields are numbers. The
numbers stand in the struct tags of the published types, beside the JSON names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

__all__ = ["field_numbers"]

# Go package folder → prefix of its definitions' names
_PACKAGES: Mapping[str, str] = {
    "api/core/v1": "io.k8s.api.core.v1",
    "api/apps/v1": "io.k8s.api.apps.v1",
    "api/autoscaling/v1": "io.k8s.api.autoscaling.v1",
    "api/events/v1": "io.k8s.api.events.v1",
    "api/authentication/v1": "io.k8s.api.authentication.v1",
    "api/authorization/v1": "io.k8s.api.authorization.v1",
    "api/batch/v1": "io.k8s.api.batch.v1",
    "api/networking/v1": "io.k8s.api.networking.v1",
    "api/policy/v1": "io.k8s.api.policy.v1",
    "api/rbac/v1": "io.k8s.api.rbac.v1",
    "api/storage/v1": "io.k8s.api.storage.v1",
    "api/scheduling/v1": "io.k8s.api.scheduling.v1",
    "api/coordination/v1": "io.k8s.api.coordination.v1",
    "api/discovery/v1": "io.k8s.api.discovery.v1",
    "apimachinery/pkg/apis/meta/v1": "io.k8s.apimachinery.pkg.apis.meta.v1",
    "apiextensions-apiserver/pkg/apis/apiextensions/v1": (
        "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1"
    ),
}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r'^\t(?:\w+ )?(?P<type>\S+)\s+`[^`]*json:"(?P<json>[^"]*)"[^`]*protobuf:"\w+,(?P<number>\d+),',
    re.MULTILINE,
)


def field_numbers(modules: Path, version: str) -> dict[str, dict[str, str]]:
    """Per definition: field number → JSON name.

    ``*name`` marks a field whose zero means something, ``>definition`` one whose fields are the
    parent's own in JSON.

    Args:
        modules: the folder with ``api@VERSION`` and its kin.
        version: such as ``v0.36.3``.
    """
    found: dict[str, dict[str, str]] = {}
    for package, prefix in _PACKAGES.items():
        module, _, rest = package.partition("/")
        folder = modules / f"{module}@{version}" / rest
        for file in sorted(folder.glob("types*.go")):
            for name, fields in _structs(file.read_text(), prefix):
                found[f"{prefix}.{name}"] = fields
    return found


def _structs(source: str, prefix: str) -> Iterator[tuple[str, dict[str, str]]]:
    for struct in _STRUCT.finditer(source):
        fields = {}
        for field in _FIELD.finditer(struct[2]):
            name, _, options = field["json"].partition(",")
            kind = field["type"].lstrip("*")
            if not name or "inline" in options:
                package, _, local = kind.rpartition(".")
                home = "io.k8s.apimachinery.pkg.apis.meta.v1" if package == "metav1" else prefix
                home = "io.k8s.api.core.v1" if package in ("v1", "corev1") else home
                fields[field["number"]] = f">{home}.{local}"
                continue
            keeps = field["type"].startswith("*") or "omitempty" not in options
            fields[field["number"]] = f"*{name}" if keeps else name
        if fields:
            yield struct[1], fields
