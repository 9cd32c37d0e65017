"""What follows from what is seen, without a cluster."""

import itertools
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spark_apps import application, driver, restarts

from spark_emulators.spark_operator.decide import Action, Application, Decision, decide
from spark_emulators.spark_operator.diagram import updated
from spark_emulators.spark_operator.observation import Seen
from spark_emulators.spark_operator.reconciler import read
from spark_emulators.spark_operator.resources.status import MOST_ENTRIES, ApplicationStatus
from spark_emulators.spark_operator.states import (
    INFRASTRUCTURE_FAILURES,
    STOPPING,
    TERMINATED,
    TRANSITIONS,
    State,
)
from spark_platform.kernel.times import moment

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


def entered(*states, started=NOW):
    """A status that came to such states, a second after each other."""
    status = ApplicationStatus.first(started)
    for number, state in enumerate(states, 1):
        status = status.entered(state, started + timedelta(seconds=number), state.value)
    return status


def asked(status, seen=None, *, after_s=0.0, deleting=False, **given):
    spec = read({"metadata": {}, **application(**given)}).spec
    since = status.current_state.since if status else NOW
    now = since + timedelta(seconds=after_s)
    return decide(Application(spec, status, deleting), seen or Seen(gone=True), now)


def state_of(decision):
    return decision.status.state if decision.status else None


def test_there_are_eighteen_states_and_each_has_its_transitions():
    assert len(State) == 18
    assert set(TRANSITIONS) == set(State)
    assert {state for state in State if not TRANSITIONS[state]} == {State.RESOURCE_RELEASED}


def test_a_new_application_is_submitted_and_then_its_driver_requested():
    decision = asked(None)
    assert state_of(decision) is State.SUBMITTED
    assert asked(decision.status) == Decision(Action.REQUEST)


@pytest.mark.parametrize(
    ("seen", "tolerations", "state"),
    [
        (Seen(driver("Pending")), {}, None),
        (Seen(driver(ready=False)), {}, None),
        (Seen(driver()), {}, State.RUNNING_HEALTHY),
        (Seen(driver()), {"initExecutors": 2}, State.DRIVER_READY),
        (Seen(driver(), False, 1, 2), {"initExecutors": 2}, State.INITIALIZED_BELOW_THRESHOLD),
        (Seen(driver(), False, 2, 2), {"initExecutors": 2}, State.RUNNING_HEALTHY),
        (
            Seen(driver(), False, 2, 2),
            {"initExecutors": 2, "maxExecutors": 3},
            State.RUNNING_WITH_PARTIAL_CAPACITY,
        ),
        (Seen(driver("Succeeded", exit_code=0)), {}, State.SUCCEEDED),
        (Seen(driver("Failed", exit_code=1)), {}, State.FAILED),
        (Seen(None, gone=True), {}, State.FAILED),
        (Seen(driver("Running"), gone=True), {}, State.FAILED),
        # it went right after its success, which was seen all the same
        (Seen(driver("Succeeded", exit_code=0), gone=True), {}, State.SUCCEEDED),
    ],
)
def test_a_requested_driver_is_followed(seen, tolerations, state):
    decision = asked(
        entered(State.DRIVER_REQUESTED), seen, tolerations={"instanceConfig": tolerations}
    )
    assert state_of(decision) is state


def test_a_driver_that_is_ready_at_once_has_been_started_too():
    history = asked(entered(State.DRIVER_REQUESTED), Seen(driver())).status.entries()
    assert [entry.current_state_summary for entry in history[2:]] == [
        State.DRIVER_STARTED,
        State.DRIVER_READY,
        State.RUNNING_HEALTHY,
    ]


@pytest.mark.parametrize(
    ("ready", "state"),
    [
        (0, State.RUNNING_WITH_BELOW_THRESHOLD),
        (1, State.RUNNING_WITH_PARTIAL_CAPACITY),
        (2, None),
    ],
)
def test_executors_that_go_leave_a_running_application_degraded(ready, state):
    config = {"instanceConfig": {"initExecutors": 2, "minExecutors": 1, "maxExecutors": 2}}
    decision = asked(
        entered(State.RUNNING_HEALTHY), Seen(driver(), False, ready, ready), tolerations=config
    )
    assert state_of(decision) is state


