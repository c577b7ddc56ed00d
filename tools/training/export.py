"""The trained network as files for the device, each measured on the test pictures before anybody relies on it.

::

    export/openvino.xml openvino.bin    int8, takes frames as cameras give them
    export/model.tflite                 int8 throughout, for LiteRT and the Edge TPU's compiler
    export/model_edgetpu.tflite         where that compiler is installed
    export/export.json                  of which network and data these are, and what was measured
    export/.part/                       work in progress; whatever lies here belongs to nobody

A file takes its place by a rename and then enters export.json. After a kill, a rerun keeps what is whole and of the
same network and data, and makes the rest.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

from training import edgetpu, litert, measure, openvino, state
from training.datasets import Dataset
from training.network import Network
from training.settings import Job, Progress
from training.trained import Trained

from accel.session import AcceleratorError, probe
from edge import pictures
from edge.errors import InputError
from edge.packs.records import file_digest
from edge.packs.store import flush, reported
from edge.values import Image
from models.manifest import Backend, Input
from models.tensors import fit

FORMAT = 2  # counts changes of how it is quantized: what an older one left is made again
MOST_LOST = 0.01
FEW, MANY = 128, 320  # pictures to calibrate with
RECORD, PART = "export.json", ".part"
FILES: dict[Backend, tuple[str, ...]] = {
    "openvino": ("openvino.xml", "openvino.bin"),
    "tflite": ("model.tflite",),
    "coral": ("model_edgetpu.tflite",),
}

WRITTEN: tuple[Backend, ...] = ("openvino", "tflite")
ROUNDING = 1e-9

Figures = tuple[float | None, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to quantize: `how` in words, with how many pictures."""

    how: str
    pictures: int
    write: Callable[[Sequence[Image], Path], None]


@dataclass(frozen=True, slots=True)
class Leaving:
    """One back end's file, measured: `score` on the test pictures, milliseconds for a picture and the inference alone.

    `score` and milliseconds are None where no such device is here to ask.
    """

    backend: Backend
    how: str
    score: float | None
    whole_ms: float | None
    raw_ms: float | None
    bytes: int
    seconds: float
    digests: dict[str, str]

    @property
    def weights(self) -> str:
        return FILES[self.backend][0]


@dataclass(frozen=True, slots=True)
class Exported:
    """What lies in `folder`. `faults` are the operators of the TFLite file that no Edge TPU would run, and why."""

    network: Network
    folder: Path
    measure: str
    float_score: float
    files: dict[Backend, Leaving]
    faults: tuple[str, ...]

    def weights(self, backend: Backend) -> Path:
        return self.folder / self.files[backend].weights

    def input(self, backend: Backend) -> Input:
        """How a picture is fitted for this file: OpenVINO's does the rest itself."""
        return self.network.input(normalise=backend != "openvino")

    def open(self, backend: Backend, library: str = "") -> measure.Device:
        """The file on its back end; the caller closes it."""
        return measure.Device(backend, self.weights(backend), self.network.outputs, self.input(backend), library)


@dataclass(frozen=True, slots=True)
class Work:
    """What is exported from, the score that is to be kept, and the least of the labels' thresholds."""

    network: Network
    dataset: Dataset
    folder: Path
    io: Literal["int8", "uint8"]
    float_score: float
    floor: float


def export(trained: Trained, dataset: Dataset, job: Job, progress: Progress) -> Exported:
    """Write, check and measure all files.

    Raises InputError with reason and remedy if int8 loses more than a point, StorageError if the disk refuses.
    """
    network = Network(trained.network.eval(), dataset.task, trained.size, dataset.multi)
    folder = job.out / "export"
    of = {"format": FORMAT, "network": network.digest(), "data": dataset.fingerprint, "io": job.tflite_io}
    with reported(folder, state.ELSEWHERE):
        try:
            record = _resumed(folder, of)
            progress("export", 0.0, "the float network on the test pictures")
            record.setdefault("float_score", _float_score(network, dataset))
            least = min(trained.thresholds)
            return _export(
                Work(network, dataset, folder, job.tflite_io, record["float_score"], least), record, progress
            )
        finally:
            shutil.rmtree(folder / PART, ignore_errors=True)


def _export(work: Work, record: dict[str, Any], progress: Progress) -> Exported:
    for step, backend in enumerate(WRITTEN):
        if backend not in record["files"]:
            note = partial(progress, "export", 0.1 + 0.4 * step)
            record["files"][backend] = asdict(_best(work, backend, note))
            _save(work.folder, record)
    progress("export", 0.9, "for the Edge TPU")
    faults = [str(fault) for fault in edgetpu.faults(work.folder / FILES["tflite"][0])] + _for_edgetpu(work, record)
    progress("export", 1.0)
    files = {backend: Leaving(**known) for backend, known in record["files"].items()}
    return Exported(work.network, work.folder, measure.named(work.dataset), work.float_score, files, tuple(faults))


def _attempts(work: Work, backend: Backend) -> list[Attempt]:
    """Ways to quantize, the quickest first: the next is tried if one loses more than a point."""
    if backend == "openvino":
        write = partial(openvino.write, work.network)
        return [
            Attempt("int8", FEW, write),
            Attempt("int8, biases corrected layer by layer", FEW, partial(write, thorough=True)),
            Attempt("int8, biases corrected layer by layer, last layers in float", MANY,
                    partial(write, thorough=True, float_ends=True)),
        ]  # fmt: skip
    quantize = partial(litert.write, work.network, io=work.io)
    return [
        Attempt("int8, widest ranges", FEW, quantize),
        Attempt("int8, widest ranges of more pictures", MANY, quantize),
        Attempt("int8, mean ranges", FEW, partial(quantize, mean=True)),
    ]


