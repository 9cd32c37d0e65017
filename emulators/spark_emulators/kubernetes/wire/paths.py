"""What a path means: which resource, object, subresource, and which verb."""

from __future__ import annotations

from dataclasses import dataclass

from spark_emulators.kubernetes.api.registry import Registry, Resource, Subresource

__all__ = ["Target", "parse"]

_VERBS = {"POST": "create", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_NAMESPACE_PARTS = ("status", "finalize")


@dataclass(frozen=True)
class Target:
    """A path below a group version.

    Attributes:
        group: API group.
        version: its version.
        plural: the resource as written, served or not.
        namespace: empty for the cluster, and for lists over all namespaces.
        name: empty for collections.
        subresource: the first segment after the name.
        rest: what follows it: a proxied path.
        resource: what is served there; None where nothing is.
        verb: get, list, watch, create, update, patch, delete or deletecollection.
    """

    group: str
    version: str
    plural: str
    namespace: str
    name: str
    subresource: str
    rest: str
    resource: Resource | None
    verb: str

    @property
    def sub(self) -> Subresource | None:
        """The subresource's entry, where there is one."""
        return self.resource.subresources.get(self.subresource) if self.resource else None


def parse(segments: list[str], method: str, watches: bool, registry: Registry) -> Target | None:
    """The target of ``/api/v1/…`` or ``/apis/GROUP/VERSION/…``; None for other paths."""
    if segments[:1] == ["api"] and len(segments) > 2:
        group, version, rest = "", segments[1], segments[2:]
    elif segments[:1] == ["apis"] and len(segments) > 3:
        group, version, rest = segments[1], segments[2], segments[3:]
    else:
        return None
    # the old form of watches: /api/v1/watch/pods
    if rest[0] == "watch" and len(rest) > 1:
        watches, rest = True, rest[1:]
    namespace = ""
    if (
        rest[0] == "namespaces"
        and len(rest) > 2
        and not (group == "" and len(rest) == 3 and rest[2] in _NAMESPACE_PARTS)
    ):
        namespace, rest = rest[1], rest[2:]
    plural, name = rest[0], rest[1] if len(rest) > 1 else ""
    subresource, tail = (rest[2] if len(rest) > 2 else ""), "/".join(rest[3:])
    verb = _VERBS.get(method, "get")
    if method in ("GET", "HEAD") and not name:
        verb = "watch" if watches else "list"
    elif method == "GET" and watches and not subresource:
        verb = "watch"
    elif method == "DELETE" and not name:
        verb = "deletecollection"
    resource = registry.find(group, version, plural)
    return Target(group, version, plural, namespace, name, subresource, tail, resource, verb)
