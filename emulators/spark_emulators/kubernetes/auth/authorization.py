"""RBAC: what a caller may do, by the roles and bindings in the store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.requests import Caller
from spark_emulators.kubernetes.errors import ApiError, Named
from spark_emulators.kubernetes.store.store import Key, Store

__all__ = ["Attributes", "Authorizer", "allows"]

_MASTERS = "system:masters"
_GROUP = "rbac.authorization.k8s.io"
# what everybody may see, as the real server's bootstrap roles say
_PUBLIC = frozenset({"/healthz", "/livez", "/readyz", "/version", "/version/"})
_DISCOVERY = ("/api", "/apis", "/openapi")


@dataclass(frozen=True)
class Attributes:
    """What is asked for."""

    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""
    is_resource: bool = False


class Authorizer:
    """Evaluates RBAC on the store.

    Args:
        store: where roles and bindings are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def require(self, caller: Caller, asked: Attributes) -> None:
        """Let pass, or refuse.

        Raises:
            ApiError: 403, in the real server's words.
        """
        if not self.may(caller, asked):
            raise refusal(caller, asked)

    def may(self, caller: Caller, asked: Attributes) -> bool:
        """Whether the caller may."""
        if _MASTERS in caller.groups:
            return True
        if not asked.is_resource and asked.verb == "get":
            if asked.path in _PUBLIC:
                return True
            if "system:authenticated" in caller.groups and asked.path.startswith(_DISCOVERY):
                return True
        if (
            asked.group in ("authorization.k8s.io", "authentication.k8s.io")
            and asked.resource.startswith("selfsubject")
            and "system:authenticated" in caller.groups
        ):
            return True
        return any(allows(rule, asked) for rule in self.rules(caller, asked.namespace))

    def rules(self, caller: Caller, namespace: str) -> Iterator[Mapping[str, Any]]:
        """All rules that hold for a caller in a namespace."""
        for binding in self._store.list(f"clusterrolebindings.{_GROUP}"):
            if _binds(binding.value, caller, ""):
                yield from self._rules_of(binding.value, "")
        if namespace:
            for binding in self._store.list(f"rolebindings.{_GROUP}", namespace):
                if _binds(binding.value, caller, namespace):
                    yield from self._rules_of(binding.value, namespace)

    def _rules_of(self, binding: Mapping[str, Any], namespace: str) -> list[Mapping[str, Any]]:
        reference = binding["roleRef"]
        if reference["kind"] == "Role":
            key = Key(f"roles.{_GROUP}", namespace, reference["name"])
        else:
            key = Key(f"clusterroles.{_GROUP}", "", reference["name"])
        role = self._store.get(key)
        return (role.value.get("rules") or []) if role else []


def _binds(binding: Mapping[str, Any], caller: Caller, namespace: str) -> bool:
    for subject in binding.get("subjects") or ():
        kind, name = subject.get("kind"), subject.get("name")
        if kind == "User" and name == caller.name:
            return True
        if kind == "Group" and name in caller.groups:
            return True
        if kind == "ServiceAccount":
            where = subject.get("namespace") or namespace
            if caller.name == f"system:serviceaccount:{where}:{name}":
                return True
    return False


def allows(rule: Mapping[str, Any], asked: Attributes) -> bool:
    """Whether one rule covers what is asked."""
    verbs = rule.get("verbs") or ()
    if "*" not in verbs and asked.verb not in verbs:
        return False
    if not asked.is_resource:
        return any(_path_matches(each, asked.path) for each in rule.get("nonResourceURLs") or ())
    groups, resources = rule.get("apiGroups") or (), rule.get("resources") or ()
    if "*" not in groups and asked.group not in groups:
        return False
    wanted = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    if not any(
        each in ("*", wanted) or (asked.subresource and each == f"*/{asked.subresource}")
        for each in resources
    ):
        return False
    names = rule.get("resourceNames") or ()
    return not names or asked.name in names


def _path_matches(pattern: str, path: str) -> bool:
    if pattern.endswith("*"):
        return path.startswith(pattern[:-1])
    return pattern == path


def refusal(caller: Caller, asked: Attributes) -> ApiError:
    """403 as the real server words it."""
    if not asked.is_resource:
        text = f'forbidden: User "{caller.name}" cannot {asked.verb} path "{asked.path}"'
        return ApiError(403, "Forbidden", text, {})
    wanted = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f' in the namespace "{asked.namespace}"' if asked.namespace else " at the cluster scope"
    about = Named(asked.group, asked.resource, asked.name)
    subject = f'{about.qualified} "{asked.name}"' if asked.name else about.qualified
    text = (
        f'{subject} is forbidden: User "{caller.name}" cannot {asked.verb} resource "{wanted}"'
        f' in API group "{asked.group}"{where}'
    )
    return ApiError(403, "Forbidden", text, about.as_details())
