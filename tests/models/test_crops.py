"""What a network that looks at one face is given of a picture."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.crops import around
from models.manifest import Input

Pixels = NDArray[np.uint8]


def ramp(width: int = 200, height: int = 100) -> Pixels:
    """Blue grows to the right, green downwards."""
    image = np.zeros((height, width, 3), np.uint8)
    image[..., 0], image[..., 1] = np.arange(width)[None], np.arange(height)[:, None]
    return image


def wants(fit: str, scale: float, side: int = 40) -> Input:
    return Input.model_validate({"width": side, "height": side, "fit": fit, "around": scale})


def crop(fit: str, scale: float, *box: float, side: int = 40) -> Pixels:
    (seen,) = around(ramp(), np.array([box], np.float32), wants(fit, scale, side))
    return seen  # type: ignore[no-any-return]


def span(image: Pixels) -> tuple[int, int, int, int]:
    """The columns and rows of the ramp that are seen."""
    across, down = image[..., 0], image[..., 1]
    return int(across.min()), int(across.max()), int(down.min()), int(down.max())


def test_a_patch_is_the_box_times_its_scale() -> None:
    assert span(crop("stretch", 2.0, 90, 40, 110, 60, side=41)) == (80, 120, 30, 70)


def test_a_patch_that_would_stick_out_is_moved_inside() -> None:
    assert span(crop("stretch", 2.0, 0, 0, 20, 20, side=41)) == (0, 40, 0, 40)
    assert span(crop("stretch", 2.0, 180, 80, 200, 100, side=41)) == (159, 199, 59, 99)


def test_a_patch_larger_than_the_picture_is_made_smaller_on_both_axes() -> None:
    left, right, top, bottom = span(crop("stretch", 4.0, 80, 25, 120, 75, side=100))
    assert (top, bottom) == (0, 99)
    assert (left, right) == (60, 139), "4 / 5 of the height, as the box is"


def test_a_square_is_as_wide_as_the_longer_side() -> None:
    seen = crop("square", 1.5, 90, 30, 110, 70, side=60)
    assert span(seen) == (70, 129, 20, 79)


def test_a_square_goes_on_beyond_the_edge_as_its_mirror_image() -> None:
    seen = crop("square", 2.0, 0, 40, 20, 60)
    assert seen.shape == (40, 40, 3)
    assert seen[20, :, 0].tolist() == [*range(10, 0, -1), *range(30)]


def test_faces_of_a_picture_come_as_one_batch_in_their_order() -> None:
    boxes = np.array([(10, 10, 30, 30), (150, 50, 170, 70)], np.float32)
    batch = around(ramp(), boxes, wants("square", 1.0, 20))
    assert batch.shape == (2, 20, 20, 3)
    assert [int(one[0, 0, 0]) for one in batch] == [10, 150]
    assert around(ramp(), np.zeros((0, 4), np.float32), wants("square", 1.0)).shape == (0, 40, 40, 3)


anywhere = st.floats(-50, 250, width=32)


@given(st.sampled_from(["stretch", "square"]), st.tuples(anywhere, anywhere, anywhere, anywhere), st.integers(1, 60))
def test_any_box_of_any_picture_gives_a_crop_of_its_pixels(
    fit: str, box: tuple[float, float, float, float], side: int
) -> None:
    image = np.full((side, 61 - side, 3), (10, 20, 30), np.uint8)
    sides = (min(box[0], box[2]), min(box[1], box[3]), max(box[0], box[2]), max(box[1], box[3]))
    seen = around(image, np.array([sides], np.float32), wants(fit, 2.7))
    assert seen.shape == (1, 40, 40, 3)
    assert (seen == (10, 20, 30)).all()
