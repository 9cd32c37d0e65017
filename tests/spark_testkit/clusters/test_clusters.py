"""The books that are kept of clusters: here of a flavour that only takes notes."""

import json
import stat
from dataclasses import replace

import pytest
import yaml

from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, NotFound, Terminal
from spark_platform.kernel.process import ProcessId
from spark_testkit.clusters import FLAVORS
from spark_testkit.clusters.cluster import Created, Wanted, check_name
from spark_testkit.clusters.clusters import Clusters
from spark_testkit.clusters.kubeconfig import named

GIVEN = yaml.safe_dump(
    {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "kind-x", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "kind-x-admin", "user": {"token": "secret"}}],
        "contexts": [
            {"name": "kind-x", "context": {"cluster": "kind-x", "user": "kind-x-admin"}},
        ],
        "current-context": "kind-x",
    }
)


class Notes:
    """Makes nothing; says what it is told to."""

    def __init__(self):
        self.made = []
        self.deleted = []
        self.states = {}
        self.failure = {}

    def _may_fail(self, doing):
        if doing in self.failure:
            raise self.failure[doing]

    def check(self, wanted):
        self._may_fail("check")

    def create(self, name, folder, wanted, progress):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        self.made.append(name)
        self._may_fail("create")
        self.states[name] = "running"
        return Created("1.36.3", GIVEN)

    def state(self, name):
        self._may_fail("state")
        return self.states[name]

    def delete(self, name):
        self._may_fail("delete")
        self.deleted.append(name)

    def load(self, name, images, progress):
        self.loaded = (name, images)


@pytest.fixture
def notes(monkeypatch):
    notes = Notes()
    monkeypatch.setitem(FLAVORS, "notes", lambda settings: notes)
    monkeypatch.setitem(FLAVORS, "others", lambda settings: notes)
    return notes


@pytest.fixture
def clusters(settings, notes):
    return Clusters(settings)


def folders(settings):
    parent = settings.state_dir / "clusters"
    return sorted(path.name for path in parent.iterdir()) if parent.exists() else []


def test_a_kubeconfig_is_named_after_its_cluster():
    shaped = yaml.safe_load(named(GIVEN, "east"))
    assert shaped == {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "east", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "east", "user": {"token": "secret"}}],
        "contexts": [{"name": "east", "context": {"cluster": "east", "user": "east"}}],
        "current-context": "east",
    }


def test_a_contexts_namespace_is_kept():
    given = yaml.safe_load(GIVEN)
    given["contexts"][0]["context"]["namespace"] = "spark"
    [context] = yaml.safe_load(named(yaml.safe_dump(given), "east"))["contexts"]
    assert context["context"] == {"cluster": "east", "user": "east", "namespace": "spark"}


@pytest.mark.parametrize("name", ["a", "east", "us-east-1", "a" * 30])
def test_names_that_are_allowed(name):
    assert check_name(name) == name


@pytest.mark.parametrize("name", ["", "East", "1st", "-a", "a-", "a_b", "a.b", "../a", "a" * 31])
def test_names_that_are_not(name):
    with pytest.raises(InvalidInput, match="is not allowed"):
        check_name(name)


