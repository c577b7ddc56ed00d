from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accel.replay import record
from accel.session import AcceleratorError, Session, Tensors, TensorSpec, open_session


class Halver:
    """A session of two inputs and two outputs, the second of them quantized."""

    backend, device, streams = "none", "none", 1
    inputs = (TensorSpec("z", (2,), np.dtype(np.float32)), TensorSpec("a", (), np.dtype(np.uint8)))
    outputs = (TensorSpec("y", (2,), np.dtype(np.float32)), TensorSpec("b", (), np.dtype(np.int8), 0.5, -128))

    def run(self, feeds: Tensors) -> Tensors:
        return {"y": feeds["z"] / 2, "b": np.asarray(feeds["a"] // 2, np.int8)}


@pytest.fixture
def session(tmp_path: Path) -> Session:
    record(Halver(), [frame(0, 0), frame(8, 8), frame(8, 100)], tmp_path / "halves.npz")  # type: ignore[arg-type]
    return open_session("replay", tmp_path / "halves.npz")


def frame(z: float, a: int) -> Tensors:
    return {"z": np.array([z, z], np.float32), "a": np.array(a, np.uint8)}


def test_names_order_and_quantization_are_kept(session: Session) -> None:
    assert session.inputs == Halver.inputs
    assert session.outputs == Halver.outputs


def test_the_nearest_recorded_frame_answers(session: Session) -> None:
    assert session.run(frame(8, 100))["b"] == 50
    assert session.run(frame(7, 9))["y"].tolist() == [4, 4]
    assert session.run(frame(7, 9))["b"] == 4
    assert session.run(frame(1, 3))["b"] == 0


def test_an_answer_may_be_written_to(session: Session) -> None:
    session.run(frame(8, 8))["y"][:] = 99
    assert session.run(frame(8, 8))["y"].tolist() == [4, 4]


def test_another_npz_is_no_recording(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", numbers=np.zeros(3))
    with pytest.raises(AcceleratorError, match=r"other\.npz: not a recording"):
        open_session("replay", tmp_path / "other.npz")
