"""Whom of a pack a face belongs to, and that a stranger is nobody; from photos to a name, with the commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from edge import config, pictures
from edge.packs.celebrities import Index, Maker, Pack, Person
from edge.packs.records import BuiltFile
from edge.similarity import cosine
from edge.vision.celebrities import LEAST, MOST, Celebrities, open_celebrities
from edge.vision.faces import open_faces
from models.manifest import ModelError

ROOT = Path(__file__).parents[2]
Vedette = Callable[..., CompletedProcess[str]]


def directions(count: int, seed: int = 0) -> NDArray[np.float32]:
    rows = np.random.default_rng(seed).standard_normal((count, 128))
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def pack_of(vectors: NDArray[np.float32], name: str = "stars") -> Pack:
    """One face a person."""
    people = tuple(Person(id=str(row), name=f"Star {row}", urls=("a.org",), faces=1) for row in range(len(vectors)))
    seal = BuiltFile(bytes=vectors.nbytes, sha256="0" * 64)
    maker = Maker(name="sface", digest="ab" * 32, dimensions=vectors.shape[1])
    return Pack(Index(name=name, embedding=maker, people=people, vectors=seal), vectors, "signer")


def at(cosine: float, of: NDArray[np.float32]) -> NDArray[np.float32]:
    """A vector of this cosine to another one."""
    across = directions(1, seed=9)[0]
    across -= (across @ of) * of
    return np.asarray(cosine * of + np.sqrt(1 - cosine**2) * across / np.linalg.norm(across), np.float32)


def test_a_face_is_who_it_is_nearest_to_and_a_stranger_is_nobody() -> None:
    stars = directions(5)
    celebrities = Celebrities(pack_of(stars))
    assert celebrities.floor == cosine(LEAST)
    seen = np.stack([at(0.6, stars[3]), at(celebrities.floor - 0.01, stars[1]), at(celebrities.floor + 0.01, stars[1])])
    three, nobody, one = celebrities.look(seen)
    assert three is not None
    assert one is not None
    assert nobody is None
    assert (three.id, three.name, three.urls, three.gender, three.pack) == ("3", "Star 3", ("a.org",), "", "stars")
    assert (one.id, three.similarity > one.similarity > LEAST) == ("1", True)


def test_the_more_people_there_are_the_nearer_a_face_must_be() -> None:
    floors = [Celebrities(pack_of(directions(count))).floor for count in (2, 200, 2000)]
    assert floors == sorted(set(floors))
    assert Celebrities(pack_of(directions(100)), pack_of(directions(100, 1), "more")).floor == pytest.approx(floors[1])


def test_several_photos_make_one_person_and_a_wrong_one_hardly_counts() -> None:
    ada, eve = directions(2)
    faces = np.stack([at(0.8, ada), ada, eve])
    people = (Person(id="1", name="Ada", faces=3),)
    index = pack_of(faces).index.model_copy(update={"people": people})
    celebrities = Celebrities(Pack(index, faces, "signer"))
    assert [one and one.name for one in celebrities.look(np.stack([ada, eve]))] == ["Ada", None]


def test_of_a_crowd_the_first_are_looked_at() -> None:
    stars = directions(3)
    found = Celebrities(pack_of(stars)).look(np.repeat(stars[:1], MOST + 6, axis=0))
    assert len(found) == MOST + 6
    assert [one is not None for one in found] == [True] * MOST + [False] * 6


def test_no_faces_and_no_packs_give_nothing() -> None:
    assert Celebrities(pack_of(directions(3))).look(np.zeros((0, 128), np.float32)) == []
    assert Celebrities().look(directions(2)) == [None, None]


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_the_example_pack_is_built_installed_and_recognises_its_people(
    vedette: Vedette, photos: Callable[..., list[Path]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    astronaut, hopper, group = photos("astronaut.png", "grace_hopper.jpg", "sample1.jpg")
    settings = config.load(None)
    store, root = tmp_path / "store", settings.models.open_store().root
    store.mkdir()
    (store / "built").symlink_to(root / "built")
    monkeypatch.setenv("VEDETTE_MODELS", str(store))
    example = tmp_path / "example.celebrities"
    command = [sys.executable, ROOT / "tools" / "example-pack", example]
    media = {"VEDETTE_MEDIA": str(astronaut.parent)}
    built = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | media)
    assert built.returncode == 0, built.stderr
    assert "2 people, 2 faces" in built.stdout
    with pytest.raises(ModelError, match="no celebrity pack is installed"):
        open_celebrities(settings)

    signer = built.stdout.split()[-1]
    assert vedette("celebrities", "install", example).returncode == 77
    assert "2 people installed" in vedette("celebrities", "install", example, "--trust", signer).stdout
    listed = json.loads(vedette("celebrities", "list", "--json").stdout)
    assert [person["name"] for person in listed["people"]] == ["Eileen Collins", "Grace Hopper"]

    (store / "celebrities" / "broken.celebrities").write_bytes(b"cut off")
    celebrities, analyzer = open_celebrities(settings), open_faces(settings)
    (fault,) = celebrities.faults
    assert "broken.celebrities" in fault
    (store / "celebrities" / "broken.celebrities").unlink()
    small = cv2.resize(pictures.read(hopper)[:, ::-1], None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    dark = (pictures.read(astronaut) * 0.4).astype(np.uint8)
    names = []
    for image in (dark, small.astype(np.uint8), pictures.read(group)):
        vectors = np.stack([view.vector for view in analyzer.analyze(image)])
        names.append([one.name if one else None for one in celebrities.look(vectors)])
    analyzer.close()
    assert names[:2] == [["Eileen Collins"], ["Grace Hopper"]]
    assert set(names[2]) == {None}
    assert vedette("celebrities", "remove", "example").returncode == 0
    assert vedette("celebrities", "list").stdout.splitlines()[1:] == []
