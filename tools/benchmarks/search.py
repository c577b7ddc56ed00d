"""Face search: milliseconds of a search through SQLite and the matrix, against numpy's bare matrix product.

A million is searched with 1,000 new views of enrolled people and 250 strangers, in turn by four processes: this one's
search through SQLite for the five best, numpy's product, and faiss-cpu with floats (`flat`) and with a byte a dimension
(`sq8`). `recall1` is how often the nearest is that of numpy's product; `memory` what the process takes beyond one with
1,000 vectors; `load` the time from opening the database to the first answer; `enrolled_to_found` and `deleted_to_gone`
end with the answer of another process than the one that wrote, and have the commit to disk in them.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from benchmarks import million
from benchmarks.inference import medians
from evaluation.figures import Figure, figure

from edge.collections import Collections, NewFace
from edge.database import connect
from edge.values import Box

DIMENSIONS = 128
SIZES = (10_000, 100_000)
DIGEST = "benchmark"
WHERE = Box(0.4, 0.4, 0.6, 0.6)


def run(quick: bool) -> Iterator[Figure]:
    """Fill collections of random people in a folder of their own, and search them."""
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            yield from _measure(Path(folder), size, 50 if quick else 300)
    yield from million.run(quick)


def _measure(data: Path, size: int, repeats: int) -> Iterator[Figure]:
    random = np.random.default_rng(size)
    people = random.standard_normal((size, DIMENSIONS), np.float32)
    people /= np.linalg.norm(people, axis=1, keepdims=True)
    probe = people[size // 2] + 0.5 * people[size // 3]
    probe /= np.linalg.norm(probe)
    writer, reader = Collections(connect(data)), Collections(connect(data))
    try:
        writer.create_collection("people")
        writer.add_faces("people", [NewFace(person, WHERE, 1.0) for person in people], DIGEST)
        started = time.perf_counter()
        reader.search("people", probe, DIGEST)
        yield figure(f"search.{size}.first", 1e3 * (time.perf_counter() - started), "ms", size)
        product, found, who = medians(
            repeats,
            lambda: people @ probe,
            lambda: reader.search("people", probe, DIGEST, 5, 0.0),
            lambda: reader.identify("people", probe, DIGEST, 90.0, 0.05),
        )
        yield figure(f"search.{size}.top5", found, "ms", size, product)
        yield figure(f"search.{size}.identify", who, "ms", size, product)
        yield figure(f"search.{size}.enrolled_to_found", _enrol(writer, reader, random, repeats // 10), "ms", size)
    finally:
        reader.close()
        writer.close()


def _enrol(writer: Collections, reader: Collections, random: np.random.Generator, repeats: int) -> float:
    """From the call that enrols a face to the match another connection finds; the commit to disk is in it."""
    times = []
    for _ in range(repeats):
        vector = random.standard_normal(DIMENSIONS, np.float32)
        started = time.perf_counter()
        (face,) = writer.add_faces("people", [NewFace(vector, WHERE, 1.0)], DIGEST)
        best = reader.search("people", vector, DIGEST, 1)[0]
        times.append(1e3 * (time.perf_counter() - started))
        if best.face_id != face.face_id:
            raise AssertionError("the face just enrolled was not found")
    return float(np.median(times))
