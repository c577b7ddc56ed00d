"""Memory for pictures, used again."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np

from edge.cameras.buffers import KEPT, Buffers
from edge.cameras.file import FileCamera
from edge.values import Image


def image(side: int = 4) -> Image:
    return np.zeros((side, side, 3), np.uint8)


def test_a_picture_that_nobody_holds_is_used_again() -> None:
    buffers = Buffers()
    buffers.keep(image())
    first = buffers.spare()

    assert first is not None
    assert buffers.spare() is None  # `first` is held here
    address = first.ctypes.data
    del first
    assert buffers.spare().ctypes.data == address  # type: ignore[union-attr]


def test_a_part_of_a_picture_holds_it() -> None:
    buffers = Buffers()
    buffers.keep(image())
    part = buffers.spare()[1:3, 1:3]  # type: ignore[index]

    assert buffers.spare() is None
    del part
    assert buffers.spare() is not None


def test_another_size_drives_the_older_ones_out() -> None:
    buffers = Buffers()
    buffers.keep(image(4))
    buffers.keep(image(8))

    assert buffers.spare().shape == (8, 8, 3)  # type: ignore[union-attr]
    assert len({id(kept) for kept in buffers._kept}) == 1


def test_no_more_are_kept_than_a_camera_needs() -> None:
    buffers = Buffers()
    held = [image() for _ in range(KEPT + 2)]
    for one in held:
        buffers.keep(one)

    assert len(buffers._kept) == KEPT


def test_pictures_that_are_held_stay_as_they_are(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for grey in range(0, 200, 10):
        writer.write(np.full((48, 64, 3), grey, np.uint8))
    writer.release()
    camera = FileCamera(path=clip, pace="fast", fps=0)

    shown = [int(picture.mean()) for picture, _ in camera.frames(threading.Event())]
    held = [picture for picture, _ in camera.frames(threading.Event())]

    assert [int(picture.mean()) for picture in held] == shown
    assert len(set(shown)) == len(shown) == 20


def test_a_camera_whose_pictures_are_let_go_needs_two(tmp_path: Path) -> None:
    clip = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 25, (64, 48))
    for _ in range(20):
        writer.write(np.zeros((48, 64, 3), np.uint8))
    writer.release()

    places = {picture.ctypes.data for picture, _ in FileCamera(path=clip, pace="fast").frames(threading.Event())}

    assert len(places) <= 3
