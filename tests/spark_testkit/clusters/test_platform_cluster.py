"""A cluster with the platform: made whole, found again, deleted by whoever made it."""

import pytest

from spark_platform.kernel.errors import Conflict, InvalidInput, Terminal
from spark_testkit.clusters.cluster import Cluster
from spark_testkit.clusters.platform import cluster as module
from spark_testkit.clusters.platform.cluster import PlatformCluster
from spark_testkit.engine.progress import silent
from spark_testkit.settings import Settings


class Flavor:
    def check(self, wanted):
        assert wanted.operator
        assert wanted.ports


class Fleet:
    """In the place of ``Clusters``: what was asked of it."""

    def __init__(self, folder):
        self.folder, self.there, self.asked = folder, [], []

    def __call__(self, settings):
        return self

    def all(self):
        return self.there

    def up(self, name, flavor, progress, wanted):
        self.asked.append(("up", wanted.holder is not None))
        self.there = [Cluster(name, flavor, "running", "1.36", self.folder / "kubeconfig")]
        return self.there[0]

    def load(self, name, images, progress):
        self.asked.append(("load", len(images)))

    def down(self, name):
        self.asked.append(("down", name))


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    fleet = Fleet(tmp_path)
    monkeypatch.setattr(module, "Clusters", fleet)
    monkeypatch.setattr(module, "make_flavor", lambda *_: Flavor())
    monkeypatch.setattr(module, "install", lambda *_: None)
    monkeypatch.setattr(PlatformCluster, "_build", lambda *_: None)
    return fleet


def place(tmp_path, **options):
    return PlatformCluster("demo", "kind", Settings(tmp_path, tmp_path), **options)


def test_it_is_deleted_with_its_block(fleet, tmp_path):
    with place(tmp_path) as made:
        made.up("travel", silent)
    assert fleet.asked == [("up", True), ("load", 3), ("down", "demo")]


@pytest.mark.parametrize("error", [Terminal("no"), KeyboardInterrupt()])
def test_it_is_deleted_where_something_fails(fleet, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(module, "install", fail)
    with pytest.raises(type(error)), place(tmp_path) as made:
        made.up("travel", silent)
    assert fleet.asked[-1] == ("down", "demo")


def test_one_that_is_kept_is_found_again_and_stays(fleet, tmp_path):
    with place(tmp_path, keep=True) as made:
        first = made.up("travel", silent)
    with place(tmp_path) as found:
        assert found.up("travel", silent) == first
    assert fleet.asked == [("up", False), ("load", 3)]
    assert (tmp_path / "platform.json").stat().st_mode & 0o777 == 0o600


def test_somebodys_own_cluster_is_left_alone(fleet, tmp_path):
    fleet.there = [Cluster("demo", "kind", "running", "1.36", tmp_path / "kubeconfig")]
    with pytest.raises(Conflict, match="platform is not ready"), place(tmp_path) as found:
        found.up("travel", silent)
    assert fleet.asked == []


def test_a_flavour_that_publishes_no_ports_is_refused(tmp_path):
    settings = Settings(tmp_path, tmp_path)
    with pytest.raises(InvalidInput, match="flavour kind only"):
        PlatformCluster("demo", "emulated", settings).up("travel", silent)
