"""Building a pack from the command line, with pictures that need no model."""

import argparse
import shutil
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.commands import celebrities
from edge.errors import InputError, MissingError, UsageError
from edge.packs import celebrities as packs
from edge.packs.store import Store
from edge.values import Box, Face, Image, ModelUse
from edge.vision.faces import FaceView

Run = Callable[..., int]


class Analyzer:
    """Sees as many faces as the picture's blue says; its green tells people apart."""

    class embedder:  # noqa: N801 - FaceAnalyzer's attribute
        use = ModelUse("embedding", "sface", 1, "ab" * 32, "replay")

    def analyze(self, image: Image) -> list[FaceView]:
        vector = np.random.default_rng(int(image[0, 0, 1])).standard_normal(128, np.float32)
        face = Face(Box(0.1, 0.1, 0.3, 0.3), 0.9, ())
        return [FaceView(face, vector / np.linalg.norm(vector), 0.5, self.embedder.use)] * int(image[0, 0, 0])

    def close(self) -> None:
        pass


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("edge.vision.faces.open_faces", lambda _: Analyzer())
    monkeypatch.setenv("VEDETTE_MODELS", str(tmp_path / "models"))
    for name, faces, who in (("ada", 1, 10), ("ada2", 2, 10), ("grace", 1, 20), ("nobody", 0, 0)):
        assert cv2.imwrite(str(tmp_path / f"{name}.png"), np.full((16, 16, 3), (faces, who, 0), np.uint8))
    parser = argparse.ArgumentParser()
    celebrities.add(parser.add_subparsers())

    def run(*words: object) -> int:
        args = parser.parse_args(["celebrities", *map(str, words)])
        args.config = None
        return int(args.handler(args))

    return run


def build(run: Run, folder: Path, rows: str, *more: object) -> int:
    (folder / "people.csv").write_text(f"id,name,photos\n{rows}", "utf-8")
    return run("build", folder, "--csv", folder / "people.csv", "--out", folder / "pioneers.pack", *more)


def test_a_pack_holds_the_largest_face_of_each_photo(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(run, tmp_path, "1,Ada,ada.png;ada2.png\n2,Grace,grace.png\n") == 0
    told = capsys.readouterr().out
    assert "made the signing key" in told
    assert "2 people, 3 faces" in told
    pack = packs.read(tmp_path / "pioneers.pack", {told.split()[-1]})
    assert [(person.name, person.faces) for person in pack.index.people] == [("Ada", 2), ("Grace", 1)]
    assert pack.index.name == "pioneers"
    assert build(run, tmp_path, "1,Ada,ada.png\n", "--name", "others") == 0
    assert "made the signing key" not in capsys.readouterr().out
    assert packs.read(tmp_path / "pioneers.pack", {pack.signer}).index.name == "others"


def test_photos_without_a_face_are_told_and_the_rest_is_built(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(tmp_path / "nobody.png", tmp_path / "bob.png")
    assert build(run, tmp_path, "1,Ada,ada.png;nobody.png\n2,Bob,bob.png\n3,Eve,eve.png\n") in (65, 66)
    told = capsys.readouterr()
    assert "1 people, 1 faces" in told.out
    assert "nobody.png: no face found" in told.err
    assert "people.csv:3: Bob is left out, for want of a fit photo" in told.err
    assert "eve.png: no such file" in told.err


@pytest.mark.parametrize(
    ("rows", "more", "reason"),
    [
        ("1,Bob,nobody.png\n", (), "nobody is left whose face was found"),
        ("a b,Ada,ada.png\n", (), r"people.csv:2: id 'a b': use 1 to 64 letters and digits"),
        ("1,Ada,ada.png\n", ("--name", "../x"), "celebrity pack '../x': name"),
    ],
)
def test_what_cannot_be_built_is_one_sentence(
    run: Run, tmp_path: Path, rows: str, more: tuple[str, ...], reason: str
) -> None:
    with pytest.raises(InputError, match=reason):
        build(run, tmp_path, rows, *more)
    assert not (tmp_path / "pioneers.pack").exists()


def test_nothing_but_an_older_pack_is_written_over(run: Run, tmp_path: Path) -> None:
    key = tmp_path / "own.key"
    assert build(run, tmp_path, "1,Ada,ada.png\n", "--key", key) == 0
    assert build(run, tmp_path, "1,Ada,ada.png\n", "--key", key) == 0
    kept = {name: (tmp_path / name).read_bytes() for name in ("people.csv", "ada.png", "own.key")}
    for name in (*kept, "new.key"):
        with pytest.raises(UsageError, match="is no celebrity pack, and would be lost; name another file"):
            build(run, tmp_path, "1,Ada,ada.png\n", "--key", tmp_path / "new.key", "--out", tmp_path / name)
    assert kept == {name: (tmp_path / name).read_bytes() for name in kept}
    for place, said in ((tmp_path, "is a folder"), (tmp_path / "no" / "a.pack", "there is no folder")):
        with pytest.raises(UsageError, match=said):
            build(run, tmp_path, "1,Ada,ada.png\n", "--out", place)


def test_a_pack_of_a_model_that_is_not_chosen_here_is_listed_with_the_reason(
    run: Run, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build(run, tmp_path, "1,Ada,ada.png\n")
    signer = capsys.readouterr().out.split()[-1]
    with pytest.raises(InputError, match="made with another embedding model"):
        run("install", tmp_path / "pioneers.pack", "--trust", signer)
    packs.install(Store(tmp_path / "models"), tmp_path / "pioneers.pack", {"ab" * 32}, trust=signer)
    assert run("list") == 1
    assert "made with another embedding model" in capsys.readouterr().out
    assert run("remove", "pioneers") == 0
    assert run("list", "--json") == 0
    assert capsys.readouterr().out == "pioneers: removed\n"
    with pytest.raises(MissingError):
        run("remove", "pioneers")
