from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tracking import ALIKE, EMPTY, Changes, Tracks, TrackSettings, changes, kinds, update
from models.manifest import labels
from models.outputs import Boxes

PERSON, CAR, TRUCK = 0, 1, 2
KINDS = kinds(["Person", "Car", "Truck"])
RULES = TrackSettings(kinds=KINDS)

Row = tuple[float, float, float, int]  # centre x, centre y, score, class


def boxes(*rows: Row, width: float = 40, height: float = 100) -> Boxes:
    ordered = sorted(rows, key=lambda row: -row[2])
    xyxy = [[x - width / 2, y - height / 2, x + width / 2, y + height / 2] for x, y, _, _ in ordered]
    return Boxes(
        np.array(xyxy, np.float32).reshape(-1, 4),
        np.array([row[2] for row in ordered], np.float32),
        np.array([row[3] for row in ordered], np.int64),
    )


def play(
    frames: Sequence[tuple[float, Boxes]], rules: TrackSettings = RULES, tracks: Tracks = EMPTY
) -> Iterator[Tracks]:
    for now, found in frames:
        tracks = update(tracks, found, now, rules)
        yield tracks


def last(frames: Sequence[tuple[float, Boxes]], rules: TrackSettings = RULES) -> Tracks:
    return list(play(frames, rules))[-1]


def still(count: int, *rows: Row, fps: float = 10) -> list[tuple[float, Boxes]]:
    return [(100 + frame / fps, boxes(*rows)) for frame in range(count)]


def test_a_still_object_is_confirmed_by_its_second_frame() -> None:
    first, second = play(still(2, (200, 200, 0.9, PERSON)))
    assert first.confirmed.tolist() == [False]
    assert second.confirmed.tolist() == [True]
    assert second.ids.tolist() == first.ids.tolist() == [1]
    assert (second.started_at[0], second.seen_at[0]) == (100.0, 100.1)
    assert second.xyxy[0] == pytest.approx([180, 150, 220, 250], abs=0.01)


def test_a_flash_is_never_confirmed_and_ends_in_silence() -> None:
    before, after = play([(0.0, boxes((200, 200, 0.9, PERSON))), (0.1, boxes())])
    assert len(after) == 0
    assert changes(before, after) == Changes((), (), ())


def test_a_weak_detection_starts_nothing_but_continues_a_track() -> None:
    assert len(last(still(3, (200, 200, 0.3, PERSON)))) == 0
    tracks = last([*still(3, (200, 200, 0.9, PERSON)), (100.3, boxes((202, 200, 0.3, PERSON)))])
    assert tracks.ids.tolist() == [1]
    assert (tracks.missed[0], tracks.detection[0], tracks.scores[0]) == (0, 0, pytest.approx(0.3))


def test_what_is_weaker_than_low_continues_nothing() -> None:
    tracks = last([*still(3, (200, 200, 0.9, PERSON)), (100.3, boxes((200, 200, 0.1, PERSON)))])
    assert (tracks.missed[0], tracks.detection[0]) == (1, -1)


def test_a_lost_object_keeps_its_id_when_it_comes_back_in_time() -> None:
    walk = [(t / 10, boxes((200 + 6 * t, 200, 0.9, PERSON))) for t in range(20)]
    gap = [(t / 10, boxes()) for t in range(20, 30)]
    back = [(3.0, boxes((200 + 6 * 30, 200, 0.9, PERSON)))]
    assert last([*walk, *gap, *back]).ids.tolist() == [1]


def test_a_track_ends_when_it_was_missed_for_long_enough() -> None:
    seen = list(play([*still(5, (200, 200, 0.9, PERSON)), (102.3, boxes()), (102.5, boxes())]))
    assert changes(seen[-3], seen[-2]) == Changes((), (), ())
    assert changes(seen[-2], seen[-1]) == Changes((), (), (1,))


def test_one_miss_after_a_long_pause_ends_nothing() -> None:
    frames = [*still(5, (200, 200, 0.9, PERSON)), (110.0, boxes()), (115.0, boxes((201, 200, 0.9, PERSON)))]
    assert last(frames).ids.tolist() == [1]


def test_a_person_is_never_continued_as_a_car() -> None:
    tracks = last(
        [*still(5, (200, 200, 0.9, PERSON)), *[(100.5 + t / 10, boxes((200, 200, 0.9, CAR))) for t in (0, 1)]]
    )
    assert dict(zip(tracks.ids.tolist(), tracks.classes.tolist(), strict=True)) == {1: PERSON, 2: CAR}


def test_a_car_called_a_truck_once_stays_a_car_and_becomes_one_by_majority() -> None:
    frames = still(4, (200, 200, 0.9, CAR))
    once = [*frames, (100.4, boxes((200, 200, 0.9, TRUCK)))]
    assert last(once).classes.tolist() == [CAR]
    often = [*frames, *[(100.4 + t / 10, boxes((200, 200, 0.9, TRUCK))) for t in range(6)]]
    assert last(often).classes.tolist() == [TRUCK]
    assert last(often).ids.tolist() == [1]


def test_a_vehicle_found_as_car_and_as_truck_is_one_track() -> None:
    tracks = last(still(4, (200, 200, 0.9, CAR), (203, 200, 0.6, TRUCK)))
    assert (tracks.ids.tolist(), tracks.classes.tolist()) == ([1], [CAR])


