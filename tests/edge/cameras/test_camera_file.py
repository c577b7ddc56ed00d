"""A video file: what is taken of it, when, and how it ends."""

from __future__ import annotations

import math
import struct
import threading
import time
from itertools import islice, pairwise
from pathlib import Path

import cv2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.cameras import file
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


def test_a_file_that_fell_behind_is_stamped_as_of_now(film: Film, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file, "LATE", 0.1)
    frames = FileCamera(path=film(8, fps=20), fps=0).frames(threading.Event())
    _, first = next(frames)
    time.sleep(0.4)
    awake = time.time()
    times = [at for _, at in frames]
    assert times[0] >= awake - 0.1
    assert all(before < after for before, after in pairwise([first, *times]))


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


def test_a_small_file_that_claims_huge_frames_is_refused_before_a_frame_is_decoded(film: Film) -> None:
    path = film(2)
    data = bytearray(path.read_bytes())
    for at in (data.index(b"avih") + 40, data.index(b"strf") + 12):
        data[at : at + 8] = struct.pack("<II", 12_000, 9_000)
    frame = -1
    while (frame := data.find(b"\xff\xc0\x00\x11\x08", frame + 1)) >= 0:  # the JPEG frames claim it too
        data[frame + 5 : frame + 9] = struct.pack(">HH", 9_000, 12_000)
    path.write_bytes(data)
    with pytest.raises(
        CameraError, match="frames of 12000 x 9000 pixels are too large; have them made smaller than 64"
    ):
        numbers(FileCamera(path=path, pace="fast"))


@pytest.fixture
def mp4(tmp_path: Path) -> bytes:
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 25, (64, 48))
    for number in range(10):
        writer.write(numbered(number))
    writer.release()
    return path.read_bytes()


def fate(path: Path, data: bytes) -> int | str:
    """How many frames are played, or why none are."""
    path.write_bytes(data)
    frames, reason = 0, ""
    try:
        for _ in FileCamera(path=path, pace="fast", fps=0).frames(threading.Event()):
            frames += 1
    except CameraError as error:
        reason = str(error)
    assert not reason or (reason.startswith(f"{path}: ") and "\n" not in reason)
    return reason or frames


def test_an_mp4_whose_recording_was_cut_off_says_so(mp4: bytes, tmp_path: Path) -> None:
    index = mp4.index(b"moov") - 4
    path = tmp_path / "cut.mp4"
    assert fate(path, mp4) == 10
    for cut in (mp4[:index], mp4[: index + 4], mp4[:40], mp4.replace(b"moov", b"free")):
        assert "cut off, for its index is missing (no 'moov')" in str(fate(path, cut))
    large = mp4[:index] + struct.pack(">I4sQ", 1, b"free", 32) + bytes(16) + mp4[index:]  # a box with a 64-bit size
    assert fate(path, large) == 10
    assert "index is missing" in str(fate(path, mp4[:index] + bytes(500)))


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(changes=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=12), end=st.floats(0, 1))
def test_an_mp4_with_changed_bytes_is_played_or_refused(
    mp4: bytes, tmp_path: Path, changes: list[tuple[float, int]], end: float
) -> None:
    data = bytearray(mp4)
    for at, value in changes:
        data[int(at * (len(data) - 1))] = value
    fate(tmp_path / "odd.mp4", bytes(data[: int((0.5 + end) * len(data))]))


@pytest.mark.parametrize(
    ("name", "played"),
    [
        ("empty.mp4", 0),
        ("trunc_50.mp4", 0),
        ("no_moov.mp4", 0),
        ("jpeg_named.mp4", 0),
        ("av1.mkv", 0),
        ("bitflips.mp4", 190),
    ],
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
