"""Rekognition's API: what it costs to ask over HTTP, and whom it keeps waiting.

Clients are processes of their own, on the same machine, whose requests are signed beforehand. `overhead` is what a
request takes beyond the operation that it asks for: a photo of 221 kB (1920 x 1350), or a search in a small collection;
its reference is what is promised. `request` is all of it, over the same operation called in the server's process, by
turns. `throughput` is requests a second for four clients, over that of four threads which call the operation in the
server's process; `throughput.workers`, over that of as many threads as the server has workers. `memory` is what the
process has in memory after 1,000 requests, over what it had before. `slow` is a fast client's request beside 200 that
send a byte now and then, over the same alone. `search` asks for the faces most like one of 100,000; the reference of
its p99 is what is promised. `flood` is a camera of 720p at 5 frames/s, of which each is an event, while four clients
ask for faces and labels without a pause, over the same camera alone: frames analysed a second, and milliseconds from a
frame's capture to the broker's PUBACK of its event.
"""

from __future__ import annotations

import json
import logging
import socket
import tempfile
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import cv2
import media
import numpy as np
from benchmarks import flood
from benchmarks.clients import Client, clients
from benchmarks.freshness import at
from evaluation.figures import Figure, figure
from signing import Signer

from edge.abilities import open_abilities
from edge.api import opening
from edge.api.buckets import Buckets
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.operations import OPERATIONS, Operate
from edge.api.tokens import Tokens
from edge.board import resident
from edge.collections import Collections, NewFace
from edge.config import Config, parse
from edge.database import connect
from edge.endpoint import TASKS
from edge.keys import Keys, open_master
from edge.values import Box

PHOTO = "sample3.jpg"
PROMISED, PROMISED_SEARCH = 3.0, 20.0  # milliseconds
CLIENTS, SLOW = 4, 200
PEOPLE, CROWD = 100, 100_000  # faces in either collection
DIMENSIONS, DIGEST = 128, "benchmark"
WHERE = Box(0.4, 0.4, 0.6, 0.6)
TURNS = 10  # requests, and then as many calls
WARM = 5
A_WHILE = 2.0  # seconds


@dataclass(frozen=True, slots=True)
class Stage:
    """A server in this process, and what can be asked of it: operations with their members."""

    folder: Path
    config: Config
    desk: Desk
    signer: Signer
    asked: Mapping[str, Mapping[str, Any]]
    took: list[float]  # milliseconds of each operation that was asked for over the wire

    def call(self, operation: str) -> float:
        """Milliseconds of the operation without the server."""
        began = time.perf_counter()
        OPERATIONS[operation](self.desk, self.asked[operation])
        return 1e3 * (time.perf_counter() - began)

    def file(self, operation: str, **members: Any) -> str:
        """Where a request for it lies, signed now."""
        return written(self.folder, self.signer, operation, {**self.asked[operation], **members})


def written(folder: Path, signer: Signer, operation: str, members: Mapping[str, Any]) -> str:
    body = json.dumps(members, default=lambda blob: b64encode(blob).decode()).encode()
    path = folder / f"{operation}.http"
    path.write_bytes(signer.request(operation, body))
    return str(path)


def run(quick: bool) -> Iterator[Figure]:
    logging.getLogger("edge").setLevel(logging.CRITICAL)
    cv2.setNumThreads(1)  # as the daemon does
    # Not in /tmp, which may be memory: the audit is worth its fsync.
    with tempfile.TemporaryDirectory(dir=Path.home()) as name:
        with served(Path(name)) as stage, clients(stage.config.api.port, CLIENTS) as asking:
            for operation in ("DetectFaces", "DetectLabels", "SearchFaces"):
                yield from _overhead(stage, asking[0], operation, 6 if quick else 30)
            for operation in ("DetectFaces", "DetectLabels"):
                yield from _throughput(stage, asking, operation, 3 if quick else 7)
            yield _memory(stage, asking[0])
            yield from _slow(stage, asking, 5.0 if quick else 15.0)
            yield from _search(stage, asking[0], 300 if quick else 2000)
        yield from flood.run(quick)


@contextmanager
def served(folder: Path) -> Iterator[Stage]:
    """With a photo to look at, and a few people to search."""
    config = configured(folder)
    (photo,) = media.get(PHOTO)
    picture = {"Image": {"Bytes": photo.read_bytes()}}
    with ExitStack() as open_:
        abilities = open_abilities(config, TASKS)
        open_.callback(abilities.close)
        collections = open_.enter_context(closing(Collections(connect(config.data))))
        search = {"CollectionId": "people", "FaceId": filled(collections, "people", PEOPLE), "MaxFaces": 5}
        asked: dict[str, dict[str, Any]] = {"DetectFaces": picture, "DetectLabels": picture, "SearchFaces": search}
        images, tokens = Images(Buckets({})), Tokens(b"")
        desk = Desk(abilities, collections, images, tokens, None, config.api.region, config.api.account)  # type: ignore[arg-type]
        took = list[float]()
        open_.enter_context(patch.object(opening, "OPERATIONS", _timed(took)))
        server = open_.enter_context(opening.opened(config, abilities, collections))
        stop = threading.Event()
        thread = threading.Thread(target=server.serve, args=(lambda: {"models": abilities.standing()}, stop))
        thread.start()
        open_.callback(thread.join)
        open_.callback(stop.set)
        yield Stage(folder, config, desk, signer(config), asked, took)


