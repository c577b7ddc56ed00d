from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.settings import MotionGate
from edge.values import Image
from edge.vision.motion import WIDTH, Motion, thumbnail

SIZE = (360, 640)


def scene(seed: int = 7, size: tuple[int, int] = SIZE) -> Image:
    """Some furniture: a picture of grey rectangles."""
    random = np.random.default_rng(seed)
    picture = np.full((*size, 3), 90, np.uint8)
    for _ in range(30):
        x, y = int(random.integers(0, size[1])), int(random.integers(0, size[0]))
        picture[y : y + 80, x : x + 120] = random.integers(20, 200, 3)
    return picture


def noisy(picture: Image, sigma: float, seed: int) -> Image:
    grain = np.random.default_rng(seed).normal(0, sigma, picture.shape)
    return np.clip(picture + grain, 0, 255).astype(np.uint8)


def with_square(picture: Image, x: int, side: int = 40) -> Image:
    moved = picture.copy()
    moved[150 : 150 + side, x : x + side] = (30, 220, 30)
    return moved


def gate(rest: float = 1000.0, area: float = 0.002, settle: float = 0.0) -> Motion:
    return Motion(MotionGate(area=area, rest=rest, settle=settle))


def watch(motion: Motion, pictures: list[Image], start: float = 0.0, fps: float = 10) -> list[bool]:
    return [motion.look(picture, start + index / fps) for index, picture in enumerate(pictures)]


def test_the_first_picture_is_always_looked_at() -> None:
    assert gate().look(scene(), 0.0) is True


@pytest.mark.parametrize("sigma", [0, 3, 10, 20])
def test_a_still_scene_is_idle_however_noisy_the_sensor(sigma: float) -> None:
    looks = watch(gate(), [noisy(scene(), sigma, seed) for seed in range(40)])
    assert looks == [True] + [False] * 39


@pytest.mark.parametrize("sigma", [0, 10])
def test_a_moving_square_is_seen_in_every_picture(sigma: float) -> None:
    pictures = [noisy(scene(), sigma, 99)] + [noisy(with_square(scene(), 10 + 12 * t), sigma, t) for t in range(40)]
    motion = gate()
    assert all(watch(motion, pictures))
    assert motion.area == pytest.approx(40 * 40 / (SIZE[0] * SIZE[1]), rel=0.9)


def test_what_has_just_moved_is_looked_at_a_little_longer() -> None:
    looks = watch(gate(settle=0.5), [scene()] * 20)
    assert looks == [True] * 6 + [False] * 14


def test_what_is_smaller_than_the_area_is_passed_over() -> None:
    looks = watch(gate(area=0.02), [scene(), *[with_square(scene(), 10 + 12 * t) for t in range(20)]])
    assert looks == [True] + [False] * 20


def test_what_stays_becomes_background() -> None:
    motion = gate()
    looks = watch(motion, [scene(), *[with_square(scene(), 300)] * 300])
    assert looks[1]
    assert not any(looks[-100:])


@pytest.mark.parametrize("light", [0.5, 1.8])
def test_a_light_switch_counts_for_one_look(light: float) -> None:
    dark = [noisy(scene(), 3, seed) for seed in range(20)]
    lit = [np.clip(picture * light, 0, 255).astype(np.uint8) for picture in dark]
    assert watch(gate(), dark + lit) == [True] + [False] * 19 + [True] + [False] * 19


def test_a_cloud_is_no_motion() -> None:
    dimming = [np.clip(scene() * (1 - 0.001 * t), 0, 255).astype(np.uint8) for t in range(100)]
    assert not any(watch(gate(), dimming)[1:])


def test_an_idle_scene_is_looked_at_after_resting() -> None:
    motion = gate(rest=1.0)
    looks = watch(motion, [scene()] * 31)
    assert [index for index, look in enumerate(looks) if look] == [0, 10, 20, 30]


def test_what_moved_is_looked_at_until_it_settles() -> None:
    motion = gate(settle=1.0)
    looks = watch(motion, [*[scene()] * 50, with_square(scene(), 300), *[scene()] * 20])
    assert [index for index, look in enumerate(looks) if look and index > 20] == list(range(50, 61))


def test_a_clock_that_is_set_back_does_not_shut_the_gate() -> None:
    motion = gate(rest=5.0)
    assert motion.look(scene(), 1000.0)
    assert motion.look(scene(), 10.0)
    assert [motion.look(scene(), 10.0 + second) for second in (1, 4, 5)] == [False, False, True]


def test_another_size_starts_anew() -> None:
    motion = gate()
    watch(motion, [scene()] * 3)
    assert motion.look(scene(size=(240, 320)), 1.0)


def test_without_an_area_there_is_no_gate() -> None:
    assert watch(gate(area=0.0), [scene()] * 5) == [True] * 5


@given(st.integers(1, 700), st.integers(1, 700), st.integers(0, 255))
def test_any_picture_has_a_small_thumbnail(height: int, width: int, grey: int) -> None:
    small = thumbnail(np.full((height, width, 3), grey, np.uint8))
    assert small.shape[1] < 2 * WIDTH
    assert (small == grey).all()
