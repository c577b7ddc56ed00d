"""A workstation at a device's service: it takes an order, gets the pictures, trains, and returns the pack.

Whatever ends it, the same command goes on: it takes its own order up again, whose pictures and work folder are still
there. While it trains, a thread tells the device how far it is, which keeps the order; who has lost it stops. One
process works in a folder; nothing is claimed before that is sure.
"""

from __future__ import annotations

import argparse
import re
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from training import datasets, nameplate, stages, state
from training.datasets import Sample
from training.display import Display
from training.fetching import fetch, named
from training.findings import Findings
from training.orders import Claim, Device, LostError, Order, TakenError
from training.settings import LONGEST, Job, Progress

from edge.errors import EXPECTED, DeniedError, EdgeError, InputError, StorageError, UnavailableError
from edge.packs.custom import file_name
from edge.packs.drafts import is_name
from edge.packs.sealed import fingerprint
from edge.packs.signing import open_key
from edge.packs.store import default_root, reported

EVERY = 30.0  # seconds between two looks for orders
TELL = 20.0  # seconds between two words of how far it is

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
    host: str = field(default_factory=socket.gethostname)
    _passed_over: set[str] = field(default_factory=set, init=False)

    @property
    def worker(self) -> str:
        return nameplate.name(self.host, self.home)

    @property
    def signer(self) -> str:
        return fingerprint(open_key(self.key)[0].public)

    def look(self) -> bool:
        """Take an order that nobody is at, or that this workstation was at before, and see it through.

        False where there is none. What is the order's own fault is told the device, and ends the order.
        """
        worker = self.worker
        for order in self.device.orders():
            if order.worker in ("", worker) and not self._passes_over(order):
                try:
                    claim = self.device.claim(order, worker, self.signer)
                except (TakenError, LostError):
                    continue
                self._work(claim)
                return True
        return False

    def _passes_over(self, order: Order) -> bool:
        """An order whose folder another training works in; said once."""
        try:
            out = self._out(order)
        except InputError:  # which the device will be told
            return False
        try:
            if (out / state.LOCK).exists():
                with state.locked(out):
                    pass
        except UnavailableError:
            if order.arn not in self._passed_over:
                self._say(f"{order.place}: another training works in {out}; the order waits until that has ended")
            self._passed_over.add(order.arn)
            return True
        self._passed_over.discard(order.arn)
        return False

    def _work(self, claim: Claim) -> None:
        place = claim.order.place
        self._say(f"{place}: begun")
        try:
            pack = self._trained(claim)
            status = claim.send(pack, lambda done: self._say(f"{place}: {done:.0%} of the pack returned"))
        except LostError as error:
            self._say(f"{place}: let go: {error}")
            nameplate.renew(self.home)  # a copy of this folder may have claimed it under our name
        except (UnavailableError, StorageError, DeniedError, OSError):  # the order is none the worse for it
            raise
        except EXPECTED as error:
            self._fail(claim, str(error))
        except Exception as error:
            if state.free(self.home) > state.FULL:  # what torch says of a full disk is no defect
                self._fail(claim, f"the workstation has a defect: {type(error).__name__}: {error}")
            raise
        else:
            self._say(f"{place}: {status}")
            shutil.rmtree(self._data(claim.order), ignore_errors=True)

    def _fail(self, claim: Claim, reason: str) -> None:
        self._say(f"{claim.order.place}: failed: {reason}")
        with suppress(EdgeError):
            claim.fail(reason)

    def _trained(self, claim: Claim) -> Path:
        order, data = claim.order, self._data(claim.order)
        with Display("detect" if order.task == "detect" else "classify", self.console) as display:
            progress = Told(claim, display)
            with progress.telling(), named(fetch(claim, data, progress)):
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
        """Below `home`, whatever the device says; raises InputError for names that no folder may have."""
        for name in (order.project, order.version):
            if not is_name(name):
                raise InputError(f"{name!r}: use letters, digits and _ . - (at most 255), and not dots alone")
        if order.project in nameplate.OURS:
            raise InputError(f"{order.project}: a workstation has a file of this name; name the project otherwise")
        if len(file_name(order.project, order.version)) > LONGEST:
            raise InputError(
                f"{order.place}: no file can be called so; choose shorter names, of {LONGEST} letters in all"
            )
        return self.home / order.project / order.version

    def _data(self, order: Order) -> Path:
        """Of this very order, and not of one before it of the same name."""
        if not re.fullmatch("[0-9]{1,20}", order.stamp):
            raise InputError(f"{order.arn!r}: no ARN of a version; upgrade the device")
        return self._out(order) / f"data-{order.stamp}"

    def _say(self, text: str) -> None:
        say(self.console, text)


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


def trained(samples: Sequence[Sample], root: Path, job: Job, progress: Progress) -> Path:
    """The pack; raises InputError where nothing can be learnt."""
    findings = stages.check(samples, root, job, progress)
    if findings.stops:
        raise InputError(unfit(findings, job))
    return stages.train(findings, job, progress).pack


def unfit(findings: Findings, job: Job) -> str:
    """Why nothing can be learnt from a data set, and how many of its pictures that is down to."""
    whole = findings.root.name
    stops = (f"{one.said}; {one.remedy}" if one.name == whole else str(one) for one in findings.stops)
    said = f"the data set of {job.project}/{job.version}: {'; '.join(stops)}"
    left = [one for one in findings.found if one.left_out]
    if left:
        said += f"; {len(left)} of its {findings.pictures} pictures were left out, such as {left[0]}"
    return said


def serve(url: str, key_id: str, secret: str, console: Console, wanted: argparse.Namespace) -> int:
    """Train what a device orders, until Ctrl-C; `wanted` is what the command line says besides."""
    key = wanted.key or default_root() / "signing.key"
    with reported(key, "name another file with --key"):
        key.parent.mkdir(parents=True, exist_ok=True)
    home = wanted.out or Path("training")
    device = Device(url, key_id, secret, lambda text: say(console, text))
    with alone(home):
        station = Workstation(device, home, key, console, trained, wanted.minutes, wanted.seed)
        console.print(f"train: at the service of {device.url} as {station.worker}", markup=False, highlight=False)
        console.print(f"train: packs are signed by {station.signer}", markup=False)
        _attend(station)
    return 0


def _attend(station: Workstation) -> None:
    while True:
        try:
            busy = station.look()
        except UnavailableError as error:
            station.device.trouble(str(error))
            busy = False
        if not busy:
            time.sleep(EVERY)


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Nobody else takes orders in this folder meanwhile; raises UnavailableError, StorageError where none can be."""
    with reported(home, state.ELSEWHERE):
        if home.exists() and not home.is_dir():
            raise StorageError(f"{home}: it is a file, and no folder to work in; {state.ELSEWHERE}")
    with ExitStack() as held:
        try:
            held.enter_context(state.locked(home))
        except UnavailableError as error:
            raise UnavailableError(
                f"{home}: another workstation works there; wait until it has ended, or {state.ELSEWHERE}"
            ) from error
        yield


def say(console: Console, text: str) -> None:
    """In one line, whatever signs a device has put into it."""
    shown = "".join(one if one.isprintable() else "?" for one in text)
    console.print(f"train: {shown}", markup=False, highlight=False)