def test_with_dynamic_allocation_fewer_executors_are_no_lack():
    config = {"instanceConfig": {"maxExecutors": 5}}
    conf = {"spark.dynamicAllocation.enabled": "true"}
    seen = Seen(driver(), False, 1, 1)
    assert asked(entered(State.RUNNING_HEALTHY), seen, tolerations=config, conf=conf) == Decision()


@pytest.mark.parametrize(
    ("state", "seen", "timed_out"),
    [
        (State.DRIVER_REQUESTED, Seen(driver("Pending")), State.DRIVER_START_TIMED_OUT),
        (State.DRIVER_STARTED, Seen(driver(ready=False)), State.DRIVER_READY_TIMED_OUT),
        (State.DRIVER_READY, Seen(driver()), State.EXECUTORS_START_TIMED_OUT),
        (
            State.INITIALIZED_BELOW_THRESHOLD,
            Seen(driver(), False, 1, 1),
            State.EXECUTORS_START_TIMED_OUT,
        ),
    ],
)
def test_each_step_of_the_start_has_its_time(state, seen, timed_out):
    config = {"instanceConfig": {"initExecutors": 2}}
    assert asked(entered(state), seen, after_s=299, tolerations=config) == Decision(again_s=1)
    assert state_of(asked(entered(state), seen, after_s=300, tolerations=config)) is timed_out
    none = {
        **config,
        "applicationTimeoutConfig": {
            f"{each}TimeoutMillis": 0 for each in ("driverStart", "driverReady", "executorStart")
        },
    }
    assert asked(entered(state), seen, after_s=10**6, tolerations=none) == Decision()


def test_a_clock_that_went_back_makes_no_wait_longer():
    decision = asked(entered(State.DRIVER_REQUESTED), Seen(driver("Pending")), after_s=-3600)
    assert decision.again_s == 300


def test_a_timeout_tells_what_the_driver_waited_for():
    pod = driver("Pending")
    waiting = {"reason": "ImagePullBackOff", "message": 'Back-off pulling image "nobody/has"'}
    pod["status"]["containerStatuses"][0]["state"] = {"waiting": waiting}
    found = asked(entered(State.DRIVER_REQUESTED), Seen(pod), after_s=300).status.current_state
    assert "ImagePullBackOff: Back-off pulling image" in found.message
    assert found.last_observed_driver_status["phase"] == "Pending"


@pytest.mark.parametrize("state", sorted(STOPPING))
@pytest.mark.parametrize("policy", ["Never", "Always", "OnFailure", "OnInfrastructureFailure"])
def test_restart_policies(policy, state):
    restarted = {
        "Never": False,
        "Always": True,
        "OnFailure": state is not State.SUCCEEDED,
        "OnInfrastructureFailure": state in INFRASTRUCTURE_FAILURES,
    }[policy]
    decision = asked(entered(State.DRIVER_REQUESTED, state), tolerations=restarts(policy))
    wanted = State.SCHEDULED_TO_RESTART if restarted else State.RESOURCE_RELEASED
    assert state_of(decision) is wanted


def test_nothing_of_an_attempt_is_left_before_the_next():
    status = entered(State.DRIVER_REQUESTED, State.FAILED)
    for seen in (Seen(driver("Failed", exit_code=1)), Seen(None, True, 0, 1)):
        decision = asked(status, seen, tolerations=restarts())
        assert (decision.action, decision.status) == (Action.RELEASE, None)
        decision = asked(status, seen, after_s=300, tolerations=restarts())
        assert decision.action is Action.KILL


def test_a_restart_keeps_the_old_history_apart():
    status = asked(entered(State.DRIVER_REQUESTED, State.FAILED), tolerations=restarts()).status
    assert list(status.state_transition_history) == ["3"]
    assert list(status.previous_attempt_summary.state_transition_history) == ["0", "1", "2"]
    info = status.attempt
    assert (info.id, info.restart_counter, info.failure_restart_counter) == (1, 1, 1)


