"""A pod's status, computed from what its containers did. Pure.

Source: the kubelet's status as read from a real one (Kubernetes 1.36).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from spark_emulators.kubernetes.api.objects import timestamp

__all__ = ["BACKING_OFF", "CREATING", "Record", "pod_status", "succeeded", "terminated"]

CREATING = {"waiting": {"reason": "ContainerCreating"}}
INITIALIZING = {"waiting": {"reason": "PodInitializing"}}
BACKING_OFF = "CrashLoopBackOff"

State = dict[str, Any]


@dataclass
class Record:
    """What became of one container of a pod.

    Attributes:
        name: the container's.
        image: as the pod names it.
        state, last_state: as in ``containerStatuses``.
        restarts: how often it was started again.
        image_id, id: of its newest run, with the runtime's name.
        ready: what its readiness probe says, or whether it runs where it has none.
        started: what its startup probe says, or whether it runs where it has none.
    """

    name: str
    image: str
    state: State = field(default_factory=lambda: dict(CREATING))
    last_state: State = field(default_factory=dict)
    restarts: int = 0
    image_id: str = ""
    id: str = ""
    ready: bool = False
    started: bool = False

    def as_status(self) -> dict[str, Any]:
        """An entry of ``containerStatuses``."""
        return {
            "name": self.name,
            "state": self.state,
            "lastState": self.last_state,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.image,
            "imageID": self.image_id,
            **({"containerID": self.id} if self.id else {}),
            "started": self.started,
        }

    @property
    def exit_code(self) -> int | None:
        """How it ended; None while it has not."""
        code: int | None = (self.state.get("terminated") or {}).get("exitCode")
        return code


def terminated(
    code: int,
    began: float | None,
    ended: float,
    identity: str,
    *,
    reason: str = "",
    message: str = "",
) -> State:
    """The state of a container that ended."""
    return {
        "terminated": {
            "exitCode": code,
            "reason": reason or ("Completed" if code == 0 else "Error"),
            **({"message": message} if message else {}),
            "startedAt": timestamp(began) if began is not None else None,
            "finishedAt": timestamp(ended),
            **({"containerID": identity} if identity else {}),
        }
    }


def succeeded(records: Sequence[Record]) -> bool:
    """Whether every container ended well."""
    return all(each.exit_code == 0 for each in records)


def phase(init: Sequence[Record], main: Sequence[Record], restart_policy: str) -> str:
    """The pod's phase, from its containers."""
    if any(each.exit_code for each in init) and restart_policy == "Never":
        return "Failed"
    if any(each.exit_code != 0 for each in init):
        return "Pending"
    ended = [each for each in main if each.exit_code is not None]
    if len(ended) == len(main):
        if restart_policy == "Never" or (restart_policy == "OnFailure" and succeeded(main)):
            return "Succeeded" if succeeded(main) else "Failed"
        return "Running"
    begun = any(each.id for each in main)
    return "Running" if begun and all(each.id for each in main) else "Pending"


def pod_status(
    before: Mapping[str, Any],
    spec: Mapping[str, Any],
    init: Sequence[Record],
    main: Sequence[Record],
    *,
    pod_ip: str,
    host_ip: str,
    now: float,
    started_at: float,
    generation: int,
    outcome: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """The whole status.

    Args:
        before: the status so far; transition times of what did not change are kept.
        init, main: the containers.
        pod_ip: empty before the pod has one.
        started_at: when the kubelet saw the pod.
        outcome: ``phase``, ``reason`` and ``message`` where the kubelet itself ended the pod, and
            ``disruption``, the reason of a condition DisruptionTarget.
    """
    found = dict(before)
    names = ("reason", "message")
    ends = dict(outcome or {})
    found["phase"] = ends.get("phase") or phase(init, main, spec.get("restartPolicy", "Always"))
    for name in names:
        found.pop(name, None)
        if ends.get(name):
            found[name] = ends[name]
    found["hostIP"], found["hostIPs"] = host_ip, [{"ip": host_ip}]
    if pod_ip:
        found["podIP"], found["podIPs"] = pod_ip, [{"ip": pod_ip}]
    found["startTime"] = timestamp(started_at)
    found["observedGeneration"] = generation
    if init:
        found["initContainerStatuses"] = [each.as_status() for each in init]
    found["containerStatuses"] = [each.as_status() for each in main]
    wanted = _conditions(found, before, spec, init, main, bool(pod_ip))
    if ends.get("disruption"):
        wanted["DisruptionTarget"] = "True", ends["disruption"], ends["message"]
    found["conditions"] = _merged(before.get("conditions") or [], wanted, now, generation)
    return found


def _conditions(
    status: Mapping[str, Any],
    before: Mapping[str, Any],
    spec: Mapping[str, Any],
    init: Sequence[Record],
    main: Sequence[Record],
    has_sandbox: bool,
) -> dict[str, tuple[str, str, str]]:
    """Status, reason and message of the conditions that the kubelet writes."""
    over = status["phase"] in ("Succeeded", "Failed")
    waiting = [each.name for each in init if each.exit_code != 0]
    unready = [each.name for each in main if not each.ready]
    initialized = _because(waiting, "ContainersNotInitialized", "incomplete status")
    if status["phase"] == "Succeeded":
        initialized, ready = ("True", "PodCompleted", ""), ("False", "PodCompleted", "")
    elif status["phase"] == "Failed":
        ready = ("False", "PodFailed", "")
    else:
        ready = _because(unready, "ContainersNotReady", "unready status")
    gates = [each["conditionType"] for each in spec.get("readinessGates") or ()]
    met = {each["type"] for each in before.get("conditions") or () if each["status"] == "True"}
    missing = [gate for gate in gates if gate not in met]
    pod_ready = ready
    if ready[0] == "True" and missing:
        text = f'corresponding condition of pod readiness gate "{missing[0]}" does not exist.'
        pod_ready = ("False", "ReadinessGatesNotReady", text)
    return {
        "PodReadyToStartContainers": ("True" if has_sandbox and not over else "False", "", ""),
        "Initialized": initialized,
        "Ready": pod_ready,
        "ContainersReady": ready,
    }


def _because(names: Sequence[str], reason: str, what: str) -> tuple[str, str, str]:
    if not names:
        return "True", "", ""
    return "False", reason, f"containers with {what}: [{' '.join(names)}]"


def _merged(
    before: Sequence[Mapping[str, Any]],
    wanted: Mapping[str, tuple[str, str, str]],
    now: float,
    generation: int,
) -> list[dict[str, Any]]:
    known = {each["type"]: each for each in before}
    found = []
    for kind, (status, reason, message) in wanted.items():
        old = known.get(kind, {})
        since = old.get("lastTransitionTime") if old.get("status") == status else timestamp(now)
        condition = {
            "type": kind,
            "observedGeneration": generation,
            "status": status,
            "lastProbeTime": None,
            "lastTransitionTime": since,
        }
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        found.append(condition)
    # those that others write
    return [*found, *(dict(each) for kind, each in known.items() if kind not in wanted)]
