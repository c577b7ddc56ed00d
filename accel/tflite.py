"""TFLite on the CPU: LiteRT (ai_edge_litert) or else the older tflite_runtime, whichever passes a test inference."""

from __future__ import annotations

import io
import os
from base64 import b85decode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from dataclasses import dataclass
from functools import cache
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

import numpy as np

from accel.places import Places
from accel.session import AcceleratorError, Options, Session, Tensors, TensorSpec, check_feeds, unique_names

# Import names, in the order they are tried; on the index they are spelt with dashes.
RUNTIMES = ("ai_edge_litert", "tflite_runtime")
# A whole model: inverse = 255 - image, four bytes. Written by tests/accel/conftest.py, which checks it.
SELF_TEST = b85decode(
    b"7ytkOR7OlQ000gE6aWwa3;+lK000C44gdfEAOHXW3;+NC5C8xG0{{R30RR91KmY&$0RR91zyJUM0ssI27ytkO3;+NC000I62mk~C1^@s62mk;8bp"
    b"QYV0RR91{{R303;+}W5C9AS2mk~C3;+NC5C8xGBme*aC;$Ke3;+NC0RR91Gynhq0{{R3FaZDn&;S4cd;kCd0RR910RR910RR9100000000gE6aWA"
    b"K5C9AS3jhQF4gdfEC;$Ke0000S2mk;83;+NC0RR910RR910ssI20ssI2000001ONm81ONa43;+%Q4FCWD2mk~C3;+NCDF6Tf0RR9104WXt7yuLi6"
    b"95bV2mk~C4gdfE6aWAK8~^|S0RR91000038~^|SSpWb38~^|SC;$Ke1poj5cW7yJWdHyG0RR910RR910RR910000000000000000RR910000#vj6"
    b"}85C8xG7ytkO000038~^|Sr2qf_AOHXWC;$Ke2LJ#7X>N99a&u(>0ssI20RR911ONa40RR9100000000000RR910000#000gE6aWwa4*&oF2mk~C"
    b"4gdfE8~^|SBme*a00003C;$Ke3;+xO000002mk~C3;+NCAOHXWC;$Ke1poj5X>DO=WdHyG0ssI20RR911ONa40RR9100000000000RR910000#"
)


@dataclass(frozen=True, slots=True)
class Runtime:
    """A TFLite interpreter that has been seen to work."""

    name: str
    module: Any


