import dataclasses
import os

import pytest
from stacks import processes_of

from spark_testkit.settings import Settings
from spark_testkit.stack import Stack
from spark_testkit.stack_folder import StackFolder


@pytest.fixture
def settings(tmp_path):
    """State of this test's own; the cache is the user's, so that engines are fetched once."""
    own = dataclasses.replace(Settings.from_env(os.environ), state_dir=tmp_path / "state")
    yield own
    for folder in StackFolder.all(own):
        Stack(folder.name, settings=own).down()
    assert processes_of(own) == []
