"""SparkApplications and the pods they are judged by, for tests."""

from __future__ import annotations

from typing import Any

IMAGE = "spark-platform:4.1-latest"


def application(name: str = "app", **spec: Any) -> dict[str, Any]:
    """A SparkApplication that runs a script, with ``tolerations`` and ``conf`` in their place."""
    conf = {
        "spark.kubernetes.container.image": IMAGE,
        # whose pods nobody runs: a test says what became of them
        "spark.kubernetes.driver.scheduler.name": "nobody",
        **spec.pop("conf", {}),
    }
    tolerations = spec.pop("tolerations", {})
    return {
        "apiVersion": "spark.apache.org/v1",
        "kind": "SparkApplication",
        "metadata": {"name": name},
        "spec": {
            "runtimeVersions": {"sparkVersion": "4.1.4"},
            "pyFiles": "local:///opt/platform/job.py",
            "sparkConf": conf,
            "applicationTolerations": tolerations,
            **spec,
        },
    }


def restarts(policy: str = "OnFailure", **config: Any) -> dict[str, Any]:
    """Tolerations with a restart policy."""
    return {"restartConfig": {"restartPolicy": policy, **config}}


def driver(
    phase: str = "Running",
    *,
    ready: bool | None = None,
    exit_code: int | None = None,
    reason: str = "",
    name: str = "spark-kubernetes-driver",
    others: tuple[dict[str, Any], ...] = (),
    **metadata: Any,
) -> dict[str, Any]:
    """A driver's pod with such a status."""
    ready = phase == "Running" if ready is None else ready
    state: dict[str, Any] = {"running": {}} if phase == "Running" else {"waiting": {}}
    if exit_code is not None:
        state = {"terminated": {"exitCode": exit_code, "reason": reason}}
    status: dict[str, Any] = {
        "phase": phase,
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [{"name": name, "ready": ready, "state": state}, *others],
    }
    return {"metadata": {"name": "app-0-driver", **metadata}, "status": status}