def _timed(took: list[float]) -> dict[str, Operate]:
    """The operations, which tell what each of them took."""

    def timed(operate: Operate) -> Operate:
        def operated(desk: Desk, members: Mapping[str, Any]) -> Mapping[str, Any]:
            began = time.perf_counter()
            try:
                return operate(desk, members)
            finally:
                took.append(1e3 * (time.perf_counter() - began))

        return operated

    return {name: timed(operate) for name, operate in OPERATIONS.items()}


def configured(folder: Path, **more: Any) -> Config:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    raw = {"device": "bench", "data": str(folder / "data"), "mqtt": {"port": 1}, "api": {"port": port}}
    return parse(raw | more, folder / "bench.toml")


def signer(config: Config) -> Signer:
    """With a new key that may do everything."""
    with closing(Keys(connect(config.data), open_master(config.data))) as keys:
        key, secret = keys.create("bench")
    return Signer(f"127.0.0.1:{config.api.port}", key.id, secret)


def filled(collections: Collections, name: str, count: int) -> str:
    """A collection of random people; gives a face of it."""
    vectors = np.random.default_rng(count).standard_normal((count, DIMENSIONS), np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    collections.create_collection(name)
    return collections.add_faces(name, [NewFace(vector, WHERE, 1.0) for vector in vectors], DIGEST)[count // 2].face_id


def _overhead(stage: Stage, client: Client, operation: str, rounds: int) -> Iterator[Figure]:
    there, here, beyond = list[float](), list[float](), list[float]()
    client.ask(files=[stage.file(operation)], count=WARM)
    for _ in range(rounds):
        stage.took.clear()
        there += (took := client.ask(files=[stage.file(operation)], count=TURNS))
        beyond += [whole - part for whole, part in zip(took, stage.took, strict=True)]
        here += [stage.call(operation) for _ in range(TURNS)]
    count = rounds * TURNS
    yield figure(f"endpoint.overhead.{operation}.p50", at(beyond, 0.5), "ms", count, PROMISED)
    yield figure(f"endpoint.request.{operation}.p50", at(there, 0.5), "ms", count, at(here, 0.5))


def _throughput(stage: Stage, asking: list[Client], operation: str, rounds: int) -> Iterator[Figure]:
    """By turns, so that all share the machine's moods."""
    callers = {"throughput": CLIENTS, "throughput.workers": stage.config.api.workers}
    here: dict[str, list[float]] = {name: [] for name in callers}
    there = list[float]()
    for _ in range(rounds):
        there.append(_flooded(stage, asking, operation))
        for name, threads in callers.items():
            here[name].append(_called(stage, operation, threads))
    answered, count = float(np.median(there)), round(sum(there) * A_WHILE)
    for name, rates in here.items():
        yield figure(f"endpoint.{name}.{operation}", answered, "requests/s", count, float(np.median(rates)))


def _flooded(stage: Stage, asking: list[Client], operation: str) -> float:
    files = [stage.file(operation)]
    began = time.perf_counter()
    for client in asking:
        client.begin(files=files, seconds=A_WHILE)
    count = sum(len(client.end()) for client in asking)
    return count / (time.perf_counter() - began)


def _called(stage: Stage, operation: str, callers: int) -> float:
    counts = list[int]()

    def call() -> None:
        done, until = 0, time.perf_counter() + A_WHILE
        while time.perf_counter() < until:
            stage.call(operation)
            done += 1
        counts.append(done)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - began)


def _memory(stage: Stage, client: Client) -> Figure:
    files = [stage.file(operation) for operation in stage.asked]
    client.ask(files=files, count=200)
    before = resident()
    client.ask(files=files, count=1000)
    return figure("endpoint.memory", resident() / 1e6, "MB", 1000, before / 1e6)


def _slow(stage: Stage, asking: list[Client], seconds: float) -> Iterator[Figure]:
    fast, crawling = asking[:2]
    files = [stage.file("SearchFaces")]
    fast.ask(files=files, count=WARM)
    alone = fast.ask(files=files, seconds=seconds)
    crawling.begin(slow=SLOW, seconds=seconds + 1.0)
    time.sleep(1.0)  # all are connected
    beside = fast.ask(files=files, seconds=seconds - 1.0)
    crawling.end()
    for part in (0.5, 0.99):
        yield figure(f"endpoint.slow.p{part * 100:.0f}", at(beside, part), "ms", len(beside), at(alone, part))


def _search(stage: Stage, client: Client, count: int) -> Iterator[Figure]:
    face = filled(stage.desk.collections, "crowd", CROWD)
    files = [stage.file("SearchFaces", CollectionId="crowd", FaceId=face)]
    client.ask(files=files, count=WARM)
    took = client.ask(files=files, count=count)
    yield figure(f"endpoint.search.{CROWD}.p50", at(took, 0.5), "ms", count)
    yield figure(f"endpoint.search.{CROWD}.p99", at(took, 0.99), "ms", count, PROMISED_SEARCH)
