"""What tools/covers draws on faces covers what it says it does, and nothing else."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from models.tensors import TEMPLATE

ROOT = Path(__file__).parents[2]
SEEDS = range(12)
RIGHT_EYE, LEFT_EYE, NOSE, RIGHT_MOUTH, LEFT_MOUTH = range(5)


@pytest.fixture
def covering(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    return SimpleNamespace(
        draw=import_module("covering.draw"), strokes=import_module("covering.strokes"),
        photos=import_module("covering.photos"),
    )  # fmt: skip


def opaque(covering: SimpleNamespace, layer: Any, place: int) -> bool:
    x, y = covering.strokes.at(*TEMPLATE[place])
    return bool(layer.alpha[y, x] > 0.5)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mask_covers_the_mouth_and_leaves_the_eyes(covering: SimpleNamespace, seed: int) -> None:
    layer = covering.draw.mask(np.random.default_rng(seed), [], under_nose=False)
    assert [opaque(covering, layer, place) for place in range(5)] == [False, False, True, True, True]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mask_under_the_nose_leaves_the_nose(covering: SimpleNamespace, seed: int) -> None:
    layer = covering.draw.mask(np.random.default_rng(seed), [], under_nose=True)
    assert [opaque(covering, layer, place) for place in (NOSE, RIGHT_MOUTH, LEFT_MOUTH)] == [False, True, True]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_hat_covers_the_crown_and_leaves_the_face(covering: SimpleNamespace, seed: int) -> None:
    layer = covering.draw.hat(np.random.default_rng(seed))
    x, y = covering.strokes.at(56, 8)
    assert layer.alpha[y, x] > 0.5
    assert not any(opaque(covering, layer, place) for place in (NOSE, RIGHT_MOUTH, LEFT_MOUTH))


@pytest.mark.parametrize("seed", SEEDS)
def test_what_distracts_covers_neither(covering: SimpleNamespace, seed: int) -> None:
    layer = covering.draw.distraction(np.random.default_rng(seed))
    assert not any(opaque(covering, layer, place) for place in (NOSE, RIGHT_MOUTH, LEFT_MOUTH))
    x, y = covering.strokes.at(56, 8)
    assert layer.alpha[y, x] < 0.5


def test_the_same_seed_draws_the_same(covering: SimpleNamespace) -> None:
    photo = np.full((150, 150, 3), 120, np.uint8)
    landmarks = (TEMPLATE * 0.5 + 40).astype(np.float32)

    def drawn() -> NDArray[np.uint8]:
        rng = np.random.default_rng(3)
        mask = covering.draw.mask(rng, [], under_nose=False)
        found: NDArray[np.uint8] = covering.draw.lay(photo, landmarks, mask, rng)
        return found

    assert np.array_equal(drawn(), drawn())
    assert not np.array_equal(drawn(), photo)


def test_a_worn_down_photo_has_its_face_where_it_says(covering: SimpleNamespace) -> None:
    photo = np.zeros((300, 300, 3), np.uint8)
    photo[100:200, 120:200] = 255
    sent, face = covering.photos.worn_down(photo, np.array([120, 100, 200, 200], np.float32), np.random.default_rng(0))
    left, top, right, bottom = np.rint(face).astype(int)
    inside = sent[top:bottom, left:right].mean()
    assert inside > 0.7 * sent.max()
    assert sent[: top - 2].mean() < 0.2 * inside
