from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.tracking import ALIKE, EMPTY, Tracks, TrackSettings, ended, kinds, update
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


def ids(tracks: Tracks) -> list[int]:
    return [track.id for track in tracks]


def last(frames: Sequence[tuple[float, Boxes]], rules: TrackSettings = RULES) -> Tracks:
    return list(play(frames, rules))[-1]


def still(count: int, *rows: Row, fps: float = 10) -> list[tuple[float, Boxes]]:
    return [(100 + frame / fps, boxes(*rows)) for frame in range(count)]


def test_a_still_object_is_confirmed_by_its_second_frame() -> None:
    first, second = play(still(2, (200, 200, 0.9, PERSON)))
    assert [track.confirmed for track in first] == [False]
    assert [track.confirmed for track in second] == [True]
    assert ids(second) == ids(first) == [1]
    assert [(track.started_at, track.seen_at) for track in second] == [(100.0, 100.1)]
    assert second.rows[0].corners == pytest.approx((180, 150, 220, 250), abs=0.01)


def test_a_flash_is_never_confirmed_and_ends_in_silence() -> None:
    before, after = play([(0.0, boxes((200, 200, 0.9, PERSON))), (0.1, boxes())])
    assert len(after) == 0
    assert ended(before, after) == []


def test_a_weak_detection_starts_nothing_but_continues_a_track() -> None:
    assert len(last(still(3, (200, 200, 0.3, PERSON)))) == 0
    tracks = last([*still(3, (200, 200, 0.9, PERSON)), (100.3, boxes((202, 200, 0.3, PERSON)))])
    assert ids(tracks) == [1]
    assert [(track.missed, track.detection, track.score) for track in tracks] == [(0, 0, pytest.approx(0.3))]


def test_what_is_weaker_than_low_continues_nothing() -> None:
    tracks = last([*still(3, (200, 200, 0.9, PERSON)), (100.3, boxes((200, 200, 0.1, PERSON)))])
    assert [(track.missed, track.detection) for track in tracks] == [(1, -1)]


def test_a_lost_object_keeps_its_id_when_it_comes_back_in_time() -> None:
    walk = [(t / 10, boxes((200 + 6 * t, 200, 0.9, PERSON))) for t in range(20)]
    gap = [(t / 10, boxes()) for t in range(20, 30)]
    back = [(3.0, boxes((200 + 6 * 30, 200, 0.9, PERSON)))]
    assert ids(last([*walk, *gap, *back])) == [1]


def test_a_track_ends_when_it_was_missed_for_long_enough() -> None:
    seen = list(play([*still(5, (200, 200, 0.9, PERSON)), (102.3, boxes()), (102.5, boxes())]))
    assert ended(seen[-3], seen[-2]) == []
    assert ended(seen[-2], seen[-1]) == [1]


def test_one_miss_after_a_long_pause_ends_nothing() -> None:
    frames = [*still(5, (200, 200, 0.9, PERSON)), (110.0, boxes()), (115.0, boxes((201, 200, 0.9, PERSON)))]
    assert ids(last(frames)) == [1]


def test_a_person_is_never_continued_as_a_car() -> None:
    tracks = last(
        [*still(5, (200, 200, 0.9, PERSON)), *[(100.5 + t / 10, boxes((200, 200, 0.9, CAR))) for t in (0, 1)]]
    )
    assert dict(zip(ids(tracks), [track.label for track in tracks], strict=True)) == {1: PERSON, 2: CAR}


def test_a_car_called_a_truck_once_stays_a_car_and_becomes_one_by_majority() -> None:
    frames = still(4, (200, 200, 0.9, CAR))
    once = [*frames, (100.4, boxes((200, 200, 0.9, TRUCK)))]
    assert [track.label for track in last(once)] == [CAR]
    often = [*frames, *[(100.4 + t / 10, boxes((200, 200, 0.9, TRUCK))) for t in range(6)]]
    assert [track.label for track in last(often)] == [TRUCK]
    assert ids(last(often)) == [1]


def test_a_vehicle_found_as_car_and_as_truck_is_one_track() -> None:
    tracks = last(still(4, (200, 200, 0.9, CAR), (203, 200, 0.6, TRUCK)))
    assert (ids(tracks), [track.label for track in tracks]) == ([1], [CAR])


