"""One contract for all back ends: each runs 255 - x on four bytes, or says why it cannot run here."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from accel import session as contract
from accel.session import BACKENDS, AcceleratorError, Options, Session, Tensors, open_session

# Each writes the model for its back end into a folder and tells how to open it, or skips with a reason.
Case = Callable[[Path, pytest.FixtureRequest], tuple[Path, Options]]


def openvino(folder: Path, request: pytest.FixtureRequest) -> tuple[Path, Options]:
    pytest.importorskip("openvino", reason="openvino is not installed")
    return request.getfixturevalue("write_ir")(folder), Options(precision="f32")


def tflite(folder: Path, request: pytest.FixtureRequest) -> tuple[Path, Options]:
    if reason := contract.probe("tflite"):
        pytest.skip(reason)
    weights = folder / "model.tflite"
    weights.write_bytes(request.getfixturevalue("tflite_model")())
    return weights, Options()


def coral(folder: Path, request: pytest.FixtureRequest) -> tuple[Path, Options]:
    if reason := contract.probe("tflite"):
        pytest.skip(reason)
    weights = folder / "model.tflite"
    weights.write_bytes(request.getfixturevalue("tflite_model")("edgetpu-custom-op"))
    return weights, Options(library=request.getfixturevalue("fake_edgetpu"))


def replay(folder: Path, request: pytest.FixtureRequest) -> tuple[Path, Options]:
    images = np.arange(256, dtype=np.uint8).repeat(4).reshape(256, 1, 4)
    others = np.array([[[0, 1, 128, 255]], [[0, 2, 4, 6]], [[1, 2, 3, 4]], [[5, 6, 7, 8]]], np.uint8)
    request.getfixturevalue("write_recording")(folder / "model.npz", np.concatenate([images, others]))
    return folder / "model.npz", Options()


CASES: dict[str, Case] = {"openvino": openvino, "tflite": tflite, "coral": coral, "replay": replay}


def image(*values: int) -> Tensors:
    return {"image": np.array([values], np.uint8)}


# By default, as each back end runs on its own; besides, the other way round.
WAYS = [(backend, None) for backend in BACKENDS] + [("openvino", True), ("replay", True), ("coral", False)]


@pytest.fixture(params=WAYS, ids=lambda way: way[0] + {None: "", True: "-isolated", False: "-in-process"}[way[1]])
def way(request: pytest.FixtureRequest) -> tuple[str, bool | None]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
def backend(way: tuple[str, bool | None]) -> str:
    return way[0]


@pytest.fixture
def model(way: tuple[str, bool | None], tmp_path: Path, request: pytest.FixtureRequest) -> tuple[Path, Options]:
    backend, isolate = way
    weights, options = CASES[backend](tmp_path, request)
    return weights, replace(options, isolate=isolate)


@pytest.fixture
def session(backend: str, model: tuple[Path, Options]) -> Iterator[Session]:
    weights, options = model
    opened = open_session(backend, weights, options)
    yield opened
    opened.close()


def test_every_back_end_is_under_contract() -> None:
    assert set(CASES) == set(BACKENDS)


def test_it_works_here_and_tells_its_version(backend: str, model: tuple[Path, Options]) -> None:
    assert contract.probe(backend, model[1]) is None
    assert contract.version(backend)


def test_a_session_tells_what_it_is_and_what_it_wants(backend: str, session: Session) -> None:
    (wanted,), (given,) = session.inputs, session.outputs
    assert (session.backend, session.streams) == (backend, 1)
    assert session.device
    assert (wanted.name, wanted.shape, wanted.dtype) == ("image", (1, 4), np.uint8)
    assert (given.name, given.shape, given.dtype) == ("inverse", (1, 4), np.uint8)


def test_run_computes(session: Session) -> None:
    outputs = session.run(image(0, 1, 128, 255))
    assert outputs.keys() == {"inverse"}
    assert outputs["inverse"].tolist() == [[255, 254, 127, 0]]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(8, dtype=np.uint8).reshape(1, 8)[:, ::2],
        np.frombuffer(bytes([0, 2, 4, 6]), np.uint8).reshape(1, 4),
        np.asfortranarray(np.array([[0, 2, 4, 6]], np.uint8)),
    ],
    ids=["with gaps", "read-only", "in Fortran's order"],
)
def test_any_layout_in_memory_is_read_rightly(session: Session, array: Any) -> None:
    assert session.run({"image": array})["inverse"].tolist() == [[255, 253, 251, 249]]


def test_outputs_belong_to_the_caller(session: Session) -> None:
    first = session.run(image(1, 2, 3, 4))["inverse"]
    second = session.run(image(5, 6, 7, 8))["inverse"]
    assert first.tolist() == [[254, 253, 252, 251]]
    first[:] = 0
    assert second.tolist() == [[250, 249, 248, 247]]


def test_submissions_answer_in_the_order_they_are_asked(backend: str, model: tuple[Path, Options]) -> None:
    weights, options = model
    session = open_session(backend, weights, replace(options, streams=3))
    waits = [session.submit(image(n, n, n, n)) for n in range(session.streams)]
    answers = [wait()["inverse"][0, 0] for wait in reversed(waits)]
    assert answers == [255 - n for n in reversed(range(session.streams))]
    session.close()


def test_a_forgotten_submission_gives_its_place_back(session: Session) -> None:
    for n in range(3):
        session.submit(image(n, n, n, n))
    assert session.submit(image(9, 9, 9, 9))()["inverse"][0, 0] == 246


@pytest.mark.parametrize("streams", [1, 2])
def test_many_threads_each_get_their_own_answer(backend: str, model: tuple[Path, Options], streams: int) -> None:
    weights, options = model
    session = open_session(backend, weights, replace(options, streams=streams, threads=2))

    def ask(n: int) -> int:
        answer = session.run(image(n, n, n, n)) if n % 2 else session.submit(image(n, n, n, n))()
        return int(answer["inverse"][0, 3])

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(ask, range(200))) == [255 - n for n in range(200)]
    session.close()


@pytest.mark.parametrize(
    ("feeds", "message"),
    [
        ({"picture": np.zeros((1, 4), np.uint8)}, r"inputs are \['image'\], not \['picture'\]"),
        ({}, r"inputs are \['image'\], not \[\]"),
        (image(0, 0, 0, 0) | {"more": np.zeros(1)}, r"inputs are \['image'\], not \['image', 'more'\]"),
        ({"image": np.zeros((1, 5), np.uint8)}, r"input 'image' is uint8\[1, 4\], not uint8\[1, 5\]"),
        ({"image": np.zeros(4, np.uint8)}, r"input 'image' is uint8\[1, 4\], not uint8\[4\]"),
        ({"image": np.zeros((1, 4), np.float32)}, r"input 'image' is uint8\[1, 4\], not float32\[1, 4\]"),
    ],
    ids=["wrong name", "no input", "one too many", "wrong size", "wrong rank", "wrong dtype"],
)
def test_wrong_feeds_are_named(session: Session, feeds: Tensors, message: str) -> None:
    with pytest.raises(AcceleratorError, match=message):
        session.run(feeds)
    with pytest.raises(AcceleratorError, match=message):
        session.submit(feeds)
    assert session.run(image(0, 0, 0, 0))["inverse"].tolist() == [[255] * 4]


def test_closing_twice_is_once(session: Session) -> None:
    session.close()
    session.close()
    with pytest.raises(AcceleratorError, match="closed"):
        session.run(image(0, 0, 0, 0))
    with pytest.raises(AcceleratorError, match="closed"):
        session.submit(image(0, 0, 0, 0))


def test_what_was_submitted_ends_after_closing(session: Session) -> None:
    wait = session.submit(image(1, 1, 1, 1))
    session.close()
    assert wait()["inverse"][0, 0] == 254


@pytest.mark.parametrize("content", [b"", b"no model at all, only a sentence of some length"], ids=["empty", "garbage"])
def test_a_corrupt_file_is_named(backend: str, model: tuple[Path, Options], content: bytes) -> None:
    weights, options = model
    weights.write_bytes(content)
    with pytest.raises(AcceleratorError, match="vedette models verify") as caught:
        open_session(backend, weights, options)
    assert str(caught.value).startswith(f"{weights}: ")
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(backend: str, model: tuple[Path, Options]) -> None:
    weights = model[0].with_name(f"absent{model[0].suffix}")
    with pytest.raises(AcceleratorError, match=r"absent\.\w+: no such file; fetch it with 'vedette models pull'"):
        open_session(backend, weights, model[1])
