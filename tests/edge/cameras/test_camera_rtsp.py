"""Network cameras against real servers: what they give, how they fail, and what they never tell."""

from __future__ import annotations

import http.server
import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import ClassVar

import cv2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from edge.cameras import parse, reopen, rtsp
from edge.cameras.capture import picture
from edge.cameras.rtsp import RtspCamera
from edge.errors import CameraError, InputError
from tests.brokers import free_port
from tests.rtsp import RtspServer

from .conftest import Film, number_of, numbered

SECRET = "tulip77"
WAIT = 10.0  # seconds, for what should take one


def camera(url: str, **settings: object) -> RtspCamera:
    return RtspCamera.model_validate({"url": url, "timeout": WAIT, **settings})


def serving(port: int, pattern: str = "blue", transport: str = "tcp", *login: str) -> RtspServer:
    return RtspServer(port, pattern, transport, login)


class MotionJpeg(http.server.BaseHTTPRequestHandler):
    """Sixteen numbered pictures, then silence until `over`, or the end."""

    over: ClassVar[threading.Event | None] = None
    damaged: ClassVar[int] = -1

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        for number in range(16):
            data = cv2.imencode(".jpg", numbered(number))[1].tobytes()
            data = data[:20] + bytes(len(data) - 20) if number == self.damaged else data
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
            self.wfile.write(head.encode() + data + b"\r\n")
        self.wfile.flush()
        if self.over:
            self.over.wait(WAIT)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def motion_jpeg(over: threading.Event | None = None, damaged: int = -1) -> Iterator[str]:
    handler = type("Handler", (MotionJpeg,), {"over": over, "damaged": damaged})
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
        finally:
            if over:
                over.set()
            server.shutdown()
            thread.join()


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_frames_come_over_the_transport_asked_for(transport: str) -> None:
    port = free_port()
    with serving(port, "blue", transport):
        door = camera(f"rtsp://127.0.0.1:{port}/door", transport=transport, fps=0)
        image, at = next(door.frames(threading.Event()))
        assert image.shape == (240, 320, 3)
        assert image.mean(axis=(0, 1)) == pytest.approx((254, 0, 0), abs=4)
        assert abs(at - time.time()) < WAIT


def test_cameras_of_both_transports_open_at_once() -> None:
    ports = {"tcp": free_port(), "udp": free_port()}
    seen: dict[str, int] = {}

    def look(transport: str) -> None:
        door = camera(f"rtsp://127.0.0.1:{ports[transport]}/door", transport=transport)
        seen[transport] = len(list(islice(door.frames(threading.Event()), 1)))

    with serving(ports["tcp"], "blue", "tcp"), serving(ports["udp"], "red", "udp"):
        threads = [threading.Thread(target=look, args=(transport,)) for transport in ports]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert seen == {"tcp": 1, "udp": 1}


def test_the_rate_is_kept() -> None:
    port = free_port()
    with serving(port):
        frames = camera(f"rtsp://127.0.0.1:{port}/door", fps=10).frames(threading.Event())
        times = [at for _, at in islice(frames, 11)]
    assert times[-1] - times[0] == pytest.approx(1.0, abs=0.3)


def test_a_server_that_stops_and_starts_again_is_found_again() -> None:
    port, stop, states = free_port(), threading.Event(), []
    door = camera(f"rtsp://127.0.0.1:{port}/door", fps=0)
    frames = reopen(door, stop, lambda state, reason: states.append((state, reason)))
    enough = threading.Timer(6 * WAIT, stop.set)
    enough.start()
    with serving(port, "blue"):
        image, _ = next(frames)
        assert image[..., 0].mean() > 200
    with serving(port, "red"):
        while image[..., 2].mean() < 200:  # frames in flight are still blue
            image, _ = next(frames)
    assert [state for state, _ in states][:2] == ["online", "offline"]
    assert states[-1] == ("online", "")
    stop.set()
    assert next(frames, None) is None
    enough.cancel()


def test_a_wrong_password_is_refused_and_never_told(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    port, stop, states = free_port(), threading.Event(), []

    def told(state: str, reason: str) -> None:
        states.append((state, reason))
        stop.set()

    with serving(port, "blue", "tcp", "guard", SECRET):
        right = camera(f"rtsp://guard:{SECRET}@127.0.0.1:{port}/door")
        assert len(list(islice(right.frames(threading.Event()), 1))) == 1
        wrong = camera(f"rtsp://guard:{SECRET}x@127.0.0.1:{port}/door?password={SECRET}")
        assert not list(reopen(wrong, stop, told))
    ((state, reason),) = states
    assert state == "offline"
    assert reason.startswith(f"rtsp://127.0.0.1:{port}/…: no video; check the URL's user, password")
    out, err = capfd.readouterr()
    for text in (reason, repr(wrong), str(wrong), wrong.place, caplog.text, out, err):
        assert SECRET not in text


def test_motion_jpeg_over_http_is_a_network_camera_too() -> None:
    with motion_jpeg() as url:
        frames = camera(url, fps=0).frames(threading.Event())
        assert [number_of(image) for image, _ in islice(frames, 15)] == list(range(15))
        with pytest.raises(CameraError, match="the stream ended"):
            list(frames)


def test_a_frame_that_cannot_be_decoded_is_not_the_end() -> None:
    with motion_jpeg(damaged=7) as url:
        numbers = [number_of(image) for image, _ in islice(camera(url, fps=0).frames(threading.Event()), 14)]
    assert numbers == [0, 1, 2, 3, 4, 5, 6, 8, 9, 10, 11, 12, 13, 14]


@contextmanager
def sending(film: bytes) -> Iterator[str]:
    """A camera that sends a film's bytes at once, and after them neither more nor an end."""
    over = threading.Event()

    class Sending(MotionJpeg):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(film)
            self.wfile.flush()
            over.wait(WAIT)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sending) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/film"
        finally:
            over.set()
            server.shutdown()
            thread.join()


