"""What the store promises, on each database product."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from runs import START, job, run

from spark_platform.kernel.errors import Conflict, InvalidInput, Missing, NotFound
from spark_platform.model import RunState
from spark_platform.runner.records import Attempt, Decision, FailureClass, Transition, run_id_of
from spark_platform.runner.store import Store


def test_a_run_comes_back_as_it_was(store):
    kept = run(cancel_reason="enough")
    spec = kept.job.spec("flights-1", "i", "4.1.4")
    attempt = Attempt(1, spec, RunState.FAILED, "why", FailureClass.MEMORY, created_at=START)
    kept = replace(kept, attempts=(attempt,))
    assert store.accept(kept) == (kept, True)
    assert store.get(kept.run_id) == kept


def test_a_token_is_one_run_for_ever(store):
    first, new = store.accept(run())
    assert new
    store.save(replace(first, state=RunState.SUCCEEDED, due_at=None))
    again, new = store.accept(run())
    assert not new
    assert again.state is RunState.SUCCEEDED
    other = run(job=job(main="local:///other.py"))
    with pytest.raises(Conflict, match=f"'t' was used for another job: run {first.run_id}"):
        store.accept(other)
    elsewhere = job(domain="other")
    found, new = store.accept(run(job=elsewhere, run_id=run_id_of(elsewhere, "t")))
    assert new, "another domain has tokens of its own"
    assert found.run_id != first.run_id


def test_many_at_once_make_one_run(store):
    made = []

    def accept():
        made.append(store.accept(run())[1])

    threads = [threading.Thread(target=accept) for _ in range(8)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert sorted(made) == [False] * 7 + [True]


def test_who_saves_must_know_the_newest_version(store):
    kept, _ = store.accept(run())
    saved = store.save(replace(kept, state=RunState.SUBMITTED))
    assert saved.version == kept.version + 1
    with pytest.raises(Conflict, match="was changed meanwhile"):
        store.save(replace(kept, state=RunState.CANCELLED))
    assert store.get(kept.run_id).state is RunState.SUBMITTED


def test_a_run_is_claimed_by_one_until_its_lease_ends(store):
    kept, _ = store.accept(run())
    assert store.claim("a", START - timedelta(seconds=1), lease_s=10, limit=5) == []
    assert [each.run_id for each in store.claim("a", START, lease_s=10, limit=5)] == [kept.run_id]
    assert store.claim("b", START, lease_s=10, limit=5) == []
    later = START + timedelta(seconds=11)
    assert [each.run_id for each in store.claim("b", later, lease_s=10, limit=5)] == [kept.run_id]


def test_claims_of_many_workers_never_share_a_run(store):
    for number in range(40):
        store.accept(run(f"t{number}", run_id=f"r-{number}"))
    taken = {name: [] for name in "abcd"}

    def work(name):
        while claimed := store.claim(name, START, lease_s=60, limit=3):
            taken[name].extend(each.run_id for each in claimed)

    threads = [threading.Thread(target=work, args=(name,)) for name in taken]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    everything = [each for some in taken.values() for each in some]
    assert len(everything) == len(set(everything))
    # whoever skipped locked rows has not seen them: what is left is still due
    left = store.claim("z", START, lease_s=60, limit=100)
    assert len(everything) + len(left) == 40


def test_touched_runs_are_due_and_those_put_off_are_not(store):
    kept, _ = store.accept(run(due_at=START + timedelta(hours=1)))
    assert store.next_due() == START + timedelta(hours=1)
    store.touch(kept.run_id, START)
    (claimed,) = store.claim("a", START, lease_s=60, limit=1)
    claimed = store.save(replace(claimed, due_at=START + timedelta(seconds=5)))
    assert store.claim("a", START, lease_s=60, limit=1) == []
    assert store.claim("b", START + timedelta(seconds=5), lease_s=60, limit=1)
    store.save(replace(claimed, state=RunState.SUCCEEDED, due_at=None))
    assert store.next_due() is None
    store.touch(kept.run_id, START)
    assert store.next_due() is None, "what has ended is never due again"


def test_pages_are_the_newest_first_and_miss_none(store):
    for number in range(7):
        created = START + timedelta(seconds=number // 2)
        own = job(domain="odd" if number % 2 else "even")
        store.accept(run(f"t{number}", run_id=f"r-{number}", job=own, created_at=created))
    seen, before = [], None
    while page := store.page(before=before, limit=3):
        seen += [each.run_id for each in page]
        before = page[-1]
    assert seen == ["r-6", "r-5", "r-4", "r-3", "r-2", "r-1", "r-0"]
    assert [each.run_id for each in store.page(domain="odd")] == ["r-5", "r-3", "r-1"]
    assert store.page(states=[RunState.FAILED]) == []
    assert len(store.page(states=[RunState.ACCEPTED, RunState.FAILED], name="flights")) == 7
    assert store.page(name="none") == []


def test_history_is_added_to(store):
    kept, _ = store.accept(run())
    step = Transition(1, RunState.SUBMITTED, "it waits", START)
    said = Decision("choose_parameters", 1, {"cores": 2}, "as asked", START)
    store.save(kept, [step], [said])
    history = store.history(kept.run_id)
    assert history.transitions == (Transition(0, RunState.ACCEPTED, "", START), step)
    assert history.decisions == (said,)


def test_what_there_is_not(store):
    with pytest.raises(NotFound, match="there is no run nobody"):
        store.get("nobody")


@pytest.mark.parametrize(
    ("url", "error", "match"),
    [
        ("nonsense", InvalidInput, "the database URL is none"),
        ("mysql://somewhere/runs", InvalidInput, "'mysql' is not known"),
        ("postgresql+psycopg://me:secret@127.0.0.1:9/runs", Missing, r"me:\*\*\*@127.0.0.1:9"),
    ],
)
def test_databases_that_cannot_be(url, error, match):
    with pytest.raises(error, match=match) as refused:
        Store(url)
    assert "secret" not in str(refused.value)


def test_what_is_kept_outlives_its_server(database):
    first = Store(database)
    kept, _ = first.accept(run())
    first.close()
    second = Store(database)
    assert second.get(kept.run_id) == kept
    second.close()
