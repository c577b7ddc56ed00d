"""Thousands of shots at a real server: what it answered, what it should not have, and what memory it took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from random import Random
from threading import Lock
from time import perf_counter
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from edge.api.limits import AWAY
from edge.api.model import Operation, operations
from edge.api.operations import OPERATIONS
from edge.pictures import MAX_PIXELS
from tools.fuzzing import pictures
from tools.fuzzing.judging import outcome, verdict
from tools.fuzzing.shots import Shot, shots
from tools.fuzzing.talking import NotHttpError, Reply, Talker
from tools.fuzzing.world import BUCKET, COLLECTIONS, OBJECTS, USERS, World
from tools.scenarios.endpoint import Endpoint, RefusedError

OFFERED = [operations()[name] for name in OPERATIONS]
OTHERS = [operation for name, operation in operations().items() if name not in OPERATIONS]
CLIENTS, WORKERS = 4, 2
THREADS = WORKERS + AWAY  # of the server's
BODY_MB, MEMORY_MB, PATIENCE = 8, 32, 1.0
SALVO = 12  # shots after which what was deleted is there again
TOML = f"""workers = {WORKERS}
body_mb = {BODY_MB}
memory_mb = {MEMORY_MB}
patience = {PATIENCE}
[api.buckets]
{BUCKET} = "{{bucket}}"
"""
# Beside what bodies hold in all, each worker has one as bytes, as text and decoded, and a picture of as many pixels as
# may be, three bytes each, twice while it is decoded; the rest is for caches and what is left between two blocks.
MARGIN_MB = WORKERS * (3 * BODY_MB + 2 * 3 * MAX_PIXELS / (1 << 20)) + 32


@dataclass(frozen=True, slots=True)
class Finding:
    reason: str
    shot: Shot
    told: str


@dataclass
class Report:
    sent: Counter[str] = field(default_factory=Counter)  # by kind
    outcomes: Counter[str] = field(default_factory=Counter)
    answered: Counter[str] = field(default_factory=Counter)  # with 200, by operation
    findings: list[Finding] = field(default_factory=list)
    afterwards: list[str] = field(default_factory=list)
    said: str = ""  # by the server, at its end
    before_mb: float = 0.0
    peak_mb: float = 0.0
    seconds: float = 0.0

    @property
    def limit_mb(self) -> float:
        return self.before_mb + MEMORY_MB + MARGIN_MB

    def faults(self) -> list[str]:
        """All that must not be."""
        faults = [
            *self.afterwards,
            *(f"{one.shot.kind} {one.shot.operation}: {one.reason}: {one.told}" for one in self.findings),
        ]
        if self.peak_mb > self.limit_mb:
            faults.append(f"memory: {self.peak_mb:.0f} MB, where {self.limit_mb:.0f} MB are declared")
        faults += [f"the log: {line[:2000]}" for line in self.said.splitlines() if not _calm(line)]
        return faults


def campaign(folder: Path, count: int, number: int, photos: Sequence[Path], told: Callable[[Report], None]) -> Report:
    """Fire `count` shots, drawn from the seed `number`; `told` hears of each. Raises AssertionError if none can be."""
    bucket = _bucket(folder, photos)
    report = Report()
    with Endpoint(folder, TOML.format(bucket=bucket)) as server:
        server.start()
        range_ = _Range(server, photos[0].read_bytes(), report, told)
        usual = range_.usual()
        range_.warm_up(pictures.largest())
        report.before_mb = server.reset_peak()
        began = perf_counter()
        known = range_.world.known(pictures.strategy(photos))
        range_.fire(count, number, lambda operation: shots(operation, server.signer, known))
        report.seconds, report.peak_mb = perf_counter() - began, server.peak_mb
        if not server.healthy or range_.usual() != usual:
            report.afterwards.append("the server does not answer as before")
        if server.stop():
            report.afterwards.append("the server did not stop in peace")
        report.said = server.said
    return report


class _Range:
    """Where shots are fired: several clients at one server."""

    def __init__(self, server: Endpoint, photo: bytes, report: Report, told: Callable[[Report], None]) -> None:
        self.world = World()
        self._server, self._photo, self._report, self._told = server, photo, report, told
        self._talker = Talker(server.port, PATIENCE)
        self._lock = Lock()

    def fire(self, count: int, number: int, strategy: Callable[[Operation], st.SearchStrategy[Shot]]) -> None:
        """A few shots at an operation, then at another; nine times in ten at one that is offered."""
        random, drawn = Random(number), cache(strategy)  # noqa: S311 - any will do, but the same from the same seed
        with closing(self._talker), ThreadPoolExecutor(CLIENTS) as clients:
            while (left := count - self._report.sent.total()) > 0:
                self._restock()
                operation = random.choice(OFFERED if random.random() < 0.9 else OTHERS)
                self._salvo(clients, min(left, SALVO), random.getrandbits(32), drawn(operation))

    def _salvo(self, clients: Executor, count: int, number: int, strategy: st.SearchStrategy[Shot]) -> None:
        flying: list[Future[None]] = []

        @seed(number)
        @settings(max_examples=count, deadline=None, database=None, phases=[Phase.generate],
                  suppress_health_check=list(HealthCheck))  # fmt: skip
        @given(strategy)
        def each(shot: Shot) -> None:
            self._report.sent[shot.kind] += 1
            flying.append(clients.submit(self._one, shot))

        each()
        for one in flying:
            one.result()

    def usual(self) -> list[Any]:
        """Answers that stay the same."""
        return self.ask_all(self._photo)

    def warm_up(self, picture: bytes) -> None:
        """Models, and the threads that they work in, keep what the largest picture once made them take."""
        with ThreadPoolExecutor(THREADS) as clients:
            list(clients.map(self.ask_all, [picture] * THREADS))

    def ask_all(self, picture: bytes) -> list[Any]:
        """What each operation sees that opens models of its own."""
        asked: dict[str, dict[str, Any]] = {
            "DetectLabels": {"Features": ["GENERAL_LABELS", "IMAGE_PROPERTIES"]},
            "DetectFaces": {"Attributes": ["ALL"]},
            "DetectText": {},
            "DetectModerationLabels": {},
            "DetectProtectiveEquipment": {},
        }
        return [self._told_by(name, Image={"Bytes": picture}, **more) for name, more in asked.items()]

    def _told_by(self, operation: str, **members: Any) -> Any:
        try:
            return self._server.ask(operation, **members)
        except RefusedError as error:
            return str(error)

    def _one(self, shot: Shot) -> None:
        replies: list[Reply] = []
        try:
            replies = self._talker.replies(shot)
            reason = verdict(shot, replies)
        except (NotHttpError, OSError) as error:
            reason = repr(error)
        with self._lock:
            if reason:
                told = repr(replies[-1].body[:500]) if replies else ""
                self._report.findings.append(Finding(reason, shot, told))
            self._report.outcomes.update(map(outcome, replies) if replies else ["no answer"])
            self._report.answered[shot.operation] += sum(reply.status == 200 for reply in replies)
            self._told(self._report)
        for reply in replies:
            if shot.operation and reply.status == 200:
                self.world.note(json.loads(reply.body))

    def _restock(self) -> None:
        """Have again what was deleted; that some of it is there is no matter."""
        for collection in COLLECTIONS[:2]:
            for operation, more in (
                ("CreateCollection", {}),
                ("IndexFaces", {"Image": {"Bytes": self._photo}, "ExternalImageId": "one"}),
                ("CreateUser", {"UserId": USERS[0]}),
            ):
                self.world.note(self._told_by(operation, CollectionId=collection, **more))


def _calm(line: str) -> bool:
    """Whether a line of the log tells of no fault of the server: no error, and no traceback."""
    try:
        return json.loads(line)["level"] in ("info", "warning", "debug") and "Traceback" not in line
    except (ValueError, LookupError):
        return False


def _bucket(folder: Path, photos: Sequence[Path]) -> Path:
    bucket = folder / "bucket"
    (bucket / "folder").mkdir(parents=True)
    for name, photo in zip((OBJECTS[0], OBJECTS[2]), photos, strict=False):
        (bucket / name).write_bytes(photo.read_bytes())
    (bucket / OBJECTS[1]).write_text("words", "utf-8")
    return bucket
