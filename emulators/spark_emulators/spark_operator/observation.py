"""What a driver's pod tells, judged from its status alone.

The rules are the Apache operator's, with one mended: a pod that has ended ends the attempt even
where it has no status of its containers (apache/spark-kubernetes-operator#863).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spark_emulators.spark_operator.states import State

__all__ = ["DRIVER_CONTAINER", "Seen", "Verdict", "is_ready", "is_started", "verdict", "waits_for"]

DRIVER_CONTAINER = "spark-kubernetes-driver"
_EXCEPTION = "spark.exit-exception"

Pod = Mapping[str, Any]


@dataclass(frozen=True)
class Seen:
    """What a cluster shows of an application's current attempt.

    Attributes:
        driver: its driver's pod, as it was last seen; None where there never was one.
        gone: that pod is not there any more.
        ready_executors: how many executors run and are ready.
        executors: how many pods of executors there are.
    """

    driver: Pod | None = None
    gone: bool = False
    ready_executors: int = 0
    executors: int = 0

    @property
    def left(self) -> bool:
        """Whether there is anything of the attempt that has to go before the next."""
        return self.executors > 0 or (self.driver is not None and not self.gone)


@dataclass(frozen=True)
class Verdict:
    """How a driver ended.

    Attributes:
        state: ``Succeeded``, ``Failed`` or ``DriverEvicted``.
        message: why.
    """

    state: State
    message: str


def verdict(driver: Pod, container: str = "") -> Verdict | None:
    """How a driver ended; None while it has not.

    Args:
        container: the name of the one that counts; without it ``spark-kubernetes-driver``, or all
            where there is none of that name.
    """
    status = driver.get("status") or {}
    phase = status.get("phase")
    if phase == "Failed" and status.get("reason") == "Evicted":
        return Verdict(State.DRIVER_EVICTED, f"driver evicted: {status.get('message', '')}".strip())
    main = _main(driver, container)
    failure = _failure([*_init(status), *main])
    if failure:
        return Verdict(State.FAILED, _said(status) + failure + _exception(driver))
    if main and all(_exit_code(each) == 0 for each in main):
        return Verdict(State.SUCCEEDED, "driver exited with 0")
    if phase == "Succeeded":
        return Verdict(State.SUCCEEDED, "driver pod succeeded")
    if phase == "Failed":
        return Verdict(State.FAILED, f"{_said(status) or 'it does not say why: '}driver pod failed")
    return None


def is_started(driver: Pod, container: str = "") -> bool:
    """Whether the driver's container is ready."""
    main = _main(driver, container)
    return bool(main) and all(each.get("ready") for each in main)


def is_ready(pod: Pod) -> bool:
    """Whether a pod runs and is ready."""
    status = pod.get("status") or {}
    return status.get("phase") == "Running" and any(
        each["type"] == "Ready" and each["status"] == "True"
        for each in status.get("conditions") or ()
    )


def waits_for(driver: Pod | None) -> str:
    """What a driver that does not start waits for, as far as its pod says."""
    if driver is None:
        return "there is no driver pod"
    status = driver.get("status") or {}
    for each in (*_init(status), *(status.get("containerStatuses") or ())):
        waiting = (each.get("state") or {}).get("waiting") or {}
        if waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            return f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": ")
    for each in status.get("conditions") or ():
        if each["type"] == "PodScheduled" and each["status"] == "False":
            return f"{each.get('reason', '')}: {each.get('message', '')}".strip(": ")
    return f"its pod is {status.get('phase', 'Pending')}"


def _said(status: Mapping[str, Any]) -> str:
    """What the pod itself says of its end, such as ``DeadlineExceeded: …: ``."""
    return "".join(f"{each}: " for each in (status.get("reason"), status.get("message")) if each)


def _main(driver: Pod, container: str) -> list[Mapping[str, Any]]:
    status = driver.get("status") or {}
    found = list(status.get("containerStatuses") or ())
    wanted = (container or DRIVER_CONTAINER).lower()
    return [each for each in found if each["name"].lower() == wanted] or found


def _init(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return list(status.get("initContainerStatuses") or ())


def _exit_code(status: Mapping[str, Any]) -> int | None:
    ended = (status.get("state") or {}).get("terminated")
    return ended["exitCode"] if ended else None


def _failure(statuses: Iterable[Mapping[str, Any]]) -> str:
    for each in statuses:
        ended = (each.get("state") or {}).get("terminated")
        if not ended and each.get("restartCount", 0) > 0:
            ended = (each.get("lastState") or {}).get("terminated")
        if ended and ended["exitCode"] != 0:
            reason = ended.get("reason", "")
            shown = f" ({reason})" if reason not in ("", "Error") else ""
            return f"container {each['name']} exited with {ended['exitCode']}{shown}"
    return ""


def _exception(driver: Pod) -> str:
    text = (driver["metadata"].get("annotations") or {}).get(_EXCEPTION, "")
    return f": {text}" if text else ""
