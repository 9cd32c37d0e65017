"""One kind cluster for a whole test run, made by the first test that wants it.

It is deleted when the run ends; where the run is killed, by a process that waits for its end.
"""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import sys
import tempfile
import uuid
from pathlib import Path

import pytest

from requirements import need
from spark_platform.kernel.errors import PlatformError
from spark_platform.kernel.process import ProcessId, start_detached
from spark_platform.kernel.wait import NotYet, poll
from spark_testkit.clusters.cluster import Cluster, Wanted
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.settings import Settings

SHARED = "shared"
LONGEST_RUN_S = 24 * 3600
# where the run's cluster is noted, and the process that is the run: of workers, their controller
state_key = pytest.StashKey[Path]()
holder_key = pytest.StashKey[int]()


def need_kind() -> None:
    """Skip or fail the test where a kind cluster would have to be built first."""
    try:
        flavor = KindFlavor(Settings.from_env(os.environ))
        flavor.check(Wanted())
        how = "" if flavor.node() else "`make kind` builds what it starts from"
    except PlatformError as error:
        how = str(error)
    need("kind", not how, how)


@pytest.fixture(scope="session")
def kind_cluster(pytestconfig) -> Cluster:
    """A running kind cluster, shared by all tests of the run: use namespaces of your own in it."""
    need_kind()
    state = pytestconfig.stash[state_key]
    holder = ProcessId.of(pytestconfig.stash[holder_key])
    start_detached([sys.executable, __file__, str(state), json.dumps(dataclasses.asdict(holder))])
    return _clusters(state).up(SHARED, "kind")


def kind_clusters(config: pytest.Config) -> Clusters:
    """What made ``kind_cluster``, to load images into it."""
    return _clusters(config.stash[state_key])


def pytest_configure(config: pytest.Config) -> None:
    own = Path(tempfile.gettempdir()) / f"sparktk-tests-{uuid.uuid4().hex[:8]}"
    given = getattr(config, "workerinput", {"kind": (str(own), os.getpid())})["kind"]
    config.stash[state_key], config.stash[holder_key] = Path(given[0]), given[1]


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["kind"] = (str(node.config.stash[state_key]), os.getpid())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is on the run's cluster comes last: while it is there, it keeps processors busy."""
    items.sort(key=_turn)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        _end(session.config.stash[state_key])


def _turn(item: pytest.Item) -> int:
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    flavors = {parameters.get("cluster"), parameters.get("kubeconfig")}
    if not flavors & {"kind", "real"} and "kind_cluster" not in getattr(item, "fixturenames", ()):
        return 0
    # short ones at the very end, so that all workers end at about the same time
    return 1 if "e2e" in item.path.parts else 2


def _clusters(state: Path) -> Clusters:
    return Clusters(dataclasses.replace(Settings.from_env(os.environ), state_dir=state))


def _end(state: Path) -> None:
    if state.exists():
        _clusters(state).down(SHARED)
        shutil.rmtree(state, ignore_errors=True)


def _end_with(holder: ProcessId, state: Path) -> None:
    def ended() -> None:
        if holder.alive():
            raise NotYet("it runs")

    poll(ended, what="the test run to end", timeout_s=LONGEST_RUN_S, interval_s=0.5)
    _end(state)


if __name__ == "__main__":
    _end_with(ProcessId(**json.loads(sys.argv[2])), Path(sys.argv[1]))
