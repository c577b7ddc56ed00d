"""A workstation at a device's service: it takes an order, gets the pictures, trains, and returns the pack.

Whatever ends it, the same command goes on: it takes its own order up again, whose pictures and work folder are still
there. While it trains, a thread tells the device how far it is, which keeps the order; who has lost it stops.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from training import datasets, stages
from training.datasets import Sample
from training.display import Display
from training.orders import Claim, Device, LostError, Order, TakenError
from training.settings import Job, Progress

from edge.errors import EXPECTED, DeniedError, EdgeError, MissingError, StorageError, UnavailableError
from edge.packs.sealed import fingerprint
from edge.packs.signing import open_key
from edge.packs.store import default_root, flush, reported

EVERY = 30.0  # seconds between two looks for orders
FULL = 1 << 20  # bytes left on a disk that has none; what torch says then is no defect
TELL = 20.0  # seconds between two words of how far it is
MODERATION = "content-moderation-groundtruth"

Train = Callable[[Sequence[Sample], Path, Job, Progress], Path]


@dataclass(slots=True)
class Workstation:
    """`home` has a work folder for each project and version; `train` gives the pack."""

    device: Device
    home: Path
    key: Path
    console: Console
    train: Train
    minutes: float | None = None
    seed: int = 1
    worker: str = field(default_factory=socket.gethostname)

    @property
    def signer(self) -> str:
        return fingerprint(open_key(self.key)[0].public)

    def look(self) -> bool:
        """Take an order that nobody is at, or that this workstation was at before, and see it through.

        False where there is none. What is the order's own fault is told the device, and ends the order.
        """
        for order in self.device.orders():
            if order.worker in ("", self.worker):
                try:
                    claim = self.device.claim(order, self.worker, self.signer)
                except (TakenError, LostError):
                    continue
                self._work(claim)
                return True
        return False

    def _work(self, claim: Claim) -> None:
        place = f"{claim.order.project}/{claim.order.version}"
        self._say(f"{place}: begun")
        try:
            pack = self._trained(claim)
            status = claim.send(pack, lambda done: self._say(f"{place}: {done:.0%} of the pack returned"))
        except LostError as error:
            self._say(f"{place}: let go: {error}")
        except (UnavailableError, StorageError, DeniedError, OSError):  # the order is none the worse for it
            raise
        except EXPECTED as error:
            self._fail(claim, str(error))
        except Exception as error:
            if shutil.disk_usage(self.home).free > FULL:
                self._fail(claim, f"the workstation has a defect: {type(error).__name__}: {error}")
            raise
        else:
            self._say(f"{place}: {status}")
            shutil.rmtree(self._data(claim.order), ignore_errors=True)

    def _fail(self, claim: Claim, reason: str) -> None:
        self._say(f"{claim.order.project}/{claim.order.version}: failed: {reason}")
        with suppress(EdgeError):
            claim.fail(reason)

    def _trained(self, claim: Claim) -> Path:
        order, data = claim.order, self._data(claim.order)
        with Display("detect" if order.task == "detect" else "classify", self.console) as display:
            progress = Told(claim, display)
            with progress.telling():
                fetch(claim, data, progress)
                samples = datasets.read(data, order.task)
                return self.train(samples, data, self._job(order, samples), progress)

    def _job(self, order: Order, samples: Sequence[Sample]) -> Job:
        adapter = order.feature == "CONTENT_MODERATION"
        return Job(
            order.project,
            order.version,
            "detect" if order.task == "detect" else "classify",
            self.seed,
            self._out(order).resolve(),
            self.minutes,
            multi=adapter or (order.task == "classify" and any(len(sample.labels) > 1 for sample in samples)),
            key=self.key,
            feature="CONTENT_MODERATION" if adapter else "CUSTOM_LABELS",
        )

    def _out(self, order: Order) -> Path:
        return self.home / order.project / order.version

    def _data(self, order: Order) -> Path:
        """Of this very order, and not of one before it of the same name."""
        return self._out(order) / f"data-{order.stamp}"

    def _say(self, text: str) -> None:
        self.console.print(f"train: {text}", markup=False, highlight=False)


class Told:
    """A Progress that the device hears of as well; raises LostError once the order is another one's."""

    def __init__(self, claim: Claim, shown: Progress) -> None:
        self._claim = claim
        self._shown = shown
        self._now = ("begun", 0.0)
        self._lost = ""

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        if self._lost:
            raise LostError(self._lost)
        self._now = (stage, done)
        self._shown(stage, done, note)

    @contextmanager
    def telling(self) -> Iterator[None]:
        """Every TELL seconds, whatever the training does."""
        over = threading.Event()
        thread = threading.Thread(target=self._tell, args=(over,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _tell(self, over: threading.Event) -> None:
        while True:
            try:
                self._claim.report(*self._now)
            except LostError as error:
                self._lost = str(error)
                return
            except EdgeError:  # the next one may arrive
                pass
            if over.wait(TELL):
                return


def fetch(claim: Claim, folder: Path, progress: Progress) -> None:
    """The order's pictures and manifests, as a data set; pictures that are there already are not asked for again.

    Those that the device cannot get itself are left out here, and named by the check. Raises StorageError.
    """
    with reported(folder, "make room there"):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        lines: dict[bool, list[str]] = {False: [], True: []}
        entries = list(claim.entries())
        for number, entry in enumerate(entries):
            name = f"images/{entry.id:07d}-{_plain(entry.source)}"
            if not (folder / name).exists():
                with suppress(MissingError):
                    _write(folder / name, claim.picture(entry))
            lines[bool(entry.test)].append(json.dumps(local(json.loads(entry.line), name)))
            progress("getting the pictures", (number + 1) / len(entries), f"{number + 1} of {len(entries)}")
        for test, name in ((False, "train.manifest"), (True, "test.manifest")):
            if lines[test]:
                _write(folder / name, "".join(f"{line}\n" for line in lines[test]).encode())


def local(line: dict[str, Any], name: str) -> dict[str, Any]:
    """A line of a manifest, with its picture here; labels of moderation as those of a picture."""
    told = {**line, "source-ref": name}
    moderated = told.pop(MODERATION, None)
    if moderated is not None:
        names = [one["Name"] for one in moderated["ModerationLabels"]]
        told["moderation"] = list(range(len(names)))
        told["moderation-metadata"] = {
            "class-map": {str(number): one for number, one in enumerate(names)},
            "type": "groundtruth/image-classification-multilabel",
        }
    return told


def serve(url: str, key_id: str, secret: str, console: Console, wanted: argparse.Namespace) -> int:
    """Train what a device orders, until Ctrl-C; `wanted` is what the command line says besides."""
    key = wanted.key or default_root() / "signing.key"
    key.parent.mkdir(parents=True, exist_ok=True)

    def train(samples: Sequence[Sample], root: Path, job: Job, progress: Progress) -> Path:
        return stages.run(samples, root, job, progress).pack

    home = wanted.out or Path("training")
    device = Device(url, key_id, secret)
    station = Workstation(device, home, key, console, train, wanted.minutes, wanted.seed)
    console.print(f"train: at the service of {device.url}; packs are signed by {station.signer}", markup=False)
    while True:
        try:
            busy = station.look()
        except UnavailableError as error:
            console.print(f"train: {error}", markup=False, highlight=False)
            busy = False
        if not busy:
            time.sleep(EVERY)


def _plain(source: str) -> str:
    """The end of a picture's place, as a name that people know it by."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", source.rpartition("/")[2])[-80:]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    flush(part)
    part.replace(path)