def test_a_clusters_life(clusters, notes, settings):
    made = clusters.up("east", "notes")
    assert (made.name, made.flavor, made.state) == ("east", "notes", "running")
    assert made.kubernetes == "1.36.3"
    assert made.kubeconfig.read_text() == named(GIVEN, "east")
    assert stat.S_IMODE(made.kubeconfig.stat().st_mode) == 0o600
    assert stat.S_IMODE(made.kubeconfig.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(made.kubeconfig.parent.parent.stat().st_mode) == 0o700
    assert clusters.all() == [made]
    assert clusters.get("east") == made
    clusters.load("east", ["image:1"])
    assert notes.loaded == ("east", ["image:1"])
    assert clusters.down("east")
    assert (notes.deleted, folders(settings)) == (["east"], [])
    assert not clusters.down("east")


def test_one_that_runs_is_left_alone(clusters, notes):
    assert clusters.up("east", "notes") == clusters.up("east", "notes")
    assert notes.made == ["east"]


def test_several_are_listed_by_name(clusters):
    for name in ("west", "east"):
        clusters.up(name, "notes")
    assert [each.name for each in clusters.all()] == ["east", "west"]


@pytest.mark.parametrize("failure", [Terminal("no"), KeyboardInterrupt(), OSError("no")])
def test_a_failed_up_leaves_nothing(clusters, notes, settings, failure):
    notes.failure["create"] = failure
    with pytest.raises(type(failure)):
        clusters.up("east", "notes")
    assert (notes.deleted, folders(settings), clusters.all()) == (["east"], [], [])


def test_what_cannot_be_made_here_is_not_begun(clusters, notes, settings):
    notes.failure["check"] = Missing("no engine")
    with pytest.raises(Missing):
        clusters.up("east", "notes")
    assert (notes.made, folders(settings)) == ([], [])


def test_what_cannot_be_removed_after_a_failure_is_listed_until_it_is(clusters, notes):
    notes.failure.update(create=Terminal("first"), delete=Terminal("second"))
    with pytest.raises(Terminal, match="first"):
        clusters.up("east", "notes")
    note = clusters._folder("east") / "cluster.json"
    facts = json.loads(note.read_text())
    facts["maker"]["started_at"] += 1  # somebody else, who has ended
    note.write_text(json.dumps(facts))
    assert [each.state for each in clusters.all()] == ["failed"]
    with pytest.raises(NotFound, match="is failed"):
        clusters.get("east")
    notes.failure.clear()
    assert clusters.up("east", "notes").state == "running"
    assert notes.deleted == ["east"]


def test_one_in_the_making_is_starting(clusters, notes):
    def look(name, folder, wanted, progress):
        seen.extend(clusters.all())
        return Created("1.36.3", GIVEN)

    seen = []
    notes.create = look
    clusters.up("east", "notes")
    assert [(each.state, each.kubernetes) for each in seen] == [("starting", "")]


def test_a_name_in_use_is_not_taken(clusters, notes):
    clusters.up("east", "notes")
    with pytest.raises(Conflict, match="flavour notes, running") as error:
        clusters.up("east", "others")
    assert "cluster down east" in error.value.hint
    notes.states["east"] = "stopped"
    with pytest.raises(Conflict, match="flavour notes, stopped"):
        clusters.up("east", "notes")


def test_one_whose_engine_does_not_answer_is_listed(clusters, notes):
    clusters.up("east", "notes")
    notes.failure["state"] = Missing("no engine")
    [each] = clusters.all()
    assert (each.state, each.detail, each.kubernetes) == ("unknown", "no engine", "1.36.3")
    with pytest.raises(Conflict, match=r"unknown \(no engine\)"):
        clusters.up("east", "notes")


def test_one_whose_containers_are_gone_is_made_again(clusters, notes):
    clusters.up("east", "notes")
    notes.states["east"] = "failed"
    assert clusters.up("east", "notes").state == "running"
    assert (notes.made, notes.deleted) == (["east", "east"], ["east"])


def test_one_whose_holder_has_ended_goes_when_another_is_made(clusters, notes):
    ended = replace(ProcessId.current(), started_at=1.0)
    clusters.up("east", "notes", wanted=Wanted(holder=ProcessId.current()))
    clusters.up("west", "notes", wanted=Wanted(holder=ended))
    clusters.up("north", "notes")
    assert [each.name for each in clusters.all()] == ["east", "north"]
    assert notes.deleted == ["west"]


def test_one_that_is_not_there_is_told_with_those_that_are(clusters):
    clusters.up("east", "notes")
    with pytest.raises(NotFound, match="no cluster 'west'; there are: east"):
        clusters.get("west")
