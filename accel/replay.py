"""Replays tensors recorded in an .npz: a model's answers, without the model or its device."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from accel.session import AcceleratorError, Options, Session, Tensor, Tensors, TensorSpec, check_feeds


def open_model(weights: Path, options: Options) -> Session:
    """Open what `record` wrote."""
    try:
        with np.load(weights, allow_pickle=False) as file:
            recorded = {key: file[key] for key in file.files}
        inputs, outputs = (_specs(recorded, kind) for kind in ("input", "output"))
    except (OSError, EOFError, ValueError, KeyError, TypeError, BadZipFile) as error:
        raise AcceleratorError(
            f"{weights}: not a recording; see 'vedette models verify', or record it again"
        ) from error
    return ReplaySession(recorded, inputs, outputs, options.streams)


def check(options: Options) -> None:
    """Pass: numpy is all it takes."""


def version() -> str:
    return f"numpy {np.__version__}"


def record(session: Session, frames: Iterable[Tensors], file: Path) -> None:
    """Run at least one frame, and keep what went in and came out."""
    feeds = list(frames)
    answers = [session.run(frame) for frame in feeds]
    recorded: dict[str, Any] = _stacked("input", session.inputs, feeds) | _stacked("output", session.outputs, answers)
    np.savez_compressed(file, **recorded)


class ReplaySession:
    """Answers a frame with the outputs of the recorded frame that is nearest to it.

    The nearest, for another version of OpenCV scales a picture a little differently.
    """

    backend = "replay"
    device = "CPU"

    def __init__(
        self, recorded: Tensors, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], streams: int
    ) -> None:
        self.inputs, self.outputs, self.streams = inputs, outputs, streams
        self._recorded = recorded
        self._closed = False

    def run(self, feeds: Tensors) -> Tensors:
        check_feeds(self.inputs, feeds)
        if self._closed:
            raise AcceleratorError("the session is closed; open the model again")
        distances = sum(_distances(self._recorded[f"input/{spec.name}"], feeds[spec.name]) for spec in self.inputs)
        nearest = int(np.argmin(distances))
        return {spec.name: self._recorded[f"output/{spec.name}"][nearest].copy() for spec in self.outputs}

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        outputs = self.run(feeds)
        return lambda: outputs

    def close(self) -> None:
        self._closed = True


def _distances(recorded: Tensor, frame: Tensor) -> Tensor:
    """How far each recorded frame is from this one, on average over its numbers."""
    gaps = np.abs(recorded.astype(np.float64) - frame.astype(np.float64))
    distances: Tensor = gaps.reshape(len(recorded), -1).mean(axis=1)
    return distances


def _stacked(kind: str, specs: tuple[TensorSpec, ...], frames: list[Tensors]) -> Tensors:
    quantization = {spec.name: (spec.scale, spec.zero_point) for spec in specs}
    stacks = {f"{kind}/{spec.name}": np.stack([frame[spec.name] for frame in frames]) for spec in specs}
    # In the graph's order, which the members of a zip need not keep.
    return stacks | {kind: np.array(json.dumps(quantization))}


def _specs(recorded: Tensors, kind: str) -> tuple[TensorSpec, ...]:
    quantization: dict[str, tuple[float, int]] = json.loads(str(recorded[kind]))
    stacks = {name: recorded[f"{kind}/{name}"] for name in quantization}
    return tuple(TensorSpec(name, stack.shape[1:], stack.dtype, *quantization[name]) for name, stack in stacks.items())
