"""The status of a SparkApplication, and how it grows.

Source: the Apache Spark Kubernetes Operator. Times are ISO 8601 strings, not Kubernetes' own.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from spark_emulators.spark_operator.resources.model import Model, PodStatus
from spark_emulators.spark_operator.states import State
from spark_platform.kernel.times import moment

__all__ = ["ApplicationStatus", "AttemptInfo", "AttemptSummary", "StateEntry"]

# entries of an attempt beyond the first: a state that comes and goes must not fill the store
MOST_ENTRIES = 100


def written(when: datetime) -> str:
    """A time as the status has it."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class StateEntry(Model):
    """A state, since when, and why."""

    current_state_summary: State
    last_transition_time: str
    message: str = ""
    last_observed_driver_status: PodStatus | None = None

    @property
    def since(self) -> datetime:
        """When it was entered."""
        return moment(self.last_transition_time)


class AttemptInfo(Model):
    """Which attempt, and what the limits of restarts count."""

    id: int = 0
    restart_counter: int = 0
    failure_restart_counter: int = 0
    scheduling_failure_restart_counter: int = 0


class AttemptSummary(Model):
    """An attempt, and of one that is over its states."""

    attempt_info: AttemptInfo = AttemptInfo()
    state_transition_history: dict[str, StateEntry] | None = None


class ApplicationStatus(Model):
    """What became of an application."""

    current_state: StateEntry
    state_transition_history: dict[str, StateEntry]
    current_attempt_summary: AttemptSummary = AttemptSummary()
    previous_attempt_summary: AttemptSummary | None = None

    @classmethod
    def first(cls, now: datetime) -> ApplicationStatus:
        """Of an application that was just seen."""
        entry = StateEntry(
            current_state_summary=State.SUBMITTED,
            last_transition_time=written(now),
            message="Spark application has been created on the cluster but is yet to be started.",
        )
        return cls(current_state=entry, state_transition_history={"0": entry})

    @property
    def state(self) -> State:
        """The current state."""
        return self.current_state.current_state_summary

    @property
    def attempt(self) -> AttemptInfo:
        """The current attempt."""
        return self.current_attempt_summary.attempt_info

    def entries(self) -> list[StateEntry]:
        """The states of the current attempt, oldest first."""
        return [self.state_transition_history[str(key)] for key in self._keys()]

    def entered(
        self, state: State, now: datetime, message: str, driver: dict[str, Any] | None = None
    ) -> ApplicationStatus:
        """The status with one more state."""
        entry = StateEntry(
            current_state_summary=state,
            last_transition_time=written(now),
            message=message,
            last_observed_driver_status=driver,
        )
        keys = self._keys()
        kept = keys[:1] + keys[1:][-(MOST_ENTRIES - 1) :]
        history = {str(key): self.state_transition_history[str(key)] for key in kept}
        history[str(keys[-1] + 1)] = entry
        return self.model_copy(update={"current_state": entry, "state_transition_history": history})

    def restarted(self, attempt: AttemptInfo, now: datetime, message: str) -> ApplicationStatus:
        """The status of the next attempt; this one's becomes ``previousAttemptSummary``."""
        last = self._keys()[-1]
        entry = StateEntry(
            current_state_summary=State.SCHEDULED_TO_RESTART,
            last_transition_time=written(now),
            message=message,
        )
        return ApplicationStatus(
            current_state=entry,
            state_transition_history={str(last + 1): entry},
            current_attempt_summary=AttemptSummary(attempt_info=attempt),
            previous_attempt_summary=AttemptSummary(
                attempt_info=self.attempt,
                state_transition_history=self.state_transition_history,
            ),
        )

    def _keys(self) -> list[int]:
        return sorted(int(key) for key in self.state_transition_history)
