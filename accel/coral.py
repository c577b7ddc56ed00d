"""Coral: TFLite with the Edge TPU delegate, which is tried in a process of its own first.

The stock delegate is built for one TFLite version: with another it may crash on loading, which no
`except` can catch, and an Edge TPU that hangs never answers.
"""

from __future__ import annotations

import logging
import mmap
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from accel import tflite
from accel.session import AcceleratorError, Options, Session

LIBRARY = "libedgetpu.so.1"
CUSTOM_OPERATION = b"edgetpu-custom-op"
# The first touch of a USB accelerator loads its firmware, which takes some seconds.
PROBE_SECONDS = 30.0
REFUSED = 3

logger = logging.getLogger(__name__)


def open_model(weights: Path, options: Options) -> Session:
    """Open a model on the Edge TPU, one frame at a time, for the device itself takes no more.

    What is not compiled for it runs on the CPU, as the Edge TPU's own runtime does; `device` says so.
    """
    runtime = tflite.find_runtime(tflite.RUNTIMES)
    _probe(runtime.name, options, weights)
    threads = options.threads or tflite.cores()
    engine = tflite.interpreter(runtime, weights, threads, [_delegate(runtime, options)])
    return tflite.TfliteSession("coral", _place(weights, options), [engine])


def check(options: Options) -> None:
    """Raise AcceleratorError unless a TFLite runtime works and the delegate loads and opens its device."""
    _probe(tflite.find_runtime(tflite.RUNTIMES).name, options, None)


def version() -> str:
    return tflite.version()


def _place(weights: Path, options: Options) -> str:
    with weights.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        compiled = content.find(CUSTOM_OPERATION) >= 0
    if not compiled:
        logger.warning("%s: not compiled for the Edge TPU, so it runs on the CPU; take the coral model", weights)
        return "CPU"
    return options.device or "EdgeTPU"


def _delegate(runtime: tflite.Runtime, options: Options) -> Any:
    library = options.library or LIBRARY
    try:
        return runtime.module.load_delegate(library, {"device": options.device} if options.device else {})
    except (OSError, AttributeError) as error:  # no such library, or it is no delegate
        raise AcceleratorError(f"{error}: install libedgetpu1-std, or set `library` to its path") from error
    except ValueError as error:
        reason = " ".join(str(error).splitlines()[1:]) or "it gave no reason"
        wanted = f" {options.device!r}" if options.device else ""
        raise AcceleratorError(
            f"{library}: no Edge TPU{wanted} ({reason}); see that it is plugged in and that you may use it"
        ) from error


def _probe(runtime: str, options: Options, weights: Path | None) -> None:
    """Load the delegate, and run the very model once, where a crash harms nobody."""
    library = options.library or LIBRARY
    command = [sys.executable, "-m", __name__, runtime, library, options.device, str(weights or "")]
    # The child must find this package even if it lies in no place that Python looks in by itself.
    paths = [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=PROBE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AcceleratorError(
            f"{library}: the Edge TPU did not answer within {PROBE_SECONDS:g} s; unplug it and plug it in again"
        ) from error
    if done.returncode == REFUSED:
        raise AcceleratorError(done.stdout.splitlines()[-1])
    if done.returncode < 0:
        raise AcceleratorError(
            f"{library}: crashed with {signal.Signals(-done.returncode).name};"
            f" install a libedgetpu that was built for {tflite.version()}"
        )
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise AcceleratorError(f"{library}: the trial run failed ({reason}); see 'vedette doctor'")


def _try(name: str, options: Options, weights: Path | None) -> None:
    """What the process of its own does; raises AcceleratorError."""
    runtime = tflite.find_runtime((name,))
    delegate = _delegate(runtime, options)
    if weights is None:
        return
    engine = tflite.interpreter(runtime, weights, 1, [delegate])
    for detail in engine.get_input_details():
        engine.set_tensor(detail["index"], np.zeros(detail["shape"], detail["dtype"]))
    engine.invoke()


def main() -> int:
    runtime, library, device, weights = sys.argv[1:]
    try:
        _try(runtime, Options(library=library, device=device), Path(weights) if weights else None)
    except AcceleratorError as error:
        sys.stdout.write(f"{error}\n")
        return REFUSED
    return 0


if __name__ == "__main__":
    sys.exit(main())
