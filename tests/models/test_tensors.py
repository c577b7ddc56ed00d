"""Pictures into tensors: sizes, places, colours, numbers."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from models.manifest import Input, ModelError
from models.tensors import TEMPLATE, align, dequantise, fit, pack, similarity

SIDES = st.integers(1, 90)


def wants(fit: str, **more: object) -> Input:
    return Input.model_validate({"width": 32, "height": 24, "fit": fit, **more})


@given(SIDES, SIDES, st.sampled_from(["centre", "corner"]))
def test_a_letterboxed_picture_is_whole_undistorted_and_padded(width: int, height: int, anchor: str) -> None:
    image = np.full((height, width, 3), 200, np.uint8)
    fitted, place = fit(image, wants("letterbox", anchor=anchor, pad=7))
    assert fitted.shape == (24, 32, 3)
    left, top = place.offset_x, place.offset_y
    right, bottom = left + width * place.scale_x, top + height * place.scale_y
    assert min(left, top) >= 0
    assert right <= 32 + 1e-6
    assert bottom <= 24 + 1e-6
    inside = np.zeros((24, 32), bool)
    inside[round(top) : round(bottom), round(left) : round(right)] = True
    assert (fitted[inside] == 200).all()
    assert (fitted[~inside] == 7).all()
    if anchor == "corner":
        assert (left, top) == (0, 0)


def test_a_letterbox_touches_two_opposite_sides() -> None:
    _, place = fit(np.zeros((50, 100, 3), np.uint8), wants("letterbox"))
    assert (place.scale_x, place.scale_y, place.offset_x, place.offset_y) == (0.32, 0.32, 0.0, 4.0)


@given(SIDES, SIDES, st.sampled_from(["square", "stretch"]), st.sampled_from([1.0, 0.875, 0.5]))
def test_a_crop_is_centred_and_fills_the_input(width: int, height: int, kind: str, crop: float) -> None:
    fitted, place = fit(np.zeros((height, width, 3), np.uint8), wants(kind, crop=crop))
    assert fitted.shape == (24, 32, 3)
    left, right = -place.offset_x / place.scale_x, (32 - place.offset_x) / place.scale_x
    top, bottom = -place.offset_y / place.scale_y, (24 - place.offset_y) / place.scale_y
    assert min(left, top) >= -1e-6
    assert right <= width + 1e-6
    assert bottom <= height + 1e-6
    assert abs(left - (width - right)) <= 1 + 1e-6
    assert abs(top - (height - bottom)) <= 1 + 1e-6
    if kind == "square":
        assert right - left == pytest.approx(bottom - top)


@pytest.mark.parametrize("kind", ["stretch", "letterbox"])
def test_by_area_fine_lines_are_averaged_and_not_skipped(kind: str) -> None:
    image = np.zeros((96, 128, 3), np.uint8)
    image[:, ::4] = 200
    assert (fit(image, wants(kind, interpolation="area"))[0] == 50).all()
    assert (fit(image, wants(kind))[0] == 0).all()


@given(st.sampled_from([1, 3, 5, 7]), st.sampled_from([1, 3, 5]), st.integers(0, 99))
def test_a_third_of_a_picture_is_its_middle_pixels_as_linear_gives_them(x: int, y: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (24 * y, 32 * x, 3), np.uint8)
    fitted, _ = fit(image, wants("stretch"))
    assert np.array_equal(fitted, image[y // 2 :: y, x // 2 :: x])
    assert np.array_equal(fitted, cv2.resize(image, (32, 24), interpolation=cv2.INTER_LINEAR))


@pytest.mark.parametrize("times", [2, 3, 4, 4.2, 5, 8, 9])
@pytest.mark.parametrize("kind", ["stretch", "letterbox"])
def test_by_area_a_soft_picture_stays_where_it_was(kind: str, times: float) -> None:
    height, width = round(24 * times), round(32 * times)
    slope = np.add.outer(np.linspace(0, 120, height), np.linspace(0, 120, width))
    image = np.repeat(slope.astype(np.uint8)[..., None], 3, axis=2)
    exact = cv2.resize(image, (32, 24), interpolation=cv2.INTER_AREA).astype(int)
    fitted, _ = fit(image, wants(kind, interpolation="area"))
    assert np.abs(fitted - exact).max() <= 4, "less than a pixel of the input"


def test_a_square_crop_of_a_wide_picture_is_taken_from_its_middle() -> None:
    image = np.zeros((100, 300, 3), np.uint8)
    image[:, 100:200] = 255
    fitted, _ = fit(image, wants("square"))
    assert (fitted == 255).all()


def test_a_chip_of_another_size_is_refused() -> None:
    with pytest.raises(ModelError, match="32x24, not 10x10"):
        fit(np.zeros((10, 10, 3), np.uint8), wants("aligned"))


def test_a_graph_that_takes_frames_gets_the_picture_itself() -> None:
    image = np.arange(32 * 24 * 3, dtype=np.uint8).reshape(24, 32, 3)
    tensor = pack(image, wants("stretch"), np.uint8)
    assert tensor.shape == (1, 24, 32, 3)
    assert np.shares_memory(tensor, image)


def test_float_input_is_normalised_in_colour_order() -> None:
    blue = np.zeros((24, 32, 3), np.uint8)
    blue[..., 0] = 255
    spec = wants("stretch", colour="RGB", layout="NCHW", mean=(1, 2, 5), std=(1, 1, 50))
    tensor = pack(blue, spec, np.float32)
    assert tensor.shape == (1, 3, 24, 32)
    assert tensor.dtype == np.float32
    assert np.unique(tensor[0, 0]) == [-1]
    assert np.unique(tensor[0, 1]) == [-2]
    assert np.unique(tensor[0, 2]) == [5]


@given(st.sampled_from([np.uint8, np.int8]), st.floats(0.005, 0.1), st.integers(-20, 140))
def test_quantised_input_means_the_same_number(dtype: type, scale: float, zero_point: int) -> None:
    limits = np.iinfo(dtype)
    zero_point = min(zero_point, limits.max)
    image = np.repeat(np.arange(256, dtype=np.uint8), 9).reshape(24, 32, 3)
    spec = wants("stretch", mean=(127, 127, 127), std=(128, 128, 128))
    tensor = pack(image, spec, dtype, scale, zero_point)
    assert tensor.dtype == dtype
    real = (image.astype(float) - 127) / 128
    reach = (np.array([limits.min, limits.max]) - zero_point) * scale
    assert np.abs(dequantise(tensor[0], scale, zero_point) - np.clip(real, *reach)).max() <= scale / 2 + 1e-5


def test_a_quantisation_that_stores_the_pixel_itself_costs_nothing() -> None:
    image = np.full((24, 32, 3), 9, np.uint8)
    spec = wants("stretch", mean=(127, 127, 127), std=(128, 128, 128))
    assert np.shares_memory(pack(image, spec, np.uint8, 1 / 128, 127), image)


def test_dequantise_leaves_plain_numbers_alone() -> None:
    assert dequantise(np.array([3], np.int8), 0.5, 1).tolist() == [1.0]
    values = np.array([1.5], np.float32)
    assert dequantise(values, 0.0, 0) is values


@given(st.floats(-3, 3), st.floats(0.3, 5), st.floats(-50, 50), st.floats(-50, 50))
def test_similarity_recovers_turn_scale_and_shift(turn: float, scale: float, x: float, y: float) -> None:
    matrix = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    moved = TEMPLATE @ matrix.T + [x, y]
    assert np.allclose(similarity(TEMPLATE, moved), np.column_stack([matrix, [x, y]]), atol=1e-6)


@given(hnp.arrays(np.float64, (5, 2), elements=st.floats(-200, 200)))
def test_similarity_is_the_least_squares_fit_that_does_not_mirror(seen: NDArray[np.float64]) -> None:
    """Solved for a, b and the shift: x' = a x - b y + u, y' = b x + a y + v."""
    seen = seen + TEMPLATE  # not all in one point, or nearly never
    (x, y), one, none = seen.T, np.ones(5), np.zeros(5)
    rows = np.concatenate([np.column_stack([x, -y, one, none]), np.column_stack([y, x, none, one])])
    (a, b, u, v), *_ = np.linalg.lstsq(rows, TEMPLATE.T.ravel(), rcond=None)
    assert np.allclose(similarity(seen, TEMPLATE), [[a, -b, u], [b, a, v]], atol=1e-6)


def test_align_brings_the_eyes_to_the_template() -> None:
    landmarks = TEMPLATE * 2 + [30, 10]
    image = np.zeros((300, 300, 3), np.uint8)
    x, y = landmarks[0].round().astype(int)
    image[y - 3 : y + 4, x - 3 : x + 4] = 255
    chip = align(image, landmarks.astype(np.float32))
    assert chip.shape == (112, 112, 3)
    rows, columns = np.nonzero(chip[..., 0] > 200)
    assert (columns.mean(), rows.mean()) == pytest.approx(TEMPLATE[0], abs=0.7)
    assert align(image, landmarks.astype(np.float32), size=224).shape == (224, 224, 3)


def test_landmarks_in_one_point_still_give_a_chip() -> None:
    assert align(np.zeros((20, 20, 3), np.uint8), np.full((5, 2), 4, np.float32)).shape == (112, 112, 3)
