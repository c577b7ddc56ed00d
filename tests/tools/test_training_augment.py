"""Views of labelled pictures: the boxes go where their things go."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import augment, shelf
from training.augment import Picture
from training.datasets import Mark, Sample

SIZE = 160
LABELS = ("blue", "red")


def drawn(width: int = 200, height: int = 120) -> Picture:
    """A blue and a red rectangle on black."""
    image = np.zeros((height, width, 3), np.uint8)
    boxes = np.array([[20, 30, 80, 90], [110, 10, 190, 60]], np.float32)
    for colour, (left, top, right, bottom) in zip(([255, 0, 0], [0, 0, 255]), boxes.astype(int), strict=True):
        image[top:bottom, left:right] = colour
    return Picture(image, boxes, np.array([0, 1]))


def seen(view: Picture) -> list[float]:
    """How much of each box has its own colour more than any other."""
    shares = []
    for (left, top, right, bottom), label in zip(view.boxes.round().astype(int), view.classes, strict=True):
        part = view.image[top:bottom, left:right].astype(int)
        own, other = (part[..., 0], part[..., 2]) if label == 0 else (part[..., 2], part[..., 0])
        shares.append(float((own > other + 20).mean()))
    return shares


@pytest.mark.parametrize("seed", range(20))
def test_a_box_stays_around_its_thing(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(augment, "lit", lambda image, _: image)
    random = np.random.default_rng(seed)
    for view in (augment.alone(drawn(), SIZE, random), augment.mosaic([drawn()] * 4, SIZE, random)):
        assert view.image.shape == (SIZE, SIZE, 3)
        assert all(share > 0.85 for share in seen(view))
        assert view.boxes.min(initial=0) >= 0
        assert view.boxes.max(initial=0) <= SIZE


def test_what_is_cut_off_is_no_example() -> None:
    whole = np.array([[-50, 0, 50, 40], [-90, 0, 10, 40], [20, 20, 24, 60]], np.float32)
    kept = augment._seen(Picture(np.zeros((100, 100, 3), np.uint8), whole, np.array([0, 1, 1])))
    assert kept.boxes.tolist() == [[0, 0, 50, 40]]
    assert kept.classes.tolist() == [0]


def test_a_picture_of_nothing_has_views_too() -> None:
    empty = Picture(drawn().image, np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    random = np.random.default_rng(0)
    assert augment.alone(empty, SIZE, random).boxes.shape == (0, 4)
    assert augment.mosaic([empty] * 4, SIZE, random).boxes.shape == (0, 4)


def test_the_same_seed_gives_the_same_view() -> None:
    one, two = (augment.mosaic([drawn()] * 4, SIZE, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(one.image, two.image)
    assert np.array_equal(one.boxes, two.boxes)


def test_the_shelf_keeps_pictures_no_larger_than_they_are_shown(tmp_path: Path) -> None:
    samples = kept(tmp_path, 2)
    told: list[float] = []
    full = shelf.Shelf(samples, LABELS, 64, told.append)
    first = full.picture(0)
    assert max(first.image.shape) == 96
    assert first.boxes[0].tolist() == pytest.approx([9.6, 14.4, 38.4, 43.2], abs=0.5)
    assert first.classes.tolist() == [0, 1]
    assert told == [0.5, 1.0]


def test_many_pictures_are_kept_as_jpegs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    samples = kept(tmp_path, 2)
    plain = shelf.Shelf(samples, LABELS, 64, lambda _: None)
    monkeypatch.setattr(shelf, "PLAIN", 1)
    packed = shelf.Shelf(samples, LABELS, 64, lambda _: None)
    there, here = (one.picture(1).image.astype(int) for one in (plain, packed))
    assert there.shape == here.shape
    assert abs(there - here).mean() < 5


def test_rare_labels_are_shown_more_often() -> None:
    common, rare = (Sample(Path("a"), (), (Mark(label, 0.1, 0.1, 0.5, 0.5),)) for label in LABELS)
    chances = shelf.chances([common] * 4 + [rare, Sample(Path("b"), ())])
    assert chances.sum() == pytest.approx(1)
    assert chances[4] == pytest.approx(2 * chances[0])
    assert chances[5] == pytest.approx(chances[0])


def kept(folder: Path, count: int) -> list[Sample]:
    from edge import pictures

    picture = drawn()
    marks = (Mark("blue", 0.1, 0.25, 0.4, 0.75), Mark("red", 0.55, 1 / 12, 0.95, 0.5))
    for number in range(count):
        pictures.write(folder / f"{number}.png", picture.image)
    return [Sample(folder / f"{number}.png", (), marks) for number in range(count)]
