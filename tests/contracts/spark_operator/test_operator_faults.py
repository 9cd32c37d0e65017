"""The operator is killed, and its watches break: the end is the same, and pods are made once."""

import pytest
from spark_apps import application, restarts
from spark_operators import Killed, pods_made

from spark_platform.kernel.wait import NotYet, poll


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
    # the last of them is beyond all writes, so that none is left out
    assert dead or write > 24, f"there are fewer than {write} writes"


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
