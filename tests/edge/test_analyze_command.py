"""`vedette analyze`: what is said of a picture, for people and for machines."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from edge.abilities import Abilities
from edge.commands import analyze
from edge.commands.wording import human
from edge.errors import InputError, StorageError, UsageError
from edge.scene import NOTHING
from edge.vision.celebrities import Celebrities
from models.outputs import Boxes

IMAGE = np.zeros((100, 200, 3), np.uint8)
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Photos = Callable[..., list[Path]]


WHERE = {"x1": 0.1, "y1": 0.2, "x2": 0.3, "y2": 0.6}
YES, NO = {"value": True, "score": 0.9}, {"value": False, "score": 0.9}
DETAILS = {
    **dict.fromkeys(("smile", "eyeglasses"), YES),
    **dict.fromkeys(("sunglasses", "beard", "mustache", "eyes_open", "mouth_open", "occluded"), NO),
    "gender": {"value": "Female", "score": 0.99},
    "age": [28, 42],
    "emotions": [{"value": "HAPPY", "score": 0.8}],
    "pose": {"roll": 1.0, "yaw": -8.2, "pitch": 3.0},
    "gaze": {"yaw": 4.0, "pitch": 0.0, "score": 0.5},
    "brightness": 61.0,
    "sharpness": 80.0,
}
QUALITY = {"brightness": 60.0, "sharpness": 70.0, "contrast": 30.0}
DOCUMENT: dict[str, Any] = {
    "image": "door.jpg",
    "width": 200,
    "height": 100,
    "objects": [{"label": "Dog", "score": 0.81, "box": WHERE}],
    "faces": [
        {
            "score": 0.9,
            "quality": 0.75,
            "box": WHERE,
            "details": DETAILS,
            "celebrity": {"name": "Ann", "similarity": 99.1},
        }
    ],
    "labels": [{"name": "Cat", "score": 0.9, "parents": ["Feline", "Animal"], "instances": [{}, {}]}],
    "moderation": {
        "flags": [{"name": "Weapons", "parent": "Violence", "score": 0.9}],
        "content_types": [{"value": "Illustrated", "score": 0.7}],
    },
    "properties": {
        "quality": QUALITY,
        "colours": [{"css": "navy", "percent": 40.0}],
        "foreground": None,
        "background": None,
    },
    "text": [
        {"kind": "LINE", "text": "WAY OUT", "score": 0.98, "box": WHERE},
        {"kind": "WORD", "text": "WAY", "score": 0.98, "box": WHERE},
    ],
    "ppe": {
        "persons": [
            {
                "id": 0,
                "score": 0.9,
                "box": WHERE,
                "parts": [{"equipment": [{"kind": "HEAD_COVER", "score": 0.8}]}, {"equipment": []}],
            }
        ],
        "with_required": [0],
        "without_required": [],
        "indeterminate": [],
    },
    "custom": [
        {
            "project": "raccoons",
            "version": "v2",
            "labels": [
                {"name": "raccoon", "score": 0.94, "box": WHERE, "parent": ""},
                {"name": "trash", "score": 0.6, "box": None, "parent": "Outdoors"},
            ],
        }
    ],
    "missing": {"liveness": "no model"},
}


def test_people_read_lines() -> None:
    assert human(DOCUMENT).splitlines() == [
        "door.jpg  200x100",
        "  object  0.81  Dog  [0.100 0.200 0.300 0.600]",
        "  face    0.90  quality 0.75  [0.100 0.200 0.300 0.600]",
        "          Ann, similarity 99.1 %",
        "          female 0.99, 28 to 42 years, happy 0.80, smile 0.90, eyeglasses 0.90",
        "          turned -8°, raised +3°, tilted +1°; looks +4°, +0°; brightness 61, sharpness 80",
        "  label   0.90  Cat < Feline < Animal  (2 in boxes)",
        "  flag    0.90  Weapons < Violence",
        "  content 0.70  Illustrated",
        "  picture brightness 60, sharpness 70, contrast 30; navy 40 %",
        "  text    0.98  WAY OUT  [0.100 0.200 0.300 0.600]",
        "  person  0.90  has what is required; wears head cover 0.80  [0.100 0.200 0.300 0.600]",
        "  custom  0.94  raccoon  [0.100 0.200 0.300 0.600]  (raccoons/v2)",
        "  custom  0.60  trash < Outdoors  (raccoons/v2)",
        "  no liveness: no model",
    ]


def test_an_unknown_task_names_those_there_are(vedette: Command) -> None:
    done = vedette("analyze", "--tasks", "labels,smells", "door.jpg")
    assert done.returncode == 2
    assert "smells" in done.stderr
    assert "objects, faces, labels, moderation" in done.stderr


def test_any_file_name_gives_valid_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(cv2.imencode(".png", IMAGE)[1].tobytes())
    assert run(monkeypatch, str(path), "--json") == 0
    out = capsys.readouterr().out.encode("utf-8")  # which refuses a lone surrogate
    assert json.loads(out)["image"] == str(path)


def run(monkeypatch: pytest.MonkeyPatch, *words: str, abilities: Abilities | None = None) -> int:
    """The command without any model."""
    monkeypatch.setattr("edge.abilities.open_abilities", lambda *_: abilities or Abilities(properties=True))
    parser = argparse.ArgumentParser()
    analyze.add(parser.add_subparsers())
    args = parser.parse_args(["analyze", "--tasks", "properties", *words])
    args.config = None
    status: int = args.handler(args)
    return status


def grey(path: Path) -> str:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, IMAGE)[1].tobytes())
    return str(path)


def test_a_task_that_cannot_be_had_shows_in_the_exit_status(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Abilities(properties=True, missing={"text": "run 'vedette models pull'", "labels": "not asked for"})
    assert run(monkeypatch, grey(tmp_path / "a.png"), "--tasks", "properties,text", abilities=missing) == 69
    assert capsys.readouterr().out.splitlines()[-1] == "  no text: run 'vedette models pull'"


def test_what_a_task_would_gain_from_is_missed_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Abilities(properties=True, missing={"labels": "run 'vedette models pull'"})
    assert run(monkeypatch, grey(tmp_path / "a.png"), "--tasks", "moderation", abilities=missing) == 69
    assert capsys.readouterr().out.splitlines()[-1] == "  no labels: run 'vedette models pull'"


def test_a_folder_without_pictures_does_not_keep_the_others_waiting(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, empty = grey(tmp_path / "a.png"), tmp_path / "empty"
    empty.mkdir()
    assert run(monkeypatch, str(empty), one) == 65
    told = capsys.readouterr()
    assert told.out.startswith(f"{one}  200x100")
    assert told.err.startswith(f"vedette: {empty}: no picture in this folder")

    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    assert run(monkeypatch, one, str(empty)) == 65
    assert "permission denied; name a folder that this user may look into" in capsys.readouterr().err


@pytest.mark.parametrize("words", [("",), ("a.png", "--draw", ""), ("a.png", "--html", "")])
def test_a_word_that_an_unset_variable_leaves_is_no_folder(monkeypatch: pytest.MonkeyPatch, words: list[str]) -> None:
    with pytest.raises(SystemExit) as end:
        run(monkeypatch, *words)
    assert end.value.code == 2


def test_a_folder_stands_for_its_pictures(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("b.png", "a.jpg", "._a.jpg"):
        grey(tmp_path / name)
    (tmp_path / "notes.txt").write_text("no picture")
    assert run(monkeypatch, str(tmp_path), "--json") == 0
    told = [json.loads(line)["image"] for line in capsys.readouterr().out.splitlines()]
    assert told == [str(tmp_path / "a.jpg"), str(tmp_path / "b.png")]
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty: no picture in this folder; pictures end in \.bmp"):
        run(monkeypatch, str(tmp_path / "empty"))


def test_drawings_go_into_a_file_or_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = grey(tmp_path / "a.png"), grey(tmp_path / "more" / "a.png")
    assert run(monkeypatch, one, "--draw", str(tmp_path / "out.png")) == 0
    assert cv2.imread(str(tmp_path / "out.png")).shape == IMAGE.shape
    assert run(monkeypatch, one, other, "--draw", str(tmp_path / "drawn")) == 0
    assert sorted(path.name for path in (tmp_path / "drawn").iterdir()) == ["a-2.jpg", "a.jpg"]
    with pytest.raises(UsageError, match="is one file for several pictures; name a folder"):
        run(monkeypatch, one, other, "--draw", str(tmp_path / "both.png"))
    with pytest.raises(UsageError, match="ends in none of"):
        run(monkeypatch, one, "--draw", str(tmp_path / "out.tiff"))


def test_a_page_holds_every_picture(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one, other = grey(tmp_path / "a.png"), grey(tmp_path / "b.png")
    assert run(monkeypatch, one, other, "--html", str(tmp_path / "report.html")) == 0
    page = (tmp_path / "report.html").read_text("utf-8")
    assert page.count("data:image/") == 2


def test_a_page_tells_what_could_not_be_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = grey(tmp_path / "a.png")
    (tmp_path / "b.jpg").write_bytes(b"<none>")
    assert run(monkeypatch, one, str(tmp_path / "b.jpg"), "--html", str(tmp_path / "report.htm")) == 65
    page = (tmp_path / "report.htm").read_text("utf-8")
    assert page.count("data:image/") == 1
    assert "<h1>Vedette <small>2 pictures, 1 could not be read</small></h1>" in page
    assert "b.jpg: not a picture that can be read" in page


@pytest.mark.parametrize("name", ["report.txt", "photo.jpg", "vedette.toml"])
def test_a_page_is_written_over_nothing_but_a_page(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    with pytest.raises(SystemExit):
        run(monkeypatch, grey(tmp_path / "a.png"), "--html", str(tmp_path / name))
    assert f"{name}: ends in none of .html, .htm" in capsys.readouterr().err


def test_small_faces_are_looked_for_when_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked = []

    class Faces:
        def find(self, _image: object, _floor: float, *, small: bool) -> Boxes:
            asked.append(small)
            return replace(NOTHING, landmarks=np.zeros((0, 5, 2), np.float32))

        def embed_all(self, *_: object) -> list[object]:
            return []

        def close(self) -> None:
            pass

        models = ()

    for words in ((), ("--small",)):
        abilities = Abilities(faces=Faces())  # type: ignore[arg-type]
        assert run(monkeypatch, grey(tmp_path / "a.png"), "--tasks", "faces", *words, abilities=abilities) == 0
    assert asked == [False, True]


def test_all_tasks_have_a_word(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert analyze._tasks("all") == analyze._tasks("faces,all") == analyze.NAMED
    assert {"ppe", "celebrities", "liveness"} < set(analyze.NAMED)
    missing = Abilities(properties=True, missing={"liveness": "run 'vedette models pull extended'"})
    assert run(monkeypatch, grey(tmp_path / "a.png"), "--tasks", "all", abilities=missing) == 69


def test_celebrity_packs_that_cannot_be_used_are_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    abilities = Abilities(
        properties=True, celebrities=Celebrities(faults=["stars.celebrities: its signature is wrong"])
    )
    assert run(monkeypatch, grey(tmp_path / "a.png"), abilities=abilities) == 65
    assert capsys.readouterr().err == "vedette: stars.celebrities: its signature is wrong\n"


def test_no_picture_is_written_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = grey(tmp_path / "a.jpg")
    before = Path(one).read_bytes()
    linked = tmp_path / "linked.jpg"
    linked.hardlink_to(one)
    pages = [tmp_path / "soft.html", tmp_path / "hard.html"]
    pages[0].symlink_to(one)
    pages[1].hardlink_to(one)
    drawn = [("--draw", str(place)) for place in (one, tmp_path, linked)]
    for words in (*drawn, *(("--html", str(page)) for page in pages)):
        with pytest.raises(UsageError, match="is one of the pictures, which would be lost"):
            run(monkeypatch, one, *words)
    assert Path(one).read_bytes() == before


def test_a_place_that_cannot_be_written_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = grey(tmp_path / "a.png")
    with pytest.raises(UsageError, match=r"a\.png is a file; name a place in a folder"):
        run(monkeypatch, one, "--html", f"{one}/page.html")
    (tmp_path / "page.html").mkdir()
    with pytest.raises(UsageError, match=r"page\.html: is a folder; name a file in it"):
        run(monkeypatch, one, "--html", str(tmp_path / "page.html"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(StorageError, match=r"cannot be written to; name another place"):
        run(monkeypatch, one, "--html", str(tmp_path / "other.html"))


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_photos_are_told_as_they_are(vedette: Command, photos: Photos) -> None:
    done = vedette("analyze", "--json", *photos("astronaut.png", "chelsea.png"))
    assert done.returncode == 0
    assert done.stderr == ""
    astronaut, cat = map(json.loads, done.stdout.splitlines())
    assert [item["label"] for item in astronaut["objects"]] == ["Person"]
    (face,) = astronaut["faces"]
    assert face["quality"] > 0.8
    assert 0.3 < face["box"]["x1"] < face["box"]["x2"] < 0.6
    assert [item["label"] for item in cat["objects"]] == ["Cat"]
    assert cat["faces"] == []
    assert {"Cat", "Mammal", "Animal"} <= {label["name"] for label in cat["labels"]}
    assert astronaut["moderation"]["flags"] == cat["moderation"]["flags"] == []
    assert face["details"]["gender"]["value"] == "Female"


@pytest.mark.parametrize("place", ["", "a b", "example,nope", "example/", "../x"])
def test_what_names_no_model_of_one_s_own_is_told_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, place: str
) -> None:
    with pytest.raises(InputError, match="names no version; write PROJECT or PROJECT/VERSION") as caught:
        run(monkeypatch, grey(tmp_path / "a.png"), "--custom", place)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 65
