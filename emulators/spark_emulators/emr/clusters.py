"""Steps of EMR clusters: run in order, each by a thread of its own; the cluster's state follows.

Clusters are moto's. Every move of a step is made under one lock by ``steps.advance_step``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from spark_emulators.emr import vendor
from spark_emulators.emr.errors import InvalidRequest, ValidationFailed
from spark_emulators.emr.execution import Ending, Stop, follow
from spark_emulators.emr.failures import last_exceptions, redacted
from spark_emulators.emr.logs import LogStore, step_prefix
from spark_emulators.emr.plans import Plan, cluster_conf, new_step_id, plan_step
from spark_emulators.emr.requests import AddJobFlowSteps, CancelSteps, RunJobFlow, StepConfig
from spark_emulators.emr.runner import Runner
from spark_emulators.emr.settings import Settings
from spark_emulators.emr.steps import (
    ENDED,
    OnFailure,
    Step,
    StepEvent,
    StepState,
    advance_step,
    next_steps,
)

__all__ = ["Clusters"]

_LOG = logging.getLogger(__name__)
_SHUTDOWN_GRACE_S = 2
_JOIN_S = 10


@dataclass
class _Entry:
    """A step, with what it runs on."""

    step: Step
    plan: Plan
    stop: Stop | None = None
    interrupted: bool = False
    thread: threading.Thread | None = None


@dataclass
class _Cluster:
    """What is ours of a cluster."""

    keeps_alive: bool = True
    conf: Mapping[str, str] = field(default_factory=dict)
    entries: dict[str, _Entry] = field(default_factory=dict)


class Clusters:
    """The steps of all clusters of a server.

    Args:
        now: seconds since the epoch; never goes back.
    """

    def __init__(
        self, settings: Settings, runner: Runner, logs: LogStore, now: Callable[[], float]
    ) -> None:
        self._settings = settings
        self._secrets = settings.secrets()
        self._runner = runner
        self._logs = logs
        self._now = now
        self._clusters: dict[str, _Cluster] = {}
        self._closing = False
        self._changed = threading.Condition(threading.RLock())

    def plan(
        self,
        configs: Sequence[StepConfig],
        release_label: str,
        conf: Mapping[str, str],
        role: str = "",
    ) -> list[Plan]:
        """What ``configs`` would run.

        Raises:
            ValidationFailed: one of them cannot run here.
        """
        return [plan_step(self._settings, each, release_label, conf, role) for each in configs]

    def made(self, cluster_id: str, request: RunJobFlow, plans: Sequence[Plan]) -> list[str]:
        """moto has made a cluster that stays alive; run its first steps.

        Args:
            request: what made it.
        """
        keeps_alive = request.Instances.KeepJobFlowAliveWhenNoSteps
        vendor.cluster(cluster_id).keep_job_flow_alive_when_no_steps = keeps_alive
        with self._changed:
            self._clusters[cluster_id] = _Cluster(keeps_alive, cluster_conf(request))
            return self._add(cluster_id, plans)

    def add(self, request: AddJobFlowSteps) -> list[str]:
        """Add steps to a cluster; returns their ids.

        Raises:
            ValidationFailed: the cluster is not there, or is gone, or a step cannot run here.
        """
        try:
            cluster = vendor.cluster(request.JobFlowId)
        except InvalidRequest:
            raise ValidationFailed("Specified job flow ID does not exist.") from None
        with self._changed:
            if cluster.state in vendor.GONE:
                raise ValidationFailed(
                    "A job flow that is shutting down, terminated, or finished may not be modified."
                )
            conf = self._of(cluster.id).conf
            role = request.ExecutionRoleArn or ""
            return self._add(
                cluster.id, self.plan(request.Steps, cluster.release_label or "", conf, role)
            )

    def steps(self, cluster_id: str) -> list[Step]:
        """The steps of a cluster, the newest first; raises InvalidRequest where it is not there."""
        vendor.cluster(cluster_id)
        with self._changed:
            return [each.step for each in reversed(self._of(cluster_id).entries.values())]

    def step(self, cluster_id: str, step_id: str) -> Step:
        """Raises InvalidRequest where the cluster has no such step."""
        for each in self.steps(cluster_id):
            if each.id == step_id:
                return each
        raise InvalidRequest("Step id '" + step_id + "' is not valid.")

    def cancel(self, request: CancelSteps) -> list[dict[str, str]]:
        """Ask steps to end; says of each whether that is under way."""
        vendor.cluster(request.ClusterId)
        grace_s = (
            0.0
            if request.StepCancellationOption == "TERMINATE_PROCESS"
            else self._settings.stop_grace_s
        )
        with self._changed:
            answers = [self._cancel(request.ClusterId, each, grace_s) for each in request.StepIds]
            self._settle(request.ClusterId)
        return answers

    def terminated(self, cluster_id: str) -> None:
        """Somebody has terminated a cluster: its steps end too."""
        with self._changed:
            for entry in self._of(cluster_id).entries.values():
                if entry.step.state is StepState.PENDING:
                    self._move(entry, StepEvent.INTERRUPT)
                elif entry.step.state not in ENDED:
                    entry.interrupted = True
                    entry.stop = entry.stop or Stop(self._settings.stop_grace_s)

    def close(self) -> None:
        """End all steps. Nothing of them runs when this returns."""
        with self._changed:
            self._closing = True
            entries = [e for c in self._clusters.values() for e in c.entries.values()]
            for entry in entries:
                entry.stop = Stop(min(_SHUTDOWN_GRACE_S, self._settings.stop_grace_s))
            self._changed.notify_all()
        for entry in entries:
            if entry.thread is not None:
                entry.thread.join(_JOIN_S)

    # Under the lock

    def _of(self, cluster_id: str) -> _Cluster:
        return self._clusters.setdefault(cluster_id, _Cluster())

    def _add(self, cluster_id: str, plans: Sequence[Plan]) -> list[str]:
        mine, log_uri = self._of(cluster_id), vendor.cluster(cluster_id).log_uri or ""
        ids = []
        for plan in plans:
            jar = plan.config.HadoopJarStep
            step_id = new_step_id()
            step = Step(
                id=step_id,
                name=plan.config.Name,
                job=plan.job,
                jar=jar.Jar,
                args=jar.Args,
                on_failure=plan.config.ActionOnFailure,
                logs=step_prefix(log_uri, cluster_id, step_id) if log_uri else "",
                history=((StepState.PENDING, self._now()),),
                role=plan.role,
            )
            mine.entries[step.id] = _Entry(step, plan)
            ids.append(step.id)
        if ids:
            vendor.cluster(cluster_id).state = "RUNNING"
            # a client that looks at once sees them pending
            starter = threading.Timer(self._settings.state_pause_s, self._settle, (cluster_id,))
            starter.daemon = True
            starter.start()
        return ids

    def _settle(self, cluster_id: str) -> None:
        """Start steps whose turn has come, and give the cluster the state that follows."""
        with self._changed:
            cluster, mine = vendor.cluster(cluster_id), self._of(cluster_id)
            if cluster.state in vendor.GONE or self._closing:
                return
            steps = [each.step for each in mine.entries.values()]
            for step in next_steps(steps, int(cluster.step_concurrency_level or 1)):
                self._begin(cluster_id, mine.entries[step.id])
            if any(each.step.state not in ENDED for each in mine.entries.values()):
                cluster.state = "RUNNING"
            elif mine.keeps_alive:
                cluster.state = "WAITING"
            else:
                vendor.end_cluster(cluster, code="ALL_STEPS_COMPLETED", message="Steps completed")

    def _begin(self, cluster_id: str, entry: _Entry) -> None:
        self._move(entry, StepEvent.START)
        entry.thread = threading.Thread(
            target=self._carry_out, args=(cluster_id, entry), name=entry.step.id, daemon=True
        )
        entry.thread.start()

    def _cancel(self, cluster_id: str, step_id: str, grace_s: float) -> dict[str, str]:
        entry = self._of(cluster_id).entries.get(step_id)
        if entry is None or entry.step.state in ENDED:
            reason = (
                "Step does not exist" if entry is None else "Step is not in a cancellable state"
            )
            return {"StepId": step_id, "Status": "FAILED", "Reason": f"{reason}."}
        self._move(entry, StepEvent.CANCEL)
        entry.stop = entry.stop or Stop(grace_s)
        return {"StepId": step_id, "Status": "SUBMITTED"}

    def _move(self, entry: _Entry, event: StepEvent, reason: str = "", message: str = "") -> None:
        with self._changed:
            entry.step = advance_step(
                entry.step, event, self._now(), reason=reason, message=message
            )
            _LOG.info("step %s: %s %s", entry.step.id, entry.step.state.value, reason)
            self._changed.notify_all()

    # Within a step's own thread

    def _carry_out(self, cluster_id: str, entry: _Entry) -> None:
        try:
            execution = self._runner.start(entry.plan.job, entry.plan.spark_home, entry.step.id)
            ending = follow(
                execution,
                lambda: entry.stop,
                self._now,
                lambda logs: self._keep(entry.step, logs),
            )
        except Exception as error:
            _LOG.exception("step %s failed within the emulator", entry.step.id)
            ending = Ending(1, (f"{type(error).__name__}: the emulator's log says why",))
        with self._changed:
            self._end(cluster_id, entry, ending)
            self._settle(cluster_id)

    def _end(self, cluster_id: str, entry: _Entry, ending: Ending) -> None:
        if entry.interrupted or self._closing:
            self._move(entry, StepEvent.INTERRUPT)
        elif entry.step.state is StepState.CANCEL_PENDING:
            self._move(entry, StepEvent.STOPPED)
        elif ending.code == 0:
            self._move(entry, StepEvent.COMPLETE)
        else:
            exceptions = last_exceptions(ending.stderr, ending.stdout)
            said = redacted("\n".join(exceptions), self._secrets)
            self._move(
                entry, StepEvent.FAIL, "Unknown Error.", f"Exit code {ending.code}. {said}".strip()
            )
            self._after_failure(cluster_id, entry.step)

    def _after_failure(self, cluster_id: str, failed: Step) -> None:
        if failed.on_failure is OnFailure.CONTINUE:
            return
        for entry in self._of(cluster_id).entries.values():
            if entry.step.state is StepState.PENDING:
                self._move(entry, StepEvent.CANCEL)
        if failed.on_failure is OnFailure.CANCEL_AND_WAIT:
            return
        self.terminated(cluster_id)
        cluster = vendor.cluster(cluster_id)
        vendor.end_cluster(cluster, code="STEP_FAILURE", message="Shut down as step failed")

    def _keep(self, step: Step, logs: Mapping[str, Path]) -> None:
        if step.logs:
            command = redacted(" ".join(step.args), self._secrets)
            controller = f"INFO startExec 'hadoop jar {step.jar} {command}'\n"
            self._logs.write(step.logs, {**logs, "controller": controller})
