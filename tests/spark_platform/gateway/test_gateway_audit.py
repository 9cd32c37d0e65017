"""The audit: on each database product, and at the gateway's door."""

import threading

import pytest
from gateways import application
from runs import Time
from sqlalchemy import Column, Integer, MetaData, Table, insert, select, text

from spark_platform.backends.sk8.backend import APPLICATIONS
from spark_platform.gateway.audit import Audit, Deed, Found
from spark_platform.gateway.queries import number
from spark_platform.gateway.upkeep import repeated
from spark_platform.identity import Caller
from spark_platform.kernel.database import reading, writing
from spark_platform.kernel.errors import Conflict, Forbidden, InvalidInput, NotFound, Transient
from spark_platform.kernel.wait import NotYet, poll

ANA = Caller("ana", "travel")
DEED = Deed(ANA, "create", "travel", "app")
RUNNER = {"Authorization": "Bearer runner@platform"}


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def audit(database, time):
    audit = Audit(database, now=time)
    yield audit
    audit.close()


def told(audit, **wanted):
    return [(each.verb, each.outcome, each.code) for each in audit.entries(**wanted)]


def broken(audit):
    """Take its table away."""
    with audit._engine.begin() as connection:
        connection.execute(text("ALTER TABLE audit RENAME TO hidden"))


def mended(audit):
    with audit._engine.begin() as connection:
        connection.execute(text("ALTER TABLE hidden RENAME TO audit"))