def test_two_who_pass_each_other_keep_their_ids() -> None:
    frames = [(t / 10, boxes((100 + 8 * t, 200, 0.9, PERSON), (500 - 8 * t, 230, 0.8, PERSON))) for t in range(50)]
    tracks = last(frames)
    assert tracks.ids.tolist() == [1, 2]
    assert tracks.motion[:, 0, 0] == pytest.approx([492, 108], abs=3)


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_a_walker_is_followed_at_any_frame_rate(fps: int) -> None:
    # A person of 100 pixels walks 80 pixels a second: at 2 frames a second the boxes do not touch.
    frames = [(t / fps, boxes((100 + 80 * t / fps, 200, 0.9, PERSON))) for t in range(5 * fps)]
    tracks = last(frames)
    assert tracks.ids.tolist() == [1]
    assert tracks.motion[0, 1, 0] == pytest.approx(80, abs=5)


def test_elapsed_time_counts_not_frames() -> None:
    steady = [(t / 10, boxes((100 + 12 * t, 200, 0.9, PERSON))) for t in range(10)]
    after_drops = [(1.8, boxes((100 + 12 * 18, 200, 0.9, PERSON)))]
    assert last([*steady, *after_drops]).ids.tolist() == [1]


def test_a_clock_that_is_set_back_breaks_nothing() -> None:
    frames = [*still(3, (200, 200, 0.9, PERSON)), (50.0, boxes((201, 200, 0.9, PERSON)))]
    assert last(frames).ids.tolist() == [1]
    assert len(last([*still(3, (200, 200, 0.9, PERSON)), (50.0, boxes()), (53.0, boxes())])) == 0


def test_changes_tell_beginnings_and_ends() -> None:
    one, two, *_, end = play([*still(2, (200, 200, 0.9, PERSON)), *[(103.0 + t, boxes()) for t in range(2)]])
    assert changes(EMPTY, one) == Changes((1,), (), ())
    assert changes(one, two) == Changes((), (1,), ())
    assert changes(two, end) == Changes((), (), (1,))


def test_ids_are_never_used_twice() -> None:
    frames = still(2, (200, 200, 0.9, PERSON)) + [(110.0 + t, boxes()) for t in range(3)]
    (*_, gone) = play(frames)
    assert len(gone) == 0
    (again,) = play([(120.0, boxes((200, 200, 0.9, PERSON)))], tracks=gone)
    assert again.ids.tolist() == [2]


def test_one_hit_confirms_at_once_when_told_so() -> None:
    assert last(still(1, (200, 200, 0.9, PERSON)), TrackSettings(hits=1)).confirmed.tolist() == [True]


def test_kinds_put_alike_labels_together() -> None:
    assert kinds(["Person", "Car", "Bus", "Cat", "Dog", "Truck"]) == (0, 1, 1, 3, 3, 1)


def test_every_label_thought_alike_is_one_that_a_detector_gives() -> None:
    assert {label for group in ALIKE for label in group} <= set(labels("nanodet-g"))


def test_twenty_objects_with_misses_stay_twenty() -> None:
    random = np.random.default_rng(0)
    home = np.stack([100 + np.arange(20) % 10 * 120, 200 + np.arange(20) // 10 * 300], axis=1)
    ids: set[int] = set()
    tracks = EMPTY
    for frame in range(300):
        sway = 60 * np.sin(frame / 30 + np.arange(20))
        places = home + np.stack([sway, sway / 3], axis=1) + random.normal(0, 1.5, (20, 2))
        rows = [(x, y, float(random.uniform(0.5, 0.95)), PERSON) for x, y in places[random.random(20) > 0.1]]
        tracks = update(tracks, boxes(*rows), frame / 30, RULES)
        ids |= set(tracks.ids[tracks.confirmed].tolist())
    assert len(ids) == 20


rows = st.tuples(st.floats(0, 1900), st.floats(0, 1000), st.floats(0.01, 1), st.sampled_from([PERSON, CAR, TRUCK]))
films = st.lists(st.tuples(st.floats(0, 3), st.lists(rows, max_size=8)), max_size=12)


@settings(max_examples=100, deadline=None)
@given(films)
def test_whatever_is_found_the_books_are_in_order(film: list[tuple[float, list[Row]]]) -> None:
    tracks, now = EMPTY, 0.0
    for pause, picture in film:
        now += pause
        found = boxes(*picture)
        before, tracks = tracks, update(tracks, found, now, RULES)
        ids, got = tracks.ids.tolist(), tracks.detection[tracks.detection >= 0].tolist()
        assert len(set(ids)) == len(ids)
        assert ids == sorted(ids)
        assert len(set(got)) == len(got)
        assert ((tracks.detection >= 0) == (tracks.missed == 0)).all()
        assert (tracks.seen_at[tracks.missed == 0] == now).all()
        assert np.isfinite(tracks.xyxy).all()
        assert (tracks.motion[:, [2, 4]] > 0).all()
        kind = np.array(KINDS)
        for row, detection in enumerate(tracks.detection.tolist()):
            if detection >= 0:
                assert kind[tracks.classes[row]] == kind[found.classes[detection]]
        again = update(before, found, now, RULES)
        assert all(np.array_equal(getattr(again, name), getattr(tracks, name)) for name in ("ids", "motion", "votes"))
