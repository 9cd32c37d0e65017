import os

import pytest
from stacks import USER_CACHE

from spark_testkit.clusters.clusters import Clusters
from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.stack_folder import StackFolder


@pytest.fixture
def suite(pytester):
    """A suite of its own in a process of its own, as a user's repository is."""
    pytester.makeini("[pytest]\nfilterwarnings = error\naddopts = -p no:cacheprovider\n")

    def run(*arguments, env=None, **files):
        pytester.makepyfile(**files)
        for name in (
            "PYTEST_ADDOPTS",
            "PYTEST_XDIST_WORKER",
            "SPARK_REMOTE",
            "PYTEST_CURRENT_TEST",
        ):
            os.environ.pop(name, None)
        os.environ.update(env or {})
        return pytester.runpytest_subprocess(*arguments, timeout=600)

    return run


@pytest.fixture
def settings(tmp_path, monkeypatch):
    """State of the suites under test; the cache is the user's."""
    monkeypatch.setenv("SPARK_TESTKIT_STATE_DIR", str(tmp_path / "state"))
    # pytester gives each suite a home of its own
    monkeypatch.setenv("SPARK_TESTKIT_CACHE_DIR", str(USER_CACHE))
    settings = Settings.from_env(os.environ)
    yield settings
    left = StackFolder.all(settings)
    for folder in left:
        Stack(folder.name, settings=settings).down()
    clusters = Clusters(settings)
    for cluster in clusters.all():
        clusters.down(cluster.name)
