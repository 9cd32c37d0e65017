"""What is kept of applications, on each database product."""

import threading
from datetime import timedelta

import pytest
from gateway_backends import START

from spark_platform.gateway.members.objects import Objects
from spark_platform.kernel.errors import NotFound
from spark_platform.kernel.kubernetes.errors import AlreadyExists, Expired


class TestObjects:
    """On each database product."""

    @pytest.fixture
    def objects(self, database):
        made = [Objects(database, name) for name in ("emr", "other", "emr")]
        yield made
        for each in made:
            each.close()

    @staticmethod
    def document(name, uid=""):
        return {"metadata": {"name": name, "namespace": "travel", "uid": uid or f"uid-{name}"}}

    def test_a_name_is_one_on_a_cluster_until_it_is_gone(self, objects):
        emr, other, replica = objects
        first = emr.add(self.document("a"), "job-a")
        other.add(self.document("a", "2"), "job-a")
        with pytest.raises(AlreadyExists):
            replica.add(self.document("a", "3"), "job-b")
        assert replica.gone(first, first.document, START)
        with pytest.raises(NotFound):
            emr.find("travel", "a")
        assert emr.add(self.document("a", "3"), "job-c").version > first.version
        assert [each.job for each in replica.list()[0]] == ["job-c"]
        assert replica.by_uid("uid-a").gone

    def test_only_what_was_seen_is_changed(self, objects):
        emr, _, replica = objects
        kept = emr.add(self.document("a"), "job-a")
        assert replica.change(kept, kept.document)
        assert not emr.change(kept, kept.document, over=True)
        assert [each.submitted for each in emr.due()] == [True]
        assert emr.change(emr.find("travel", "a"), kept.document, over=True)
        assert emr.due() == []
        assert emr.delete(emr.find("travel", "a"), kept.document)
        assert len(replica.due()) == 1

    def test_changes_are_told_in_order_and_from_where_they_were_seen(self, objects):
        emr, _, replica = objects
        _, nothing = emr.list()
        a, b = (emr.add(self.document(name), name) for name in "ab")
        found, seen = replica.since(nothing)
        assert [each.job for each in found] == ["a", "b"]
        assert seen == b.version == replica.list()[1]
        emr.change(a, a.document)
        emr.gone(b, b.document, START)
        found, after = replica.since(seen)
        assert [(each.job, each.gone) for each in found] == [("a", False), ("b", True)]
        assert replica.since(after) == ([], after)
        assert replica.since(seen, "bank") == ([], after)

    def test_what_is_forgotten_is_not_missed_in_silence(self, objects):
        emr, _, replica = objects
        a = emr.add(self.document("a"), "a")
        emr.gone(a, a.document, START)
        _, seen = emr.list()
        emr.forget(START)
        assert len(replica.since(a.version)[0]) == 1, "it went no longer ago than that"
        emr.forget(START + timedelta(seconds=1))
        with pytest.raises(Expired):
            replica.since(a.version)
        assert replica.since(seen) == ([], seen)
        assert replica.by_uid("uid-a") is None

    def test_many_writers_and_nobody_misses_a_change(self, objects):
        emr, _, replica = objects
        names, seen, told = [f"n{number}" for number in range(20)], emr.list()[1], []
        threads = [
            threading.Thread(
                target=lambda part, store: [store.add(self.document(each), each) for each in part],
                args=(names[number::4], (emr, replica)[number % 2]),
            )
            for number in range(4)
        ]
        for each in threads:
            each.start()
        more = True
        while more:
            # looked at before, so that what comes last is looked for once more
            more = any(each.is_alive() for each in threads)
            found, seen = replica.since(seen)
            told += [each.job for each in found]
        assert sorted(told) == sorted(names)
