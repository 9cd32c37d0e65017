"""The pods of a stateful set: who they are, and which is made or deleted next. Pure.

Source of the rules: the stateful set controller of Kubernetes 1.36.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from spark_emulators.kubernetes.api.objects import copy, dig
from spark_emulators.kubernetes.controllers.workloads.pods import (
    from_template,
    is_available,
    is_ready,
    phase_of,
)
from spark_emulators.kubernetes.controllers.workloads.rolling import resolve
from spark_emulators.kubernetes.store.store import Object

__all__ = ["REVISION", "Step", "claims_of", "decide", "ordinal_of", "pod_of", "revision_of"]

REVISION = "controller-revision-hash"
_NAME = "statefulset.kubernetes.io/pod-name"
_INDEX = "apps.kubernetes.io/pod-index"


@dataclass(frozen=True)
class Step:
    """What to do now.

    Attributes:
        create: (ordinal, whether of the newest template) of pods to make.
        delete: pods to delete.
    """

    create: tuple[tuple[int, bool], ...] = ()
    delete: tuple[Object, ...] = ()


def ordinal_of(owner: Object, pod: Object) -> int:
    """The number at the end of a pod's name; -1 where the name is not of the set."""
    prefix, _, number = pod["metadata"]["name"].rpartition("-")
    return int(number) if prefix == owner["metadata"]["name"] and number.isdigit() else -1


def revision_of(pod: Object) -> str:
    """The name of the revision that a pod is of."""
    return str((pod["metadata"].get("labels") or {}).get(REVISION, ""))


def _start(owner: Object) -> int:
    return int(dig(owner, "spec", "ordinals", "start") or 0)


def decide(owner: Object, pods: Sequence[Object], current: str, newest: str, now: float) -> Step:
    """The next step.

    Args:
        pods: those it controls.
        current: the revision that was rolled out last.
        newest: that of the template.
        now: seconds since the epoch.
    """
    spec, start = owner["spec"], _start(owner)
    ordered = spec["podManagementPolicy"] == "OrderedReady"
    by_ordinal = {ordinal_of(owner, each): each for each in pods}
    wanted = range(start, start + spec["replicas"])
    surplus = [by_ordinal[each] for each in sorted(by_ordinal, reverse=True) if each not in wanted]
    if "deletionTimestamp" in owner["metadata"]:
        return Step()
    min_ready_s = spec.get("minReadySeconds", 0)
    create: list[tuple[int, bool]] = []
    delete: list[Object] = []
    for ordinal in wanted:
        pod = by_ordinal.get(ordinal)
        if pod is None:
            create.append((ordinal, _is_newest(owner, ordinal, by_ordinal, current, newest)))
        elif phase_of(pod) in ("Succeeded", "Failed"):
            delete += [] if "deletionTimestamp" in pod["metadata"] else [pod]
        elif not ordered or (_well(pod) and is_available(pod, min_ready_s, now)):
            continue
        if ordered:
            return Step(tuple(create), tuple(delete))
    condemned = _condemned(surplus, ordered=ordered)
    if create or delete or condemned or (ordered and surplus):
        return Step(tuple(create), (*delete, *condemned))
    return Step(delete=_outdated(owner, by_ordinal, newest, now))


def _well(pod: Object) -> bool:
    return (
        phase_of(pod) == "Running" and is_ready(pod) and "deletionTimestamp" not in pod["metadata"]
    )


def _is_newest(
    owner: Object, ordinal: int, pods: Mapping[int, Object], current: str, newest: str
) -> bool:
    """Whether a pod that is made is of the newest template; below the partition it is not."""
    if current == newest:
        return True
    update = owner["spec"]["updateStrategy"]
    if update["type"] != "RollingUpdate":
        return False
    rolling = update.get("rollingUpdate")
    start = _start(owner)
    if rolling is None:
        settled = sum(revision_of(each) == current for each in pods.values())
        return ordinal >= start + settled
    return ordinal >= start + int(rolling.get("partition", 0))


def _condemned(surplus: Sequence[Object], *, ordered: bool) -> tuple[Object, ...]:
    """Those of the surplus, highest first, that may be deleted now."""
    going = [each for each in surplus if "deletionTimestamp" in each["metadata"]]
    if ordered:
        return () if going else tuple(surplus[:1])
    return tuple(each for each in surplus if "deletionTimestamp" not in each["metadata"])


def _outdated(
    owner: Object, pods: Mapping[int, Object], newest: str, now: float
) -> tuple[Object, ...]:
    """Those that an update deletes now, highest first."""
    spec = owner["spec"]
    if spec["updateStrategy"]["type"] == "OnDelete":
        return ()
    rolling = spec["updateStrategy"].get("rollingUpdate") or {}
    first = _start(owner) + int(rolling.get("partition", 0))
    most = max(1, resolve(rolling.get("maxUnavailable", 1), spec["replicas"], up=True))
    min_ready_s = spec.get("minReadySeconds", 0)
    absent = sum(
        not _well(each) or not is_available(each, min_ready_s, now) for each in pods.values()
    )
    found: list[Object] = []
    for ordinal in sorted(pods, reverse=True):
        pod = pods[ordinal]
        if ordinal < first or absent >= most:
            # one that does not work is replaced whatever else is absent
            break
        if revision_of(pod) != newest and "deletionTimestamp" not in pod["metadata"]:
            found.append(pod)
            absent += _well(pod)
    return tuple(found)


def claims_of(owner: Object, ordinal: int) -> list[Object]:
    """The claims that the pod of an ordinal needs."""
    name, found = owner["metadata"]["name"], []
    for template in owner["spec"].get("volumeClaimTemplates") or ():
        metadata = template.get("metadata") or {}
        labels = {
            **(metadata.get("labels") or {}),
            **(dig(owner, "spec", "selector", "matchLabels") or {}),
        }
        found.append(
            {
                "apiVersion": "v1",
                "kind": "PersistentVolumeClaim",
                "metadata": {
                    "name": f"{metadata['name']}-{name}-{ordinal}",
                    "namespace": owner["metadata"]["namespace"],
                    "labels": labels,
                    **({"annotations": each} if (each := metadata.get("annotations")) else {}),
                },
                "spec": copy(template["spec"]),
            }
        )
    return found


def pod_of(owner: Object, template: Mapping[str, Any], ordinal: int, revision: str) -> Object:
    """The pod of an ordinal.

    Args:
        template: of the revision.
        revision: its name.
    """
    name = f"{owner['metadata']['name']}-{ordinal}"
    pod = from_template(owner, template, name=name)
    pod["metadata"]["generateName"] = f"{owner['metadata']['name']}-"
    labels = pod["metadata"].setdefault("labels", {})
    labels |= {REVISION: revision, _NAME: name, _INDEX: str(ordinal)}
    spec = pod["spec"]
    spec["hostname"] = name
    if owner["spec"].get("serviceName"):
        spec["subdomain"] = owner["spec"]["serviceName"]
    claims = {
        each["metadata"]["name"]: claim["metadata"]["name"]
        for each, claim in zip(
            owner["spec"].get("volumeClaimTemplates") or (), claims_of(owner, ordinal), strict=True
        )
    }
    volumes = [each for each in spec.get("volumes") or () if each["name"] not in claims]
    volumes += [
        {"name": volume, "persistentVolumeClaim": {"claimName": claim}}
        for volume, claim in claims.items()
    ]
    if volumes:
        spec["volumes"] = volumes
    return pod
