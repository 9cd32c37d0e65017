"""One behaviour, both stores; and what a restart keeps."""

import pytest

from spark_emulators.kubernetes.api.requests import DeleteOptions, ListOptions, WatchOptions
from spark_emulators.kubernetes.cluster import Cluster
from spark_emulators.kubernetes.controllers.standard import standard_controllers
from spark_emulators.kubernetes.errors import ApiError
from spark_emulators.kubernetes.store.memory import MemoryStore
from spark_emulators.kubernetes.store.sqlite import SqliteStore
from spark_emulators.kubernetes.store.store import Key
from spark_platform.kernel.errors import Missing


@pytest.fixture(params=["memory", "sqlite"])
def store(request, tmp_path):
    found = (
        MemoryStore(window=5)
        if request.param == "memory"
        else SqliteStore(tmp_path / "store.db", window=5)
    )
    yield found
    found.close()


def value(name, **rest):
    return {"metadata": {"name": name, **rest}}


def put(store, name, **rest):
    return store.put(Key("things", "ns", name), value(name, **rest))


def names(found):
    return [each.key.name for each in found]


def test_revisions_grow_and_are_written_into_objects(store):
    first, second = put(store, "b"), put(store, "a")
    assert second.revision == first.revision + 1 == store.revision
    assert second.value["metadata"]["resourceVersion"] == str(second.revision)
    assert names(store.list("things")) == ["a", "b"]
    assert names(store.list("things", "other")) == []


def test_history_is_seen_in_order(store):
    start = put(store, "a").revision
    put(store, "a", labels={"x": "y"})
    store.delete(Key("things", "ns", "a"))
    changes = list(store.changes("things", start))
    assert [each.type for each in changes] == ["MODIFIED", "DELETED"]
    assert changes[1].now.value["metadata"]["labels"] == {"x": "y"}
    assert changes[1].now.value["metadata"]["resourceVersion"] == str(store.revision)
    assert [each.type for each in store.changes("", 0)] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_list_of_the_past(store):
    put(store, "a")
    then = put(store, "b").revision
    store.delete(Key("things", "ns", "a"))
    put(store, "c")
    assert names(store.list_at("things", "", then)) == ["a", "b"]
    for index in range(20):
        put(store, f"x{index}")
    assert store.list_at("things", "", then) is None
    assert store.first_revision("things") > then


def test_listeners_are_told(store):
    told = []
    end = store.subscribe("things", lambda: told.append(store.revision))
    first = put(store, "a").revision
    store.put(Key("others", "", "a"), value("a"))
    end()
    put(store, "b")
    assert told == [first]


def test_a_deletion_of_nothing(store):
    with pytest.raises(KeyError):
        store.delete(Key("things", "ns", "a"))


def test_a_restart_goes_on(tmp_path):
    path = tmp_path / "store.db"
    before = SqliteStore(path)
    put(before, "a")
    then = put(before, "b").revision
    before.delete(Key("things", "ns", "a"))
    revision = before.revision
    before.close()
    after = SqliteStore(path)
    assert after.revision == revision
    assert names(after.list("things")) == ["b"]
    assert [each.type for each in after.changes("things", then)] == ["DELETED"]
    assert names(after.list_at("things", "", then)) == ["a", "b"]
    assert put(after, "c").revision == revision + 1
    after.close()


def test_a_file_that_is_no_store(tmp_path):
    path = tmp_path / "store.db"
    path.write_text("nonsense" * 1000)
    with pytest.raises(Missing, match="cannot open the store"):
        SqliteStore(path)


def config_map(name):
    return {
        "kind": "ConfigMap",
        "apiVersion": "v1",
        "metadata": {"name": name, "namespace": "default"},
    }


def test_a_page_that_is_too_old_gets_a_token_for_the_rest():
    store = MemoryStore()
    cluster = Cluster(store)
    for index in range(4):
        cluster.create(config_map(f"c{index}"))
    page = cluster.list("v1", "ConfigMap", "default", ListOptions(limit=2))
    cluster.create(config_map("c9"))
    store.compact()
    with pytest.raises(ApiError) as caught:
        cluster.list("v1", "ConfigMap", "default", ListOptions(limit=2, token=page.token))
    assert (caught.value.code, caught.value.reason) == (410, "Expired")
    token = caught.value.metadata["continue"]
    rest = cluster.list("v1", "ConfigMap", "default", ListOptions(token=token))
    assert names(rest.objects) == ["c2", "c3", "c9"]


def test_a_watcher_that_is_too_old_is_told():
    store = MemoryStore()
    cluster = Cluster(store)
    first = cluster.create(config_map("a"))["metadata"]["resourceVersion"]
    cluster.create(config_map("b"))
    store.compact()
    watch = cluster.watch("v1", "ConfigMap", "", WatchOptions(revision=first))
    with pytest.raises(ApiError, match="too old resource version"):
        watch.drain()


def test_a_watcher_is_drained_when_told():
    cluster = Cluster()
    watch = cluster.watch(
        "v1", "ConfigMap", "default", WatchOptions(revision=str(cluster.context.store.revision))
    )
    told = []
    end = watch.subscribe(lambda: told.append(1))
    cluster.create(config_map("a"))
    cluster.delete("v1", "ConfigMap", "default", "a")
    assert [each.type for each in watch.drain()] == ["ADDED", "DELETED"]
    assert watch.drain() == []
    assert len(told) == 2
    end()


def test_controllers_come_to_rest_without_a_loop():
    cluster = Cluster()
    controllers = standard_controllers(cluster)
    owner = cluster.create(config_map("owner"))["metadata"]
    dependent = config_map("dependent")
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": owner["uid"]}
    dependent["metadata"]["ownerReferences"] = [reference]
    cluster.create(dependent)
    cluster.delete("v1", "ConfigMap", "default", "owner", DeleteOptions(policy="Foreground"))
    controllers.settle()
    left = cluster.list("v1", "ConfigMap", "default").objects
    assert names(left) == ["kube-root-ca.crt"]
    controllers.stop()
