"""Searches over the same vectors, each in a process of its own so that its memory can be told from the others'."""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
# A probe to the number (as enrolled, from 0; -1 for nobody) and cosine of the nearest vector.
Search = Callable[[Array], tuple[int, float]]

VECTORS = "vectors.npy"
COLLECTION, DIGEST = "people", "benchmark"
WARM = 20
PAUSE = 0.005  # seconds after which the threads of the one asked before have stopped spinning


@dataclass(frozen=True, slots=True)
class Answer:
    number: int
    cosine: float
    ms: float


class Rival:
    """A search in another process. `loaded` is how many seconds it took until the first answer."""

    def __init__(self, line: Connection, first: Array) -> None:
        self._line = line
        line.send(first)
        self.loaded = float(line.recv())

    def ask(self, probe: Array) -> Answer:
        time.sleep(PAUSE)
        self._line.send(probe)
        return Answer(*self._line.recv())

    def memory(self) -> float:
        """MB more than before the vectors were there."""
        self._line.send(None)
        return float(self._line.recv())


@contextmanager
def rival(name: str, folder: Path, few: Path, first: Array) -> Iterator[Rival]:
    """The search `name` of SEARCHES over the vectors of `folder`, asked `first` and a little warmed up.

    Its memory is what it takes beyond the same search over the vectors of `few`.
    """
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(there, name, folder, few), daemon=True)
    process.start()
    there.close()
    try:
        found = Rival(here, first)
        for _ in range(WARM):
            found.ask(first)
        yield found
    finally:
        here.close()
        process.join()


def _serve(line: Connection, name: str, folder: Path, few: Path) -> None:
    load = SEARCHES[name]
    with suppress(EOFError):  # the other side has closed
        first = line.recv()
        with load(few) as search:
            search(first)
        before = _resident()
        started = time.perf_counter()
        with load(folder) as search:
            search(first)
            line.send(time.perf_counter() - started)
            while True:
                line.send(_answer(search, probe) if (probe := line.recv()) is not None else _resident() - before)


def _answer(search: Search, probe: Array) -> tuple[int, float, float]:
    started = time.perf_counter()
    number, cosine = search(probe)
    return number, cosine, 1e3 * (time.perf_counter() - started)


@contextmanager
def _vedette(folder: Path) -> Iterator[Search]:
    """As a camera asks: the five best, through the database; the number is the name a face was enrolled under."""
    from edge.collections import Collections
    from edge.database import connect

    people = Collections(connect(folder))

    def search(probe: Array) -> tuple[int, float]:
        found = people.search(COLLECTION, probe, DIGEST, 5, 0.0)
        return (int(found[0].external_image_id), found[0].cosine) if found else (-1, -1.0)

    try:
        yield search
    finally:
        people.close()


@contextmanager
def _numpy(folder: Path) -> Iterator[Search]:
    vectors = np.load(folder / VECTORS)

    def search(probe: Array) -> tuple[int, float]:
        cosines = vectors @ probe
        best = int(cosines.argmax())
        return best, float(cosines[best])

    yield search


def _faiss(kind: Callable[[Any, int], Any]) -> Callable[[Path], Any]:
    @contextmanager
    def load(folder: Path) -> Iterator[Search]:
        import faiss

        vectors = np.load(folder / VECTORS, mmap_mode="r")
        index = kind(faiss, vectors.shape[1])
        index.train(np.array(vectors[: 1 << 16]))
        for start in range(0, len(vectors), 1 << 16):
            index.add(np.array(vectors[start : start + (1 << 16)]))
        del vectors

        def search(probe: Array) -> tuple[int, float]:
            cosines, numbers = index.search(probe[None], 5)
            return int(numbers[0, 0]), float(cosines[0, 0])

        yield search

    return load


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text("ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


SEARCHES: dict[str, Callable[[Path], Any]] = {
    "vedette": _vedette,
    "numpy": _numpy,
    "faiss-flat": _faiss(lambda faiss, dimensions: faiss.IndexFlatIP(dimensions)),
    "faiss-sq8": _faiss(
        lambda faiss, dimensions: faiss.IndexScalarQuantizer(
            dimensions, faiss.ScalarQuantizer.QT_8bit, faiss.METRIC_INNER_PRODUCT
        )
    ),
}