@pytest.mark.parametrize(
    ("ended", "config", "wait_s"),
    [
        (State.FAILED, {}, 30),
        (State.FAILED, {"restartBackoffMillisForFailure": 5000}, 5),
        (State.SCHEDULING_FAILURE, {"restartBackoffMillisForFailure": 5000}, 5),
        (
            State.SCHEDULING_FAILURE,
            {
                "restartBackoffMillisForFailure": 5000,
                "restartBackoffMillisForSchedulingFailure": 7000,
            },
            7,
        ),
        (State.SUCCEEDED, {"restartBackoffMillisForFailure": 5000}, 30),
    ],
)
def test_backoff(ended, config, wait_s):
    given = {"tolerations": restarts("Always", **config)}
    waiting = asked(entered(State.DRIVER_REQUESTED, ended), **given).status
    assert asked(waiting, **given) == Decision(again_s=wait_s)
    assert asked(waiting, after_s=wait_s, **given) == Decision(Action.REQUEST)


def attempts(config, *, ended=State.FAILED, lasts_s=0.0):
    """How many attempts there are of what always ends so."""
    status, count = ApplicationStatus.first(NOW), 1
    while True:
        ends = status.current_state.since + timedelta(seconds=lasts_s)
        status = status.entered(ended, ends, "")
        decision = asked(status, tolerations=config)
        if state_of(decision) is not State.SCHEDULED_TO_RESTART or count > 20:
            return count
        status, count = decision.status, count + 1


def test_limits():
    assert attempts(restarts(maxRestartAttempts=3)) == 4
    assert attempts(restarts(maxRestartAttempts=9, maxRestartOnFailure=1)) == 2
    only_scheduling = restarts(maxRestartAttempts=9, maxRestartOnSchedulingFailure=2)
    assert attempts(only_scheduling, ended=State.SCHEDULING_FAILURE) == 3
    assert attempts(only_scheduling) == 10
    assert attempts(restarts("Always"), ended=State.SUCCEEDED) == 4
    # what ran long starts the count again
    reset = restarts(maxRestartAttempts=3, restartCounterResetMillis=1000)
    assert attempts(reset, lasts_s=2) > 20
    assert attempts(reset, lasts_s=0.5) == 4


@pytest.mark.parametrize(
    ("policy", "state", "kept"),
    [
        ("Always", State.SUCCEEDED, True),
        ("OnFailure", State.SUCCEEDED, False),
        ("OnFailure", State.FAILED, True),
        ("Never", State.FAILED, False),
    ],
)
def test_what_is_retained(policy, state, kept):
    pod = Seen(driver("Succeeded", exit_code=0))
    decision = asked(
        entered(State.DRIVER_REQUESTED, state), pod, tolerations={"resourceRetainPolicy": policy}
    )
    assert (state_of(decision) is State.TERMINATED_WITHOUT_RELEASE) is kept
    assert (decision.action is Action.RELEASE) is not kept


def test_retention_ends():
    status = entered(State.DRIVER_REQUESTED, State.SUCCEEDED, State.TERMINATED_WITHOUT_RELEASE)
    pod = Seen(driver("Succeeded", exit_code=0))
    assert asked(status, pod) == Decision()
    config = {"resourceRetainDurationMillis": 60_000, "ttlAfterStopMillis": 90_000}
    assert asked(status, pod, tolerations=config).again_s == 60
    assert asked(status, pod, after_s=60, tolerations=config).action is Action.RELEASE
    released = asked(status, after_s=61, tolerations=config)
    assert state_of(released) is State.RESOURCE_RELEASED
    # its time to live counts from the state in which it was retained
    assert asked(released.status, tolerations=config).again_s == 29
    assert asked(released.status, after_s=29, tolerations=config) == Decision(Action.DELETE)


def test_an_application_that_is_deleted_is_let_go_when_nothing_is_left():
    running = entered(State.DRIVER_REQUESTED, State.RUNNING_HEALTHY)
    assert asked(running, Seen(driver()), deleting=True).action is Action.RELEASE
    released = asked(running, deleting=True)
    assert state_of(released) is State.RESOURCE_RELEASED
    assert asked(released.status, deleting=True) == Decision(Action.LET_GO)
    assert asked(None, deleting=True) == Decision(Action.LET_GO)


def test_client_mode_is_refused_once():
    status = asked(ApplicationStatus.first(NOW), deploymentMode="ClientMode").status
    assert status.state is State.FAILED
    assert "ClusterMode" in status.current_state.message
    released = asked(status, deploymentMode="ClientMode").status
    assert released.state is State.RESOURCE_RELEASED
    assert asked(released, deploymentMode="ClientMode") == Decision()


