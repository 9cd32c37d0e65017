"""One kind cluster for a whole test run, made by the first test that wants it."""

from __future__ import annotations

import dataclasses
import os
import shutil
import tempfile
import uuid
from pathlib import Path

import pytest

from requirements import need
from spark_platform.kernel.errors import PlatformError
from spark_testkit.clusters.cluster import Cluster
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.kind.flavor import KindFlavor
from spark_testkit.settings import Settings

SHARED = "shared"
state_key = pytest.StashKey[Path]()


def need_kind() -> None:
    """Skip or fail the test where a kind cluster would have to be built first."""
    try:
        flavor = KindFlavor(Settings.from_env(os.environ))
        flavor.check()
        how = "" if flavor.node() else "`make kind` builds what it starts from"
    except PlatformError as error:
        how = str(error)
    need("kind", not how, how)


@pytest.fixture(scope="session")
def kind_cluster(pytestconfig) -> Cluster:
    """A running kind cluster, shared by all tests of the run: use namespaces of your own in it."""
    need_kind()
    return _clusters(pytestconfig.stash[state_key]).up(SHARED, "kind")


def pytest_configure(config: pytest.Config) -> None:
    given = getattr(config, "workerinput", {}).get("kind_state")
    own = Path(tempfile.gettempdir()) / f"sparktk-tests-{uuid.uuid4().hex[:8]}"
    config.stash[state_key] = Path(given) if given else own


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node) -> None:
    node.workerinput["kind_state"] = str(node.config.stash[state_key])


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    state = session.config.stash[state_key]
    if state.exists() and not hasattr(session.config, "workerinput"):
        _clusters(state).down(SHARED)
        shutil.rmtree(state)


def _clusters(state: Path) -> Clusters:
    return Clusters(dataclasses.replace(Settings.from_env(os.environ), state_dir=state))
