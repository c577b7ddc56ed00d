"""OpenVINO: IR, ONNX and TFLite on CPU, GPU and NPU, with a cache of compiled models."""

from __future__ import annotations

import os
import platform
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np

from accel import stacks
from accel.pages import let_go
from accel.places import Places
from accel.session import AcceleratorError, Options, Session, Tensor, Tensors, TensorSpec, check_feeds, unique_names

# These choose among devices, so they are in no list of devices.
CHOOSERS = ("AUTO", "MULTI", "HETERO")
# What OpenVINO calls a nameless tensor; the number changes with every build.
NUMBERED = re.compile(r"(Parameter|Result)_\d+")
IN_LINE = 6  # inferences a stream may be given: the one that runs and those behind it
CPUINFO = Path("/proc/cpuinfo")
SIZES = 8  # inputs of how many sizes a graph of free size keeps its kernels for: each takes megabytes


def open_model(weights: Path, options: Options) -> Session:
    """Compile a model; the first time fills the cache, later ones read it, by whatever links they come."""
    core, weights = _core(), weights.resolve()
    with stacks.kept():
        device = _device(core, options)
        properties = _properties(core, device, options)
        compiled = _compiled(core, weights, device, properties)
    _share(properties.get("CACHE_DIR"))
    let_go(weights.parent, *([options.cache.resolve()] if options.cache else []))
    # With several streams more wait in line, so that none idles while Python is busy with a row of those that are done;
    # with one stream a waiting frame would only grow old.
    return OpenVinoSession(compiled, IN_LINE * options.streams if options.streams > 1 else 1)


def _compiled(core: Any, weights: Path, device: str, properties: dict[str, Any]) -> Any:
    """From the cache, or into it; without one where it is another user's, and holds nothing that this one may read."""
    try:
        return core.compile_model(_graph(core, weights, device), device, properties)
    except RuntimeError as error:
        others = {name: value for name, value in properties.items() if name != "CACHE_DIR"}
        if others != properties and not _ours(Path(properties["CACHE_DIR"])):
            return _compiled(core, weights, device, others)
        raise AcceleratorError(_refusal(core, weights, device, error)) from error


def _graph(core: Any, weights: Path, device: str) -> Any:
    """What to compile: the file, unless the processor would cut sums of its products off."""
    if device == "CPU" and _adds_in_16_bits():
        from accel.graphs.sums import fit_sums

        model = core.read_model(str(weights))
        if fit_sums(model):
            return model
    return str(weights)


def _share(cache: str | None) -> None:
    """Let other users read what OpenVINO has put there for this one alone: they may read the weights."""
    for blob in Path(cache).glob("*.blob") if cache else ():
        with suppress(OSError):
            blob.chmod(0o644)


def _ours(cache: Path) -> bool:
    """Whether this user may write there, and read all that is there."""
    return os.access(cache, os.W_OK) and all(os.access(blob, os.R_OK) for blob in cache.glob("*.blob"))


def check(options: Options) -> None:
    """Raise AcceleratorError unless OpenVINO is installed and sees the device."""
    with stacks.kept():
        _device(_core(), options)


def version() -> str:
    try:
        return f"openvino {metadata.version('openvino')}"
    except metadata.PackageNotFoundError:
        return ""


class OpenVinoSession:
    """A compiled model with as many infer requests as submissions may be open."""

    backend = "openvino"

    def __init__(self, compiled: Any, streams: int) -> None:
        self.device = ",".join(compiled.get_property("EXECUTION_DEVICES")).strip("()")
        self.streams = streams
        self.inputs = _specs(compiled.inputs, "input")
        self.outputs = _specs(compiled.outputs, "output")
        self._requests = Places([compiled.create_infer_request() for _ in range(streams)])

    def run(self, feeds: Tensors) -> Tensors:
        check_feeds(self.inputs, feeds)
        request = self._requests.take()
        try:
            request.infer(self._arrays(feeds), share_inputs=True)
            return _owned(request, self.outputs)
        except RuntimeError as error:
            raise _failure(self.device, error) from error
        finally:
            self._requests.give(request)

    def submit(self, feeds: Tensors) -> Callable[[], Tensors]:
        check_feeds(self.inputs, feeds)
        pending = _Pending(self._requests.take(), self)
        try:
            pending.start(self._arrays(feeds))
        except RuntimeError as error:
            raise _failure(self.device, error) from error
        return pending

    def close(self) -> None:
        self._requests.close()

    def give_back(self, request: Any) -> None:
        self._requests.give(request)

    def _arrays(self, feeds: Tensors) -> list[Tensor]:
        # Shared, not copied; OpenVINO itself copies what it cannot share (read-only or with gaps).
        return [feeds[spec.name] for spec in self.inputs]


class _Pending:
    """An inference under way. Its request goes back once the outputs are taken, or nobody can ask for them."""

    def __init__(self, request: Any, session: OpenVinoSession) -> None:
        self.request, self.session = request, session
        self._read: list[Tensor] = []

    def start(self, arrays: Sequence[Tensor]) -> None:
        """Share arrays with the request, those it cannot share as copies. `start_async(arrays)` costs twice as much."""
        import openvino as ov

        # The request holds no reference to what it reads.
        self._read = [array if array.flags.c_contiguous and array.flags.writeable else array.copy() for array in arrays]
        for place, array in enumerate(self._read):
            self.request.set_input_tensor(place, ov.Tensor(array, shared_memory=True))
        self.request.start_async()

    def __call__(self) -> Tensors:
        request, self.request = self.request, None
        if request is None:
            raise AcceleratorError("these outputs were taken already; submit once more")
        try:
            request.wait()
            return _owned(request, self.session.outputs)
        except RuntimeError as error:
            raise _failure(self.session.device, error) from error
        finally:
            self.session.give_back(request)

    def __del__(self) -> None:
        if self.request is not None:
            with suppress(AcceleratorError):
                self()


