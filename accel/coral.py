"""Coral: TFLite with the Edge TPU delegate, by default in a worker process.

The stock delegate is built for one TFLite version: with another it may crash on loading, which no
`except` can catch, and an Edge TPU that hangs never answers.
"""

from __future__ import annotations

import logging
import mmap
from pathlib import Path
from typing import Any

from accel import tflite
from accel.session import AcceleratorError, Options, Session

LIBRARY = "libedgetpu.so.1"
CUSTOM_OPERATION = b"edgetpu-custom-op"

logger = logging.getLogger(__name__)


def open_model(weights: Path, options: Options) -> Session:
    """Open a model on the Edge TPU, one frame at a time, for the device itself takes no more.

    What is not compiled for it runs on the CPU, as the Edge TPU's own runtime does; `device` says so.
    """
    runtime = tflite.find_runtime(tflite.RUNTIMES)
    threads = options.threads or tflite.cores()
    engine = tflite.interpreter(runtime, weights, threads, [_delegate(runtime, options)])
    return tflite.TfliteSession("coral", _place(weights, options), [engine])


def check(options: Options) -> None:
    """Raise AcceleratorError unless a TFLite runtime works and the delegate loads and opens its device."""
    _delegate(tflite.find_runtime(tflite.RUNTIMES), options)


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
