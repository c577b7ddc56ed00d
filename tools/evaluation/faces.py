"""Faces: LFW pairs of the same and of different people, and a search among 25 enrolled with 50 strangers.

The reference is the float embedding. `verified` takes the threshold that was best on the other nine tenths of the
pairs; `verified_at_N` take a similarity of N percent: 80, and what a camera asks for by default. The similarity scale
itself was measured on pictures of this set, so its own figures flatter it.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, shipped
from numpy.typing import NDArray

from edge import pictures
from edge.collections import Collections, NewFace
from edge.database import connect
from edge.engine import Model
from edge.settings import FacesTask
from edge.similarity import cosine
from edge.values import Box
from edge.vision.faces import FaceAnalyzer

LFW = Path("faces", "lfw")
FOLDS = 10
COMPARED = 80.0  # percent: what comparing two faces asks for, unless told otherwise

Vectors = dict[str, NDArray[np.float32]]


def run(data: Path) -> Iterator[Figure]:
    """Verification with the int8 and the float embedding, then open-set search as a camera does it."""
    folder = data / LFW
    pairs = _rows(folder / "pairs.csv")
    gallery, probes = _rows(folder / "search_gallery.csv"), _rows(folder / "search_probe.csv")
    searched = {row["file"] for row in gallery + probes}
    names = sorted({row[side] for row in pairs for side in ("a", "b")} | searched)
    with shipped("yunet") as detector, shipped("sface") as embedder, floating("sface") as exact:
        vectors, references = embed(folder / "images", names, detector, (embedder, exact))
        digest = embedder.use.digest
    yield figure("faces.lfw.found", len(vectors) / len(names), "of pictures", len(names))
    yield from verification(pairs, vectors, references)
    yield from search(gallery, probes, vectors, digest)


def embed(folder: Path, names: list[str], detector: Model, embedders: tuple[Model, ...]) -> tuple[Vectors, ...]:
    """By each embedder, the vector of the face nearest to the middle: whom LFW names. Faceless ones are left out."""
    vectors: tuple[Vectors, ...] = tuple({} for _ in embedders)
    analyzers = [FaceAnalyzer(detector, embedder) for embedder in embedders]
    for name in watched(names, "embedding faces"):
        image = pictures.read(folder / name)
        found = analyzers[0].find(image, FacesTask().floor)
        if not len(found) or found.landmarks is None:
            continue
        centres = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
        middle = np.array([image.shape[1], image.shape[0]]) / 2
        chosen = int(np.argmin(np.linalg.norm(centres - middle, axis=1)))
        for analyzer, into in zip(analyzers, vectors, strict=True):
            into[name] = analyzer.embed(image, found.landmarks[chosen])[0]
    return vectors


def verification(pairs: list[dict[str, str]], vectors: Vectors, references: Vectors) -> Iterator[Figure]:
    """Share of pairs judged rightly; a pair with a face that was not found is judged wrongly."""
    same = np.array([row["same"] == "1" for row in pairs])
    cosines, known = _cosines(pairs, vectors), _cosines(pairs, references)
    yield figure("faces.lfw.verified", held_out(cosines, same), "of pairs", len(pairs), held_out(known, same))
    for percent in (COMPARED, FacesTask().similarity):
        right = judged(cosines, same, cosine(percent))
        yield figure(
            f"faces.lfw.verified_at_{percent:g}", right, "of pairs", len(pairs), judged(known, same, cosine(percent))
        )
        wrong = float((cosines[~same] >= cosine(percent)).mean())
        yield figure(f"faces.lfw.false_matches_at_{percent:g}", wrong, "of pairs", int((~same).sum()))


def held_out(cosines: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Mean over folds of the accuracy at the threshold that was best on the other folds."""
    fold = np.arange(len(same)) % FOLDS
    scores = []
    for test in range(FOLDS):
        rest = fold != test
        seen = np.unique(cosines[rest & ~np.isnan(cosines)])
        candidates = (seen[1:] + seen[:-1]) / 2
        rights = np.array([judged(cosines[rest], same[rest], threshold) for threshold in candidates])
        # The middle of all thresholds that are equally good.
        best = float(np.median(candidates[rights == rights.max()]))
        scores.append(judged(cosines[~rest], same[~rest], best))
    return float(np.mean(scores))


def judged(cosines: NDArray[np.float64], same: NDArray[np.bool_], threshold: float) -> float:
    return float((((cosines >= threshold) == same) & ~np.isnan(cosines)).mean())


def search(
    gallery: list[dict[str, str]], probes: list[dict[str, str]], vectors: Vectors, digest: str
) -> Iterator[Figure]:
    """One picture enrolled a person; a probe is found if the default thresholds give its name, alone and at once."""
    task = FacesTask()
    found = false = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        people = Collections(connect(Path(folder)))
        try:
            people.create_collection(task.collection)
            for row in gallery:
                face = NewFace(vectors[row["file"]], Box(0.0, 0.0, 1.0, 1.0), 1.0)
                people.add_faces(task.collection, [face], digest, external_image_id=row["identity"])
            for row in probes:
                vector = vectors.get(row["file"])
                if vector is None:
                    continue
                match = people.identify(task.collection, vector, digest, task.similarity, task.margin).match
                found += match is not None and match.person == row["identity"]
                wrong += match is not None and bool(row["identity"]) and match.person != row["identity"]
                false += match is not None and not row["identity"]
        finally:
            people.close()
    known = sum(bool(row["identity"]) for row in probes)
    yield figure("faces.search.found", found / known, "of known probes", known)
    yield figure("faces.search.mistaken", wrong, "known probes", known)
    yield figure("faces.search.false_matches", false, "unknown probes", len(probes) - known)


def _cosines(pairs: list[dict[str, str]], vectors: Vectors) -> NDArray[np.float64]:
    return np.array(
        [
            float(vectors[row["a"]] @ vectors[row["b"]]) if row["a"] in vectors and row["b"] in vectors else np.nan
            for row in pairs
        ]
    )


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
