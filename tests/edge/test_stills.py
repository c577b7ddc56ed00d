"""Annotated pictures, the newest kept."""

import errno
from pathlib import Path

import numpy as np
import pytest

from edge.stills import Stills, annotate
from edge.values import Box


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
