"""The geometry of faces: what is cut out, how heads are turned, where eyes look, how faces are lit."""

from __future__ import annotations

from functools import cache
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from models.faces import crops, eyes, heads, light, mesh, traits
from models.manifest import labels
from models.outputs import Blendshapes, Expressions, Traits

ANGLES = st.floats(-40, 40)
FEW = settings(max_examples=30, deadline=None)


def face(roll: float = 0, yaw: float = 0, pitch: float = 0) -> NDArray[np.float64]:
    """The canonical face as a mesh [478,3] in pixels, 10 a centimetre, turned; irises in the middle of the eyes."""
    r, y, p = np.radians([roll, yaw, pitch])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), np.sin(p)], [0, -np.sin(p), np.cos(p)]])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_z = np.array([[np.cos(r), np.sin(r), 0], [-np.sin(r), np.cos(r), 0], [0, 0, 1]])
    skin = mesh.canonical()
    irises = [(skin[first] + skin[last]) / 2 for first, last, *_ in eyes.EYES]
    whole = np.concatenate([skin, np.repeat(irises, 5, axis=0)])
    turned: NDArray[np.float64] = (whole @ (about_z @ about_y @ about_x).T) * [10, -10, -10] + [200, 150, 0]
    return turned


@cache
def twins() -> list[int]:
    """The point of the other half for each of the skin's, then the irises'."""
    skin = mesh.canonical()
    found = [int(np.argmin(np.linalg.norm(skin * [-1, 1, 1] - point, axis=1))) for point in skin]
    return [*found, *range(473, 478), *range(468, 473)]


