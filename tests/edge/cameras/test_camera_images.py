"""A folder of pictures as a camera."""

from __future__ import annotations

import logging
import threading
from itertools import islice
from pathlib import Path

import cv2
import pytest

from edge.cameras.images import ImagesCamera
from edge.errors import CameraError

from .conftest import number_of, numbered

BAD_INPUT = Path(__file__).parents[3] / "../shared/data/badinput"


def put(folder: Path, name: str, number: int) -> None:
    (folder / name).write_bytes(cv2.imencode(Path(name).suffix, numbered(number))[1].tobytes())


def test_pictures_come_in_the_order_of_their_names(tmp_path: Path) -> None:
    for number, name in [(3, "c.JPG"), (1, "a.png"), (2, "b.bmp")]:
        put(tmp_path, name, number)
    (tmp_path / "notes.txt").write_text("not a picture, and not complained of")
    camera = ImagesCamera(path=tmp_path, seconds=0)
    assert not camera.live
    assert [number_of(image) for image, _ in camera.frames(threading.Event())] == [1, 2, 3]


def test_a_picture_is_shown_for_its_seconds_as_often_as_asked(tmp_path: Path) -> None:
    put(tmp_path, "a.png", 1)
    put(tmp_path, "b.png", 2)
    shown = list(ImagesCamera(path=tmp_path, seconds=0.2, fps=20).frames(threading.Event()))
    numbers = [number_of(image) for image, _ in shown]
    assert numbers == sorted(numbers)
    assert all(1 < numbers.count(number) <= 5 for number in (1, 2))
    assert [at for _, at in shown] == sorted({at for _, at in shown})


def test_unreadable_pictures_are_skipped_and_told_of_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    put(tmp_path, "b.png", 5)
    (tmp_path / "a.jpg").write_bytes(b"broken")
    (tmp_path / "c.jpg").symlink_to(tmp_path / "gone.jpg")
    with caplog.at_level(logging.WARNING):
        camera = ImagesCamera(path=tmp_path, seconds=0, loop=True)
        assert [number_of(image) for image, _ in islice(camera.frames(threading.Event()), 4)] == [5] * 4
    assert [record.getMessage().split(": ")[1] for record in caplog.records] == [
        str(tmp_path / "a.jpg"),
        str(tmp_path / "c.jpg"),
    ]


def test_a_loop_sees_what_was_added_meanwhile(tmp_path: Path) -> None:
    put(tmp_path, "a.png", 1)
    frames = ImagesCamera(path=tmp_path, seconds=0, loop=True).frames(threading.Event())
    next(frames)
    put(tmp_path, "b.png", 2)
    assert [number_of(image) for image, _ in islice(frames, 2)] == [1, 2]


def test_stop_ends_the_showing_of_a_picture(tmp_path: Path) -> None:
    put(tmp_path, "a.png", 1)
    put(tmp_path, "b.png", 2)
    stop = threading.Event()
    frames = ImagesCamera(path=tmp_path, seconds=3600).frames(stop)
    next(frames)
    threading.Timer(0.05, stop.set).start()
    assert next(frames, None) is None


def test_faults_name_the_folder_and_the_remedy(tmp_path: Path) -> None:
    put(tmp_path, "a.png", 1)
    (tmp_path / "empty").mkdir()
    for path, told in [
        (tmp_path / "empty", "no readable picture in this folder"),
        (tmp_path / "none", "no such file or directory"),
        (tmp_path / "a.png", "not a folder"),
    ]:
        with pytest.raises(CameraError, match=told) as caught:
            list(ImagesCamera(path=path, seconds=0).frames(threading.Event()))
        assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("folder", ["made", "pillow", "pngsuite_corrupt", "jpeg_fuzz"])
def test_hostile_folders_kill_nothing(folder: str, capfd: pytest.CaptureFixture[str]) -> None:
    if not BAD_INPUT.exists():
        pytest.skip("no corpus of bad pictures on this machine")
    images, fault = [], ""
    try:
        images += [image for image, _ in ImagesCamera(path=BAD_INPUT / folder, seconds=0).frames(threading.Event())]
    except CameraError as error:
        fault = str(error)
    assert all(image.ndim == 3 for image in images)
    assert ("no readable picture" in fault) == (folder == "pngsuite_corrupt")
    assert "libpng" not in capfd.readouterr().err
