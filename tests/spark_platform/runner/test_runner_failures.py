"""Why an attempt failed."""

import pytest

from spark_platform.model import Observation, RunState
from spark_platform.runner.failures import classify


@pytest.mark.parametrize(
    ("exit_code", "reason", "kind"),
    [
        (1, "Failed: the driver exited with 1", "user"),
        (101, "Failed: the driver exited with 101", "user"),
        (3, "Failed: java.lang.OutOfMemoryError: Java heap space", "memory"),
        (52, "Failed", "memory"),
        # the same code with and without the kernel's word for it
        (137, "Failed: OOMKilled", "memory"),
        (137, "Failed: the driver exited with 137", "infrastructure"),
        (143, "Failed: the driver exited with 143", "infrastructure"),
        (134, "Failed", "crash"),
        (139, "Failed", "crash"),
        (124, "Failed", "timeout"),
        (143, "Failed: DeadlineExceeded", "timeout"),
        (None, "Failed: the driver pod was deleted while it was Running", "infrastructure"),
        (None, "DriverEvicted: The node was low on resource: memory.", "infrastructure"),
        (None, "DriverStartTimedOut: 0/3 nodes are available", "scheduling"),
        (None, "DriverStartTimedOut: ImagePullBackOff: not found", "user"),
        (None, "SchedulingFailure: exceeded quota", "scheduling"),
        # no preemption was what the scheduler tried
        (1, "Failed: No preemption victims found", "user"),
        (None, "", "unknown"),
    ],
)
def test_classes(exit_code, reason, kind):
    seen = Observation("a", RunState.FAILED, reason=reason, exit_code=exit_code)
    found = classify(seen)
    assert found.kind.value == kind, found.rule
    assert found.rule
