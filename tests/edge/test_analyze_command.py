"""`vedette analyze`: what is said of a picture, for people and for machines."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from edge.abilities import Abilities
from edge.commands import analyze
from edge.commands.analyze import _human, describe
from edge.values import Box, Face, Label, ModelUse
from edge.vision.faces import FaceView
from models.outputs import Boxes

IMAGE = np.zeros((100, 200, 3), np.uint8)
Command = Callable[..., "subprocess.CompletedProcess[str]"]
Photos = Callable[..., list[Path]]


def everything() -> Any:
    """Abilities that see one dog, one face, a cat's name and nothing to be ashamed of."""
    dog = Boxes(np.array([[20, 10, 120, 60]], np.float32), np.array([0.81], np.float32), np.ones(1, np.int64))
    face = Face(Box(0.1, 0.2, 0.3, 0.6), 0.9, ((0.15, 0.3), (0.25, 0.3), (0.2, 0.4), (0.16, 0.5), (0.24, 0.5)))
    view = FaceView(face, np.zeros(128, np.float32), 0.75, ModelUse("embedding", "sface", 1, "d" * 64, "replay"))
    return Abilities(
        objects=SimpleNamespace(labels=("Person", "Dog"), detect=lambda _image, _floor: dog),  # type: ignore[arg-type]
        faces=SimpleNamespace(analyze=lambda _image, _floor: [view]),  # type: ignore[arg-type]
        labels=SimpleNamespace(look=lambda _image, _floor: [Label("Cat", 0.9, ("Feline", "Animal"))]),  # type: ignore[arg-type]
        moderation=SimpleNamespace(score=lambda _image: 0.01234567),  # type: ignore[arg-type]
    )


def test_every_ability_has_its_say() -> None:
    seen = describe(IMAGE, everything())
    assert (seen["width"], seen["height"]) == (200, 100)
    assert seen["objects"] == [{"label": "Dog", "score": 0.81, "box": {"x1": 0.1, "y1": 0.1, "x2": 0.6, "y2": 0.6}}]
    (face,) = seen["faces"]
    assert (face["score"], face["quality"], len(face["landmarks"])) == (0.9, 0.75, 5)
    assert "vector" not in face
    assert seen["labels"] == [{"name": "Cat", "score": 0.9, "parents": ["Feline", "Animal"]}]
    assert seen["moderation"] == {"Explicit": 0.0123}
    assert "missing" not in seen


def test_what_was_not_asked_for_is_left_out_and_what_cannot_be_had_says_why() -> None:
    seen = describe(IMAGE, Abilities(missing={"labels": "run 'vedette models pull'"}))
    assert seen == {"width": 200, "height": 100, "missing": {"labels": "run 'vedette models pull'"}}


def test_people_read_lines() -> None:
    document = {"image": "door.jpg", **describe(IMAGE, everything()), "missing": {"objects": "no model"}}
    assert _human(document).splitlines() == [
        "door.jpg  200x100",
        "  object  0.81  Dog  [0.100 0.100 0.600 0.600]",
        "  face    0.90  quality 0.75  [0.100 0.200 0.300 0.600]",
        "  label   0.90  Cat < Feline < Animal",
        "  flag    0.01  Explicit",
        "  no objects: no model",
    ]


def test_an_unknown_task_names_those_there_are(vedette: Command) -> None:
    done = vedette("analyze", "--tasks", "labels,smells", "door.jpg")
    assert done.returncode == 2
    assert "smells" in done.stderr
    assert "objects, faces, labels, moderation" in done.stderr


def test_any_file_name_gives_valid_json(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("edge.abilities.open_abilities", lambda *_: Abilities())
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.png"))
    path.write_bytes(cv2.imencode(".png", IMAGE)[1].tobytes())
    args = argparse.Namespace(config=None, tasks=frozenset(), images=[path], json=True)
    assert analyze._analyze(args) == 0
    out = capsys.readouterr().out.encode("utf-8")  # which refuses a lone surrogate
    assert json.loads(out)["image"] == str(path)


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
    assert max(astronaut["moderation"]["Explicit"], cat["moderation"]["Explicit"]) < 0.1
