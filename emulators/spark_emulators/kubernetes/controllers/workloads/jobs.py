"""Jobs: pods until enough of them have succeeded.

A pod bears a finalizer until it is counted, so that none goes uncounted. Here a pod is counted
and let go in one turn of the loop, so ``uncountedTerminatedPods`` is never seen filled.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from spark_emulators.kubernetes.api.objects import dig, parse_time
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.workloads import jobstate
from spark_emulators.kubernetes.controllers.workloads.jobstate import (
    FINALIZER,
    INDEX,
    Ending,
    Tally,
)
from spark_emulators.kubernetes.controllers.workloads.owned import Owned
from spark_emulators.kubernetes.controllers.workloads.pods import (
    condition,
    from_template,
    is_ready,
    ranked,
)
from spark_emulators.kubernetes.controllers.workloads.reconciler import (
    MANAGER,
    Reconciler,
    with_condition,
)
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.store import DELETED, Change, Key, Object

__all__ = ["JobController"]

_ENV = "JOB_COMPLETION_INDEX"
_COMPLETED = "Job completed"


class JobController(Reconciler):
    """The controller; see the module.

    Args:
        cluster: whose.
        pods: by their owners.
    """

    def __init__(self, cluster: Cluster, pods: Owned) -> None:
        super().__init__(cluster, pods, "jobs.batch", "Job", "job-controller")
        self._bereft: dict[str, None] = {}

    def observe(self, change: Change) -> None:
        super().observe(change)
        if change.now.key.resource == self._resource and change.type == DELETED:
            self._bereft[change.now.value["metadata"]["uid"]] = None

    def work(self) -> None:
        bereft, self._bereft = self._bereft, {}
        for uid in bereft:
            for each in self._owned.of(uid):
                self._let_go(each)
        super().work()

    def _note_owner(self, value: Object) -> None:
        super()._note_owner(value)
        owners = value["metadata"].get("ownerReferences") or ()
        for each in owners:
            key = Key(self._resource, value["metadata"]["namespace"], each["name"])
            if each["kind"] == "Job" and each.get("controller") and not self._store.get(key):
                self._bereft[each["uid"]] = None

    def reconcile(self, owner: Object) -> None:
        pods = self.claim(owner)
        if jobstate.finished(owner):
            for each in pods:
                self._let_go(each)
            self._expire(owner)
            return
        if "deletionTimestamp" in owner["metadata"]:
            for each in pods:
                self._let_go(each)
            return
        now = self._context.now()
        counted = jobstate.tally(owner, pods)
        ending = self._ending(owner, counted, now)
        conditions = self._suspension(owner)
        if ending is not None:
            for each in counted.active:
                self.remove(each)
            conditions = self._conclude(conditions, ending, counted)
            going = (*counted.going, *counted.active)
            counted = replace(counted, active=(), going=going)
        ready = sum(is_ready(each) for each in counted.active)
        stamp = self._context.timestamp()
        status = jobstate.job_status(owner, counted, ready, stamp, conditions)
        self.set_status(owner, status)
        for each in counted.fresh:
            self._let_go(each)
        if any(each["type"] in ("Complete", "Failed") for each in conditions):
            self._announce(owner, conditions[-1])
        elif ending is None:
            self._resize(owner, counted, pods, now)
            at = jobstate.deadline({**owner, "status": status})
            if at is not None:
                self.later(owner, at)

    def _ending(self, owner: Object, counted: Tally, now: float) -> Ending | None:
        """How it ends: as was said before, or as is found now."""
        for interim, kind in (("SuccessCriteriaMet", "Complete"), ("FailureTarget", "Failed")):
            known = condition(owner, interim)
            if known is not None and known["status"] == "True":
                return Ending(kind, known["reason"], known["message"])
        return jobstate.ending_of(owner, counted, now)

    def _conclude(
        self, conditions: list[dict[str, Any]], ending: Ending, counted: Tally
    ) -> list[dict[str, Any]]:
        """First that it will end so; when no pod is left, that it has."""
        interim = "SuccessCriteriaMet" if ending.kind == "Complete" else "FailureTarget"
        found = self._with(conditions, interim, "True", ending.reason, ending.message)
        if counted.active or counted.going:
            return found
        return self._with(found, ending.kind, "True", ending.reason, ending.message)

    def _suspension(self, owner: Object) -> list[dict[str, Any]]:
        known = [dict(each) for each in dig(owner, "status", "conditions") or ()]
        suspended = condition(owner, "Suspended")
        is_so = suspended is not None and suspended["status"] == "True"
        if owner["spec"].get("suspend") and not is_so:
            self._recorder.normal(owner, "Suspended", "Job suspended")
            return self._with(known, "Suspended", "True", "JobSuspended", "Job suspended")
        if is_so and not owner["spec"].get("suspend"):
            self._recorder.normal(owner, "Resumed", "Job resumed")
            return self._with(known, "Suspended", "False", "JobResumed", "Job resumed")
        return known

    def _with(
        self, conditions: Sequence[Mapping[str, Any]], kind: str, status: str, reason: str,
        message: str,
    ) -> list[dict[str, Any]]:  # fmt: skip
        known = next((each for each in conditions if each["type"] == kind), None)
        if known and known["status"] == status:
            return [dict(each) for each in conditions]
        stamp = self._context.timestamp()
        return with_condition(conditions, kind, status, reason, message, stamp, lastProbeTime=stamp)

    def _announce(self, owner: Object, ending: Mapping[str, Any]) -> None:
        if ending["type"] == "Complete":
            self._recorder.normal(owner, "Completed", _COMPLETED)
        else:
            self._recorder.warning(owner, ending["reason"], ending["message"])

    def _resize(self, owner: Object, counted: Tally, pods: Sequence[Object], now: float) -> None:
        active = list(counted.active)
        surplus = len(active) - jobstate.wanted(owner, counted)
        if surplus > 0:
            for each in ranked(active, active, now)[:surplus]:
                # what is not wanted any more does not fail by going
                self._let_go(each)
                self.remove(each)
                text = f"Deleted pod: {each['metadata']['name']}"
                self._recorder.normal(owner, "SuccessfulDelete", text)
            return
        # a pod that is going is replaced when it is gone
        count = -surplus - len(counted.going)
        if count <= 0:
            return
        at = jobstate.retry_at(counted, pods)
        if at > now:
            self.later(owner, at)
            return
        self._make(owner, counted, count)

    def _make(self, owner: Object, counted: Tally, count: int) -> None:
        indexed = owner["spec"].get("completionMode") == "Indexed"
        numbers: list[int | None] = [None] * count
        if indexed:
            numbers = [*jobstate.missing_indexes(owner, counted)[:count]]
        for number in numbers:
            try:
                made = self._cluster.create(pod_of(owner, number), MANAGER)
            except ApiError as error:
                self._recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}")
                raise
            text = f"Created pod: {made['metadata']['name']}"
            self._recorder.normal(owner, "SuccessfulCreate", text)

    def _let_go(self, pod: Object) -> None:
        """Take the finalizer from a pod."""
        stored = self._store.get(Key("pods", pod["metadata"]["namespace"], pod["metadata"]["name"]))
        if stored is None or stored.value["metadata"]["uid"] != pod["metadata"]["uid"]:
            return
        finalizers = stored.value["metadata"].get("finalizers") or []
        if FINALIZER in finalizers:
            left = [each for each in finalizers if each != FINALIZER]
            self.change(stored.value, {"metadata": {"finalizers": left or None}})

    def _expire(self, owner: Object) -> None:
        limit_s = owner["spec"].get("ttlSecondsAfterFinished")
        if limit_s is None or "deletionTimestamp" in owner["metadata"]:
            return
        ends = (condition(owner, "Complete"), condition(owner, "Failed"))
        at = max(parse_time(each["lastTransitionTime"]) for each in ends if each) + limit_s
        if at <= self._context.now():
            self.remove(owner)
        else:
            self.later(owner, at)


def pod_of(job: Object, index: int | None) -> Object:
    """The next pod of a job.

    Args:
        index: its completion index, of an indexed job.
    """
    name, template = job["metadata"]["name"], job["spec"]["template"]
    if index is None:
        pod = from_template(job, template, generateName=f"{name}-")
    else:
        # the name is random at its end, but the host's is not
        letters = "".join(secrets.choice("bcdfghjklmnpqrstvwxz2456789") for _ in range(5))
        pod = from_template(job, template, name=f"{name}-{index}-{letters}")
        pod["metadata"]["generateName"] = f"{name}-{index}-"
        pod["metadata"].setdefault("annotations", {})[INDEX] = str(index)
        pod["metadata"].setdefault("labels", {})[INDEX] = str(index)
        pod["spec"].setdefault("hostname", f"{name}-{index}")
        for each in (*pod["spec"]["containers"], *(pod["spec"].get("initContainers") or ())):
            _tell_index(each)
    pod["metadata"].setdefault("finalizers", []).append(FINALIZER)
    return pod


def _tell_index(container: dict[str, Any]) -> None:
    variables = container.setdefault("env", [])
    if all(each["name"] != _ENV for each in variables):
        field = {"fieldPath": f"metadata.labels['{INDEX}']"}
        variables.append({"name": _ENV, "valueFrom": {"fieldRef": field}})