def test_two_who_pass_each_other_keep_their_ids() -> None:
    frames = [(t / 10, boxes((100 + 8 * t, 200, 0.9, PERSON), (500 - 8 * t, 230, 0.8, PERSON))) for t in range(50)]
    tracks = last(frames)
    assert ids(tracks) == [1, 2]
    assert [track.axes[0][0] for track in tracks] == pytest.approx([492, 108], abs=3)


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_a_walker_is_followed_at_any_frame_rate(fps: int) -> None:
    # A person of 100 pixels walks 80 pixels a second: at 2 frames a second the boxes do not touch.
    frames = [(t / fps, boxes((100 + 80 * t / fps, 200, 0.9, PERSON))) for t in range(5 * fps)]
    tracks = last(frames)
    assert ids(tracks) == [1]
    assert [track.axes[0][1] for track in tracks] == pytest.approx([80], abs=5)


def test_elapsed_time_counts_not_frames() -> None:
    steady = [(t / 10, boxes((100 + 12 * t, 200, 0.9, PERSON))) for t in range(10)]
    after_drops = [(1.8, boxes((100 + 12 * 18, 200, 0.9, PERSON)))]
    assert ids(last([*steady, *after_drops])) == [1]


def test_a_clock_that_is_set_back_breaks_nothing() -> None:
    frames = [*still(3, (200, 200, 0.9, PERSON)), (50.0, boxes((201, 200, 0.9, PERSON)))]
    assert ids(last(frames)) == [1]
    assert len(last([*still(3, (200, 200, 0.9, PERSON)), (50.0, boxes()), (53.0, boxes())])) == 0


def test_ids_are_never_used_twice() -> None:
    frames = still(2, (200, 200, 0.9, PERSON)) + [(110.0 + t, boxes()) for t in range(3)]
    (*_, gone) = play(frames)
    assert len(gone) == 0
    (again,) = play([(120.0, boxes((200, 200, 0.9, PERSON)))], tracks=gone)
    assert ids(again) == [2]


def test_one_hit_confirms_at_once_when_told_so() -> None:
    (track,) = last(still(1, (200, 200, 0.9, PERSON)), TrackSettings(hits=1))
    assert track.confirmed


def test_kinds_put_alike_labels_together() -> None:
    assert kinds(["Person", "Car", "Bus", "Cat", "Dog", "Truck"]) == (0, 1, 1, 3, 3, 1)


def test_every_label_thought_alike_is_one_that_a_detector_gives() -> None:
    assert {label for group in ALIKE for label in group} <= set(labels("nanodet-g"))


def test_the_best_fit_is_served_first_and_everyone_gets_one() -> None:
    frames = still(3, (200, 200, 0.9, PERSON), (230, 200, 0.8, PERSON))
    tracks = last([*frames, (100.3, boxes((228, 200, 0.9, PERSON), (196, 200, 0.7, PERSON)))])
    assert [(track.id, track.detection) for track in tracks] == [(1, 1), (2, 0)]


def test_twenty_objects_with_misses_stay_twenty() -> None:
    random = np.random.default_rng(0)
    home = np.stack([100 + np.arange(20) % 10 * 120, 200 + np.arange(20) // 10 * 300], axis=1)
    confirmed: set[int] = set()
    tracks = EMPTY
    for frame in range(300):
        sway = 60 * np.sin(frame / 30 + np.arange(20))
        places = home + np.stack([sway, sway / 3], axis=1) + random.normal(0, 1.5, (20, 2))
        rows = [(x, y, float(random.uniform(0.5, 0.95)), PERSON) for x, y in places[random.random(20) > 0.1]]
        tracks = update(tracks, boxes(*rows), frame / 30, RULES)
        confirmed |= {track.id for track in tracks if track.confirmed}
    assert len(confirmed) == 20


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
        known, got = ids(tracks), [track.detection for track in tracks if track.detection >= 0]
        assert known == sorted(set(known))
        assert len(set(got)) == len(got)
        for track in tracks:
            assert (track.detection >= 0) == (track.missed == 0)
            assert track.missed or track.seen_at == now
            assert all(np.isfinite(track.corners))
            assert all(here > 0 and pace > 0 for _, _, here, _, pace in track.axes)
            assert track.detection < 0 or KINDS[track.label] == KINDS[found.classes[track.detection]]
        assert update(before, found, now, RULES) == tracks
