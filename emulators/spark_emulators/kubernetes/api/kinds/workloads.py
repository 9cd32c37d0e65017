"""Kinds that make pods: deployments, replica sets, stateful sets, daemon sets, jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from spark_emulators.kubernetes.api.kinds import podspec
from spark_emulators.kubernetes.api.metadata import label_faults
from spark_emulators.kubernetes.api.objects import dig
from spark_emulators.kubernetes.api.selectors import from_object, matches_labels
from spark_emulators.kubernetes.api.strategy import STRATEGIES, Strategy
from spark_emulators.kubernetes.errors import Cause
from spark_emulators.kubernetes.store.store import Object

if TYPE_CHECKING:
    from spark_emulators.kubernetes.api.context import Context

__all__: list[str] = []

_MAX_REVISIONS = 10
_DEADLINE_S = 600
_TEMPLATE = ("spec", "template")


class Workloads(Strategy):
    """What all of them share: a template whose labels the selector must match.

    Attributes:
        initial_status: what a new object says of itself.
    """

    counts_generations = True
    has_status = True
    replicated = True
    initial_status: ClassVar[dict[str, Any]] = {}

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        template = spec.setdefault("template", {})
        template.setdefault("metadata", {})
        podspec.default(template.setdefault("spec", {}))
        if self.replicated:
            spec.setdefault("replicas", 1)

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = dict(self.initial_status)

    def validate(self, value: Object) -> list[Cause]:
        spec = value["spec"]
        found = []
        if self.replicated and spec.get("replicas", 0) < 0:
            found.append(
                Cause.invalid(
                    "spec.replicas", spec["replicas"], "must be greater than or equal to 0"
                )
            )
        labels = dig(value, *_TEMPLATE, "metadata", "labels") or {}
        found += self._selector_faults(spec, labels)
        found += label_faults(labels, "spec.template.metadata.labels")
        found += podspec.faults(spec["template"]["spec"], "spec.template.spec")
        if not found or spec["template"]["spec"].get("restartPolicy") != "Always":
            found += self._restart_faults(spec["template"]["spec"].get("restartPolicy", ""))
        return found

    def _selector_faults(self, spec: dict[str, Any], labels: dict[str, str]) -> list[Cause]:
        selector = spec.get("selector")
        if not selector:
            found = (
                [Cause.required("spec.selector")]
                if selector is None
                else [
                    Cause.invalid("spec.selector", {}, f"empty selector is invalid for {self.noun}")
                ]
            )
            if selector is None:
                detail = "`selector` does not match template `labels`"
                found.append(Cause.invalid("spec.template.metadata.labels", labels, detail))
            return found
        if not matches_labels(from_object(selector), labels):
            detail = "`selector` does not match template `labels`"
            return [Cause.invalid("spec.template.metadata.labels", labels, detail)]
        return []

    noun = "deployment"

    def _restart_faults(self, policy: str) -> list[Cause]:
        if policy == "Always":
            return []
        return [Cause.unsupported("spec.template.spec.restartPolicy", policy, ("Always",))]

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        new, before = dig(value, "spec", "selector"), dig(old, "spec", "selector")
        if new == before:
            return []
        return [Cause.invalid("spec.selector", new, "field is immutable")]


class Deployments(Workloads):
    def default(self, value: Object) -> None:
        super().default(value)
        spec = value["spec"]
        strategy = spec.setdefault("strategy", {})
        if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = strategy.setdefault("rollingUpdate", {})
            rolling.setdefault("maxUnavailable", "25%")
            rolling.setdefault("maxSurge", "25%")
        spec.setdefault("revisionHistoryLimit", _MAX_REVISIONS)
        spec.setdefault("progressDeadlineSeconds", _DEADLINE_S)


class ReplicaSets(Workloads):
    noun = "replica set"
    initial_status: ClassVar[dict[str, Any]] = {"replicas": 0}


class StatefulSets(Workloads):
    noun = "statefulset"
    initial_status: ClassVar[dict[str, Any]] = {"replicas": 0, "availableReplicas": 0}

    def default(self, value: Object) -> None:
        super().default(value)
        spec = value["spec"]
        spec.setdefault("serviceName", "")
        spec.setdefault("podManagementPolicy", "OrderedReady")
        spec.setdefault("revisionHistoryLimit", _MAX_REVISIONS)
        update = spec.setdefault("updateStrategy", {})
        if update.setdefault("type", "RollingUpdate") == "RollingUpdate":
            update.setdefault("rollingUpdate", {}).setdefault("partition", 0)
        retention = spec.setdefault("persistentVolumeClaimRetentionPolicy", {})
        retention.setdefault("whenDeleted", "Retain")
        retention.setdefault("whenScaled", "Retain")
        for claim in spec.get("volumeClaimTemplates") or []:
            claim.setdefault("apiVersion", "v1")
            claim.setdefault("kind", "PersistentVolumeClaim")
            claim.setdefault("spec", {}).setdefault("volumeMode", "Filesystem")
            claim.setdefault("status", {}).setdefault("phase", "Pending")

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        changeable = (
            "replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit",
            "persistentVolumeClaimRetentionPolicy", "minReadySeconds",
        )  # fmt: skip
        new = {key: each for key, each in value["spec"].items() if key not in changeable}
        before = {key: each for key, each in old["spec"].items() if key not in changeable}
        if new == before:
            return []
        detail = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template',"
            " 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and"
            " 'minReadySeconds' are forbidden"
        )
        return [Cause.forbidden("spec", detail)]


class DaemonSets(Workloads):
    noun = "daemonset"
    replicated = False
    initial_status: ClassVar[dict[str, Any]] = {
        "currentNumberScheduled": 0, "numberMisscheduled": 0, "desiredNumberScheduled": 0,
        "numberReady": 0,
    }  # fmt: skip

    def default(self, value: Object) -> None:
        super().default(value)
        spec = value["spec"]
        spec.setdefault("revisionHistoryLimit", _MAX_REVISIONS)
        update = spec.setdefault("updateStrategy", {})
        if update.setdefault("type", "RollingUpdate") == "RollingUpdate":
            rolling = update.setdefault("rollingUpdate", {})
            rolling.setdefault("maxUnavailable", 1)
            rolling.setdefault("maxSurge", 0)


class Jobs(Workloads):
    """Jobs select their pods by their own uid unless told otherwise."""

    replicated = False

    def default(self, value: Object) -> None:
        super().default(value)
        spec = value["spec"]
        if "completions" not in spec and "parallelism" not in spec:
            spec["completions"] = 1
        spec.setdefault("parallelism", 1)
        spec.setdefault("backoffLimit", 2147483647 if "backoffLimitPerIndex" in spec else 6)
        spec.setdefault("completionMode", "NonIndexed")
        spec.setdefault("suspend", False)
        spec.setdefault("podReplacementPolicy", "TerminatingOrFailed")

    def prepare_create(self, value: Object, context: Context) -> None:
        super().prepare_create(value, context)
        spec, metadata = value["spec"], value["metadata"]
        if spec.get("manualSelector"):
            return
        labels = spec["template"]["metadata"].setdefault("labels", {})
        name, uid = metadata.get("name", ""), metadata["uid"]
        labels["batch.kubernetes.io/controller-uid"] = labels["controller-uid"] = uid
        labels["batch.kubernetes.io/job-name"] = labels["job-name"] = name
        spec["selector"] = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}

    def _restart_faults(self, policy: str) -> list[Cause]:
        if policy in ("OnFailure", "Never"):
            return []
        detail = "spec.template.spec.restartPolicy"
        if policy == "Always":
            cause = Cause.required(detail, 'valid values: "OnFailure", "Never"')
            return [cause]
        return [Cause.unsupported(detail, policy, ("OnFailure", "Never"))]

    def validate_update(self, value: Object, old: Object) -> list[Cause]:
        found = []
        fixed = ["completions", "selector", "template", "completionMode"]
        if value["spec"].get("completionMode") == "Indexed":
            fixed.remove("completions")
        if old["spec"].get("suspend") and "startTime" not in (old.get("status") or {}):
            fixed.remove("template")
        for name in fixed:
            new = value["spec"].get(name)
            if new != old["spec"].get(name):
                found.append(Cause.invalid(f"spec.{name}", new, "field is immutable"))
        return found


class CronJobs(Strategy):
    """Jobs by the clock."""

    counts_generations = True
    has_status = True

    def default(self, value: Object) -> None:
        spec = value.setdefault("spec", {})
        spec.setdefault("concurrencyPolicy", "Allow")
        spec.setdefault("suspend", False)
        spec.setdefault("successfulJobsHistoryLimit", 3)
        spec.setdefault("failedJobsHistoryLimit", 1)
        template = spec.setdefault("jobTemplate", {})
        template.setdefault("metadata", {})
        pod = template.setdefault("spec", {}).setdefault("template", {})
        pod.setdefault("metadata", {})
        podspec.default(pod.setdefault("spec", {}))

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {}

    def validate(self, value: Object) -> list[Cause]:
        if not value["spec"].get("schedule"):
            return [Cause.required("spec.schedule")]
        spec = dig(value, "spec", "jobTemplate", "spec", "template", "spec")
        return podspec.faults(spec, "spec.jobTemplate.spec.template.spec")


class Budgets(Strategy):
    """Pod disruption budgets: what eviction asks."""

    counts_generations = True
    has_status = True
    unconditional = False

    def prepare_create(self, value: Object, context: Context) -> None:
        value["status"] = {
            "currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0,
        }  # fmt: skip

    def validate(self, value: Object) -> list[Cause]:
        spec = value.get("spec") or {}
        if "minAvailable" in spec and "maxUnavailable" in spec:
            shown = {key: spec[key] for key in ("minAvailable", "maxUnavailable")}
            detail = "minAvailable and maxUnavailable cannot be both set"
            return [Cause.invalid("spec", shown, detail)]
        return []


class Revisions(Strategy):
    """Controller revisions."""


STRATEGIES.update(
    {
        "deployments.apps": Deployments(),
        "replicasets.apps": ReplicaSets(),
        "statefulsets.apps": StatefulSets(),
        "daemonsets.apps": DaemonSets(),
        "replicationcontrollers": ReplicaSets(),
        "controllerrevisions.apps": Revisions(),
        "jobs.batch": Jobs(),
        "cronjobs.batch": CronJobs(),
        "poddisruptionbudgets.policy": Budgets(),
    }
)
