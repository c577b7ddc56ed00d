"""A model on an accelerator: a picture goes in, a meaning comes out. Here accel and models meet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import Annotated, Protocol, get_args

from pydantic import Field

from accel.session import AcceleratorError, Options, Precision, Session, Tensor, Tensors, open_first, probe
from edge.hush import hushed
from edge.packs.store import Built, Store, default_root
from edge.settings import Flag, LocalPath, Number, Section, Whole
from edge.stats import INFERENCES
from edge.values import Image, ModelUse
from models import boxes as box_ops
from models.decode import DECODERS
from models.manifest import AbsentError, Backend, ModelError, Task, ZooTask
from models.outputs import Boxes, Result
from models.tensors import Placement, dequantise, fit, pack

TASKS: tuple[Task, ...] = get_args(ZooTask)


class BackendSettings(Section):
    """How one back end opens models: `threads` 0 is one per core, `streams` frames are inferred at once.

    With `isolate` a model runs in a worker process, which is given up after an inference of `deadline` seconds; by
    default where the device can take its process down with it: coral, and OpenVINO on anything but the CPU.
    """

    device: str = ""
    threads: Annotated[Whole, Field(ge=0, le=1024)] = 0
    streams: Annotated[Whole, Field(ge=1, le=16)] = 1
    precision: Precision = ""
    library: str = ""
    isolate: Flag | None = None
    deadline: Annotated[Number, Field(gt=0.0, le=60.0)] = 1.0


class AccelSettings(Section):
    """Back ends in the order they are tried; one that is missing or fails is passed over, and status says so.

    It is tried again after `retry` seconds, then less and less often, at last every five minutes. `cache` holds models
    compiled for this machine, so that the next start is quick (default: in the model store).
    """

    order: Annotated[tuple[Backend, ...], Field(min_length=1)] = ("openvino", "tflite")
    openvino: BackendSettings = BackendSettings()
    tflite: BackendSettings = BackendSettings()
    coral: BackendSettings = BackendSettings()
    cache: LocalPath | None = None
    retry: Annotated[Number, Field(gt=0.0, le=300.0)] = 5.0

    def options(self, backend: Backend) -> Options:
        """For who opens no model."""
        chosen: BackendSettings = getattr(self, backend)
        return Options(**chosen.model_dump())

    def options_of(self, built: Built, store: Store) -> Options:
        """What is compiled of a model lies by itself, so that it can be removed with the model."""
        cache = self.cache / built.digest if self.cache else store.compiled(built.digest)
        return replace(self.options(built.backend), cache=cache)


class ModelSettings(Section):
    """Which models speak. A list is tried in order on each back end; empty turns the task off.

    A model that the daemon has not used for `idle` seconds is closed, and opened again when it is needed; 0 keeps it.
    """

    store: LocalPath | None = None
    idle: Annotated[Number, Field(ge=0.0, le=86400.0)] = 60.0
    objects: tuple[str, ...] = ("nanodet-g", "ssd-mobilenet-v2")
    faces: tuple[str, ...] = ("yunet",)
    embedding: tuple[str, ...] = ("sface",)
    labels: tuple[str, ...] = ("efficientnet-lite0",)
    moderation: tuple[str, ...] = ("open-nsfw",)
    mesh: tuple[str, ...] = ("face-mesh",)
    blendshapes: tuple[str, ...] = ("face-blendshapes",)
    traits: tuple[str, ...] = ("faceres",)
    expression: tuple[str, ...] = ("face-expression",)
    nudity: tuple[str, ...] = ("nsfwjs",)
    keypoints: tuple[str, ...] = ("movenet-multipose",)
    text_boxes: tuple[str, ...] = ("ppocr-tiny-det",)
    text_lines: tuple[str, ...] = ("ppocr-tiny-rec",)
    text_turn: tuple[str, ...] = ("ppocr-turn",)
    masks: tuple[str, ...] = ("aizoo-masks",)
    liveness: tuple[str, ...] = ("minifasnet-v2",)
    liveness_wide: tuple[str, ...] = ("minifasnet-v1se",)
    liveness_second: tuple[str, ...] = ("facenox",)

    def open_store(self) -> Store:
        return Store(self.store or default_root())

    def of(self, task: Task) -> tuple[str, ...]:
        """The names to try for a task."""
        names: tuple[str, ...] = getattr(self, task)
        return names


class Settings(Protocol):
    """What opening a model takes; `edge.config.Config` is one."""

    @property
    def models(self) -> ModelSettings: ...
    @property
    def accel(self) -> AccelSettings: ...


@dataclass(slots=True)
class Pending:
    """An inference under way. `stages` gathers milliseconds: prepare, infer, decode."""

    stages: dict[str, float]
    outputs: Callable[[], Tensors]
    decode: Callable[[Tensors], Result]
    started: float
    _arrived: Tensors | None = None

    def wait(self) -> None:
        """Wait until the device is free again; `result` then only decodes."""
        if self._arrived is None:
            self._arrived = self.outputs()
            self.stages["infer"] = (perf_counter() - self.started) * 1e3

    def result(self) -> Result:
        self.wait()
        started = perf_counter()
        assert self._arrived is not None  # noqa: S101 - set by wait()
        found = self.decode(self._arrived)
        self.stages["decode"] = (perf_counter() - started) * 1e3
        return found


class Model:
    """One built model on one session. May be shared between threads.

    `skipped` tells which back ends stand before this one in the configured order, and why they were passed over.
    """

    def __init__(self, built: Built, session: Session, skipped: Sequence[str] = ()) -> None:
        self.skipped = tuple(skipped)
        self.built = built
        self.manifest = built.manifest
        self.session = session
        self._spent = INFERENCES.of(built.manifest.name, session.backend, session.device)
        self.labels = built.labels
        self.use = use_of(built)
        self._input = built.manifest.input_for(built.backend)
        self._how = built.manifest.decode_for(built.backend)
        self._decoder = DECODERS[self._how.name]
        (self._feed,) = session.inputs
        outputs = built.manifest.variants[built.backend].outputs
        if len(outputs) > len(session.outputs):
            raise ModelError(
                f"{built.weights}: {len(session.outputs)} outputs, not {len(outputs)}; pull the model again"
            )
        self._outputs = tuple(zip(outputs, session.outputs, strict=False))

    def prepare(self, image: Image, floor: float = 0.0) -> Callable[[], Pending]:
        """Make the input of uint8 [H,W,3] BGR `image`; the callable starts the inference."""
        started = perf_counter()
        fitted, placement = fit(image, self._input)
        tensor = self._packed(fitted)
        stages = {"prepare": (perf_counter() - started) * 1e3}
        height, width = image.shape[:2]

        def start() -> Pending:
            begun = perf_counter()
            outputs = self._timed(self.session.submit({self._feed.name: tensor}), begun)
            return Pending(stages, outputs, lambda raw: self._decode(raw, placement, (width, height), floor), begun)

        return start

    def prepare_batch(self, batch: Tensor, floor: float = 0.0) -> Callable[[], Pending]:
        """As `prepare`, for an input that the caller has made: uint8 [N,H,W,3] BGR where the network takes pictures."""

        def start() -> Pending:
            begun = perf_counter()
            outputs = self._timed(self.session.submit({self._feed.name: batch}), begun)
            return Pending({}, outputs, lambda raw: self._decoded(raw, floor), begun)

        return start

    def prepare_fitted(self, image: Image, floor: float = 0.0) -> Callable[[], Pending]:
        """As `prepare`, for a picture of the input's own size; places are those of the input."""
        return self.prepare_batch(self._packed(image), floor)

    def _packed(self, fitted: Image) -> Tensor:
        return pack(fitted, self._input, self._feed.dtype, self._feed.scale, self._feed.zero_point)

    def _timed(self, outputs: Callable[[], Tensors], begun: float) -> Callable[[], Tensors]:
        def timed() -> Tensors:
            tensors = outputs()
            self._spent.add(perf_counter() - begun)
            return tensors

        return timed

    def run(self, image: Image, floor: float = 0.0) -> Result:
        """Infer now. Boxes come back in pixels of `image`."""
        return self.prepare(image, floor)().result()

    def infer(self, batch: Tensor, floor: float = 0.0) -> Result:
        """Infer now on an input that the caller has made. Places are those of the network's input."""
        return self.prepare_batch(batch, floor)().result()

    def detect(self, image: Image, floor: float) -> Boxes:
        """`run` for a detector."""
        return boxes_of(self.run(image, floor), self.use)

    def close(self) -> None:
        self.session.close()

    def _decode(self, raw: Tensors, placement: Placement, size: tuple[int, int], floor: float) -> Result:
        found = self._decoded(raw, floor)
        return box_ops.restore(found, placement, *size) if isinstance(found, Boxes) else found

    def _decoded(self, raw: Tensors, floor: float) -> Result:
        named = {name: dequantise(raw[spec.name], spec.scale, spec.zero_point) for name, spec in self._outputs}
        return self._decoder(named, self._how, floor)


