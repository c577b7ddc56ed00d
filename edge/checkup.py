"""A look at everything the daemon needs, one finding after the other."""

from __future__ import annotations

import os
import platform
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from accel.session import AcceleratorError
from edge import __version__, board, database, live
from edge.abilities import needed
from edge.collections import Collections
from edge.config import Config
from edge.customs import examined
from edge.engine import TASKS, Model, fault_of, open_model
from edge.errors import EdgeError, StorageError, UnavailableError
from edge.events.log import EventLog
from edge.events.mqtt import check as check_broker
from edge.exporter import Exporter
from edge.keys import certificate, store
from edge.keys.counting import usable
from edge.vision.celebrities import installed_packs
from models.manifest import ModelError

PACKAGES = (
    "openvino",
    "ai-edge-litert",
    "numpy",
    "opencv-python-headless",
    "paho-mqtt",
    "pydantic",
    "sqlite-utils",
    "uvicorn",
)
ROOM = 1 << 30  # bytes free below which a disk is worth a word
STALE = 600.0  # seconds: an event that waits longer is no hiccup of the network
HOT = 85.0  # °C from which boards begin to slow themselves down
FLAPS, LAGS = (
    5,
    0.1,
)  # openings of a camera, and the share of its frames that gave way, from which on it is worth a word
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
    yield from _celebrities(config)
    yield from _customs(config)
    yield _broker(config)
    yield _storage(config)
    yield from _outbox(config)
    if config.api.port:
        yield _api(config)
    if config.metrics.port:
        yield _metrics(config)
    yield _board(config)
    yield _clock()
    yield from _daemon(config)


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
    """Those that the cameras' tasks need, and what else is installed."""
    asked = {model for task in config.tasks for model in needed(task)}
    for task in TASKS:
        if not config.models.of(task):
            yield Finding(task, True, "turned off")
            continue
        try:
            model = open_model(task, config)
        except (ModelError, AcceleratorError) as error:
            if task in asked or isinstance(error, AcceleratorError):
                yield Finding(task, False, str(error))
            continue
        with closing(model):
            yield _sound(task, model, config)


def _celebrities(config: Config) -> Iterator[Finding]:
    for name, pack in installed_packs(config):
        if isinstance(pack, EdgeError):
            yield Finding(f"pack {name}", False, str(pack))
        else:
            yield Finding(f"pack {name}", True, f"{len(pack.index.people)} celebrities")


def _customs(config: Config) -> Iterator[Finding]:
    with suppress(StorageError):  # `data` says why
        for place, reason in examined(config):
            yield Finding(f"custom {place}", not reason, reason or "passes its self-test")


def _sound(task: str, model: Model, config: Config) -> Finding:
    """Every byte of the model's files is read: an altered weight infers as fast as a sound one."""
    name, backend = model.use.name, model.built.backend
    if faults := config.models.open_store().faults(model.manifest, backend):
        remedy = f"run 'vedette models pull {name} --backend {backend}'"
        return Finding(task, False, f"{'; '.join(faults)}: {remedy}")
    return Finding(task, True, f"{name} on {backend} {model.session.device}: {_self_test(model):.1f} ms")


def _self_test(model: Model) -> float:
    """The least milliseconds of a few inferences on a grey input of the model's own size."""
    (spec,), size = model.session.inputs, model.manifest.input
    usual = zip(spec.shape, (1, size.height, size.width, 3), strict=False)
    grey = np.full([side if side > 0 else own for side, own in usual], 114, spec.dtype)
    best = float("inf")
    for _ in range(ROUNDS):
        started = time.perf_counter()
        model.infer(grey, 0.5)
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
    damaged = 0
    try:
        if not database.is_there(config.data):
            return _nothing_yet(config.data)
        with closing(database.connect(config.data)) as opened, database.reading(opened) as connection:
            (state,) = connection.execute("PRAGMA quick_check").fetchone()
        if state == "ok":
            damaged = _open_rooms(config)
    except EdgeError as error:
        return Finding("data", False, str(error))
    free = shutil.disk_usage(config.data).free
    if state != "ok":
        return Finding("data", False, f"{config.data / database.NAME}: {state}; restore a copy")
    if damaged:
        return Finding(
            "data", False, f"{damaged} stored faces are damaged and match nobody; index their pictures again"
        )
    text = f"{config.data}: {free / 2**30:.1f} GiB free"
    if free < ROOM:
        more = "a full disk takes no events; make room, or let the log have less (events.cap_mb, stills.keep)"
        return Finding("data", False, f"{text}: {more}")
    return Finding("data", True, text)


def _nothing_yet(data: Path) -> Finding:
    """Before the first run, or after the folder was moved: the file is not made here, for it would be this user's."""
    there = next(folder for folder in (data, *data.parents) if folder.exists())
    if not there.is_dir() or not os.access(there, os.W_OK):
        return Finding("data", False, f"{data}: cannot be made in {there}; name a folder this user may write")
    return Finding("data", True, f"{data}: holds no {database.NAME} yet; the first run makes it")


