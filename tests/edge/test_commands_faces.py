"""Enrolling and searching from the command line, with pictures that need no model."""

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.commands import collections, faces
from edge.errors import EXPECTED, InputError, MissingError
from edge.findings import Pose
from edge.quality import View
from edge.values import Box, Face, Image, ModelUse
from edge.vision.faces import FaceView

MODEL = ModelUse("embedding", "fake", 1, "digest-of-the-fake", "replay")
Run = Callable[..., int]


class Analyzer:
    """Sees as many faces as the picture's blue says; its green tells people apart."""

    def analyze(self, image: Image, *, small: bool) -> list[FaceView]:  # noqa: ARG002 - FaceAnalyzer's
        count, who = int(image[0, 0, 0]), int(image[0, 0, 1])
        return [self.view(who + place, place) for place in range(count)]

    @staticmethod
    def view(who: int, place: int) -> FaceView:
        vector = np.random.default_rng(who).standard_normal(128, np.float32)
        box = Box(0.1 + 0.2 * place, 0.1, 0.25 + 0.2 * place, 0.5 - 0.1 * place)
        return FaceView(Face(box, 0.9, ()), vector / np.linalg.norm(vector), 0.4 + 0.2 * place, MODEL)

    def close(self) -> None:
        pass


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setattr("edge.vision.faces.open_faces", lambda _: Analyzer())
    config = tmp_path / "vedette.toml"
    config.write_text('data = "data"\n')
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers()
    collections.add(commands)
    faces.add(commands)

    def run(*words: object) -> int:
        args = parser.parse_args([str(word) for word in words])
        args.config = config
        return int(args.handler(args))

    run("collections", "create", "people")
    return run


@pytest.fixture
def picture(tmp_path: Path) -> Callable[..., Path]:
    def picture(name: str, count: int, who: int = 100) -> Path:
        path = tmp_path / f"{name}.png"
        assert cv2.imwrite(str(path), np.full((16, 16, 3), (count, who, 0), np.uint8))
        return path

    return picture


def documents(capsys: pytest.CaptureFixture[str]) -> Sequence[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if line.startswith("{")]


