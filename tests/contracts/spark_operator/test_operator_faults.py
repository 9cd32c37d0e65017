"""The operator is killed, and its watches break: the end is the same, and pods are made once."""

import pytest
from spark_apps import application, restarts
from spark_operators import Killed, pods_made

from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.faults import Faults

FEWEST_WRITES = 18
# a real cluster has no faults on purpose
emulated = pytest.mark.parametrize("kubeconfig", ["emulated"], indirect=True, scope="session")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("write", range(1, 27))
def test_killed_at_any_write(site, write, after):
    site.restart(write, after=after)
    site.apply(application(tolerations=restarts(restartBackoffMillis=0, maxRestartAttempts=1)))
    with pods_made(site) as made:
        dead = _until_dead_or_done(site)
    assert made == ["app-0-driver", "app-1-driver"]
    assert site.states() == ["ScheduledToRestart", "DriverRequested", "Succeeded",
                             "ResourceReleased"]  # fmt: skip
    assert site.pods() == []
    # the last are beyond all writes, so that none is left out; states seen at once are one write
    assert dead or write > FEWEST_WRITES, f"there are fewer than {write} writes"


def _until_dead_or_done(site):
    dead = False
    told = set()

    def step():
        nonlocal dead
        try:
            while site.operator.step():
                pass
        except Killed:
            dead = True
            site.restart()
        for pod in site.pods():
            name = pod["metadata"]["name"]
            if name not in told and "deletionTimestamp" not in pod["metadata"]:
                told.add(name)
                ends = ("Failed", 1) if name == "app-0-driver" else ("Succeeded", 0)
                site.says(name, ends[0], exit_code=ends[1])
        if site.state() != "ResourceReleased" or site.pods():
            raise NotYet(str(site.get().get("status")))

    poll(step, what="the end", timeout_s=30, interval_s=0.01)
    return dead


@pytest.fixture
def faults(site, api):
    """Faults of the emulated cluster."""
    found = Faults(api.kubeconfig)
    yield found
    found.clear()
    found.close()


APPLICATIONS = ["sparkapplications*"]
WRITES = ["create", "update", "patch", "delete"]
BEFALLS = {
    "conflicts": {"effect": "refuse", "code": 409, "resources": APPLICATIONS, "verbs": WRITES},
    "errors": {"effect": "refuse", "code": 500, "resources": ["*"], "verbs": WRITES},
    "throttling": {
        "effect": "refuse", "code": 429, "retry_after_s": 1, "resources": ["*"], "verbs": WRITES,
    },
    "cut watches": {"effect": "cut", "resources": ["*"], "verbs": ["watch"]},
    "expired watches": {"effect": "expire", "resources": ["*"], "verbs": ["watch"]},
    "no events": {"effect": "refuse", "code": 403, "resources": ["events*"], "verbs": WRITES},
}  # fmt: skip


@emulated
@pytest.mark.parametrize("befalls", BEFALLS)
def test_what_befalls_the_api_changes_no_end(site, faults, befalls):
    config = {"resourceRetainPolicy": "Always"}
    site.apply(application(tolerations=config))
    rule = {**BEFALLS[befalls], "namespace": site.namespace, "times": 6}
    if befalls == "throttling":
        # each refusal is waited for, and the API asks for a second
        rule["times"] = 2
    with pods_made(site) as made, faults.rule(**rule) as fault:
        site.comes_to("DriverRequested")
        site.says("app-0-driver", "Running")
        site.comes_to("RunningHealthy")
        site.says("app-0-driver", "Succeeded", exit_code=0)
        site.comes_to("TerminatedWithoutReleaseResources")
        assert fault.hits() > 0 or "watches" in befalls
    assert made == ["app-0-driver"]
    assert site.states().count("Succeeded") == 1


@emulated
def test_nobody_sees_anything_for_a_minute(site, faults):
    """What happened meanwhile is found when the watches come back; nothing timed out for it."""
    site.apply(application(tolerations={"resourceRetainPolicy": "Always"}))
    site.comes_to("DriverRequested")
    with pods_made(site) as made:
        with faults.rule("refuse", code=503, verbs=["watch", "list"], resources=["*"]):
            faults.rule("cut", verbs=["watch"], resources=["*"]).remove()
            site.says("app-0-driver", "Running")
            site.advance(60)
            site.rests()
        site.comes_to("RunningHealthy")
        site.says("app-0-driver", "Succeeded", exit_code=0)
        site.comes_to("TerminatedWithoutReleaseResources")
    assert made == []
    assert "DriverStartTimedOut" not in site.states()


def test_a_clock_that_jumps_makes_no_driver_twice(site):
    site.apply(application(tolerations={"resourceRetainPolicy": "Always"}))
    with pods_made(site) as made:
        site.comes_to("DriverRequested")
        # another replica, whose clock is an hour late
        site.advance(-3600)
        site.restart()
        site.says("app-0-driver", "Running")
        site.comes_to("RunningHealthy")
        site.advance(7200)
        site.restart()
        site.says("app-0-driver", "Succeeded", exit_code=0)
        site.comes_to("TerminatedWithoutReleaseResources")
    assert made == ["app-0-driver"]
