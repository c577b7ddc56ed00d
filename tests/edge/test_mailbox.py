"""The newest frame of each camera, in the order cameras began to wait."""

from threading import Thread

from hypothesis import given
from hypothesis import strategies as st

from edge.mailbox import Mailbox


def test_newest_wins_and_the_sender_is_told_of_the_loss() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert [mailbox.put(sender, item) for sender, item in (("a", 1), ("b", 2), ("a", 3))] == [False, False, True]
    assert [mailbox.take(0), mailbox.take(0), mailbox.take(0)] == [3, 2, None]


def test_an_offer_waits_for_its_place_and_loses_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox()
    sender = Thread(target=lambda: [mailbox.offer("file", item, lambda: False) for item in range(50)])
    sender.start()
    taken = [mailbox.take(5) for _ in range(50)]
    sender.join()
    assert taken == list(range(50))


def test_offers_wait_for_room_and_senders_take_turns() -> None:
    mailbox: Mailbox[int] = Mailbox(room=2)
    for sender, item in (("a", 1), ("a", 2), ("b", 3), ("b", 4)):
        assert mailbox.offer(sender, item, lambda: False)
    assert not mailbox.offer("a", 5, lambda: True)
    assert [mailbox.take(0) for _ in range(5)] == [1, 3, 2, 4, None]
    assert not mailbox.holds("a")


def test_a_sender_that_filled_its_room_comes_back_when_most_of_it_is_free() -> None:
    mailbox: Mailbox[int] = Mailbox(room=4)
    assert all(mailbox.offer("file", item, lambda: False) for item in range(4))
    asked: list[int] = []

    def given_up() -> bool:
        asked.append(mailbox.take(0) or 0)  # the reader goes on meanwhile
        return False

    assert mailbox.offer("file", 4, given_up)
    assert asked == [0, 1, 2]
    assert [mailbox.take(0), mailbox.take(0)] == [3, 4]


def test_an_offer_gives_up_when_asked_and_when_closed() -> None:
    mailbox: Mailbox[int] = Mailbox()
    assert mailbox.offer("file", 1, lambda: False)
    assert not mailbox.offer("file", 2, lambda: True)
    mailbox.close()
    assert not mailbox.offer("file", 3, lambda: False)
    assert mailbox.take() == 1
    assert mailbox.take() is None
    assert mailbox.empty


def test_a_reader_wakes_when_the_mailbox_closes() -> None:
    mailbox: Mailbox[int] = Mailbox()
    taken: list[int | None] = []
    reader = Thread(target=lambda: taken.append(mailbox.take()))
    reader.start()
    mailbox.close()
    reader.join(5)
    assert taken == [None]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers())))
def test_every_item_is_taken_or_counted(puts: list[tuple[str, int]]) -> None:
    mailbox: Mailbox[int] = Mailbox()
    replaced = sum(mailbox.put(sender, item) for sender, item in puts)
    taken = 0
    while mailbox.take(0) is not None:
        taken += 1
    assert taken + replaced == len(puts)
    assert taken == len({sender for sender, _ in puts})
