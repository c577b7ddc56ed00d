"""The mean of a person's faces, and what becomes of one that is not theirs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.centre import agreement, centre
from edge.similarity import likeness

Vectors = NDArray[np.float32]


def unit(vectors: Vectors) -> Vectors:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32)


def person(seed: int, photos: int) -> Vectors:
    """Faces with cosines of about .65 to one another, as one person's are."""
    random = np.random.default_rng(seed)
    own = unit(random.standard_normal(128))
    return unit(own + 0.72 * unit(random.standard_normal((photos, 128))))


def test_of_one_or_two_faces_it_is_the_plain_mean() -> None:
    ada, stranger = person(1, 1), person(2, 1)
    assert centre(ada) == pytest.approx(ada[0], abs=1e-6)
    both = np.concatenate([ada, stranger])
    assert centre(both) == pytest.approx(unit(both.mean(0)), abs=1e-6)


def test_a_wrong_face_hardly_counts() -> None:
    for seed in range(20):
        faces, stranger = person(seed, 3), person(1000 + seed, 1)
        mixed = np.concatenate([faces, stranger])
        alone, plain = unit(faces.mean(0)), unit(mixed.mean(0))
        assert centre(mixed) @ alone > 0.99 > plain @ alone
        assert abs(centre(mixed) @ stranger[0] - alone @ stranger[0]) < 0.05


def test_faces_that_cancel_out_have_a_centre_all_the_same() -> None:
    face = person(1, 1)
    assert np.linalg.norm(centre(np.concatenate([face, -face]))) == pytest.approx(1.0)


def test_of_those_who_agree_and_a_stranger_the_stranger_agrees_least() -> None:
    mixed = np.concatenate([person(1, 3), person(2, 1)])
    assert agreement(mixed).argmin() == 3
    assert agreement(mixed)[:3] == pytest.approx([100.0] * 3, abs=1.0)
    assert agreement(mixed[2:]) == pytest.approx([100.0 * likeness(float(mixed[2] @ mixed[3]))] * 2)


@given(st.integers(0, 10_000), st.integers(1, 9), st.randoms(use_true_random=False))
def test_it_is_of_unit_length_and_heeds_no_order(seed: int, photos: int, shuffle: object) -> None:
    faces = person(seed, photos)
    order = list(range(photos))
    shuffle.shuffle(order)  # type: ignore[attr-defined]
    assert np.linalg.norm(centre(faces)) == pytest.approx(1.0, abs=1e-5)
    assert centre(faces[order]) == pytest.approx(centre(faces), abs=1e-3)
