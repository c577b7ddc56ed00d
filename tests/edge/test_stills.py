"""Annotated pictures, the newest kept."""

import errno
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from edge.stills import Notes, Stills, StillSettings, annotate
from edge.values import Box, Detection


def test_marks_are_drawn_on_a_copy() -> None:
    image = np.zeros((120, 160, 3), np.uint8)
    drawn = annotate(image, [(Box(0.25, 0.25, 0.75, 0.75), "dog 1", "object")])
    assert drawn.any()
    assert not image.any()
    assert not drawn[60, 80].any(), "the inside of a box stays as it was"


def test_only_the_newest_are_kept(tmp_path: Path) -> None:
    stills = Stills(tmp_path, keep=3)
    image = np.zeros((32, 32, 3), np.uint8)
    paths = [stills.write(image, "door", float(second), "labels") for second in range(5)]
    assert sorted(str(path) for path in tmp_path.iterdir()) == paths[2:]
    Stills(tmp_path, keep=2).write(image, "door", 9.0, "labels")
    assert len(list(tmp_path.iterdir())) == 2


def test_a_disk_that_refuses_costs_the_picture_not_the_event(tmp_path: Path) -> None:
    stills = Stills(tmp_path / "stills", keep=3)
    (tmp_path / "stills").rmdir()
    assert stills.write(np.zeros((8, 8, 3), np.uint8), "door", 0.0, "labels") == ""


def test_half_a_picture_is_removed_and_told_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stills, image = Stills(tmp_path, keep=3), np.zeros((8, 8, 3), np.uint8)
    write = Path.write_bytes

    def half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", half)
    assert [stills.write(image, "door", float(second), "labels") for second in range(3)] == ["", "", ""]
    assert not list(tmp_path.iterdir())
    assert len(caplog.records) == 1
    monkeypatch.undo()
    assert Path(stills.write(image, "door", 4.0, "labels")).exists()


def test_the_undrawn_picture_is_kept_beside_with_what_was_found(tmp_path: Path) -> None:
    stills = Stills(tmp_path, keep=2, clean=True)
    image = np.full((32, 64, 3), 90, np.uint8)
    found = [Detection("Dog", 0.8, Box(0.25, 0.25, 0.5, 0.75))]
    for second in range(3):
        still = stills.write(image, "door", float(second), "track_started")
        stills.keep_clean(still, image, found)
    kept = sorted(path.name for path in (tmp_path / "clean").iterdir())
    assert kept == [
        "19700101T000001.000-door-track_started.jpg",
        "19700101T000001.000-door-track_started.json",
        "19700101T000002.000-door-track_started.jpg",
        "19700101T000002.000-door-track_started.json",
    ], "they rotate with the stills, and what was found goes with the picture"
    notes = Notes.model_validate_json((tmp_path / "clean" / kept[1]).read_bytes())
    assert [(one.label, one.score, one.x2) for one in notes.found] == [("Dog", 0.8, 0.5)]
    assert notes.labels is None


def test_without_being_asked_no_undrawn_picture_is_kept(tmp_path: Path) -> None:
    stills = Stills(tmp_path, keep=2)
    image = np.zeros((8, 8, 3), np.uint8)
    stills.keep_clean(stills.write(image, "door", 0.0, "labels"), image, [])
    assert [path.suffix for path in tmp_path.iterdir()] == [".jpg"]


def test_undrawn_pictures_need_a_folder() -> None:
    with pytest.raises(ValidationError, match="clean = true needs a folder"):
        StillSettings(clean=True)
