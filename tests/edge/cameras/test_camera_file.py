"""A video file: what is taken of it, when, and how it ends."""

from __future__ import annotations

import math
import threading
import time
from itertools import islice, pairwise
from pathlib import Path

import cv2
import pytest

from edge.cameras.file import FileCamera
from edge.errors import CameraError

from .conftest import Film, number_of, numbered

BAD_INPUT = Path(__file__).parents[3] / "../shared/data/badinput/video"


def numbers(camera: FileCamera, first: int = 1000) -> list[int]:
    return [number_of(image) for image, _ in islice(camera.frames(threading.Event()), first)]


def test_fast_gives_every_frame_once_and_ends(film: Film) -> None:
    camera = FileCamera(path=film(10), pace="fast", fps=0)
    assert not camera.live
    assert numbers(camera) == list(range(10))


def test_frames_are_taken_at_the_rate_asked_for(film: Film) -> None:
    assert numbers(FileCamera(path=film(16, fps=25), pace="fast", fps=5)) == [0, 5, 10, 15]


def test_frames_are_stamped_with_the_files_own_time(film: Film) -> None:
    before = time.time()
    times = [at for _, at in FileCamera(path=film(5, fps=10), pace="fast", fps=0).frames(threading.Event())]
    assert before <= times[0] <= time.time()
    assert [at - times[0] for at in times] == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.4], abs=0.01)


def test_realtime_is_never_ahead_of_the_files_own_speed(film: Film) -> None:
    camera = FileCamera(path=film(8, fps=20), fps=0)
    assert camera.live
    early = [at - time.time() for _, at in camera.frames(threading.Event())]
    assert len(early) == 8
    assert max(early) < 0.01


def test_a_loop_goes_on_with_rising_times(film: Film) -> None:
    camera = FileCamera(path=film(3), pace="fast", fps=0, loop=True)
    frames = list(islice(camera.frames(threading.Event()), 8))
    assert [number_of(image) for image, _ in frames] == [0, 1, 2, 0, 1, 2, 0, 1]
    assert all(before < after for (_, before), (_, after) in pairwise(frames))


def test_stop_ends_a_wait(film: Film) -> None:
    stop = threading.Event()
    frames = FileCamera(path=film(10, fps=0.5), fps=0).frames(stop)
    next(frames)
    threading.Timer(0.05, stop.set).start()
    began = time.monotonic()
    assert next(frames, None) is None
    assert time.monotonic() - began < 0.5


def test_stop_ends_an_endless_loop(film: Film) -> None:
    stop = threading.Event()
    for count, _ in enumerate(FileCamera(path=film(3), pace="fast", loop=True).frames(stop)):
        if count == 5:
            stop.set()
    assert count == 5


def test_every_frame_is_adjusted(film: Film) -> None:
    camera = FileCamera(path=film(1), pace="fast", rotate=90, region=(0.0, 0.0, 0.5, 1.0))
    (image, at), *_ = camera.frames(threading.Event())
    assert image.shape == (32, 48, 3)
    assert math.isfinite(at)


def test_faults_name_the_file_and_the_remedy(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text, photo = tmp_path / "text.mp4", tmp_path / "photo.mp4"
    text.write_bytes(b"no video" * 100)
    photo.write_bytes(cv2.imencode(".jpg", numbered(3))[1].tobytes())
    for path, told in [
        (tmp_path / "none.mp4", "no such file or directory; check 'path'"),
        (tmp_path, 'a folder; give its pictures with kind = "images"'),
        (text, "not a video"),
        (photo, "a JPEG picture, not a video"),
    ]:
        with pytest.raises(CameraError, match=told) as caught:
            numbers(FileCamera(path=path, pace="fast"))
        assert str(caught.value).startswith(str(path))
    assert capfd.readouterr().err == ""


def test_a_damaged_stretch_does_not_end_a_film(film: Film) -> None:
    path = film(12)
    data = bytearray(path.read_bytes())
    fifth = [at for at in range(data.find(b"movi"), len(data) - 4) if data[at : at + 4] == b"00dc"][4]
    length = int.from_bytes(data[fifth + 4 : fifth + 8], "little")
    data[fifth + 28 : fifth + 8 + length] = bytes(length - 20)  # its JPEG ends after 20 bytes
    path.write_bytes(data)
    taken = numbers(FileCamera(path=path, pace="fast", fps=0))
    assert taken == [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize(
    ("name", "played"),
    [("empty.mp4", 0), ("trunc_50.mp4", 0), ("jpeg_named.mp4", 0), ("av1.mkv", 0), ("bitflips.mp4", 190)],
)
def test_odd_and_damaged_videos(name: str, played: int, capfd: pytest.CaptureFixture[str]) -> None:
    if not BAD_INPUT.exists():
        pytest.skip("no corpus of bad videos on this machine")
    frames, fault = [], ""
    try:
        frames += FileCamera(path=BAD_INPUT / name, pace="fast", fps=5).frames(threading.Event())
    except CameraError as error:
        fault = str(error)
    assert len(frames) >= played
    assert bool(fault) == (not played)
    assert "\n" not in fault
    assert capfd.readouterr().err == ""