def _open_rooms(config: Config) -> int:
    """As the daemon does; raises StorageError for a newer Vedette's file, and for one that lacks tables.

    Gives the number of damaged faces.
    """
    with closing(EventLog(database.connect(config.data), config.device, config.events)) as log:
        log.standing()
        log.tail(0, 1)
    with closing(Collections(database.connect(config.data))) as people:
        return sum(people.load(found.name) for found in people.list_collections())


def _clock() -> Finding:
    now = time.time()
    text = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(now))
    if now < RELEASED:
        return Finding("clock", False, f"{text} lies in the past; set the time (timedatectl set-ntp true)")
    if board.synchronised() is False:
        more = "events would carry a time that drifts; run 'timedatectl set-ntp true', or install chrony"
        return Finding("clock", False, f"{text}, which no time server has confirmed: {more}")
    return Finding("clock", True, text)


def _outbox(config: Config) -> Iterator[Finding]:
    try:
        if not database.is_there(config.data):
            return
        with closing(EventLog(database.connect(config.data), config.device, config.events)) as log:
            standing = log.standing()
    except EdgeError:
        return  # `data` says why
    age = time.time() - standing.oldest_at if standing.oldest_at else 0.0
    text = f"events waiting for the broker: {standing.waiting}"
    if standing.crowded or age > STALE:
        most = config.events.cap_mb + config.events.reserve_mb
        more = f"at {most} MB the oldest are given up; bring the broker back, or raise events.reserve_mb"
        yield Finding("outbox", False, f"{text}, the oldest for {age / 60:.0f} min: {more}")
    else:
        yield Finding("outbox", True, text)


def _api(config: Config) -> Finding:
    """Whether clients could be let in; whether one is served now, `daemon` says."""
    try:
        config.api.tls()
        keys = usable(config.data)
        store.check(config.data)
    except EdgeError as error:
        return Finding("api", False, str(error))
    if doubt := certificate.doubt(config.api.tls_certificate):
        return Finding("api", False, doubt)
    if not keys:
        return Finding("api", False, "no access key is enabled, so nobody can ask: run 'vedette keys create NAME'")
    return Finding("api", True, f"{config.api.place}, access keys: {keys}")


def _metrics(config: Config) -> Finding:
    """Whether their port can be had; a daemon that runs has it."""
    if not board.is_locked(config.data / "lock"):
        try:
            Exporter(config.metrics).close()
        except UnavailableError as error:
            return Finding("metrics", False, str(error))
    return Finding("metrics", True, f"{config.metrics.host}:{config.metrics.port}")


def _board(config: Config) -> Finding:
    state = board.Board(config.data).state()
    hottest, degrees = max(state["temperatures"].items(), key=lambda one: one[1], default=("", 0.0))
    now, ever = state["throttled"] or [], state["throttled_since_boot"] or []
    text = f"{hottest} {degrees:.0f} °C" if hottest else "tells no temperature"
    if "under_voltage" in ever:
        when = "now" if "under_voltage" in now else "since boot"
        more = "it slows down, and may damage its card; use the board's own supply and a short, thick cable"
        return Finding("board", False, f"{text}, the supply was too weak {when}: {more}")
    if now or degrees >= HOT:
        what = f"held back by {', '.join(now)}" if now else "close to slowing down"
        return Finding(
            "board", False, f"{text}, {what}: frames are dropped then; cool it, or take fewer (cameras.*.fps)"
        )
    return Finding("board", True, f"{text}, was held back since boot by {', '.join(ever)}" if ever else text)


def _daemon(config: Config) -> Iterator[Finding]:
    """What the running daemon says; that none runs is no fault."""
    try:
        picture = live.ask(config.data)
    except EdgeError as error:
        held = board.is_locked(config.data / "lock")
        yield Finding("daemon", not held, str(error) if held else f"not running; {live.START}")
        return
    fault = picture["fault"]
    yield Finding("daemon", not fault, fault or picture["summary"])
    for name, camera in picture["cameras"].items():
        yield from (Finding(f"camera {name}", False, text) for text in _camera(camera))
    for task, model in picture["models"].items():
        for failed in model.get("failed", ()):
            instead = f"{model['name']} on {model['backend']} stands in" if model["name"] else "nobody stands in"
            what = f"{failed['name']} on {failed['backend']} failed, {instead}: {failed['reason']}"
            yield Finding(task, False, f"{what}; check the device, its cable and power, it is tried again by itself")


def _camera(camera: Mapping[str, Any]) -> Iterator[str]:
    if camera["state"] == "offline":
        yield camera["reason"]
    if camera["opened"] > FLAPS:
        yield f"came back {camera['opened'] - 1} times: what happened meanwhile is lost; check its power and network"
    replaced, analysed = camera["frames"]["replaced"], camera["frames"]["analysed"]
    if replaced > LAGS * (replaced + analysed):
        share = replaced / (replaced + analysed)
        yield f"{share:.0%} of its frames gave way to newer ones: the board is too slow; lower fps, or turn tasks off"
