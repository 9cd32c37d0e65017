"""What becomes of finished applications, without any effect; the archive on each product."""

from datetime import timedelta

import pytest
from gateways import finished_application
from runs import START

from spark_platform.gateway.archive import Archive
from spark_platform.gateway.finished import Keeping, Step, decide, finished

KEEPING = Keeping(ttl_s=60, archive_s=1000)
STAMP = START.isoformat()


def steps(*applications, after_s=0.0, archived=None, keeping=KEEPING):
    now = START + timedelta(seconds=after_s)
    return [
        (each.application["metadata"]["name"], each.archive, each.delete)
        for each in decide(now, finished(applications), archived or {}, keeping)
    ]


class TestDeciding:
    def test_what_has_finished_is_archived_at_once_and_deleted_in_time(self):
        one = finished_application("a", version=7)
        assert steps(one) == [("a", True, False)]
        assert steps(one, archived={"uid-a": 6}) == [("a", True, False)], "it has changed since"
        assert steps(one, archived={"uid-a": 7}) == []
        assert steps(one, archived={"uid-a": 7}, after_s=59.9) == []
        assert steps(one, archived={"uid-a": 7}, after_s=60) == [("a", False, True)]
        assert steps(one, after_s=60) == [("a", True, True)], "first the one, then the other"

    @pytest.mark.parametrize(
        ("said", "default", "after_s", "deleted"),
        [
            ("5", 60, 5, True),
            ("5", None, 5, True),
            ("100", 60, 99, False),
            ("0", 60, 0, True),
            ("", None, 10**9, False),
            # past the gateway anything may be written there
            ("soon", 60, 60, True),
            ("-1", 60, 59, False),
            ("9" * 40, 60, 10**9, False),
        ],
    )
    def test_its_own_time_counts_before_the_gateways(self, said, default, after_s, deleted):
        one = finished_application("a", ttl_s=said)
        found = steps(one, after_s=after_s, keeping=Keeping(default, 1000))
        assert found == [("a", True, deleted)]

    def test_why_is_said(self):
        now = START + timedelta(seconds=60)
        (step,) = decide(now, finished([finished_application("a")]), {}, KEEPING)
        assert isinstance(step, Step)
        assert step.why == "it has finished, and its 60 s are over"

    @pytest.mark.parametrize(
        "states", [(), ("RunningHealthy",), ("Failed",), ("Failed", "ScheduledToRestart"),
                   ("RunningHealthy", "ResourceReleased")]
    )  # fmt: skip
    def test_what_may_go_on_is_left_alone(self, states):
        assert steps(finished_application("a", states=states), after_s=10**6) == []

    def test_what_others_have_made_is_left_alone(self):
        other = finished_application("a")
        del other["metadata"]["annotations"]
        assert steps(other, after_s=10**6) == []

    def test_what_is_being_deleted_is_only_archived(self):
        one = finished_application("a")
        one["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
        assert steps(one, after_s=10**6) == [("a", True, False)]

    def test_one_without_sense_does_not_keep_the_others(self, caplog):
        wrong = finished_application("wrong")
        for each in wrong["status"]["stateTransitionHistory"].values():
            each["lastTransitionTime"] = "yesterday"
        assert steps(wrong, finished_application("a")) == [("a", True, False)]
        assert "the status of travel/wrong cannot be read" in caplog.text


class TestArchive:
    @pytest.fixture
    def archive(self, database):
        archive = Archive(database)
        yield archive
        archive.close()

    def test_the_newest_is_kept_whoever_comes_last(self, archive):
        for version in (5, 9, 7):
            archive.keep("east", finished_application("a", version=version), STAMP, START)
        found = archive.find("travel", "a", STAMP)
        assert (found.cluster, found.document["metadata"]["resourceVersion"]) == ("east", "9")
        assert found.document == finished_application("a", version=9)
        assert archive.versions(["uid-a", "uid-b"]) == {"uid-a": 9}

    def test_each_placement_of_a_name_has_its_own(self, archive):
        archive.keep("east", finished_application("a"), STAMP, START)
        assert archive.find("travel", "a", "another") is None
        assert archive.find("bank", "a", STAMP) is None
        assert archive.find("travel", "b", STAMP) is None

    def test_many_are_looked_for(self, archive):
        for number in (0, 700, 1200):
            archive.keep("east", finished_application(str(number)), STAMP, START)
        found = archive.versions(f"uid-{number}" for number in range(1201))
        assert sorted(found) == ["uid-0", "uid-1200", "uid-700"]
        assert archive.versions([]) == {}

    def test_old_ones_go(self, archive):
        later = START + timedelta(seconds=10)
        archive.keep("east", finished_application("old"), STAMP, START)
        archive.keep("east", finished_application("new"), STAMP, later)
        assert archive.forget(later) == 1
        assert archive.find("travel", "old", STAMP) is None
        assert archive.find("travel", "new", STAMP) is not None
