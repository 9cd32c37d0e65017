import os
from collections.abc import Iterator

import pytest
from containers import Containers, engine_or_skip

from spark_testkit.engine import engine_spec
from spark_testkit.images import builder
from spark_testkit.settings import Settings


@pytest.fixture(scope="session")
def containers() -> Iterator[Containers]:
    """Docker; none of this run's containers is there when it ends."""
    with engine_or_skip() as daemon:
        containers = Containers(daemon)
        yield containers
        assert containers.left() == []


@pytest.fixture(scope="session")
def images(containers):
    """An engine's images by layer, built once per machine: workers wait for each other."""
    built = {}

    def of(version="4.1"):
        if version not in built:
            done = builder.build(
                engine_spec(version), Settings.from_env(os.environ), progress=lambda news: None
            )
            built[version] = {each.spec.layer: each for each in done}
        return built[version]

    return of


@pytest.fixture(scope="session")
def platform(images):
    """The exact reference of the default engine's top layer."""
    return images()["spark-platform"].spec.exact
