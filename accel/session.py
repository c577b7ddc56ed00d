"""What every back end gives back: named arrays in, named arrays out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
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
    """One input or output; a size of -1 in `shape` is free.

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

    `threads` is CPU threads in all (0: one per core); `streams` is how many frames are inferred
    at once; `cache` is a folder for compiled models; `library` is the path of the Edge TPU delegate.
    `isolate` runs the model in a worker process (None: where the device may take its process down with it), which is
    given up if an inference takes it longer than `deadline` seconds. What does not concern a back end is ignored by it.
    """

    device: str = ""
    threads: int = 0
    streams: int = 1
    precision: Precision = ""
    cache: Path | None = None
    library: str = ""
    isolate: bool | None = None
    deadline: float = 1.0


class Session(Protocol):
    """A model on a device, ready to run.

    `run` and `submit` may be called from any thread. At most `streams` submissions may be open: one
    more waits for a place, so take each one's outputs. An array that comes back belongs to the caller.
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
        """Start an inference; the callable, called once, waits for its outputs. Leave `feeds` unchanged till then."""
        ...

    def close(self) -> None:
        """Give the device back; what has been submitted still ends. A second call does nothing."""
        ...


class Backend(Protocol):
    """What each module named in BACKENDS offers."""

    def open_model(self, weights: Path, options: Options) -> Session:
        """Open an existing file; raises AcceleratorError if it or the device is no good."""
        ...

    def check(self, options: Options) -> None:
        """Raise AcceleratorError unless this back end works on this machine with these options."""
        ...

    def version(self) -> str:
        """Name and version of the library; it need not be importable. Empty if it is not installed."""
        ...


def open_session(backend: str, weights: Path, options: Options | None = None) -> Session:
    """Load weights on a back end, whose library is imported only now.

    Raises AcceleratorError if the back end is unknown, not installed, or refuses the file.
    """
    module, options = _load(backend), options or Options()
    if not weights.is_file():
        raise AcceleratorError(f"{weights}: no such file; fetch it with 'vedette models pull'")
    if isolated(backend, options):
        return _worker().open_model(backend, weights, options)  # type: ignore[no-any-return]
    return module.open_model(weights, options)


def try_out(session: Session) -> None:
    """Infer on zeros: a device may open and yet not work. Raises AcceleratorError."""
    session.run({spec.name: np.zeros(_ordinary(spec.shape), spec.dtype) for spec in session.inputs})


def _ordinary(shape: tuple[int, ...]) -> list[int]:
    """One picture of a fair size where a size is free: on very small ones some graphs crash (OpenVINO 2026.4)."""
    return [side if side >= 0 else 256 if axis else 1 for axis, side in enumerate(shape)]


def isolated(backend: str, options: Options) -> bool:
    """Whether a model runs in a worker process: drivers of devices crash and hang, the CPU does not."""
    if options.isolate is not None:
        return options.isolate
    on_cpu = (options.device or "CPU").upper().startswith("CPU")
    return backend == "coral" or (backend == "openvino" and not on_cpu)


def open_first(candidates: Sequence[tuple[str, Path, Options]]) -> tuple[Session, list[str]]:
    """Open the first that works, and say why those before it did not.

    Raises AcceleratorError with every reason if none works.
    """
    reasons: list[str] = []
    for backend, weights, options in candidates:
        try:
            return open_session(backend, weights, options), reasons
        except AcceleratorError as error:
            reasons.append(f"{backend}: {error}")
    raise AcceleratorError("no back end can run the model: " + ("; ".join(reasons) or "none is configured"))


def probe(backend: str, options: Options | None = None) -> str | None:
    """Why a back end cannot be used on this machine, in one sentence; None if it can."""
    options = options or Options()
    try:
        module = _load(backend)
        if isolated(backend, options):
            _worker().check(backend, options)
        else:
            module.check(options)
    except AcceleratorError as error:
        return str(error)
    return None


def version(backend: str) -> str:
    """Name and version of a back end's library; empty if it is not installed."""
    return _load(backend).version()


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Tensors) -> None:
    """Raise AcceleratorError unless `feeds` has exactly the inputs, shapes and dtypes of `specs`."""
    names = {spec.name for spec in specs}
    if names != feeds.keys():
        raise AcceleratorError(f"inputs are {sorted(names)}, not {sorted(feeds)}")
    for spec in specs:
        found = feeds[spec.name]
        if found.dtype != spec.dtype or not _fits(found.shape, spec.shape):
            raise AcceleratorError(
                f"input {spec.name!r} is {spec.dtype}{list(spec.shape)}, not {found.dtype}{list(found.shape)}"
            )


def unique_names(names: Iterable[str], kind: str) -> list[str]:
    """One name a tensor, the same in every run: a missing or repeated name becomes `kind` and its place."""
    given = list(names)
    found: list[str] = []
    for place, name in enumerate(given):
        unique = name
        if not name or name in found:
            unique = f"{kind}{place}"
            while unique in given or unique in found:
                unique += "_"
        found.append(unique)
    return found


def _worker() -> Any:
    return import_module("accel.worker")  # which imports this module


def _load(backend: str) -> Backend:
    if backend not in BACKENDS:
        raise AcceleratorError(f"no back end {backend!r}: there is {', '.join(BACKENDS)}")
    module: Any = import_module(f"accel.{backend}")
    loaded: Backend = module
    return loaded


def _fits(found: tuple[int, ...], wanted: tuple[int, ...]) -> bool:
    if found == wanted:
        return True
    return len(found) == len(wanted) and all(want in (-1, size) for size, want in zip(found, wanted, strict=True))
