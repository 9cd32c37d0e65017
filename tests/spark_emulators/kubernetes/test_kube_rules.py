"""What the workloads' controllers decide, over wide inputs, without a cluster."""

from hypothesis import given
from hypothesis import strategies as st

from spark_emulators.kubernetes.controllers.workloads import (
    jobstate,
    ordinals,
    replicasets,
    rolling,
)
from spark_emulators.kubernetes.controllers.workloads.rolling import Bounds, Replicas

NOW = 1_000_000_000.0
SIZES = st.integers(0, 9)
SHARES = st.integers(0, 3) | st.sampled_from(["0%", "25%", "50%", "100%"])


def pod(name="p", *, ready=True, node="n", phase="Running", cost=None, going=False, **labels):
    metadata = {"name": name, "creationTimestamp": "2001-09-09T01:46:40Z", "labels": labels}
    if cost is not None:
        metadata["annotations"] = {"controller.kubernetes.io/pod-deletion-cost": str(cost)}
    if going:
        metadata["deletionTimestamp"] = "2001-09-09T01:46:40Z"
    condition = {
        "type": "Ready",
        "status": str(ready),
        "lastTransitionTime": "2001-09-09T01:46:40Z",
    }
    spec = {"nodeName": node} if node else {}
    return {
        "metadata": metadata,
        "spec": spec,
        "status": {"phase": phase, "conditions": [condition]},
    }


def names(pods):
    return [each["metadata"]["name"] for each in pods]


@given(SIZES, SHARES, SHARES, SIZES, st.data())
def test_a_rollout_keeps_its_bounds_and_ends(replicas, surge, unavailable, old, data):
    strategy = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable},
    }
    limits = rolling.bounds({"replicas": replicas, "strategy": strategy})
    new, other = Replicas("new", 0), Replicas("old", min(old, replicas), min(old, replicas))
    most = max(limits.replicas + limits.surge, other.wanted)
    for _ in range(100):
        available = new.available + other.available
        sizes = rolling.roll(limits, new, [other])
        if not sizes and new.wanted == new.available:
            break
        new = Replicas("new", sizes.get("new", new.wanted), new.available)
        other = Replicas("old", sizes.get("old", other.wanted), other.available)
        assert new.wanted + other.wanted <= most
        # what is not wanted goes at once; what is wanted comes when it comes
        gone = min(other.available, other.wanted)
        least = min(available, limits.replicas - limits.unavailable)
        assert gone + new.available >= least
        other = Replicas("old", other.wanted, gone)
        come = data.draw(st.integers(0, new.wanted - new.available)) if sizes else new.wanted
        new = Replicas("new", new.wanted, min(new.wanted, new.available + come))
    assert (new.wanted, other.wanted) == (replicas, 0)


@given(SIZES, SIZES, st.lists(st.integers(1, 9), min_size=2, max_size=4))
def test_sizes_in_proportion_fill_what_is_allowed(replicas, surge, sizes):
    limits = Bounds(replicas, surge, 0)
    sets = [Replicas(str(index), each, each, sum(sizes)) for index, each in enumerate(sizes)]
    found = {each.name: each.wanted for each in sets} | rolling.proportional(limits, sets)
    assert sum(found.values()) == (replicas + surge if replicas else 0)
    assert min(found.values()) >= 0


def test_bounds_round_in_favour_of_the_rollout():
    strategy = {"type": "RollingUpdate", "rollingUpdate": {}}
    assert rolling.bounds({"replicas": 3, "strategy": strategy}) == Bounds(3, 1, 0)
    strategy["rollingUpdate"] = {"maxSurge": 0, "maxUnavailable": "25%"}
    assert rolling.bounds({"replicas": 3, "strategy": strategy}) == Bounds(3, 0, 1)


def test_what_a_scale_down_takes_first():
    order = [
        pod("unassigned", node=""),
        pod("pending", node="a", phase="Pending", ready=False),
        pod("unready", node="b", ready=False),
        pod("cheap", node="c", cost=-1),
        pod("crowded", node="full"),
        pod("usual", node="d"),
        pod("dear", node="e", cost=1),
    ]
    others = [*order, pod("x", node="full")]
    owner = {"metadata": {}, "spec": {"replicas": 0}}
    for left in range(1, len(order)):
        owner["spec"]["replicas"] = left
        found = replicasets.decide(owner, order[::-1], others, NOW).delete
        assert names(found) == names(order[: len(order) - left])


@given(st.integers(0, 5), st.lists(st.booleans(), max_size=5))
def test_a_replica_set_counts_what_is_not_going(replicas, going):
    owner = {"metadata": {}, "spec": {"replicas": replicas}}
    pods = [pod(str(index), going=each) for index, each in enumerate(going)]
    decision = replicasets.decide(owner, pods, pods, NOW)
    alive = going.count(False)
    assert alive + decision.create - len(decision.delete) == replicas
    assert not decision.create or not decision.delete