def use_of(built: Built) -> ModelUse:
    return ModelUse(built.manifest.task, built.manifest.name, built.manifest.version, built.digest, built.backend)


def boxes_of(found: Result, use: ModelUse) -> Boxes:
    """What a detector found; raises ModelError if it is none."""
    if not isinstance(found, Boxes):
        raise ModelError(f"{use.name} finds no boxes: it cannot serve as a detector")
    return found


def installed_of(task: Task, settings: Settings) -> tuple[list[Built], list[tuple[Backend, str]]]:
    """What is installed for a task, back ends in their order first; and why the rest is not.

    Raises AbsentError if nothing is.
    """
    store, names = settings.models.open_store(), settings.models.of(task)
    if not names:
        raise ModelError(f"models.{task}: names no model; leave the key out for the default")
    installed: list[Built] = []
    absent: list[tuple[Backend, str]] = []
    for backend in settings.accel.order:
        for name in names:
            try:
                built = store.find(name, backend)
            except ModelError as error:
                absent.append((backend, str(error)))
                continue
            if built.manifest.task != task:
                raise ModelError(f"models.{task}: {name} is a model for {built.manifest.task}; name another one")
            installed.append(built)
    if not installed and not store.installed():
        raise AbsentError(f"no model is installed in {store.root}: run 'vedette models pull'")
    if not installed:
        raise AbsentError("; ".join(dict.fromkeys(reason for _, reason in absent)))
    return installed, absent


