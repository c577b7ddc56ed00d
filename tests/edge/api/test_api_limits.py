"""How much at once: a rate for each key, and a room that is never overfull."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.api.limits import Quotas, Room


def test_a_key_may_spend_a_second_at_once_and_then_its_rate() -> None:
    quotas = Quotas()
    assert [quotas.take("a", 3.0, 100.0) for _ in range(4)] == [True, True, True, False]
    assert not quotas.take("a", 3.0, 100.2)
    assert quotas.take("a", 3.0, 100.4)
    assert not quotas.take("a", 3.0, 100.4)
    assert quotas.take("b", 3.0, 100.4)  # who has its own


def test_a_rate_below_one_lets_one_through_now_and_then() -> None:
    quotas = Quotas()
    assert [quotas.take("a", 0.5, now) for now in (0.0, 1.0, 2.0, 3.0, 4.0)] == [True, False, True, False, True]


def test_without_a_quota_there_is_none() -> None:
    quotas = Quotas()
    assert all(quotas.take("a", 0.0, 0.0) for _ in range(1000))


def test_a_clock_that_was_set_back_takes_nothing_away() -> None:
    quotas = Quotas()
    assert quotas.take("a", 2.0, 100.0)
    assert quotas.take("a", 2.0, 50.0)
    assert not quotas.take("a", 2.0, 50.0)


@given(st.lists(st.integers(1, 10)), st.integers(1, 30))
def test_a_room_holds_what_fits(amounts: list[int], size: int) -> None:
    room, inside = Room(size), list[int]()
    for amount in amounts:
        if room.take(amount):
            inside.append(amount)
        else:
            assert sum(inside) + amount > size
            while inside:
                room.give_back(inside.pop())
        assert room.taken == sum(inside) <= size