def open_model(weights: Path, options: Options) -> Session:
    """Open a model with one interpreter per stream, which share the threads out; they map the same file."""
    runtime = find_runtime(RUNTIMES)
    threads = max(1, (options.threads or cores()) // options.streams)
    interpreters = [interpreter(runtime, weights, threads) for _ in range(options.streams)]
    return TfliteSession("tflite", "CPU", interpreters)


def check(options: Options) -> None:  # noqa: ARG001 - any options will do
    """Raise AcceleratorError unless a runtime passes the test inference."""
    find_runtime(RUNTIMES)


def version() -> str:
    for name in RUNTIMES:
        try:
            return f"{name.replace('_', '-')} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
    return ""


@cache
def find_runtime(names: tuple[str, ...]) -> Runtime:
    """The first of these that can infer: an import proves nothing, for tflite_runtime imports with any numpy."""
    reasons = []
    for name in names:
        try:
            return _tried(name)
        except ImportError as error:
            reasons.append(f"{name} cannot be imported ({error})")
        except (SystemError, RuntimeError, ValueError, AttributeError) as error:
            reasons.append(_defect(name, error))
    raise AcceleratorError(f"{', and '.join(reasons)}: pip install ai-edge-litert")


def interpreter(runtime: Runtime, weights: Path, threads: int, delegates: Sequence[Any] = ()) -> Any:
    """Load one file, ready to run."""
    try:
        made = runtime.module.Interpreter(
            model_path=str(weights), num_threads=threads, experimental_delegates=list(delegates)
        )
        made.allocate_tensors()
    except (RuntimeError, ValueError) as error:
        raise AcceleratorError(_refusal(weights, str(error), delegated=bool(delegates))) from error
    return made


def cores() -> int:
    """How many CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class TfliteSession:
    """Interpreters of one model. None may be entered twice at a time, so each is lent to one caller."""

    def __init__(self, backend: str, device: str, interpreters: Sequence[Any]) -> None:
        self.backend, self.device, self.streams = backend, device, len(interpreters)
        self._places = Places(interpreters)
        self._threads = ThreadPoolExecutor(self.streams, thread_name_prefix=backend)
        inputs, outputs = interpreters[0].get_input_details(), interpreters[0].get_output_details()
        self.inputs, self.outputs = _specs(inputs, "input"), _specs(outputs, "output")
        self._input_places = [detail["index"] for detail in inputs]
        self._output_places = [detail["index"] for detail in outputs]

    def run(self, feeds: Tensors) -> Tensors:
        check_feeds(self.inputs, feeds)
        return self._infer(self._places.take(), feeds)

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        check_feeds(self.inputs, feeds)
        return self._threads.submit(self._infer, self._places.take(), feeds).result

    def close(self) -> None:
        self._places.close()
        self._threads.shutdown()

    def _infer(self, engine: Any, feeds: Tensors) -> Tensors:
        try:
            for spec, place in zip(self.inputs, self._input_places, strict=True):
                engine.set_tensor(place, feeds[spec.name])
            engine.invoke()
            found = [engine.get_tensor(place) for place in self._output_places]
        except (RuntimeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise AcceleratorError(f"inference on {self.device} failed ({reason}); open the model again") from error
        finally:
            self._places.give(engine)
        return {spec.name: array for spec, array in zip(self.outputs, found, strict=True)}


def _tried(name: str) -> Runtime:
    module = import_module(f"{name}.interpreter")
    # On a wrong numpy, numpy prints half a page here; the sentence below says the same.
    with redirect_stderr(io.StringIO()):
        engine = module.Interpreter(model_content=SELF_TEST, num_threads=1)
        engine.allocate_tensors()
        engine.set_tensor(engine.get_input_details()[0]["index"], np.array([[0, 1, 128, 255]], np.uint8))
        engine.invoke()
        found = engine.get_tensor(engine.get_output_details()[0]["index"]).tolist()
    if found != [[255, 254, 127, 0]]:
        raise ValueError(f"255 - [0, 1, 128, 255] came out as {found}")
    return Runtime(name, module)


def _defect(name: str, error: Exception) -> str:
    if name == "tflite_runtime" and not np.__version__.startswith("1."):
        return f"tflite_runtime was built for numpy 1 and this is numpy {np.__version__} (it needs 'numpy<2')"
    return f"{name} fails its test inference ({error or type(error).__name__})"


def _refusal(weights: Path, reason: str, *, delegated: bool) -> str:
    if delegated and ("delegate" in reason or "edgetpu-custom-op" in reason):
        return (
            f"{weights}: the delegate refuses this model ({reason.splitlines()[0]}); take one compiled for its version"
        )
    if "edgetpu-custom-op" in reason:
        return f"{weights}: compiled for the Edge TPU; open it with the coral back end or take the tflite model"
    if "custom op" in reason or "Didn't find op" in reason:
        return f"{weights}: has an operation this TFLite runtime does not know ({reason.splitlines()[0]})"
    return f"{weights}: not a model that TFLite can read; see 'vedette models verify'"


def _specs(details: Sequence[dict[str, Any]], kind: str) -> tuple[TensorSpec, ...]:
    names = unique_names((detail["name"] for detail in details), kind)
    return tuple(
        TensorSpec(name, tuple(map(int, detail["shape"])), np.dtype(detail["dtype"]), *_quantization(detail))
        for name, detail in zip(names, details, strict=True)
    )


def _quantization(detail: dict[str, Any]) -> tuple[float, int]:
    scales, zeros = (detail["quantization_parameters"][key] for key in ("scales", "zero_points"))
    # Weights may have one scale a channel; inputs and outputs have one in all, or none.
    return (float(scales[0]), int(zeros[0])) if len(scales) == 1 else (0.0, 0)
