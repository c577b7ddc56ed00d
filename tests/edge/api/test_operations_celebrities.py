"""RecognizeCelebrities and GetCelebrityInfo, over packs made here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from edge.api.faults import Fault
from edge.api.operations.celebrities import get_celebrity_info, recognize_celebrities
from edge.packs.celebrities import Index, Maker, Pack, Person
from edge.packs.records import BuiltFile
from edge.vision.celebrities import NO_PACK, Celebrities
from tests.conftest import Photos
from tests.edge.api.desks import Analyzer, ask, desk, grey, view

PICTURE = {"Bytes": grey(200)}
PEOPLE = (
    Person(id="1a", name="Ada", urls=("www.example.org/ada",), gender="Female", faces=1),
    Person(id="2b", name="Bo", faces=1),
)


def pack(vectors: NDArray[np.float32], people: tuple[Person, ...] = PEOPLE) -> Celebrities:
    seal = BuiltFile(bytes=vectors.nbytes, sha256="0" * 64)
    maker = Maker(name="sface", digest="ab" * 32, dimensions=vectors.shape[1])
    return Celebrities(Pack(Index(name="p", embedding=maker, people=people, vectors=seal), vectors, "signer"))


ADA, BO, STRANGER = np.eye(3, 128, dtype=np.float32)
STARS = pack(np.stack([ADA, BO]))


def test_celebrities_have_names_and_links_and_others_are_unrecognized() -> None:
    at = desk(faces=Analyzer(at_200=[view(STRANGER), view(BO), view(ADA)]), celebrities=STARS)
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image=PICTURE)
    bo, ada = told["CelebrityFaces"]
    assert (ada["Id"], ada["Name"], ada["Urls"], ada["KnownGender"]) == (
        "1a", "Ada", ["www.example.org/ada"], {"Type": "Female"},
    )  # fmt: skip
    assert ada["MatchConfidence"] > 99
    assert (bo["Name"], bo["Urls"], "KnownGender" in bo) == ("Bo", [], False)
    assert set(ada["Face"]) == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
    assert len(told["UnrecognizedFaces"]) == 1
    assert set(told["UnrecognizedFaces"][0]) == set(ada["Face"])


def test_of_a_crowd_64_are_recognised() -> None:
    at = desk(faces=Analyzer(at_200=[view(ADA)] * 70), celebrities=STARS)
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image=PICTURE)
    assert (len(told["CelebrityFaces"]), len(told["UnrecognizedFaces"])) == (64, 6)


def test_no_face_is_two_empty_lists() -> None:
    at = desk(faces=Analyzer(at_200=[]), celebrities=STARS)
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image=PICTURE)
    assert told == {"CelebrityFaces": [], "UnrecognizedFaces": []}


def test_who_is_known_can_be_looked_up() -> None:
    at = desk(celebrities=STARS)
    assert ask(get_celebrity_info, at, "GetCelebrityInfo", Id="1a") == {
        "Urls": ["www.example.org/ada"],
        "Name": "Ada",
        "KnownGender": {"Type": "Female"},
    }
    assert ask(get_celebrity_info, at, "GetCelebrityInfo", Id="2b") == {"Urls": [], "Name": "Bo"}
    with pytest.raises(Fault, match="ResourceNotFoundException: No installed celebrity pack has the id 3c"):
        ask(get_celebrity_info, at, "GetCelebrityInfo", Id="3c")


def test_without_a_pack_nobody_is_known() -> None:
    at = desk(faces=Analyzer(at_200=[view(ADA)]), missing={"celebrities": NO_PACK})
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image=PICTURE)
    assert (told["CelebrityFaces"], len(told["UnrecognizedFaces"])) == ([], 1)
    with pytest.raises(Fault, match="ResourceNotFoundException: No installed celebrity pack has the id 1a"):
        ask(get_celebrity_info, at, "GetCelebrityInfo", Id="1a")


def test_where_no_installed_pack_can_be_used_it_says_so() -> None:
    at = desk(faces=Analyzer(at_200=[view(ADA)]), missing={"celebrities": "p.celebrities: its signature is wrong"})
    with pytest.raises(Fault, match=r"RecognizeCelebrities is not available on this device: p\.celebrities: its sig"):
        ask(recognize_celebrities, at, "RecognizeCelebrities", Image=PICTURE)
    with pytest.raises(Fault, match="GetCelebrityInfo is not available"):
        ask(get_celebrity_info, at, "GetCelebrityInfo", Id="1a")


def test_without_faces_it_says_so() -> None:
    with pytest.raises(Fault, match="RecognizeCelebrities is not available on this device"):
        ask(recognize_celebrities, desk(celebrities=STARS), "RecognizeCelebrities", Image=PICTURE)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_real_face_is_recognised_by_a_pack_of_it(real: Any, photos: Photos) -> None:
    from edge import pictures

    astronaut, group = photos("astronaut.png", "sample1.jpg")
    (one,) = real.abilities.faces.analyze(pictures.read(astronaut))
    stars = pack(one.vector[None], PEOPLE[:1])
    at = desk(faces=real.abilities.faces, celebrities=stars)
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image={"Bytes": astronaut.read_bytes()})
    assert [face["Name"] for face in told["CelebrityFaces"]] == ["Ada"]
    told = ask(recognize_celebrities, at, "RecognizeCelebrities", Image={"Bytes": group.read_bytes()})
    assert (told["CelebrityFaces"], len(told["UnrecognizedFaces"]) >= 3) == ([], True)
