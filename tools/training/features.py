"""What the backbone says of each picture and of several views of it: computed once, kept in one file.

The frozen part of the network runs in OpenVINO, which on a CPU is many times faster than torch. The file is SQLite:
a training that was killed goes on with what is in it.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openvino as ov
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from training import images, lite0
from training.datasets import Sample
from training.network import silenced
from training.settings import Progress

from edge import pictures
from edge.errors import InputError, StorageError
from edge.packs.store import reported
from edge.values import Image

FILE = "features.db"
# Counts changes of what is computed: of the views, or of the network.
RECIPE = 1
# About so many views in all, of each picture at least 2 and at most 16 beside the plain one.
TOTAL, FEWEST, MOST = 3200, 2, 16
# The first block that may be trained on: from there on all is 7 x 7, a third of the network's work.
CUT = 12
# Of more views than this, what goes into that block is not kept: 19 KB each.
MAPPED = 40_000

Halves = NDArray[np.float16]
Network = Callable[[NDArray[np.float32]], tuple[NDArray[Any], NDArray[Any]]]


@dataclass(frozen=True, slots=True)
class Known:
    """Of N pictures and V views of each, the plain one first: `pooled` [N,V,1280], `maps` [N,V,192,7,7] if asked."""

    pooled: Halves
    maps: Halves | None


def views(count: int) -> int:
    """How many varied views of each of so many pictures."""
    return int(np.clip(round(TOTAL / max(count, 1)), FEWEST, MOST))


def extract(samples: Sequence[Sample], file: Path, seed: int, mapped: bool, progress: Progress) -> Known:
    """Of every picture, from the file where it is there already."""
    count = views(len(samples))
    network: Network | None = None
    found: list[tuple[Halves, Halves | None]] = []
    with _opened(file) as database:
        for place, sample in enumerate(samples):
            progress("features", place / len(samples), sample.path.name)
            digest = hashlib.sha256(_bytes(sample.path)).digest()
            key = f"{RECIPE}:{seed}:{count}:{digest.hex()}"
            kept = _kept(database, key, count + 1, mapped)
            if kept is None:
                network = network or compiled(count + 1)
                shown = shown_views(pictures.read(sample.path), digest, seed, count)
                pooled, maps = (part.astype(np.float16) for part in network(images.normalised(shown)))
                kept = pooled, maps if mapped else None
                _keep(database, key, kept)
            found.append(kept)
    progress("features", 1.0)
    maps = [each for _, each in found if each is not None]
    return Known(np.stack([pooled for pooled, _ in found]), np.stack(maps) if mapped else None)


def shown_views(image: Image, digest: bytes, seed: int, count: int) -> list[Image]:
    """The picture as the device sees it, and varied; what is drawn depends on nothing but picture and seed."""
    random = images.generator(seed, int.from_bytes(digest[:8], "big"))
    return [images.prepare(image, images.square()), *(images.view(image, images.SIDE, random) for _ in range(count))]


class Halfway(nn.Module):
    """The backbone with two outputs: its pooled features, and what goes into the first block that may be trained."""

    def __init__(self) -> None:
        super().__init__()
        self.network = lite0.load()

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        maps = self.network.until(pixels, CUT)
        return self.network.since(maps, CUT), maps


def compiled(batch: int) -> Network:
    """On the graphics card where torch finds one, else in OpenVINO."""
    network = Halfway().eval()
    if torch.cuda.is_available():
        card = network.cuda()

        @torch.inference_mode()
        def on_card(pixels: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
            pooled, maps = card(torch.from_numpy(pixels).cuda())
            return pooled.cpu().numpy(), maps.cpu().numpy()

        return on_card
    with silenced():
        graph = ov.convert_model(network, example_input=torch.zeros(1, 3, images.SIDE, images.SIDE))
    graph.reshape([batch, 3, images.SIDE, images.SIDE])
    model = ov.Core().compile_model(graph, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})

    def on_cores(pixels: NDArray[np.float32]) -> tuple[NDArray[Any], NDArray[Any]]:
        answers = model(pixels)
        return answers[0], answers[1]

    return on_cores


@contextmanager
def _opened(file: Path) -> Iterator[sqlite3.Connection]:
    try:
        with reported(file, "name another folder with --out"):
            file.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(file, isolation_level=None)) as database:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("CREATE TABLE IF NOT EXISTS features (key TEXT PRIMARY KEY, pooled BLOB, maps BLOB)")
            yield database
    except sqlite3.Error as error:
        raise StorageError(f"{file}: {error}; free some space or remove the file, then run it again") from error


def _bytes(picture: Path) -> bytes:
    try:
        return picture.read_bytes()
    except OSError as error:
        raise InputError(f"{picture}: {error.strerror}; leave the data set as it is while it is learnt") from error


def _kept(database: sqlite3.Connection, key: str, count: int, mapped: bool) -> tuple[Halves, Halves | None] | None:
    row = database.execute("SELECT pooled, maps FROM features WHERE key = ?", (key,)).fetchone()
    if row is None or (mapped and row[1] is None):
        return None
    pooled = np.frombuffer(row[0], np.float16).reshape(count, lite0.FEATURES)
    maps = np.frombuffer(row[1], np.float16).reshape(count, -1, 7, 7) if mapped else None
    return pooled, maps


def _keep(database: sqlite3.Connection, key: str, known: tuple[Halves, Halves | None]) -> None:
    pooled, maps = known
    blobs = (pooled.tobytes(), None if maps is None else maps.tobytes())
    database.execute("INSERT OR REPLACE INTO features VALUES (?, ?, ?)", (key, *blobs))
