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
from edge.config import Config
from edge.engine import TASKS, Model, fault_of, open_model
from edge.errors import EdgeError
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
            yield Finding(
                task,
                True,
                f"{model.use.name} on {model.session.backend} {model.session.device}: {_self_test(model):.1f} ms",
            )


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
        with closing(database.connect(config.data).conn) as connection:
            (state,) = connection.execute("PRAGMA quick_check").fetchone()
    except EdgeError as error:
        return Finding("data", False, str(error))
    free = shutil.disk_usage(config.data).free
    if state != "ok":
        return Finding("data", False, f"{config.data / database.NAME}: {state}; restore a copy")
    enough = free >= ROOM
    return Finding("data", enough, f"{config.data}: {free / 2**30:.1f} GiB free" + ("" if enough else "; make room"))


def _clock() -> Finding:
    now = time.time()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < RELEASED:
        return Finding("clock", False, f"{text} lies in the past; set the time (timedatectl set-ntp true)")
    return Finding("clock", True, text)