def film_between_frames(path: Path) -> bytes:
    """Thirty MPEG-4 frames: FFmpeg would decode several of them at once, each on a thread of its own."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"XVID"), 25, (64, 48))
    for number in range(30):
        writer.write(numbered(number % 16))
    writer.release()
    data = path.read_bytes()
    return data[: data.rindex(b"idx1")]


def test_the_newest_frame_is_not_held_back_by_threads_that_decode(tmp_path: Path) -> None:
    with sending(film_between_frames(tmp_path / "film.avi")) as url:
        frames = camera(url, fps=0, timeout=1.0).frames(threading.Event())
        assert [number_of(image) for image, _ in islice(frames, 30)] == [number % 16 for number in range(30)]
        with pytest.raises(CameraError, match="no frame in 1 s"):
            next(frames)


def test_only_frames_that_are_taken_are_converted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    converted = []
    monkeypatch.setattr(rtsp, "picture", lambda *given: converted.append(1) or picture(*given))
    with sending(film_between_frames(tmp_path / "film.avi")) as url, pytest.raises(CameraError):
        for _ in camera(url, fps=0.01, timeout=1.0).frames(threading.Event()):
            pass
    assert len(converted) == 1


def test_a_camera_that_falls_silent_is_given_up_after_the_timeout() -> None:
    with motion_jpeg(over=threading.Event()) as url:
        frames = camera(url, fps=0, timeout=1.0).frames(threading.Event())
        next(frames)
        began = time.monotonic()
        with pytest.raises(CameraError, match="no frame in 1 s"):
            list(frames)
        assert 0.5 < time.monotonic() - began < WAIT


def test_after_stop_a_hanging_read_ends_with_the_timeout_and_without_an_error() -> None:
    stop = threading.Event()
    with motion_jpeg(over=threading.Event()) as url:
        frames = camera(url, fps=0, timeout=1.0).frames(stop)
        next(frames)
        threading.Timer(0.3, stop.set).start()
        assert len(list(frames)) <= 15


def test_one_camera_that_does_not_answer_does_not_hold_up_the_others(film: Film) -> None:
    path = film(3)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        silent = camera(f"rtsp://127.0.0.1:{mute.getsockname()[1]}/door", timeout=2.0)
        faults: list[str] = []

        def look() -> None:
            with pytest.raises(CameraError) as caught:
                next(silent.frames(threading.Event()))
            faults.append(str(caught.value))

        thread = threading.Thread(target=look)
        thread.start()
        time.sleep(0.3)
        assert len(list(parse(str(path)).frames(threading.Event()))) > 0
        assert thread.is_alive()
        thread.join()
    assert "the port is open but answered nothing in 2 s; check that a camera serves this URL there" in faults[0]


def test_a_host_that_is_not_there_says_so() -> None:
    with pytest.raises(CameraError, match=r"rtsp://127.0.0.1:\d+/…: connection refused; check the URL's host and port"):
        next(camera(f"rtsp://127.0.0.1:{free_port()}/door").frames(threading.Event()))


@pytest.mark.parametrize(
    "url",
    [
        f"rtsp://guard:{SECRET}#1@host/door",
        f"rtsp://guard:1/{SECRET}@host/door",
        f"rtsp://guard:1?{SECRET}@host/door",
        f"rtsp:///{SECRET}",
        f"ftp://{SECRET}@host/",
        f"rtsp://[{SECRET}/",
        f"rtsp://host:{SECRET}/",
    ],
)
def test_a_url_that_could_be_misread_is_refused_without_being_told(url: str) -> None:
    with pytest.raises(ValidationError, match="write @ as %40") as refused:
        camera(url)
    with pytest.raises(InputError, match="the camera's URL must be rtsp://") as typed:
        parse(url)
    assert SECRET not in str(refused.value) + str(typed.value)


@given(st.text("abzAZ059:@/?#[]%&=. ", min_size=4, max_size=12))
def test_no_password_ends_up_in_the_place(password: str) -> None:
    secret = f"\N{SNOWMAN}{password}\N{SNOWMAN}"
    try:
        told = RtspCamera(url=SecretStr(f"rtsp://guard:{secret}@host/door?key={secret}")).place
        assert told == "rtsp://host:554/…"  # and not a part of the password taken for the host
    except ValidationError as error:
        told = str(error)
    assert "\N{SNOWMAN}" not in told


def test_the_place_names_the_port_and_brackets() -> None:
    assert camera("https://u:p@cam.lan/x?y").place == "https://cam.lan:443/…"
    assert camera("rtsp://[fe80::1]:8554/x").place == "rtsp://[fe80::1]:8554/…"
