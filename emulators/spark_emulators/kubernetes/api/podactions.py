"""What is done to pods besides writing them: binding to a node, eviction."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api import deletion, writes
from spark_emulators.kubernetes.api.context import Context
from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.api.requests import DeleteOptions, WriteOptions
from spark_emulators.kubernetes.api.selectors import from_object, matches_labels
from spark_emulators.kubernetes.errors import ApiError, Cause, bad_request, conflict
from spark_emulators.kubernetes.store.store import Object, Stored

__all__ = ["bind", "evict"]


def bind(context: Context, namespace: str, name: str, binding: Any, options: WriteOptions) -> None:
    """Give a pod its node, once.

    Raises:
        ApiError: 400 for what is no Binding; 404; 409 for a pod that has a node, or is going.
    """
    resource = context.registry.core("pods")
    target = dig(binding, "target", "name")
    if not isinstance(target, str) or not target:
        raise bad_request("target.name: Required value")
    old = writes.get_stored(context, resource, namespace, name)
    uid = dig(binding, "metadata", "uid")
    if uid and uid != old.value["metadata"]["uid"]:
        raise conflict(
            "",
            "pods",
            name,
            f"Precondition failed: UID in precondition: {uid}, UID in object meta:"
            f" {old.value['metadata']['uid']}",
        )
    if old.value["metadata"].get("deletionTimestamp"):
        raise conflict(
            "", "pods/binding", name, f"pod {name} is being deleted, cannot be assigned to a host"
        )
    if old.value["spec"].get("nodeName"):
        raise conflict(
            "",
            "pods/binding",
            name,
            f'pod {name} is already assigned to node "{old.value["spec"]["nodeName"]}"',
        )
    value: Object = copy(old.value)
    value["spec"]["nodeName"] = target
    annotations = dig(binding, "metadata", "annotations")
    if annotations:
        value["metadata"].setdefault("annotations", {}).update(annotations)
    conditions = value.setdefault("status", {}).setdefault("conditions", [])
    conditions[:] = [each for each in conditions if each.get("type") != "PodScheduled"]
    conditions.append(
        {
            "type": "PodScheduled",
            "status": "True",
            "lastProbeTime": None,
            "lastTransitionTime": context.timestamp(),
            "observedGeneration": value["metadata"].get("generation", 1),
        }
    )
    if not options.dry_run:
        context.store.put(old.key, value)


def evict(context: Context, namespace: str, name: str, options: DeleteOptions) -> deletion.Deleted:
    """Delete a pod if its disruption budgets allow it.

    Raises:
        ApiError: 404; 429 where a budget says no.
    """
    resource = context.registry.core("pods")
    old = writes.get_stored(context, resource, namespace, name)
    phase = dig(old.value, "status", "phase")
    if phase not in ("Succeeded", "Failed", "Pending") and not old.value["metadata"].get(
        "deletionTimestamp"
    ):
        _spend(context, old, options)
    return deletion.delete(context, resource, namespace, name, options)


def _spend(context: Context, pod: Stored, options: DeleteOptions) -> None:
    labels = pod.value["metadata"].get("labels") or {}
    budgets = [
        each
        for each in context.store.list("poddisruptionbudgets.policy", pod.key.namespace)
        if dig(each.value, "spec", "selector") is not None
        and matches_labels(from_object(dig(each.value, "spec", "selector")), labels)
    ]
    if not budgets:
        return
    if len(budgets) > 1:
        raise ApiError(
            500,
            "InternalError",
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does"
            " not support.",
        )
    budget = budgets[0]
    status = budget.value.get("status") or {}
    if status.get("disruptionsAllowed", 0) <= 0:
        healthy, desired = status.get("currentHealthy", 0), status.get("desiredHealthy", 0)
        cause = Cause(
            "DisruptionBudget",
            f"The disruption budget {budget.key.name} needs {desired} healthy pods and has"
            f" {healthy} currently",
        )
        raise ApiError(
            429,
            "TooManyRequests",
            "Cannot evict pod as it would violate the pod's disruption budget.",
            {"causes": [cause]},
        )
    if options.dry_run:
        return
    value: Object = copy(budget.value)
    value["status"]["disruptionsAllowed"] -= 1
    value["status"].setdefault("disruptedPods", {})[pod.key.name] = context.timestamp()
    context.store.put(budget.key, value)
