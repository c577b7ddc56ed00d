"""Region, rotation and size; and which frames are taken."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pydantic import ValidationError

from edge.cameras.base import CameraSettings, Rate, adjust
from edge.values import Image

images = arrays(np.uint8, st.tuples(st.integers(1, 50), st.integers(1, 50), st.just(3)))
ratios = st.floats(0, 1, allow_subnormal=False)


@st.composite
def regions(draw: st.DrawFn) -> tuple[float, float, float, float]:
    x1, x2 = sorted(draw(st.lists(ratios, min_size=2, max_size=2, unique=True)))
    y1, y2 = sorted(draw(st.lists(ratios, min_size=2, max_size=2, unique=True)))
    return x1, y1, x2, y2


def test_nothing_asked_is_no_copy() -> None:
    image = np.zeros((4, 6, 3), np.uint8)
    assert adjust(image, CameraSettings()) is image
    cut = adjust(image, CameraSettings(region=(0.0, 0.0, 0.5, 1.0)))
    assert np.shares_memory(cut, image)


def test_the_region_is_cut_then_turned_then_stretched() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    image[:50, 100:] = 255  # the upper right quarter
    seen = adjust(image, CameraSettings(region=(0.5, 0.0, 1.0, 1.0), rotate=90, size=(40, 60)))
    assert seen.shape == (60, 40, 3)
    assert (seen[:, 25:] == 255).all()  # what was above is now at the right
    assert (seen[:, :15] == 0).all()


@given(images, st.sampled_from([0, 90, 180, 270]), st.none() | regions())
def test_a_picture_stays_a_picture(image: Image, rotate: int, region: tuple[float, ...] | None) -> None:
    seen = adjust(image, CameraSettings.model_validate({"rotate": rotate, "region": region}))
    assert seen.ndim == 3
    assert seen.dtype == np.uint8
    assert seen.size > 0
    assert np.isin(seen, image).all()


@given(images, st.integers(16, 99), st.integers(16, 99))
def test_the_size_asked_for_is_the_size_given(image: Image, width: int, height: int) -> None:
    assert adjust(image, CameraSettings(size=(width, height), rotate=270)).shape == (height, width, 3)


@given(images)
def test_four_turns_are_none(image: Image) -> None:
    turned = image
    for _ in range(4):
        turned = adjust(turned, CameraSettings(rotate=90))
    assert (turned == image).all()


@pytest.mark.parametrize("region", [(0.5, 0.0, 0.5, 1.0), (0.0, 0.9, 1.0, 0.1), (0.0, 0.0, 1.1, 1.0)])
def test_a_region_without_area_is_refused(region: tuple[float, ...]) -> None:
    with pytest.raises(ValidationError, match="region"):
        CameraSettings.model_validate({"region": region})


def test_five_of_twentyfive_frames_are_taken_evenly() -> None:
    rate = Rate(5)
    assert [number for number in range(25) if rate.takes(number / 25)] == [0, 5, 10, 15, 20]


def test_zero_takes_every_frame() -> None:
    rate = Rate(0)
    assert all(rate.takes(at) for at in (0.0, 0.0, 0.001, 7.0))


@given(st.floats(1, 60), st.floats(1, 60), st.lists(st.floats(-0.3, 0.3), min_size=200, max_size=200))
def test_jitter_loses_few_frames_and_adds_none(source: float, wanted: float, jitter: list[float]) -> None:
    times = np.maximum.accumulate([(number + shake) / source for number, shake in enumerate(jitter)])
    rate = Rate(wanted)
    taken = sum(rate.takes(at) for at in times)
    fair = (times[-1] - times[0]) * min(source, wanted) + 1
    assert taken <= fair + 3
    assert taken >= 0.9 * min(fair, 200) - 3


def test_after_a_pause_frames_do_not_come_in_a_burst() -> None:
    rate = Rate(5)
    assert rate.takes(0.0)
    assert sum(rate.takes(100 + number / 25) for number in range(26)) <= 7
