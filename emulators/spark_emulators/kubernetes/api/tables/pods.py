"""Columns of pods: their status in one word, as kubectl users know it."""

from __future__ import annotations

from typing import Any

from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.tables.table import AGE, NAME, Column, age
from spark_emulators.kubernetes.store.store import Object

__all__ = ["POD_COLUMNS"]

_NONE = "<none>"


def _statuses(value: Object, name: str = "containerStatuses") -> list[dict[str, Any]]:
    return list(dig(value, "status", name) or ())


def _ready(value: Object, _: float) -> str:
    ready = sum(bool(each.get("ready")) for each in _statuses(value))
    return f"{ready}/{len(value['spec'].get('containers') or ())}"


def _restarts(value: Object, now: float) -> str:
    count = sum(each.get("restartCount", 0) for each in _statuses(value))
    ended = [dig(each, "lastState", "terminated", "finishedAt") for each in _statuses(value)]
    last = max((each for each in ended if each), default=None)
    return f"{count} ({age(last, now)} ago)" if count and last else str(count)


def _ended(state: dict[str, Any]) -> str:
    if state.get("reason"):
        return str(state["reason"])
    if state.get("signal"):
        return f"Signal:{state['signal']}"
    return f"ExitCode:{state.get('exitCode', 0)}"


def _init(value: Object) -> str:
    """What an unfinished init container says; empty where all are done."""
    total = len(value["spec"].get("initContainers") or ())
    for index, each in enumerate(_statuses(value, "initContainerStatuses")):
        state = each.get("state") or {}
        if "terminated" in state and state["terminated"].get("exitCode") == 0:
            continue
        if "terminated" in state:
            return "Init:" + _ended(state["terminated"])
        reason = dig(state, "waiting", "reason")
        if reason and reason != "PodInitializing":
            return f"Init:{reason}"
        return f"Init:{index}/{total}"
    return ""


def _status(value: Object, _: float) -> str:
    status = value.get("status") or {}
    shown = str(status.get("reason") or status.get("phase") or "Unknown")
    for each in status.get("conditions") or ():
        if each.get("type") == "PodScheduled" and each.get("reason") == "SchedulingGated":
            shown = "SchedulingGated"
    init = _init(value)
    if init:
        shown = init
    else:
        running = False
        for each in reversed(_statuses(value)):
            state = each.get("state") or {}
            reason = dig(state, "waiting", "reason")
            if reason:
                shown = str(reason)
            elif "terminated" in state:
                shown = _ended(state["terminated"])
            elif each.get("ready") and "running" in state:
                running = True
        if shown == "Completed" and running:
            ready = any(
                each.get("type") == "Ready" and each.get("status") == "True"
                for each in status.get("conditions") or ()
            )
            shown = "Running" if ready else "NotReady"
    if value["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if status.get("phase") not in ("Succeeded", "Failed"):
            return "Terminating"
    return shown


def _gates(value: Object, _: float) -> str:
    gates = value["spec"].get("readinessGates") or []
    if not gates:
        return _NONE
    true = {
        each["type"]
        for each in dig(value, "status", "conditions") or ()
        if each.get("status") == "True"
    }
    return f"{sum(each['conditionType'] in true for each in gates)}/{len(gates)}"


POD_COLUMNS = (
    NAME,
    Column("Ready", _ready),
    Column("Status", _status),
    Column("Restarts", _restarts),
    AGE,
    Column("IP", lambda value, _: dig(value, "status", "podIP") or _NONE, True),
    Column("Node", lambda value, _: dig(value, "spec", "nodeName") or _NONE, True),
    Column(
        "Nominated Node", lambda value, _: dig(value, "status", "nominatedNodeName") or _NONE, True
    ),
    Column("Readiness Gates", _gates, True),
)
