"""Fixtures of tests that need a Docker engine and the images."""

import os
from collections.abc import Iterator

import pytest
from containers import Containers, engine_or_skip

from spark_platform.kernel.docker.reaper import LABEL
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


@pytest.fixture(scope="session")
def docker_stack_images(images) -> None:
    """What stacks of the docker provider are made of, by the names that stacks use."""
    images()


@pytest.fixture(params=["process", "docker"])
def provider(request) -> str:
    """Each provider that starts services; a test of it holds on all of them."""
    if request.param == "docker":
        request.getfixturevalue("docker_stack_images")
    return request.param


@pytest.fixture
def held_by(containers):
    """What the engine holds of an owner: containers, networks and volumes, by name."""

    def held(owner: str) -> set[str]:
        client = containers.client
        kinds = (
            client.containers.list(all=True, ignore_removed=True, filters={"label": LABEL}),
            client.networks.list(filters={"label": LABEL}),
            client.volumes.list(filters={"label": LABEL}),
        )
        return {
            each.name
            for kind in kinds
            for each in kind
            if (getattr(each, "labels", None) or each.attrs["Labels"])[LABEL].startswith(owner)
        }

    return held
