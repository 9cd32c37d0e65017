"""ResourceQuotas: how much of what a namespace may have, and has."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.kinds import podspec
from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.quantities import parse, render
from spark_emulators.kubernetes.api.registry import Resource
from spark_emulators.kubernetes.api.requests import WriteOptions
from spark_emulators.kubernetes.errors import forbidden
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["check", "recount", "usage"]

_COMPUTE = {"cpu": "requests.cpu", "memory": "requests.memory"}
_OLD_COUNTS = frozenset(
    {"configmaps", "persistentvolumeclaims", "pods", "replicationcontrollers", "resourcequotas",
     "secrets", "services"}
)  # fmt: skip
_FINAL = ("Succeeded", "Failed")
Usage = dict[str, Decimal]


def usage(value: Object, storage: str) -> Usage:
    """What one object uses, by the names quotas call it."""
    if storage == "pods" and dig(value, "status", "phase") in _FINAL:
        return {"count/pods": Decimal(1)}
    found: Usage = {f"count/{storage}": Decimal(1)}
    if storage in _OLD_COUNTS:
        found[storage] = Decimal(1)
    if storage == "pods":
        for container in _concurrent(value):
            for kind in ("requests", "limits"):
                for what, amount in (dig(container, "resources", kind) or {}).items():
                    name = f"{kind}.{what}"
                    found[name] = found.get(name, Decimal(0)) + parse(amount)
    elif storage == "persistentvolumeclaims":
        found["requests.storage"] = parse(
            dig(value, "spec", "resources", "requests", "storage") or 0
        )
    elif storage == "services":
        kind = dig(value, "spec", "type")
        found["services.loadbalancers"] = Decimal(kind == "LoadBalancer")
        found["services.nodeports"] = Decimal(
            len(dig(value, "spec", "ports") or ()) if kind in ("NodePort", "LoadBalancer") else 0
        )
    return found


def _concurrent(pod: Object) -> list[Mapping[str, object]]:
    return list(pod["spec"].get("containers") or ())


def _name(hard: str) -> str:
    return _COMPUTE.get(hard, hard)


def check(
    context: Context, resource: Resource, value: Object, old: Object | None, options: WriteOptions
) -> None:
    """Refuse what a quota has no room for, and book what it has.

    Raises:
        ApiError: 403, naming the quota with what was requested, used and limited.
    """
    if not resource.namespaced or resource.storage == "resourcequotas":
        return
    namespace = value["metadata"]["namespace"]
    quotas = context.store.list("resourcequotas", namespace)
    if not quotas:
        return
    before = usage(old, resource.storage) if old else {}
    wants = {
        name: amount - before.get(name, Decimal(0))
        for name, amount in usage(value, resource.storage).items()
    }
    booked = []
    for quota in quotas:
        used = _admit(quota, resource, value, old, wants)
        if used:
            booked.append((quota, used))
    if options.dry_run:
        return
    for quota, used in booked:
        changed: Object = copy(quota.value)
        changed["status"] = {**(changed.get("status") or {}), "used": used}
        context.store.put(quota.key, changed)


def _admit(
    quota: Stored, resource: Resource, value: Object, old: Object | None, wants: Usage
) -> dict[str, str] | None:
    hard = dig(quota.value, "status", "hard") or dig(quota.value, "spec", "hard") or {}
    used = {each: str((dig(quota.value, "status", "used") or {}).get(each, "0")) for each in hard}
    name = value["metadata"].get("name", "")
    if resource.storage == "pods" and old is None:
        missing = _unsaid(hard, value)
        if missing:
            why = f"failed quota: {quota.key.name}: must specify {'; '.join(missing)}"
            raise forbidden("", "pods", name, why)
    over, booked = [], dict(used)
    for each in sorted(hard):
        asked = wants.get(_name(each), Decimal(0))
        if not asked:
            continue
        total = parse(used[each]) + asked
        if asked > 0 and total > parse(hard[each]):
            over.append(
                (
                    each,
                    render(asked, "Mi" if "memory" in each or "storage" in each else ""),
                    used[each],
                    hard[each],
                )
            )
        booked[each] = render(total, "Mi" if "memory" in each or "storage" in each else "")
    if over:
        requested = ",".join(f"{each[0]}={each[1]}" for each in over)
        have = ",".join(f"{each[0]}={each[2]}" for each in over)
        most = ",".join(f"{each[0]}={each[3]}" for each in over)
        why = f"exceeded quota: {quota.key.name}, requested: {requested}, used: {have}"
        why += f", limited: {most}"
        raise forbidden(resource.group, resource.plural, name, why)
    return booked if booked != used else None


def _unsaid(hard: Mapping[str, str], pod: Object) -> list[str]:
    """Compute resources under quota that a container says nothing of."""
    found = []
    for each in sorted(hard):
        kind, _, what = _name(each).partition(".")
        if kind not in ("requests", "limits") or what not in ("cpu", "memory"):
            continue
        lacking = [
            container["name"]
            for container in podspec.containers(pod["spec"])
            if what not in (dig(container, "resources", kind) or {})
        ]
        if lacking:
            found.append(f"{each} for: {','.join(lacking)}")
    return found


def recount(context: Context, quota: Stored) -> Object | None:
    """A quota with its status counted anew; None where it is right already."""
    hard = dig(quota.value, "spec", "hard") or {}
    totals: Usage = {}
    for storage in context.store.resources():
        for stored in context.store.list(storage, quota.key.namespace):
            for name, amount in usage(stored.value, storage).items():
                totals[name] = totals.get(name, Decimal(0)) + amount
    used = {
        each: render(
            totals.get(_name(each), Decimal(0)),
            "Mi" if "memory" in each or "storage" in each else "",
        )
        for each in hard
    }
    status = {"hard": hard, "used": used}
    if quota.value.get("status") == status:
        return None
    return {**copy(quota.value), "status": status}