def test_suspension_holds_the_next_attempt_only():
    assert asked(ApplicationStatus.first(NOW), suspend=True) == Decision()
    running = entered(State.DRIVER_REQUESTED, State.RUNNING_HEALTHY)
    assert asked(running, Seen(driver()), suspend=True) == Decision()


def test_a_state_that_comes_and_goes_does_not_fill_the_status():
    status = entered(State.DRIVER_REQUESTED)
    for number in range(3 * MOST_ENTRIES):
        state = (State.RUNNING_HEALTHY, State.RUNNING_WITH_BELOW_THRESHOLD)[number % 2]
        status = status.entered(state, NOW, "")
    keys = list(status.state_transition_history)
    assert len(keys) == MOST_ENTRIES + 1
    assert (keys[0], keys[-1]) == ("0", str(3 * MOST_ENTRIES + 1))


def test_times_as_java_writes_them():
    for text, micros in (
        ("2026-01-01T00:00:00Z", 0),
        ("2026-01-01T00:00:00.5Z", 500_000),
        ("2026-01-01T00:00:00.123456789Z", 123_456),
    ):
        assert moment(text) == NOW.replace(microsecond=micros)


PODS = st.sampled_from(
    [
        None,
        driver("Pending"),
        driver(ready=False),
        driver(),
        driver("Succeeded", exit_code=0),
        driver("Failed", exit_code=1),
        driver("Failed", exit_code=137, reason="OOMKilled"),
        {"metadata": {}, "status": {}},
        {"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted"}},
    ]
)
SEEN = st.builds(
    lambda pod, gone, ready, more: Seen(pod, gone or pod is None, ready, ready + more),
    PODS, st.booleans(), st.integers(0, 3), st.integers(0, 2),
)  # fmt: skip
MOMENTS = st.lists(st.tuples(SEEN, st.floats(0, 400), st.booleans()), min_size=1, max_size=40)
TOLERATIONS = st.fixed_dictionaries(
    {
        "resourceRetainPolicy": st.sampled_from(["Always", "OnFailure", "Never"]),
        "resourceRetainDurationMillis": st.sampled_from([-1, 0, 60_000]),
        "instanceConfig": st.builds(
            lambda least, more: {
                "initExecutors": least, "minExecutors": least, "maxExecutors": least + more,
            },
            st.integers(0, 2), st.integers(0, 2),
        ),
        "restartConfig": st.builds(
            lambda policy, most: {"restartPolicy": policy, "maxRestartAttempts": most},
            st.sampled_from(["Never", "Always", "OnFailure", "OnInfrastructureFailure"]),
            st.integers(0, 2),
        ),
    }
)  # fmt: skip


@given(MOMENTS, TOLERATIONS)
def test_whatever_is_seen_each_transition_is_of_the_table(moments, tolerations):
    spec = read({"metadata": {}, **application(tolerations=tolerations)}).spec
    status, now = None, NOW
    for seen, later_s, accepted in moments:
        now += timedelta(seconds=later_s)
        for _ in range(10):
            decision = decide(Application(spec, status), seen, now)
            following = decision.status
            if decision.action is Action.REQUEST:
                state = State.DRIVER_REQUESTED if accepted else State.SCHEDULING_FAILURE
                following = status.entered(state, now, "")
            if following is None:
                break
            if status is not None:
                old = list(status.state_transition_history)
                path = [status.state] + [
                    entry.current_state_summary
                    for key, entry in following.state_transition_history.items()
                    if key not in old
                ]
                for here, there in itertools.pairwise(path):
                    assert there in TRANSITIONS[here], (here, there)
            status = following
        else:
            pytest.fail("it does not come to rest")
    assert status.attempt.id <= tolerations["restartConfig"]["maxRestartAttempts"]
    if status.state in TERMINATED:
        verdicts = [entry.current_state_summary for entry in status.entries()]
        assert len([each for each in verdicts if each in STOPPING]) == 1


def test_the_diagram_in_the_documents_is_of_the_table():
    document = (Path(__file__).parents[3] / "docs" / "operator.md").read_text()
    assert updated(document) == document
    for state in State:
        assert f" {state.value}" in document
