"""Does what ``decide`` says of one application, and writes down what became of it."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from spark_emulators.spark_operator.decide import Action, Application, Decision, decide
from spark_emulators.spark_operator.driver.conf import Attempt
from spark_emulators.spark_operator.driver.plan import DriverPlan, plan_driver, pod_name
from spark_emulators.spark_operator.driver.routes import InvalidRoute
from spark_emulators.spark_operator.events import Recorder
from spark_emulators.spark_operator.observation import Seen
from spark_emulators.spark_operator.requesting import make, unmake
from spark_emulators.spark_operator.resources.application import ApplicationSpec
from spark_emulators.spark_operator.resources.definitions import APPLICATIONS
from spark_emulators.spark_operator.resources.status import ApplicationStatus, AttemptInfo
from spark_emulators.spark_operator.states import FAILURES, WITH_DRIVER, State
from spark_emulators.spark_operator.view import Pods
from spark_platform.kernel.errors import Conflict, NotFound, PlatformError, Transient
from spark_platform.kernel.kubernetes.client import PODS, Kubernetes
from spark_platform.kernel.kubernetes.resources import Key, Object, key_of

__all__ = ["FINALIZER", "Reconciler", "read"]

FINALIZER = "sparkapplications.spark.apache.org/finalizer"
_LOG = logging.getLogger(__name__)
_MOST_STEPS = 20
_WARNINGS = FAILURES | {State.RUNNING_WITH_BELOW_THRESHOLD, State.TERMINATED_WITHOUT_RELEASE}


def _nobody(found: Object) -> None:
    del found


class Reconciler:
    """Brings applications on, one step after the other, as far as they go now.

    Args:
        kubernetes: the cluster.
        pods: what is known of drivers and executors.
        name: the operator's.
        now: the time.
        recorder: of events; None for none.
        written: told each application as a write left it.
        most_tries: of a creation that fails for reasons that may pass.
    """

    def __init__(
        self,
        kubernetes: Kubernetes,
        pods: Pods,
        *,
        name: str,
        now: Callable[[], datetime],
        recorder: Recorder | None = None,
        written: Callable[[Object], None] = _nobody,
        most_tries: int = 5,
    ) -> None:
        self._kubernetes, self._pods = kubernetes, pods
        self._name, self._now, self._recorder = name, now, recorder
        self._written, self._most_tries = written, most_tries
        self._tries: dict[Key, int] = {}

    def reconcile(self, found: Object) -> float | None:
        """Do what there is to do for an application as it was last read.

        Returns:
            seconds after which to look again, if nothing happens before.

        Raises:
            Conflict: it was changed meanwhile; look again at what it is now.
            Transient: the API server could not do it; look again later.
            PlatformError: the API refused what only a change of permissions can mend.
        """
        current: Object | None = found
        for _ in range(_MOST_STEPS):
            assert current is not None
            app = read(current)
            decision = decide(app, self._seen(current, app), self._now())
            if decision == Decision() or (decision.action is None and decision.status is None):
                return decision.again_s
            current, goes_on = self._do(current, app, decision)
            if current is None or not goes_on:
                return decision.again_s
        return 0.0

    def forget(self, key: Key) -> None:
        """An application is gone."""
        self._tries.pop(key, None)

    def _do(
        self, found: Object, app: Application, decision: Decision
    ) -> tuple[Object | None, bool]:
        """Act, then write; the application as it is then, and whether to decide anew."""
        namespace, name = key_of(found)
        if decision.action is Action.LET_GO:
            self._let_go(found)
            return None, False
        if decision.action is Action.DELETE:
            uid = found["metadata"]["uid"]
            with contextlib.suppress(NotFound):
                self._kubernetes.delete(APPLICATIONS, namespace, name, uid=uid, grace_s=0)
            return None, False
        if decision.action in (Action.RELEASE, Action.KILL):
            self._release(found, app, kill=decision.action is Action.KILL)
            return found, False
        if decision.action is Action.REQUEST:
            return self._record(found, app, self._request(found, app)), True
        assert decision.status is not None
        if app.status is None:
            found = self._hold(found)
        return self._record(found, app, decision.status), True

    def _seen(self, found: Object, app: Application) -> Seen:
        attempt = self._attempt(found, app)
        identity = (app.spec.spark_conf.get("spark.app.id") if app.spec else "") or attempt.id
        certain = app.status is not None and app.status.state in WITH_DRIVER
        return self._pods.seen(
            attempt.namespace,
            pod_name(app.spec, attempt),
            identity,
            attempt.uid,
            certain=certain and not app.deleting,
        )

    def _attempt(self, found: Object, app: Application) -> Attempt:
        namespace, name = key_of(found)
        info = app.status.attempt if app.status else AttemptInfo()
        return Attempt(namespace, name, found["metadata"]["uid"], info.id, self._name)

    def _request(self, found: Object, app: Application) -> ApplicationStatus:
        """Make the driver; returns the status that follows."""
        assert app.spec is not None
        assert app.status is not None
        key, now = key_of(found), self._now
        plan: DriverPlan | None = None
        try:
            plan = plan_driver(app.spec, self._attempt(found, app))
            pod = make(self._kubernetes, plan, found)
        except InvalidRoute as error:
            return app.status.entered(State.FAILED, now(), str(error))
        except (Transient, Conflict) as error:
            tries = self._tries[key] = self._tries.get(key, 0) + 1
            if tries < self._most_tries:
                raise
            text = f"given up after {tries} tries: {error}"
        except PlatformError as error:
            text = str(error)
        else:
            self._tries.pop(key, None)
            self._pods.assume(pod)
            text = f"driver pod {pod['metadata']['name']} is requested"
            return app.status.entered(State.DRIVER_REQUESTED, now(), text)
        self._tries.pop(key, None)
        if plan is not None:
            unmake(self._kubernetes, plan.before, found["metadata"]["uid"])
        return app.status.entered(State.SCHEDULING_FAILURE, now(), text)

    def _release(self, found: Object, app: Application, *, kill: bool) -> None:
        """Delete the driver's pod, which all else belongs to; with ``kill`` executors too."""
        seen = self._seen(found, app)
        grace_s = 0 if kill else None
        if seen.driver is not None and not seen.gone:
            metadata = seen.driver["metadata"]
            if kill or not metadata.get("deletionTimestamp"):
                self._delete_pod(metadata["namespace"], metadata["name"], metadata["uid"], grace_s)
        if kill and seen.executors:
            attempt = self._attempt(found, app)
            selector = f"spark-role=executor,spark-app-selector={attempt.id}"
            for each in self._kubernetes.list(PODS, attempt.namespace, selector)[0]:
                self._delete_pod(*key_of(each), each["metadata"]["uid"], 0)

    def _delete_pod(self, namespace: str, name: str, uid: str, grace_s: int | None) -> None:
        try:
            self._kubernetes.delete(PODS, namespace, name, uid=uid, grace_s=grace_s)
        except (NotFound, Conflict):
            # it is gone, or another has its name
            return

    def _hold(self, found: Object) -> Object:
        """Put the finalizer on an application that is new."""
        given = list(found["metadata"].get("finalizers") or ())
        if FINALIZER in given:
            return found
        return self._set_finalizers(found, [*given, FINALIZER])

    def _let_go(self, found: Object) -> None:
        given = list(found["metadata"].get("finalizers") or ())
        if FINALIZER in given:
            with contextlib.suppress(NotFound):
                self._set_finalizers(found, [each for each in given if each != FINALIZER])

    def _set_finalizers(self, found: Object, finalizers: list[str]) -> Object:
        version = found["metadata"]["resourceVersion"]
        change = {"metadata": {"finalizers": finalizers, "resourceVersion": version}}
        return self._kubernetes.patch(APPLICATIONS, *key_of(found), change)

    def _record(self, found: Object, app: Application, status: ApplicationStatus) -> Object:
        """Write the status, if the application is still as it was read."""
        value = {**found, "status": status.written()}
        stored = self._kubernetes.replace(APPLICATIONS, value, "status")
        self._written(stored)
        known = app.status.state_transition_history if app.status else {}
        for key, entry in status.state_transition_history.items():
            if key not in known:
                self._announce(stored, entry.current_state_summary, entry.message)
        return stored

    def _announce(self, found: Object, state: State, message: str) -> None:
        namespace, name = key_of(found)
        _LOG.info("%s/%s: %s: %s", namespace, name, state.value, message)
        if self._recorder:
            self._recorder.record(found, state.value, message, warning=state in _WARNINGS)


def read(found: Object) -> Application:
    """An application as ``decide`` takes it; what cannot be read is its ``problem``."""
    spec, problem = None, ""
    try:
        spec = ApplicationSpec.model_validate(found.get("spec") or {})
    except ValidationError as error:
        problem = "; ".join(_explained(each) for each in error.errors())
    status = found.get("status")
    return Application(
        spec,
        ApplicationStatus.model_validate(status) if status else None,
        deleting="deletionTimestamp" in found["metadata"],
        problem=problem,
    )


def _explained(error: Any) -> str:
    where = ".".join(str(part) for part in ("spec", *error["loc"]))
    return f"{where}: {error['msg']}"