def test_a_named_face_is_found_by_name(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("faces", "index", "people", picture("ada", 1, 10), "--name", "ada") == 0
    assert run("faces", "index", "people", picture("grace", 1, 20), "--external-image-id", "grace") == 0
    assert run("faces", "search", "people", picture("probe", 1, 20), "--json") == 0
    (found,) = [document for document in documents(capsys) if "matches" in document]
    assert [match["person"] for match in found["matches"]] == ["grace"]  # type: ignore[attr-defined]


def test_of_several_faces_the_largest_gets_the_name(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    group = picture("group", 3)
    run("faces", "index", "people", group, "--name", "ada")
    assert "3 faces, the largest was taken" in capsys.readouterr().out
    run("faces", "list", "people", "--json")
    (face,) = documents(capsys)
    assert face["box"] == pytest.approx({"x1": 0.1, "y1": 0.1, "x2": 0.25, "y2": 0.5})
    run("faces", "index", "people", group, "--name", "ada", "--all")
    run("faces", "index", "people", group, "--max-faces", "2")
    capsys.readouterr()
    run("faces", "list", "people", "--json")
    assert [document["external_image_id"] for document in documents(capsys)] == ["ada", "ada", "ada", "", ""]


def test_faces_that_the_filter_drops_are_told_with_reasons(
    run: Run, picture: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    good = View(size=100, score=0.95, pose=Pose(0, 0, 0), brightness=50, sharpness=60)
    measured = [good, replace(good, sharpness=10), good]
    plain = Analyzer.view
    monkeypatch.setattr(
        Analyzer, "view", staticmethod(lambda who, place: replace(plain(who, place), view=measured[place]))
    )
    run("faces", "index", "people", picture("group", 3), "--max-faces", "1", "--json")
    (told,) = documents(capsys)
    assert len(told["faces"]) == 1  # type: ignore[arg-type]
    assert [left["reasons"] for left in told["dropped"]] == [  # type: ignore[attr-defined]
        ["LOW_SHARPNESS"],
        ["EXCEEDS_MAX_FACES"],
    ]
    run("faces", "index", "people", picture("group", 3), "--quality", "NONE")
    assert "left out" not in capsys.readouterr().out
    measured[0] = measured[1]
    assert run("faces", "index", "people", picture("ada", 1), "--name", "ada") == 65
    assert "no face passes --quality AUTO (LOW_SHARPNESS)" in capsys.readouterr().err


def test_a_poor_largest_face_does_not_leave_its_name_to_another(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("faces", "index", "people", picture("group", 2), "--name", "ada", "--min-quality", "0.5") == 65
    assert "quality 0.40 is below 0.50" in capsys.readouterr().err
    run("faces", "list", "people", "--json")
    assert not documents(capsys)


def test_bad_pictures_are_named_and_the_others_enrolled(
    run: Run, picture: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    status = run("faces", "index", "people", picture("empty", 0), broken, picture("ada", 1), "--json")
    told = capsys.readouterr()
    assert status == 65
    assert "empty.png: no face found" in told.err
    assert "broken.png: not a picture" in told.err
    assert [Path(json.loads(line)["image"]).name for line in told.out.splitlines() if line[0] == "{"] == ["ada.png"]


def test_indexing_twice_changes_nothing(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        run("faces", "index", "people", picture("ada", 1), "--name", "ada", "--json")
    first, second = documents(capsys)
    assert first == second


def test_one_face_under_two_names_is_warned_of_and_enrolled(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run("faces", "index", "people", picture("nobody", 1, 10))
    run("faces", "index", "people", picture("ada", 1, 10), "--name", "ada")
    run("faces", "index", "people", picture("ada2", 1, 10), "--name", "ada")
    run("faces", "index", "people", picture("grace", 1, 20), "--name", "grace")
    assert capsys.readouterr().err == ""
    assert run("faces", "index", "people", picture("bob", 1, 20), "--name", "bob", "--json") == 0
    told = capsys.readouterr()
    assert len(json.loads(told.out)["faces"]) == 1
    (warning,) = told.err.splitlines()
    assert "bob.png: as good as the face " in warning
    assert "of 'grace' (100.0 % alike)" in warning


def test_deleting_says_what_was_not_there(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    run("faces", "index", "people", picture("ada", 1), "--json")
    ((face,),) = [document["faces"] for document in documents(capsys)]  # type: ignore[misc]
    with pytest.raises(MissingError, match="nobody"):
        run("faces", "delete", "people", face["face_id"], "nobody")
    assert f"{face['face_id']}: deleted" in capsys.readouterr().out


def test_users_gather_faces(run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    run("faces", "index", "people", picture("ada", 1), "--json")
    ((face,),) = [document["faces"] for document in documents(capsys)]  # type: ignore[misc]
    run("users", "create", "people", "ada")
    run("users", "associate", "people", "ada", face["face_id"])
    capsys.readouterr()
    run("users", "list", "people", "--json")
    run("collections", "describe", "people", "--json")
    users, described = documents(capsys)
    assert (users["user_id"], users["faces"]) == ("ada", 1)
    assert (described["faces"], described["users"], described["digest"]) == (1, 1, MODEL.digest)


def test_a_picture_finds_the_user(run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    run("faces", "index", "people", picture("ada", 1, 10), "--json")
    ((face,),) = [document["faces"] for document in documents(capsys)]  # type: ignore[misc]
    run("users", "create", "people", "ada")
    run("users", "associate", "people", "ada", face["face_id"])
    capsys.readouterr()
    assert run("users", "search", "people", picture("again", 1, 10), "--json") == 0
    (found,) = documents(capsys)
    assert [match["user_id"] for match in found["matches"]] == ["ada"]  # type: ignore[attr-defined]
    assert run("users", "search", "people", picture("stranger", 1, 30)) == 0
    assert "no user of people is similar by 80 % or more" in capsys.readouterr().out


def test_a_stranger_is_not_given_to_a_user_unless_told_to(
    run: Run, picture: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    for name, who in (("ada", 10), ("stranger", 30)):
        run("faces", "index", "people", picture(name, 1, who), "--json")
    mine, stranger = [document["faces"][0]["face_id"] for document in documents(capsys)]  # type: ignore[index]
    run("users", "create", "people", "ada")
    assert run("users", "associate", "people", "ada", mine) == 0
    assert run("users", "associate", "people", "ada", mine, stranger) == 65
    told = capsys.readouterr()
    assert f"vedette: {stranger}: only 5.31 % like the other faces of ada" in told.err
    assert f"{stranger}: associated" not in told.out
    assert run("users", "associate", "people", "ada", stranger, "--similarity", 0) == 0
    assert f"{stranger}: associated" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("faces", "index", "pepole", "x.png"),
        ("users", "search", "pepole", "x.png"),
        ("faces", "search", "pepole", "x.png"),
        ("faces", "search", "people", "x.png"),
        ("faces", "list", "pepole"),
        ("faces", "index", "people", "x.png", "--name", "Ada Lovelace"),
        ("collections", "create", "people"),
        ("collections", "create", "two words"),
        ("collections", "delete", "pepole"),
        ("users", "delete", "people", "ada"),
        ("users", "associate", "people", "ada", "face"),
    ],
)
def test_mistakes_are_one_sentence(run: Run, words: Sequence[str]) -> None:
    with pytest.raises(EXPECTED) as caught:
        run(*words)
    assert isinstance(caught.value, InputError | MissingError)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("words", [("--max-faces", "0"), ("--min-quality", "2"), ("--max-faces", "some")])
def test_numbers_out_of_range_are_refused(run: Run, words: Sequence[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        run("faces", "index", "people", "x.png", *words)