class TestEntries:
    def test_a_change_is_there_before_it_is_done(self, audit, time):
        with audit.changing(DEED) as found:
            assert told(audit) == [("create", "asked", "")]
            time.pass_(5)
            found.cluster, found.why = "east", "by weight"
        asked, done = audit.entries()
        assert asked.request == done.request
        assert (done.at - asked.at).total_seconds() == 5
        assert (done.user, done.domain, done.namespace, done.name) == (
            "ana", "travel", "travel", "app"
        )  # fmt: skip
        assert (done.outcome, done.cluster, done.why) == ("done", "east", "by weight")

    def test_of_what_was_killed_the_question_stays(self, audit):
        with pytest.raises(KeyboardInterrupt), audit.changing(DEED):
            raise KeyboardInterrupt
        assert told(audit) == [("create", "asked", "")]

    def test_refusals_have_their_reason(self, audit):
        for error in (Forbidden("travel may not"), Conflict("x"), Transient("x")):
            with pytest.raises(type(error)), audit.changing(DEED):
                raise error
        refused = [each for each in audit.entries() if each.outcome == "refused"]
        assert [(each.code, each.why) for each in refused] == [
            ("Forbidden", "travel may not"), ("Conflict", ""), ("ServiceUnavailable", ""),
        ]  # fmt: skip

    def test_what_a_cluster_does_not_answer_is_unclear(self, audit):
        def away():
            with audit.changing(DEED) as found:
                found.cluster = "east"
                raise Transient("it does not answer")

        with pytest.raises(Transient):
            away()
        assert told(audit)[1] == ("create", "unclear", "ServiceUnavailable")

    def test_who_awaits_what_it_does_writes_both_itself(self, audit):
        """A proxy of Spark Connect: sessions are names, RPCs verbs."""
        rpc = Deed(ANA, "ExecutePlan", "travel", "00112233-4455-6677-8899-aabbccddeeff")
        entry = audit.asked(rpc)
        audit.ended(entry, Found("east", "its session is there"))
        audit.ended(audit.entry(rpc), Found(), Forbidden("its domain has no sessions"))
        asked, done, refused = audit.entries()
        assert asked.request == done.request != refused.request
        assert (done.verb, done.name, done.cluster, done.outcome, done.why) == (
            "ExecutePlan", rpc.name, "east", "done", "its session is there"
        )  # fmt: skip
        assert (refused.outcome, refused.why) == ("refused", "its domain has no sessions")

    def test_entries_are_written_with_what_they_are_of(self, audit, time):
        engine = audit._engine
        with audit.joined(DEED) as change:
            assert told(audit) == []
            with writing(engine) as connection:
                change.asked(connection)
            time.pass_(5)
            change.cluster, change.why = "east", "by weight"
            with writing(engine) as connection:
                change.done(connection)
        asked, done = audit.entries()
        assert (asked.outcome, done.outcome) == ("asked", "done")
        assert asked.request == done.request
        assert (done.at - asked.at).total_seconds() == 5
        assert (done.cluster, done.why) == ("east", "by weight")

    def test_an_entry_is_not_there_where_what_it_is_of_is_undone(self, audit):
        def undone():
            with audit.joined(DEED) as change, writing(audit._engine) as connection:
                change.asked(connection)
                raise Conflict("x")

        with pytest.raises(Conflict):
            undone()
        assert told(audit) == [("create", "refused", "Conflict")]

    def test_an_entry_that_cannot_be_written_undoes_what_it_is_of(self, audit):
        other = Table("other", MetaData(), Column("id", Integer))
        other.create(audit._engine)
        broken(audit)

        def undone():
            with audit.joined(DEED) as change, writing(audit._engine) as connection:
                connection.execute(insert(other), {"id": 1})
                change.asked(connection)

        with pytest.raises(Transient, match="the audit of create cannot be written"):
            undone()
        with reading(audit._engine) as connection:
            assert connection.execute(select(other)).all() == []

    def test_what_a_cluster_says_is_not_kept(self, audit):
        def denied():
            with audit.changing(DEED) as found:
                found.cluster = "east"
                raise Forbidden("denied: spec.sparkConf.password=hunter2")

        with pytest.raises(Forbidden):
            denied()
        assert [each.why for each in audit.entries()] == ["", ""]

    def test_looking_is_told_where_policy_refuses_it(self, audit):
        with audit.looking(DEED):
            pass
        with pytest.raises(NotFound), audit.looking(DEED):
            raise NotFound("x")
        assert told(audit) == []
        with pytest.raises(Forbidden), audit.looking(DEED):
            raise Forbidden("no")
        assert told(audit) == [("create", "refused", "Forbidden")]

    def test_names_are_kept_as_one_line(self, audit, caplog):
        caplog.set_level("INFO")
        with audit.reading(Deed(ANA, "logs", "a\nb", "x" * 1000 + "\0")):
            pass
        (entry,) = audit.entries()
        assert (entry.namespace, entry.name) == ("a?b", "x" * 256)
        assert "logs a?b/xxx" in caplog.text

    def test_pages(self, audit):
        for number_ in range(5):
            domain = ("travel", "bank")[number_ % 2]
            with audit.reading(Deed(Caller("u", domain), f"v{number_}", "shared")):
                pass
        first = audit.entries(limit=2)
        assert [each.verb for each in first] == ["v0", "v1"]
        rest = audit.entries(after=first[-1].id)
        assert [each.verb for each in rest] == ["v2", "v3", "v4"]
        assert audit.entries(after=rest[-1].id) == []
        assert [each.verb for each in audit.entries(domain="bank")] == ["v1", "v3"]
        assert len(audit.entries(namespace="shared")) == 5
        assert audit.entries(namespace="other") == []

    def test_old_ones_go_and_their_numbers_are_not_used_again(self, audit, time):
        with audit.changing(DEED):
            pass
        last = audit.entries()[-1].id
        time.pass_(10)
        assert audit.forget(time()) == 2
        with audit.reading(DEED):
            pass
        assert [each.id for each in audit.entries(after=last)] == [last + 1]
        assert audit.forget(time()) == 0

    def test_numbers_are_seen_in_their_order(self, audit):
        """Whoever reads on after the last one that it saw misses none."""
        seen, done = [], threading.Event()

        def follow():
            after = 0
            while True:
                last = done.is_set()
                page = audit.entries(after=after, limit=1000)
                seen.extend(each.id for each in page)
                after = seen[-1] if seen else 0
                if last and not page:
                    return

        def write():
            for _ in range(20):
                with audit.reading(DEED):
                    pass

        reader = threading.Thread(target=follow)
        writers = [threading.Thread(target=write) for _ in range(4)]
        for each in (reader, *writers):
            each.start()
        for each in writers:
            each.join()
        done.set()
        reader.join()
        assert len(seen) == 80

    def test_what_cannot_be_told_is_not_done(self, audit):
        broken(audit)
        reached = []
        with pytest.raises(Transient, match="nothing was done"), audit.changing(DEED):
            reached.append("changed")
        assert reached == []
        with pytest.raises(Transient, match="it was refused"), audit.looking(DEED):
            raise Forbidden("no")

    def test_what_was_done_and_cannot_be_told_is_no_success(self, audit):
        with pytest.raises(Transient, match="but it was done"), audit.changing(DEED):
            broken(audit)
        mended(audit)
        assert told(audit) == [("create", "asked", "")]


