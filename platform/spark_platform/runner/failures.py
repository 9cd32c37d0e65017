"""Why an attempt failed, told from what its backend says of it. Pure.

What stands for which class are the exit codes of Spark, the JVM and the kernel, and the operator's
verdicts. Proof of memory goes before exit codes, and words of the backend before both: 137 and 143
alone say only that something killed it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from spark_platform.model import Observation
from spark_platform.runner.records import FailureClass

__all__ = ["Failure", "classify"]


@dataclass(frozen=True)
class Failure:
    """A class, and the rule by which it is that.

    Attributes:
        kind: the class.
        rule: which one, for people.
    """

    kind: FailureClass
    rule: str


@dataclass(frozen=True)
class _Rule:
    kind: FailureClass
    name: str
    holds: Callable[[Observation], bool]


def classify(observation: Observation) -> Failure:
    """The class of a failed attempt: that of the first rule that holds."""
    for rule in _RULES:
        if rule.holds(observation):
            return Failure(rule.kind, rule.name)
    return Failure(FailureClass.UNKNOWN, "nothing is known of its end")


def _says(pattern: str) -> Callable[[Observation], bool]:
    compiled = re.compile(pattern)
    return lambda observation: bool(compiled.search(observation.reason))


def _exits(*codes: int) -> Callable[[Observation], bool]:
    return lambda observation: observation.exit_code in codes


_RULES = (
    _Rule(FailureClass.MEMORY, "the kernel killed it for its memory", _says("OOMKilled")),
    _Rule(FailureClass.MEMORY, "the JVM ran out of memory", _says("java.lang.OutOfMemoryError")),
    _Rule(
        FailureClass.USER,
        "no node gets its image",
        _says("ErrImagePull|ImagePullBackOff|InvalidImageName|ErrImageNeverPull"),
    ),
    _Rule(FailureClass.USER, "the cluster refuses its objects", _says(r"\b(422|400|403) \w")),
    _Rule(
        FailureClass.TIMEOUT,
        "it took longer than it may",
        _says("DeadlineExceeded|[Tt]imeout of the job|execution time(out)?"),
    ),
    _Rule(FailureClass.INFRASTRUCTURE, "its driver was evicted", _says("^DriverEvicted")),
    _Rule(
        FailureClass.INFRASTRUCTURE,
        "its driver was deleted under it",
        _says("pod was deleted|pod is gone|NodeLost|Preempt|DisruptionTarget|Shutdown|Terminated"),
    ),
    _Rule(
        FailureClass.SCHEDULING,
        "it did not get what it was to run on",
        _says("^(DriverStartTimedOut|ExecutorsStartTimedOut|SchedulingFailure)"),
    ),
    _Rule(FailureClass.TIMEOUT, "its driver says that its time is over (124)", _exits(124)),
    _Rule(FailureClass.MEMORY, "its JVM says that its memory is used up (52)", _exits(52)),
    _Rule(FailureClass.CRASH, "native code ended it (134, 139)", _exits(134, 139)),
    _Rule(FailureClass.INFRASTRUCTURE, "it was killed from outside (137, 143)", _exits(137, 143)),
    _Rule(
        FailureClass.USER,
        "its program ended with an error",
        lambda observation: observation.exit_code is not None,
    ),
)
