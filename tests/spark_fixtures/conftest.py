import os

import pytest


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
        return pytester.runpytest_subprocess(*arguments, timeout=240)

    return run