class TestDoor:
    def test_what_is_changed_or_refused_is_told(self, gateway, client):
        client.create(APPLICATIONS, "travel", application("app"))
        (cluster,) = gateway.where("app")
        with pytest.raises(Conflict):
            client.create(APPLICATIONS, "travel", application("app"))
        client.get(APPLICATIONS, "travel", "app")
        client.list(APPLICATIONS, "travel")
        with pytest.raises(NotFound):
            client.logs("travel", "app-0-driver")
        with gateway.client("eve@bank") as bank:
            for ask in (
                lambda: bank.get(APPLICATIONS, "travel", "app"),
                lambda: bank.list(APPLICATIONS, "travel"),
                lambda: bank.delete(APPLICATIONS, "travel", "app"),
                lambda: bank.list(APPLICATIONS),
            ):
                with pytest.raises(Forbidden):
                    ask()
        client.delete(APPLICATIONS, "travel", "app")
        answer = gateway.ask("GET", "/audit", headers=RUNNER).json()
        found = [
            (each["user"], each["verb"], each["name"], each["cluster"], each["outcome"],
             each["code"])
            for each in answer["entries"] if each["outcome"] != "asked"
        ]  # fmt: skip
        assert found == [
            ("ana", "create", "app", cluster, "done", ""),
            ("ana", "create", "app", cluster, "refused", "AlreadyExists"),
            ("ana", "logs", "app-0-driver", cluster, "refused", "NotFound"),
            ("eve", "get", "app", "", "refused", "Forbidden"),
            ("eve", "list", "", "", "refused", "Forbidden"),
            ("eve", "delete", "app", "", "refused", "Forbidden"),
            ("eve", "list", "", "", "refused", "Forbidden"),
            ("ana", "delete", "app", cluster, "done", ""),
        ]
        assert answer["after"] == answer["entries"][-1]["id"]

    def test_pages_of_a_domain(self, gateway, client):
        for name in ("a", "b"):
            client.create(APPLICATIONS, "travel", application(name))
        with gateway.client("eve@bank") as bank:
            bank.create(APPLICATIONS, "bank", application("c"))
        after, names = 0, []
        while True:
            path = f"/audit?domain=travel&limit=3&after={after}"
            page = gateway.ask("GET", path, headers=RUNNER).json()
            names += [each["name"] for each in page["entries"]]
            if not page["entries"]:
                assert page["after"] == after
                break
            after = page["after"]
        assert names == ["a", "a", "b", "b"]

    def test_who_may_not_read_it(self, gateway):
        assert gateway.ask("GET", "/audit").status_code == 401
        assert gateway.audit.entries() == [], "strangers could fill it"
        answer = gateway.ask("GET", "/audit", headers={"Authorization": "Bearer ana@travel"})
        assert (answer.status_code, answer.json()["reason"]) == (403, "Forbidden")
        assert told(gateway.audit) == [("audit", "refused", "Forbidden")]

    @pytest.mark.parametrize("query", ["limit=1001", "after=x", "after=-1", "more=1", "limit="])
    def test_pages_that_cannot_be(self, gateway, query):
        assert gateway.ask("GET", f"/audit?{query}", headers=RUNNER).status_code == 400

    def test_without_it_nothing_is_changed(self, gateway, client):
        client.create(APPLICATIONS, "travel", application("there"))
        broken(gateway.audit)
        with pytest.raises(Transient, match="the audit of create cannot be written"):
            client.create(APPLICATIONS, "travel", application("new"))
        with pytest.raises(Transient):
            client.delete(APPLICATIONS, "travel", "there")
        with gateway.client("eve@bank") as bank, pytest.raises(Transient):
            bank.get(APPLICATIONS, "travel", "there")
        assert client.get(APPLICATIONS, "travel", "there"), "looking needs none"
        assert gateway.where("new") == []
        assert gateway.where("there") != []


def test_numbers_of_queries():
    assert number({}, "limit") is None
    assert number({"limit": "7"}, "limit", most=7) == 7
    for wrong in ("8", "", "-1", "1" * 30, "x"):
        with pytest.raises(InvalidInput, match="limit is"):
            number({"limit": wrong}, "limit", most=7)


def test_what_is_repeated_goes_on_after_failures(caplog):
    errors, times = [Transient("away"), ValueError("a fault")], []

    def action():
        times.append(1)
        if errors:
            raise errors.pop(0)

    def thrice():
        if len(times) < 3:
            raise NotYet(str(times))

    with repeated("sweeping", 0.001, action):
        poll(thrice, what="three times", timeout_s=10)
    assert "sweeping: away; again in 0.001 s" in caplog.text
    assert "ValueError: a fault" in caplog.text
    assert "sweeping" not in {each.name for each in threading.enumerate()}
