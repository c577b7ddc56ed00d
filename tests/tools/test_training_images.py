"""What a network is fed in training is what it is fed on the device."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import images

from models import tensors
from models.manifest import Input


def picture(height: int = 240, width: int = 400) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)


def test_a_prepared_picture_is_the_device_s_own() -> None:
    for spec in (images.square(), images.letterbox(320)):
        prepared = images.prepare(picture(), spec)
        fitted, _ = tensors.fit(picture(), spec)
        assert np.array_equal(prepared, fitted)
        assert prepared.shape == (spec.height, spec.width, 3)


def test_normalising_is_what_the_pack_says_it_is() -> None:
    prepared = images.prepare(picture(), images.square())
    spec = Input(width=224, height=224, fit="square", colour="RGB", layout="NCHW", mean=images.MEAN, std=images.STD)
    assert np.array_equal(images.normalised([prepared]), tensors.pack(prepared, spec, np.float32))
    assert images.normalised([prepared, prepared]).shape == (2, 3, 224, 224)


def test_the_same_numbers_give_the_same_view() -> None:
    first, again, other = (images.view(picture(), 224, images.generator(seed, 5, "cat")) for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.shape == (224, 224, 3)
    assert first.dtype == np.uint8


def test_a_picture_of_any_shape_has_views() -> None:
    random = images.generator(0)
    for height, width in ((9, 500), (500, 9), (8, 8), (1, 1), (1000, 700)):
        assert images.view(picture(height, width), 64, random).shape == (64, 64, 3)


def test_other_light_leaves_things_where_they_are() -> None:
    scene = np.zeros((60, 60, 3), np.uint8)
    scene[20:40, 20:40] = 200
    for seed in range(10):
        seen = images.lit(scene, images.generator(seed)).astype(int).sum(2)
        assert seen[22:38, 22:38].min() > seen[:15].max()


def test_flipping_twice_changes_nothing() -> None:
    assert np.array_equal(images.flipped(images.flipped(picture())), picture())