def stateful_set(replicas, policy="OrderedReady", **rolling_update):
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0, **rolling_update}}
    return {
        "metadata": {"name": "w"},
        "spec": {"replicas": replicas, "podManagementPolicy": policy, "updateStrategy": update},
    }


def numbered(*numbers, revision="a", **more):
    return [pod(f"w-{each}", **{"controller-revision-hash": revision}, **more) for each in numbers]


@given(SIZES, st.sets(st.integers(0, 9)), st.booleans())
def test_a_stateful_set_in_order_does_one_thing_at_a_time(replicas, there, ready):
    pods = numbered(*there, ready=ready)
    step = ordinals.decide(stateful_set(replicas), pods, "a", "a", NOW)
    assert len(step.create) + len(step.delete) <= 1
    missing = [each for each in range(replicas) if each not in there]
    below = [each for each in there if each < (missing[0] if missing else replicas)]
    if missing and (ready or not below):
        assert step.create == ((missing[0], True),)
    else:
        assert step.create == ()


@given(SIZES, st.sets(st.integers(0, 9)))
def test_a_parallel_one_does_all_at_once(replicas, there):
    step = ordinals.decide(
        stateful_set(replicas, "Parallel"), numbered(*there, ready=False), "a", "a", NOW
    )
    assert {each for each, _ in step.create} == set(range(replicas)) - there
    surplus = sorted(there - set(range(replicas)), reverse=True)
    assert names(step.delete) == [f"w-{each}" for each in surplus]


def test_an_update_takes_the_highest_that_is_old():
    pods = [*numbered(0, 1), *numbered(2, revision="b")]
    assert names(ordinals.decide(stateful_set(3), pods, "a", "b", NOW).delete) == ["w-1"]
    held = stateful_set(3, partition=2)
    assert ordinals.decide(held, pods, "a", "b", NOW) == ordinals.Step()
    waits = [*numbered(0, 1), *numbered(2, revision="b", ready=False)]
    assert ordinals.decide(stateful_set(3), waits, "a", "b", NOW) == ordinals.Step()


def test_below_the_partition_pods_are_made_of_the_old_template():
    owner = stateful_set(2, "Parallel", partition=1)
    step = ordinals.decide(owner, [], "a", "b", NOW)
    assert step.create == ((0, False), (1, True))


@given(st.sets(st.integers(0, 40)))
def test_ranges_of_indexes(indexes):
    assert jobstate.unranged(jobstate.ranges(indexes)) == sorted(indexes)


def test_ranges_are_short():
    assert jobstate.ranges([1, 2, 3, 5, 6, 9]) == "1-3,5,6,9"


def job(**spec):
    given = {"parallelism": 1, "completions": 1, "backoffLimit": 6, **spec}
    return {"metadata": {"name": "w"}, "spec": given, "status": {}}


def job_pod(name, phase):
    found = pod(name, phase=phase, ready=False)
    found["metadata"]["finalizers"] = [jobstate.FINALIZER]
    return found


@given(SIZES, st.integers(1, 9), SIZES, SIZES)
def test_a_job_wants_no_more_than_is_missing(parallel, completions, done, lost):
    owner = job(parallelism=parallel, completions=completions)
    pods = [job_pod(f"s{each}", "Succeeded") for each in range(done)]
    pods += [job_pod(f"f{each}", "Failed") for each in range(lost)]
    counted = jobstate.tally(owner, pods)
    assert (counted.succeeded, counted.failed) == (done, lost)
    ending = jobstate.ending_of(owner, counted, NOW)
    if lost > 6:
        assert (ending.kind, ending.reason) == ("Failed", "BackoffLimitExceeded")
    elif done >= completions:
        assert (ending.kind, ending.reason) == ("Complete", "CompletionsReached")
    else:
        assert ending is None
        assert jobstate.wanted(owner, counted) == min(parallel, completions - done)


def test_failures_wait_longer_each_time():
    owner, waits = job(), []
    for count in range(1, 9):
        pods = [job_pod(str(each), "Failed") for each in range(count)]
        waits.append(jobstate.retry_at(jobstate.tally(owner, pods), pods) - NOW)
    assert waits == [10, 20, 40, 80, 160, 320, 600, 600]
    assert jobstate.retry_at(jobstate.tally(owner, []), []) == 0


def test_without_completions_one_success_is_enough():
    owner = job(parallelism=3)
    del owner["spec"]["completions"]
    assert jobstate.wanted(owner, jobstate.tally(owner, [])) == 3
    pods = [job_pod("a", "Succeeded"), job_pod("b", "Running")]
    counted = jobstate.tally(owner, pods)
    assert jobstate.wanted(owner, counted) == 1
    assert jobstate.ending_of(owner, counted, NOW) is None
    counted = jobstate.tally(owner, [job_pod("a", "Succeeded"), job_pod("b", "Failed")])
    assert jobstate.ending_of(owner, counted, NOW).kind == "Complete"
