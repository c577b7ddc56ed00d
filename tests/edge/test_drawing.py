"""Findings drawn into pictures: what is drawn where, and captions that stay inside and out of each other's way."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import drawing
from edge.drawing import COLOURS, Mark, around, draw, fitted, marks, paint, places
from edge.values import Image

BOX = {"x1": 0.25, "y1": 0.25, "x2": 0.75, "y2": 0.75}
LANDMARKS = [{"kind": "eyeLeft", "x": 0.4, "y": 0.4}, {"kind": "nose", "x": 0.5, "y": 0.5}]
DETAILS = {
    "landmarks": LANDMARKS,
    "age": [22, 30],
    "gender": {"value": "Female", "score": 0.98},
    "emotions": [{"value": "HAPPY", "score": 0.9}, {"value": "CALM", "score": 0.1}],
}
FACE = {"score": 0.97, "quality": 0.8, "box": BOX, "landmarks": [[0.4, 0.4]] * 5}
ROOMS = st.tuples(st.integers(1, 400), st.integers(1, 400))


def black(width: int = 320, height: int = 240) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def captions(document: dict[str, Any]) -> list[str]:
    return [mark.caption for mark in marks(document) if mark.caption]


def test_a_box_is_drawn_in_its_colour_on_a_copy() -> None:
    image = black(1280, 960)
    drawn = draw(image, {"objects": [{"label": "Dog", "score": 0.9, "box": BOX}]})
    assert not image.any()
    assert drawn[480, 320].tolist() == list(COLOURS["object"])
    assert not drawn[480, 640].any(), "the inside of a box stays as it was"


def test_a_document_without_findings_changes_nothing() -> None:
    image = black() + np.uint8(7)
    for document in ({}, {"objects": [], "faces": [], "ppe": None, "missing": {"text": "no model"}}):
        assert (draw(image, document) == image).all()


def test_a_face_is_told_in_a_few_words() -> None:
    assert captions({"faces": [FACE]}) == ["Face 97%"]
    assert captions({"faces": [FACE | {"details": DETAILS, "celebrity": None}]}) == ["Female 22-30 happy"]
    known = {"name": "Eileen Collins", "similarity": 96.4, "urls": []}
    live = {"score": 0.91, "votes": [0.9, 0.92]}
    face = FACE | {"details": DETAILS, "celebrity": known, "liveness": live}
    assert captions({"faces": [face]}) == ["Eileen Collins 96% live 91%"]


def test_all_landmarks_are_drawn_where_they_are_known() -> None:
    assert [len(mark.dots) for mark in marks({"faces": [FACE, FACE | {"details": DETAILS}]})] == [5, 2]
    drawn = draw(black(), {"faces": [FACE | {"details": DETAILS}]})
    assert drawn[120, 160].any()
    assert drawn[96, 128].any()


def test_instances_of_labels_are_drawn_where_objects_were_not_looked_for() -> None:
    labels = [
        {"name": "Dog", "score": 0.9, "instances": [{"label": "Dog", "score": 0.8, "box": BOX}]},
        {"name": "Outdoors", "score": 0.7, "instances": []},
    ]
    assert captions({"labels": labels}) == ["Outdoors 70%", "Dog 80%"]
    assert captions({"labels": labels, "objects": []}) == ["Outdoors 70%"]


def test_protection_is_told_of_each_person_and_part() -> None:
    worn = {"kind": "HEAD_COVER", "box": BOX, "score": 0.8, "covers": {"value": True, "score": 0.9}}
    held = {"kind": "FACE_COVER", "box": BOX, "score": 0.7, "covers": {"value": False, "score": 0.9}}
    people = [
        {"id": 0, "box": BOX, "score": 0.9, "parts": [{"name": "HEAD", "score": 0.9, "equipment": [worn]}]},
        {"id": 1, "box": BOX, "score": 0.9, "parts": [{"name": "FACE", "score": 0.9, "equipment": [held]}]},
    ]
    ppe = {"persons": people, "with_required": [0], "without_required": [1], "indeterminate": []}
    assert captions({"ppe": ppe}) == [
        "Person 0 protected",
        "Head cover 80%",
        "Person 1 unprotected",
        "Face cover 70%, not worn",
    ]


def test_much_text_is_outlined_but_not_repeated() -> None:
    line = {"id": 0, "kind": "LINE", "text": "EXIT", "polygon": [[0.1, 0.1], [0.5, 0.2], [0.5, 0.3], [0.1, 0.2]]}
    word = line | {"id": 1, "kind": "WORD", "parent": 0}
    assert captions({"text": [line, word]}) == ["EXIT"]
    page = [line] * (drawing.READ + 1)
    assert captions({"text": page}) == []
    assert len(list(marks({"text": page}))) == len(page)


def test_labels_of_ones_own_are_drawn_where_they_are_or_written_into_the_corner() -> None:
    labels = [{"name": "raccoon", "score": 0.94, "box": BOX}, {"name": "night", "score": 0.6, "box": None}]
    boxed, whole = marks({"custom": [{"project": "yard", "version": "v1", "labels": labels}]})
    assert (boxed.outline, boxed.caption) == (around(BOX), "raccoon 94%")
    assert (whole.outline, whole.caption) == ((), "night 60%")


def test_flags_stand_in_the_corner() -> None:
    flags = [{"name": "Weapons", "parent": "Violence", "level": 2, "score": 0.87}]
    drawn = draw(black(), {"moderation": {"flags": flags, "content_types": []}})
    assert drawn[0, 0].tolist() == list(COLOURS["bad"])
    assert not drawn[120:].any()


@pytest.mark.parametrize("width", [160, 640, 4000])
def test_captions_grow_with_the_picture(width: int) -> None:
    drawn = paint(black(width, width * 3 // 4), [Mark("bad", caption="Weapons 87%")])
    height = int(drawn.any(axis=(1, 2)).sum())
    assert max(0.02 * width, 11) < height < max(0.06 * width, 17)


def test_letters_beyond_ascii_are_spelt_where_opencv_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "UNICODE", False)
    assert fitted("José\nÅ 日", 1.0, (500, 100)) == "Jose A ?"
    monkeypatch.setattr(drawing, "UNICODE", True)
    assert fitted("José\nÅ 日", 1.0, (500, 100)) == "José Å 日"


def test_a_long_caption_is_shortened() -> None:
    short = fitted("a caption of many words that go on and on", 0.5, (120, 40))
    assert short.startswith("a capt")
    assert short.endswith("...")
    assert fitted("word", 0.5, (120, 3)) == ""


def test_captions_of_a_crowd_do_not_cover_each_other() -> None:
    size, room = (60, 14), (640, 480)
    anchors = [np.array([60 + 7 * x, 100 + 4 * x, 90 + 7 * x, 130 + 4 * x]) for x in range(60)]
    spots = np.array([spot for spot in places([size] * 60, anchors, room) if spot is not None])
    assert len(spots) == 60
    assert drawing._shared(spots, spots).sum() == 60 * size[0] * size[1], "each covers itself alone"


def test_a_caption_does_not_hide_a_face() -> None:
    boxes = [np.array([100, 100, 200, 200]), np.array([100, 40, 200, 95])]
    (below, _) = places([(80, 20)] * 2, boxes, (640, 480))
    assert below is not None
    assert below.tolist() == [100, 200, 180, 220]


def test_a_caption_without_room_is_left_out() -> None:
    anchors = [np.array([10, 10, 30, 30])] * 2
    assert sum(spot is not None for spot in places([(40, 40)] * 2, anchors, (40, 40))) == 1


@given(st.data(), ROOMS)
def test_captions_stay_in_the_picture(data: st.DataObject, room: tuple[int, int]) -> None:
    sizes = data.draw(st.lists(st.tuples(st.integers(1, room[0]), st.integers(1, room[1])), max_size=8))
    anchors = [
        data.draw(st.none() | st.tuples(*(st.integers(-50, 450) for _ in range(4))).map(np.array)) for _ in sizes
    ]
    spots = np.array([spot for spot in places(sizes, anchors, room) if spot is not None]).reshape(-1, 4)
    assert (spots[:, :2] >= 0).all()
    assert (spots[:, 2:] <= room).all()
    assert drawing._shared(spots, spots).sum() == sum(drawing._shared(spots, spots).diagonal())


@settings(deadline=None)
@given(ROOMS, st.lists(st.tuples(*(st.floats(-0.5, 1.5) for _ in range(4))), max_size=5), st.text(max_size=20))
def test_anything_can_be_drawn_into_any_picture(
    room: tuple[int, int], boxes: list[tuple[float, float, float, float]], text: str
) -> None:
    found = [Mark("face", around(dict(zip(BOX, box, strict=True))), text, (box[:2],)) for box in boxes]
    drawn = paint(black(*room), [*found, Mark("label", caption=text)])
    assert drawn.shape == (room[1], room[0], 3)
    assert drawn.dtype == np.uint8
