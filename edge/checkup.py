"""A look at everything the daemon needs, one finding after the other."""

from __future__ import annotations

import platform
import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np

from accel.session import AcceleratorError
from edge import __version__, database
from edge.collections import Collections
from edge.config import Config
from edge.engine import TASKS, Model, fault_of, open_model
from edge.errors import EdgeError
from edge.events.log import EventLog
from edge.events.mqtt import check as check_broker
from models.manifest import ModelError

PACKAGES = ("openvino", "ai-edge-litert", "numpy", "opencv-python-headless", "paho-mqtt", "pydantic", "sqlite-utils")
ROOM = 1 << 30  # bytes free below which a disk is worth a word
RELEASED = 1_767_225_600  # 1 January 2026: an earlier clock was never set
ROUNDS = 5


@dataclass(frozen=True, slots=True)
class Finding:
    part: str
    ok: bool
    text: str


def examine(config: Config) -> Iterator[Finding]:
    """Each part's state; a finding that is not ok names the remedy."""
    yield Finding("vedette", True, f"{__version__} on Python {platform.python_version()}, {platform.machine()}")
    yield Finding("packages", True, ", ".join(f"{name} {_version(name)}" for name in PACKAGES))
    yield from _backends(config)
    yield from _models(config)
    yield _broker(config)
    yield _storage(config)
    yield _clock()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _backends(config: Config) -> Iterator[Finding]:
    for backend in config.accel.order:
        reason = fault_of(backend, config)
        yield Finding(backend, reason is None, reason or "works")


def _models(config: Config) -> Iterator[Finding]:
    for task in TASKS:
        if not config.models.of(task):
            yield Finding(task, True, "turned off")
            continue
        try:
            model = open_model(task, config)
        except (ModelError, AcceleratorError) as error:
            yield Finding(task, False, str(error))
            continue
        with closing(model):
            yield _sound(task, model, config)


def _sound(task: str, model: Model, config: Config) -> Finding:
    """Every byte of the model's files is read: an altered weight infers as fast as a sound one."""
    name, backend = model.use.name, model.built.backend
    if faults := config.models.open_store().faults(model.manifest, backend):
        remedy = f"run 'vedette models pull {name} --backend {backend}'"
        return Finding(task, False, f"{'; '.join(faults)}: {remedy}")
    return Finding(task, True, f"{name} on {backend} {model.session.device}: {_self_test(model):.1f} ms")


def _self_test(model: Model) -> float:
    """The least milliseconds of a few inferences on a grey picture of the model's own size."""
    size = model.manifest.input
    image = np.full((size.height, size.width, 3), 114, np.uint8)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        model.run(image, 0.5)
        best = min(best, time.perf_counter() - started)
    return best * 1e3


def _broker(config: Config) -> Finding:
    where = f"{config.mqtt.host}:{config.mqtt.port}"
    try:
        check_broker(config.mqtt, config.device)
    except EdgeError as error:
        return Finding("broker", False, str(error))
    return Finding("broker", True, f"{where} answers")


def _storage(config: Config) -> Finding:
    try:
        with closing(database.connect(config.data)) as opened, database.reading(opened) as connection:
            (state,) = connection.execute("PRAGMA quick_check").fetchone()
        if state == "ok":
            _open_rooms(config)
    except EdgeError as error:
        return Finding("data", False, str(error))
    free = shutil.disk_usage(config.data).free
    if state != "ok":
        return Finding("data", False, f"{config.data / database.NAME}: {state}; restore a copy")
    enough = free >= ROOM
    return Finding("data", enough, f"{config.data}: {free / 2**30:.1f} GiB free" + ("" if enough else "; make room"))


def _open_rooms(config: Config) -> None:
    """As the daemon does; raises StorageError for a newer Vedette's file, and for one that lacks tables."""
    with closing(EventLog(database.connect(config.data), config.device, config.events)) as log:
        log.standing()
        log.tail(0, 1)
    with closing(Collections(database.connect(config.data))) as people:
        for found in people.list_collections():
            people.list_faces(found.name)


def _clock() -> Finding:
    now = time.time()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < RELEASED:
        return Finding("clock", False, f"{text} lies in the past; set the time (timedatectl set-ntp true)")
    return Finding("clock", True, text)
