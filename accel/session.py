"""What every back end gives back: named arrays in, named arrays out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Tensor = NDArray[Any]
Tensors = dict[str, Tensor]
Precision = Literal["", "f32", "bf16", "f16"]

BACKENDS = ("openvino", "tflite", "coral", "replay")


class AcceleratorError(Exception):
    """A back end is missing, refuses a model, or lost its device. The message names the remedy."""


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output.

    `scale` and `zero_point` describe per-tensor quantization, real = (stored - zero_point) * scale;
    a scale of 0 means the tensor is not quantized.
    """

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    scale: float = 0.0
    zero_point: int = 0


@dataclass(frozen=True, slots=True)
class Options:
    """How a model is opened. Empty values leave the choice to the back end.

    `threads` is CPU threads in all (0: one per core); `streams` is how many frames may be in flight
    at once; `cache` is a folder for compiled models; `library` is the path of the Edge TPU delegate.
    """

    device: str = ""
    threads: int = 0
    streams: int = 1
    precision: Precision = ""
    cache: Path | None = None
    library: str = ""


class Session(Protocol):
    """A model on a device, ready to run.

    `run` and `submit` may be called from any thread. At most `streams` submissions may be open; one
    more waits for a place. An array that comes back belongs to the caller.
    """

    backend: str
    device: str
    streams: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    def run(self, feeds: Tensors) -> Tensors:
        """Infer once; raises AcceleratorError naming the input if names, shapes or dtypes are wrong."""
        ...

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        """Start an inference; the callable waits for its outputs. `feeds` must stay unchanged until then."""
        ...

    def close(self) -> None:
        """Give the device back. A second call does nothing."""
        ...


def open_session(backend: str, weights: Path, options: Options | None = None) -> Session:
    """Load weights on a back end, whose library is imported only now.

    Raises AcceleratorError if the back end is unknown, not installed, or refuses the file.
    """
    if backend not in BACKENDS:
        raise AcceleratorError(f"no back end {backend!r}: there is {', '.join(BACKENDS)}")
    if not weights.exists():
        raise AcceleratorError(f"{weights}: no such file; fetch it with 'vedette models pull'")
    module = import_module(f"accel.{backend}")
    session: Session = module.open_model(weights, options or Options())
    return session


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Tensors) -> None:
    """Raise AcceleratorError unless `feeds` has exactly the inputs, shapes and dtypes of `specs`."""
    names = {spec.name for spec in specs}
    if names != feeds.keys():
        raise AcceleratorError(f"inputs are {sorted(names)}, not {sorted(feeds)}")
    for spec in specs:
        found = feeds[spec.name]
        if found.shape != spec.shape or found.dtype != spec.dtype:
            raise AcceleratorError(
                f"input {spec.name!r} is {spec.dtype}{list(spec.shape)}, not {found.dtype}{list(found.shape)}"
            )
