"""How a driver ended, by its pod's status alone."""

import pytest
from spark_apps import driver

from spark_emulators.spark_operator.observation import verdict, waits_for
from spark_emulators.spark_operator.states import State

SIDECAR = {"name": "sidecar", "state": {"running": {}}}


@pytest.mark.parametrize(
    ("pod", "state", "text"),
    [
        (driver("Failed", exit_code=137, reason="OOMKilled"), State.FAILED, "137 (OOMKilled)"),
        (driver("Failed", exit_code=143), State.FAILED, "143"),
        # a sidecar runs on, or failed: the driver's own container counts
        (
            driver(exit_code=0, others=({"name": "s", "state": {"running": {}}},)),
            State.SUCCEEDED,
            "",
        ),
        (
            driver(
                "Failed",
                exit_code=0,
                others=({"name": "s", "state": {"terminated": {"exitCode": 1}}},),
            ),
            State.SUCCEEDED,
            "",
        ),
        (
            driver("Failed", exit_code=1, annotations={"spark.exit-exception": "No table"}),
            State.FAILED,
            "No table",
        ),
        # nothing is known of its containers, and yet it is over
        ({"metadata": {}, "status": {"phase": "Failed"}}, State.FAILED, "does not say why"),
        ({"metadata": {}, "status": {"phase": "Succeeded"}}, State.SUCCEEDED, ""),
        (
            {"metadata": {}, "status": {"phase": "Failed", "reason": "Evicted", "message": "low"}},
            State.DRIVER_EVICTED,
            "low",
        ),
        (
            {"metadata": {}, "status": {"phase": "Failed", "reason": "NodeLost"}},
            State.FAILED,
            "NodeLost",
        ),
    ],
)
def test_verdicts(pod, state, text):
    found = verdict(pod)
    assert found.state is state
    assert text in found.message


def test_a_driver_whose_container_was_restarted_has_failed():
    pod = driver()
    pod["status"]["containerStatuses"][0] |= {
        "restartCount": 1,
        "lastState": {"terminated": {"exitCode": 1}},
    }
    assert verdict(pod).state is State.FAILED


def test_the_named_container_counts():
    other = {"name": "spark-kubernetes-driver", "state": {"terminated": {"exitCode": 1}}}
    assert verdict(driver(exit_code=0, name="Main", others=(other,)), "main").state is (
        State.SUCCEEDED
    )


def test_an_unschedulable_driver_says_so():
    pod = {
        "status": {
            "conditions": [
                {"type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                 "message": "0/1 nodes are available"},
            ]
        }
    }  # fmt: skip
    assert waits_for(pod) == "Unschedulable: 0/1 nodes are available"