def mirrored(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The mesh of the mirrored picture: points keep their meaning, so each changes places with its twin."""
    flipped: NDArray[np.float64] = points[twins()] * [-1, 1, 1] + [400, 0, 0]
    return flipped


def angles(points: NDArray[np.float64]) -> list[float]:
    """Roll, yaw and pitch of one mesh."""
    return list(mesh.angles(mesh.rotations(points[None])[0]))


def named(points: NDArray[np.float64]) -> dict[str, list[float]]:
    """The thirty landmarks of one mesh by name."""
    return dict(zip(mesh.NAMED, mesh.named(points[None])[0].tolist(), strict=True))


def features(seed: int, faces: int = 3) -> traits.Features:
    dice = np.random.default_rng(seed)
    return traits.features(
        Blendshapes(dice.random((faces, 52), np.float32)),
        Traits(
            dice.dirichlet(np.ones(100), faces).astype(np.float32),
            dice.random(faces, np.float32),
            dice.random((faces, 1024), np.float32),
        ),
        Expressions(
            dice.dirichlet(np.ones(7), faces).astype(np.float32), dice.gamma(0.5, 1, (faces, 256)).astype(np.float32)
        ),
    )


@given(ANGLES, ANGLES, ANGLES)
@FEW
def test_pose_is_how_the_head_was_turned(roll: float, yaw: float, pitch: float) -> None:
    assert angles(face(roll, yaw, pitch)) == pytest.approx((roll, yaw, pitch), abs=1e-6)


@given(ANGLES, ANGLES, ANGLES)
@FEW
def test_a_mirrored_head_turns_the_other_way(roll: float, yaw: float, pitch: float) -> None:
    points = face(roll, yaw, pitch)
    assert angles(mirrored(points)) == pytest.approx((-roll, -yaw, pitch), abs=0.5)


def test_a_head_that_has_collapsed_to_a_point_has_a_finite_pose() -> None:
    assert np.isfinite(angles(np.zeros((478, 3)))).all()


def test_the_thirty_landmarks_of_a_mirrored_face_are_the_mirrored_landmarks() -> None:
    plain, flipped = named(face(yaw=20)), named(mirrored(face(yaw=20)))
    assert len(plain) == 30
    swapped = {"Left": "Right", "Right": "Left", "left": "right", "right": "left"}
    for kind, (x, y) in plain.items():
        twin = "".join(swapped.get(word, word) for word in _words(kind))
        # The corners of an eye and a brow are named after the picture's sides too, so each word changes sides.
        assert flipped[twin] == pytest.approx((400 - x, y), abs=2.0), kind


def _words(kind: str) -> list[str]:
    cut = [0, *(place for place, letter in enumerate(kind) if letter.isupper()), len(kind)]
    return [kind[first:last] for first, last in pairwise(cut)]


def test_landmarks_lie_where_their_names_say() -> None:
    at = named(face())
    assert at["leftEyeLeft"][0] < at["leftPupil"][0] < at["leftEyeRight"][0] < at["rightEyeLeft"][0]
    assert at["leftEyeBrowUp"][1] < at["leftEyeUp"][1] < at["leftEyeDown"][1] < at["nose"][1] < at["mouthUp"][1]
    assert at["mouthUp"][1] < at["mouthDown"][1] < at["chinBottom"][1]
    assert at["upperJawlineLeft"][0] < at["midJawlineLeft"][0] < at["chinBottom"][0] < at["midJawlineRight"][0]


@given(ANGLES, st.floats(-0.2, 0.2), st.floats(-0.15, 0.15))
@FEW
def test_gaze_is_where_the_irises_are_whatever_the_head_does(yaw: float, along: float, above: float) -> None:
    points = face(yaw=yaw)
    (turn,) = mesh.rotations(points[None])
    for (first, last, _, _, iris), outward in zip(eyes.EYES, (-eyes.OUTWARD, eyes.OUTWARD), strict=True):
        width = np.linalg.norm(((points[last] - points[first]) * [1, -1, -1] @ turn)[:2])
        points[iris] += (turn @ [(along + outward) * width, (above + eyes.LEVEL) * width, 0]) * [1, -1, -1]
    wanted = np.degrees(np.arcsin(np.array([along, above]) * eyes.WIDTH_OVER_RADIUS))
    assert eyes.gaze(points[None], turn[None])[0] == pytest.approx(np.stack([wanted, wanted]), abs=1e-6)
    flipped = mirrored(points)[None]
    assert eyes.gaze(flipped, mesh.rotations(flipped))[0].mean(0) == pytest.approx(wanted * [-1, 1], abs=0.5)


def test_lids_that_meet_are_closed_eyes() -> None:
    awake = face()[None]
    asleep = awake.copy()
    for _, _, upper, lower, _ in eyes.EYES:
        asleep[:, upper] = asleep[:, lower]
    assert eyes.openness(awake, np.full((1, 2), 0.1, np.float32)) > 2
    assert eyes.openness(asleep, np.full((1, 2), 0.9, np.float32)) < -2


@given(st.floats(-180, 180), st.floats(20, 90), st.floats(60, 140), st.floats(60, 140))
@FEW
def test_points_come_back_from_a_crop_to_where_they_were(turn: float, side: float, x: float, y: float) -> None:
    boxes = np.array([[x - side / 2, y - side / 2, x + side / 2, y + side / 2]], np.float32)
    ahead = np.radians(turn)
    eye = np.array([x, y]) + np.outer([-10, 10], [np.cos(ahead), np.sin(ahead)])
    landmarks = np.concatenate([eye, np.full((3, 2), [x, y])])[None].astype(np.float32)
    upright = crops.upright(boxes, landmarks, 1.5, 256)
    points = np.random.default_rng(1).uniform(0, 256, (1, 5, 2))
    there = np.einsum("npj,nij->npi", crops.back(points, upright), upright[:, :, :2]) + upright[:, None, :, 2]
    assert there == pytest.approx(points, abs=1e-6)
    level = np.einsum("pj,ij->pi", eye, upright[0, :, :2]) + upright[0, :, 2]
    assert level[0, 1] == pytest.approx(level[1, 1], abs=0.05)
    assert level[0, 0] < level[1, 0]


@pytest.mark.parametrize("size", [300, 900, 2000])
def test_a_large_face_is_shrunk_before_it_is_sampled_and_stays_in_its_place(size: int) -> None:
    noise = np.random.default_rng(0).integers(0, 256, (size, size, 1), np.uint8).repeat(3, 2)
    soft = cv2.GaussianBlur(noise, (0, 0), size / 20)
    smooth = cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX).astype(np.uint8)  # type: ignore[call-overload]
    boxes = np.array([[0, 0, size, size]], np.float32)
    seen = crops.cut(smooth, crops.straight(boxes, 1.0, 100), 100)[0]
    wanted = cv2.resize(smooth, (100, 100), interpolation=cv2.INTER_AREA)
    # The centres of pixels are taken for their corners, as when the heads were trained: half a pixel of the crop.
    assert np.abs(seen[2:-2, 2:-2].astype(int) - wanted[2:-2, 2:-2]).mean() < 6
    if size >= 900:
        fine = crops.cut(noise, crops.straight(boxes, 1.0, 100), 100)[0]
        assert fine.std() < 0.5 * noise.std()


@given(st.integers(0, 2**32 - 1))
@FEW
def test_emotions_are_eight_and_sum_to_one(seed: int) -> None:
    found = traits.emotions(features(seed))
    assert sorted(found) == ["ANGRY", "CALM", "CONFUSED", "DISGUSTED", "FEAR", "HAPPY", "SAD", "SURPRISED"]
    assert np.sum(list(found.values()), axis=0) == pytest.approx(1, abs=1e-5)
    assert min(scores.min() for scores in found.values()) >= 0


def test_uneven_brows_make_a_calm_face_a_confused_one() -> None:
    calm = features(0)
    calm["blendshapes"][:] = 0
    uneven = {**calm, "blendshapes": calm["blendshapes"].copy()}
    uneven["blendshapes"][:, labels("face-blendshapes").index("browDownLeft")] = 0.9
    assert (traits.emotions(calm)["CONFUSED"] < 0.01 * traits.emotions(calm)["CALM"] + 1e-6).all()
    assert (traits.emotions(uneven)["CONFUSED"] > traits.emotions(uneven)["CALM"]).all()


def test_every_head_answers_for_every_face() -> None:
    found = traits.worn(features(3, faces=5))
    assert {"smile", "eyeglasses", "beard", "mustache", "mouth_open", "occluded"} == set(found)
    assert all(scores.shape == (5,) and ((scores >= 0) & (scores <= 1)).all() for scores in found.values())


def test_sunglasses_are_spectacles_that_are_dark() -> None:
    dark, clear = np.array([0.2, 0.9], np.float32)
    sure = np.array([0.95, 0.95, 0.05], np.float32)
    assert (traits.sunglasses(sure, np.array([dark, clear, dark])) >= 0.5).tolist() == [True, False, False]


def test_a_face_half_outside_the_picture_is_occluded() -> None:
    points = face()[None]
    inside, half = np.array([400.0, 400.0]), np.array([200.0, 400.0])
    bare = np.array([0.1], np.float32)
    for size, hidden in ((inside, False), (half, True)):
        assert (traits.occluded(bare, bare, mesh.outside(points, size))[0] >= 0.5) == hidden


@given(st.floats(0, 99))
@FEW
def test_an_age_range_holds_the_age_it_was_made_of(age: float) -> None:
    low, high = traits.age_range(age)
    assert 0 <= low <= age <= high
    assert 4 <= high - low <= 33


def test_a_blurred_face_is_less_sharp_and_a_dimmed_one_less_bright() -> None:
    image = np.kron(np.indices((5, 5)).sum(0) % 2 * 200, np.ones((40, 40)))[..., None].repeat(3, 2).astype(np.uint8)
    box = np.array([[20, 20, 180, 180]], np.float32)
    (plain,) = light.qualities(image, box)
    (blurred,) = light.qualities(cv2.GaussianBlur(image, (0, 0), 3), box)
    (dim,) = light.qualities(image // 2, box)
    assert blurred.sharpness < 0.6 * plain.sharpness
    assert dim.brightness == pytest.approx(plain.brightness / 2, rel=0.05)
    assert dim.sharpness == pytest.approx(plain.sharpness, rel=0.05)


@pytest.mark.parametrize("box", [[-50, -50, -10, -10], [500, 500, 600, 600], [3.2, 3.2, 3.3, 3.3]])
def test_a_box_without_pixels_has_no_quality(box: list[float]) -> None:
    assert light.qualities(np.full((100, 100, 3), 90, np.uint8), np.array([box], np.float32)) == [(0.0, 0.0, 0.0)]


def test_lenses_darker_than_cheeks_show_in_the_tint() -> None:
    image = np.full((400, 400, 3), 180, np.uint8)
    points = face()
    assert light.tints(image, points[None]) == pytest.approx(1)
    for iris in light.IRISES:
        x, y = np.rint(points[iris, :2]).astype(int).tolist()
        cv2.circle(image, (x, y + 8), 14, (18, 18, 18), -1)
    assert light.tints(image, points[None]) == pytest.approx(0.1, abs=0.02)
    assert np.isfinite(light.tints(np.zeros((5, 5, 3), np.uint8), points[None])).all()


def test_heads_know_what_they_stand_on() -> None:
    for model in ("faceres", "face-expression"):
        for head in heads.load(model).values():
            assert head.logits(features(1)).shape == (3, len(head.bias))
            assert np.isfinite(head.weights).all()