def open_model(task: Task, settings: Settings) -> Model:
    """Open the first model chosen for a task on the first back end that works.

    Raises ModelError if none is installed, AcceleratorError if no back end opens any.
    """
    installed, absent = installed_of(task, settings)
    order, store = settings.accel.order, settings.models.open_store()
    candidates = [(built.backend, built.weights, settings.accel.options_of(built, store)) for built in installed]
    with hushed():
        session, reasons = open_first(candidates)
    chosen = installed[len(reasons)]
    before = order[: order.index(chosen.backend)]
    return Model(
        chosen, session, [*reasons, *(f"{backend}: {reason}" for backend, reason in absent if backend in before)]
    )


def fault_of(backend: Backend, settings: Settings) -> str | None:
    """Why a back end cannot be used on this machine, in one sentence; None if it can."""
    with hushed():
        return probe(backend, settings.accel.options(backend))


def check_backends(settings: Settings) -> None:
    """Raise AcceleratorError with every reason if no back end of the configured order works on this machine."""
    reasons = []
    for backend in settings.accel.order:
        reason = fault_of(backend, settings)
        if reason is None:
            return
        reasons.append(f"{backend}: {reason}")
    raise AcceleratorError(f"no back end of accel.order works: {'; '.join(reasons)}; or add 'openvino' to accel.order")