def _owned(request: Any, specs: tuple[TensorSpec, ...]) -> Tensors:
    return {spec.name: request.get_output_tensor(place).data.copy() for place, spec in enumerate(specs)}


def _core() -> Any:
    try:
        import openvino
    except ImportError as error:
        raise AcceleratorError(f"openvino cannot be imported ({error}): pip install 'openvino>=2026.2'") from error
    return _only(openvino)


@cache
def _only(vendor: Any) -> Any:
    """One core for the process, for ever.

    On a CPU with wide registers OpenVINO's CPU plugin gives the thread that first needs it a larger stack for signals,
    and takes that memory back when it is unloaded, in whatever thread: the next signal to the first one would be the
    end of the process (SIGSEGV; seen with 2026.4).
    """
    return vendor.Core()


def _device(core: Any, options: Options) -> str:
    """The device's name as OpenVINO spells it; an unknown one is an error that lists those there are."""
    device = (options.device or "CPU").upper()
    if device == "CPU":
        return device  # always there; to list the others would load their drivers, for good: 25 MB
    there = core.available_devices
    if device.startswith(CHOOSERS) or any(device in (name, name.split(".")[0]) for name in there):
        return device
    raise AcceleratorError(
        f"OpenVINO finds no device {device!r} here, only {', '.join(there)}: choose one of them or install its driver"
    )


def _properties(core: Any, device: str, options: Options) -> dict[str, Any]:
    """One frame at a time is answered soonest with every thread on it; several share the threads out."""
    alone = options.streams == 1
    wanted: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY" if alone else "THROUGHPUT"}
    if not alone:
        wanted |= {"NUM_STREAMS": options.streams, "PERFORMANCE_HINT_NUM_REQUESTS": options.streams}
    if options.threads:
        wanted["INFERENCE_NUM_THREADS"] = options.threads
    supported = core.get_property(device, "SUPPORTED_PROPERTIES")
    properties = {name: value for name, value in wanted.items() if name in supported}
    if device == "CPU":
        # Listed nowhere, as the next, but known. On ARM, where there is no such cache unless it is asked for, it mixes
        # kernels up: with 2026.4 NanoDet then takes a person for scissors (docs/ARM64.md).
        if platform.machine() != "aarch64":
            properties["CPU_RUNTIME_CACHE_CAPACITY"] = SIZES
        if _computes_in_float():
            properties["LP_TRANSFORMS_MODE"] = False
    if options.precision:
        properties["INFERENCE_PRECISION_HINT"] = options.precision
    if options.cache and (cache := _cache(options.cache)):
        properties["CACHE_DIR"] = str(cache)
    return properties


def _adds_in_16_bits(system: Path = CPUINFO) -> bool:
    """Whether this is an x86 processor without VNNI: see accel.graphs.sums."""
    return _lacks("x86_64", "vnni", system)


def _computes_in_float(system: Path = CPUINFO) -> bool:
    """Whether this is an ARM core without the dot product of bytes, as in a Raspberry Pi 4.

    There OpenVINO 2026.4 refuses most quantized graphs, and 2026.2 computes some wrong; in floating point both are
    right (docs/ARM64.md has the figures).
    """
    return _lacks("aarch64", "asimddp", system)


def _lacks(machine: str, feature: str, system: Path) -> bool:
    """Whether this is such a machine whose processor does not list the feature; no, where that cannot be read."""
    with suppress(OSError):
        return platform.machine() == machine and feature not in system.read_text("utf-8", "replace")
    return False


def _cache(folder: Path) -> Path | None:
    """This version's part of the folder; what others have left there is removed, for none can read another's.

    None in another user's store, which serves as it is.
    """
    own = folder / version().replace(" ", "-")
    try:
        own.mkdir(parents=True, exist_ok=True)
    except PermissionError:
        return None
    except OSError as error:
        raise AcceleratorError(
            f"{folder}: cannot keep compiled models here ({error.strerror}); choose another"
        ) from error
    for other in folder.glob("openvino-*"):
        if other != own:
            shutil.rmtree(other, ignore_errors=True)
    return own


def _refusal(core: Any, weights: Path, device: str, error: RuntimeError) -> str:
    """Whether the file or the device is at fault."""
    try:
        core.read_model(str(weights))
    except RuntimeError:
        return f"{weights}: not a model that OpenVINO can read; see 'vedette models verify'"
    return f"{weights}: OpenVINO cannot compile it for {device} ({_last_line(error)}); choose another device"


def _last_line(error: Exception) -> str:
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


def _failure(device: str, error: RuntimeError) -> AcceleratorError:
    return AcceleratorError(f"inference on {device} failed ({_last_line(error)}); open the model again")


def _specs(ports: Iterable[Any], kind: str) -> tuple[TensorSpec, ...]:
    ports = list(ports)
    names = unique_names((_name(port) for port in ports), kind)
    return tuple(
        TensorSpec(name, _shape(port.get_partial_shape()), np.dtype(port.get_element_type().to_dtype()))
        for name, port in zip(names, ports, strict=True)
    )


def _name(port: Any) -> str:
    return min((name for name in port.get_names() if not NUMBERED.fullmatch(name)), default="")


def _shape(partial: Any) -> tuple[int, ...]:
    return tuple(size.get_length() if size.is_static else -1 for size in partial)
