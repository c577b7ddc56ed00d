"""`vedette compare`: portraits of one person match, those of two people do not."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest

Vedette = Callable[..., CompletedProcess[str]]
FIGURES = Path(__file__).parents[3] / "shared" / "data" / "faces" / "public_figures"

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]


@pytest.fixture
def figure() -> Callable[[str], Path]:
    if not FIGURES.is_dir():
        pytest.skip("portraits of public figures are not here")
    return lambda name: FIGURES / f"{name}.jpg"


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("obama_official", "obama2", True),
        ("biden_official", "biden2", True),
        ("obama_official", "biden_official", False),
        ("astronaut_eileen_collins", "biden2", False),
    ],
)
def test_portraits_match_if_they_show_one_person(
    vedette: Vedette, figure: Callable[[str], Path], one: str, other: str, alike: bool
) -> None:
    done = vedette("compare", figure(one), figure(other), "--json")
    found = json.loads(done.stdout)
    assert bool(found["matches"]) is alike
    assert done.returncode == (0 if alike else 1)
    assert found["source"]["box"]["x1"] < found["source"]["box"]["x2"]


def test_a_picture_without_a_face_is_told_in_one_sentence(vedette: Vedette, photos: Callable[..., list[Path]]) -> None:
    astronaut, coffee = photos("astronaut.png", "coffee.png")
    done = vedette("compare", coffee, astronaut)
    assert done.returncode == 65
    assert (
        done.stderr
        == f"vedette: {coffee}: no face found; take a picture in which a face is larger, sharper or more frontal\n"
    )
    assert ": match     100.00 %" in vedette("compare", astronaut, astronaut).stdout


def test_which_of_several_faces_was_taken_is_told(
    vedette: Vedette, photos: Callable[..., list[Path]], tmp_path: Path
) -> None:
    (astronaut,) = photos("astronaut.png")
    image = cv2.imread(str(astronaut))
    smaller = np.zeros_like(image)
    smaller[:256, :256] = cv2.resize(image, (256, 256))
    cv2.imwrite(str(tmp_path / "two.png"), np.concatenate([image, smaller], axis=1))
    told = vedette("compare", "two.png", astronaut).stdout.splitlines()
    assert told[0].startswith("two.png: 2 faces; the largest that is fit was taken, at 0.1")
    assert ": match     100.00 %" in told[1]
