import pytest
from hypothesis import given
from hypothesis import strategies as st

from spark_platform.kernel.errors import TimedOut
from spark_platform.kernel.wait import NotYet, poll


class FakeClock:
    """A clock that moves only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 100.0
        self.sleeps: list[float] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)
        self.now += seconds


def true_after(calls: int):
    seen = 0

    def check() -> str:
        nonlocal seen
        seen += 1
        if seen <= calls:
            raise NotYet(f"call {seen}")
        return "done"

    return check


def test_a_condition_that_holds_is_not_waited_for():
    clock = FakeClock()
    assert poll(true_after(0), what="it", timeout_s=5, clock=clock) == "done"
    assert clock.sleeps == []


@given(calls=st.integers(1, 50), interval_s=st.floats(0.01, 2))
def test_it_sleeps_once_between_two_checks(calls, interval_s):
    clock = FakeClock()
    assert poll(true_after(calls), what="it", timeout_s=1e6, interval_s=interval_s, clock=clock)
    assert clock.sleeps == [interval_s] * calls


@given(timeout_s=st.floats(0, 30), interval_s=st.floats(0.01, 7))
def test_it_ends_at_its_deadline_and_not_later(timeout_s, interval_s):
    clock = FakeClock()
    with pytest.raises(TimedOut):
        poll(true_after(10**9), what="it", timeout_s=timeout_s, interval_s=interval_s, clock=clock)
    assert clock.now == pytest.approx(100 + timeout_s)


def test_the_error_says_what_was_awaited_for_how_long_and_why_it_did_not_come():
    with pytest.raises(TimedOut) as caught:
        poll(true_after(10**9), what="s3 to answer", timeout_s=2, clock=FakeClock(), hint="look")
    assert "gave up after 2 s waiting for s3 to answer: call " in caught.value.message
    assert caught.value.hint == "look"


def test_any_other_error_ends_the_wait_at_once():
    def check() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        poll(check, what="it", timeout_s=60, clock=FakeClock())