def _best(work: Work, backend: Backend, note: Callable[[str], None]) -> Leaving:
    """The first attempt that keeps the score, moved into its place; raises InputError if none does."""
    tried = []
    for attempt in _attempts(work, backend):
        note(f"{backend}: {attempt.how}")
        started = perf_counter()
        part = _fresh(work.folder / PART)
        attempt.write(_calibration(work, attempt.pictures), part / FILES[backend][0])
        found = _measured(work, backend, part)
        tried.append((found[0], attempt.how))
        if work.float_score - found[0] <= MOST_LOST + ROUNDING:
            return _kept(work, backend, attempt.how, found, started)
    best, how = max(tried)
    counted = len(work.dataset.test)
    raise InputError(
        f"{work.folder}: int8 for {backend} is {100 * (work.float_score - best):.1f} points of "
        f"{measure.named(work.dataset)} below float ({best:.3f} instead of {work.float_score:.3f}, by {how}; of "
        f"{counted} test pictures one is worth {100 / max(counted, 1):.1f} points), and at most 1 is let through; add "
        "training pictures like those it gets wrong, or more test pictures, and train again"
    )


def _kept(work: Work, backend: Backend, how: str, found: Figures, started: float) -> Leaving:
    """The files of `.part` in their places."""
    part = work.folder / PART
    size = sum((part / name).stat().st_size for name in FILES[backend])
    digests = {name: file_digest(part / name) for name in FILES[backend]}
    _placed(part, work.folder, FILES[backend])
    return Leaving(backend, how, *found, size, perf_counter() - started, digests)


def _measured(work: Work, backend: Backend, folder: Path) -> tuple[float, float, float]:
    """Score, milliseconds for a picture, milliseconds of the inference alone: through the device's own steps."""
    network, samples = work.network, work.dataset.test
    spec = network.input(normalise=backend != "openvino")
    device = measure.Device(backend, folder / FILES[backend][0], network.outputs, spec)
    try:
        said = list(measure.answers(device, samples, spec, network.decode))
        speed = measure.speed(device, samples, spec, network.decode, work.floor)
    finally:
        device.close()
    return measure.score(said, work.dataset, samples), speed.whole, speed.raw


def _float_score(network: Network, dataset: Dataset) -> float:
    spec = network.input(normalise=False)
    return measure.score(list(measure.answers(network, dataset.test, spec, network.decode)), dataset, dataset.test)


def _for_edgetpu(work: Work, record: dict[str, Any]) -> list[str]:
    """Compile the TFLite file where the compiler is; gives what it has to say against it."""
    (name,) = FILES["coral"]
    if "coral" not in record["files"]:
        started, part = perf_counter(), _fresh(work.folder / PART)
        try:
            made = edgetpu.compiled(work.folder / FILES["tflite"][0], part)
            if made is None:
                return []
            made.replace(part / name)
            found: Figures = (None, None, None)
            if probe("coral") is None:
                found = _measured(work, "coral", part)
        except (InputError, AcceleratorError) as error:
            return [str(error)]
        record["files"]["coral"] = asdict(_kept(work, "coral", "compiled", found, started))
        _save(work.folder, record)
    rest = edgetpu.left_over(work.folder / name)
    return [f"compiled, but {len(rest)} operators stay on the CPU: {', '.join(sorted(set(rest)))}"] if rest else []


def _calibration(work: Work, count: int) -> list[Image]:
    """At most so many training pictures, spread evenly over all of them, in an order that mixes the labels."""
    samples, spec = work.dataset.train, work.network.input(normalise=False)
    count = min(count, len(samples))
    chosen = [samples[place * len(samples) // count] for place in range(count)]
    stride = next((prime for prime in (7, 11, 13, 17) if count % prime), 1)
    return [fit(pictures.read(chosen[place * stride % count].path), spec)[0] for place in range(count)]


# What is kept for a rerun


def _resumed(folder: Path, of: Mapping[str, Any]) -> dict[str, Any]:
    """What was done for the very same network and data, and is whole; everything else is removed."""
    try:
        record = json.loads((folder / RECORD).read_text("utf-8"))
        same = record["of"] == of
    except (OSError, ValueError, KeyError, TypeError):
        same = False
    if not same:
        shutil.rmtree(folder, ignore_errors=True)
        record = {"of": dict(of), "files": {}}
    shutil.rmtree(folder / PART, ignore_errors=True)
    whole = {
        backend: known
        for backend, known in record["files"].items()
        if all((folder / name).is_file() and file_digest(folder / name) == digest
               for name, digest in known["digests"].items())
    }  # fmt: skip
    if "tflite" not in whole:
        whole.pop("coral", None)
    record["files"] = whole
    return record


def _save(folder: Path, record: Mapping[str, Any]) -> None:
    part = _fresh(folder / PART) / RECORD
    part.write_text(json.dumps(record, indent=1), "utf-8")
    _placed(part.parent, folder, (RECORD,))


def _fresh(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def _placed(part: Path, folder: Path, names: Sequence[str]) -> None:
    for name in names:
        flush(part / name)
        (part / name).replace(folder / name)
    flush(folder)
    shutil.rmtree(part, ignore_errors=True)
