"""The search over a million faces, each measure over numpy's matrix product and over faiss on the same vectors."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from benchmarks.rivals import COLLECTION, DIGEST, SEARCHES, VECTORS, Answer, Array, Rival, rival
from evaluation.figures import Figure, figure, watched

from edge.collections import Collections, NewFace, rows
from edge.database import connect, transaction
from edge.values import Box

DIMENSIONS = 128
BATCH = 10_000
FEW = 1_000
WHERE = Box(0.4, 0.4, 0.6, 0.6)
# What the vectors of faces look like, as SFace's of LFW do: a common part, and variances that fall off by dimension.
COMMON, BETWEEN, WITHIN, FALL = 0.31, 0.58, 0.33, 50.0
RIVALS = [name for name in SEARCHES if name != "vedette"]


class People:
    """Random people: two views of one have a cosine of about 0.68, of two about 0.1."""

    def __init__(self, count: int, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        shape = np.exp(-np.arange(DIMENSIONS) / FALL)
        self._widths = np.sqrt(shape / shape.sum()).astype(np.float32)
        self._middles = self._drawn(count, BETWEEN)
        self._middles[:, -1] += COMMON

    def __len__(self) -> int:
        return len(self._middles)

    def views(self, who: np.ndarray) -> Array:
        """Unit vectors [N, DIMENSIONS], a new one each time."""
        seen = self._middles[who] + self._drawn(len(who), WITHIN)
        return seen / np.linalg.norm(seen, axis=1, keepdims=True)  # type: ignore[no-any-return]

    def anyone(self, count: int) -> np.ndarray:
        return self._random.integers(0, len(self), count)

    def strangers(self, count: int) -> Array:
        return People(count, int(self._random.integers(1 << 32))).views(np.arange(count))

    def _drawn(self, count: int, variance: float) -> Array:
        return self._random.standard_normal((count, DIMENSIONS), np.float32) * self._widths * np.float32(variance**0.5)


def run(quick: bool) -> Iterator[Figure]:
    """A fifth as many where there is no time for a million."""
    size, repeats = (200_000, 100) if quick else (1_000_000, 1_000)
    # Not in /tmp, which may be memory: a commit is worth its fsync.
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as root, ExitStack() as opened:
        folder, few, people = Path(root), Path(root, "few"), People(size * 2 // 5, size)
        _fill(folder, people, size)
        _fill(few, People(FEW, size), FEW)
        probes = np.concatenate([people.views(people.anyone(repeats)), people.strangers(repeats // 4)])
        rivals = {name: opened.enter_context(rival(name, folder, few, probes[0])) for name in SEARCHES}
        answers: dict[str, list[Answer]] = {name: [] for name in rivals}
        for probe in watched(list(probes), "searching"):
            for name, each in rivals.items():
                answers[name].append(each.ask(probe))
        yield from _compared(f"search.{size}", answers, rivals)
        yield from _kept_up(f"search.{size}", folder, people, rivals["vedette"], repeats // 10)


def _compared(name: str, answers: dict[str, list[Answer]], rivals: dict[str, Rival]) -> Iterator[Figure]:
    count, truth = len(answers["numpy"]), answers["numpy"]

    def right(of: list[Answer]) -> float:
        return float(np.mean([one.number == exact.number for one, exact in zip(of, truth, strict=True)]))

    ours = answers["vedette"]
    for part in (50, 99):
        took = {each: float(np.percentile([one.ms for one in answers[each]], part)) for each in answers}
        for other in RIVALS:
            yield figure(f"{name}.p{part}.over.{other}", took["vedette"], "ms", count, took[other])
    for other in RIVALS[1:]:
        yield figure(f"{name}.recall1.over.{other}", right(ours), "of probes", count, right(answers[other]))
    for other in RIVALS:
        yield figure(f"{name}.memory.over.{other}", rivals["vedette"].memory(), "MB", 1, rivals[other].memory())
    yield figure(f"{name}.load", rivals["vedette"].loaded, "s", 1)


def _kept_up(name: str, folder: Path, people: People, ours: Rival, repeats: int) -> Iterator[Figure]:
    """From the call that enrols or deletes a face to the answer of another process that knows; commits included."""
    enrolled, deleted = [], []
    writer = Collections(connect(folder))
    try:
        for number, vector in enumerate(people.strangers(repeats), 10**9):
            started = time.perf_counter()
            (face,) = writer.add_faces(COLLECTION, [NewFace(vector, WHERE, 1.0)], DIGEST, external_image_id=str(number))
            found = ours.ask(vector).number
            enrolled.append(1e3 * (time.perf_counter() - started))
            started = time.perf_counter()
            writer.delete_faces(COLLECTION, [face.face_id])
            gone = ours.ask(vector).number
            deleted.append(1e3 * (time.perf_counter() - started))
            if found != number or gone == number:
                raise AssertionError("the search did not follow the database")
    finally:
        writer.close()
    for what, took in (("enrolled_to_found", enrolled), ("deleted_to_gone", deleted)):
        yield figure(f"{name}.{what}.p50", float(np.percentile(took, 50)), "ms", repeats)
        yield figure(f"{name}.{what}.p99", float(np.percentile(took, 99)), "ms", repeats)


def _fill(folder: Path, people: People, size: int) -> None:
    """Everyone once, and then anyone, until there are `size` faces: in the database and, for the rivals, in a file."""
    who = np.concatenate([np.arange(len(people)), people.anyone(size - len(people))])
    folder.mkdir(exist_ok=True)
    vectors = np.lib.format.open_memmap(folder / VECTORS, "w+", np.float32, (size, DIMENSIONS))
    collections, database = Collections(connect(folder)), connect(folder)
    collections.create_collection(COLLECTION)
    for start in watched(range(0, size, BATCH), "enrolling"):
        batch = vectors[start : start + BATCH] = people.views(who[start : start + BATCH])
        with transaction(database) as connection:
            key = rows.collection_key(connection, COLLECTION)
            for number, vector in enumerate(batch, start):
                face = rows.new_face(NewFace(vector, WHERE, 1.0), str(number), str(number), "")
                rows.insert(connection, key, None, face, digest=DIGEST, vector=vector)
    vectors.flush()
    database.close()
    collections.close()
