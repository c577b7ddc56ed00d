"""Face attributes: landmarks against hand-set points, gender, smiles and emotions against labels, what is worn by eye.

The reference is the float network. LFW's gender labels are one person's, its expressions were made by students and are
noisy; what is worn was read off 240 of its photos by eye, one reader, with a blank where it cannot be said. The heads
for spectacles, beards and smiles were trained on other photos of LFW, perhaps on some of these; a mustache's
threshold was set on half of these people, and it is judged on the other half. No face of known age is in the set, so
age is not measured. Landmarks are 51 of 68 points, all but the jaw's outline, on 18 faces 26 to 81 pixels wide;
their error is the mean distance over that between the outer corners of the eyes, in percent.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, shipped
from heads import emotion
from numpy.typing import NDArray

from edge import pictures
from edge.engine import Model
from edge.findings import FaceDetails
from edge.values import Image
from edge.vision.attributes import Attributes
from models.faces import crops
from models.faces import mesh as meshes
from models.outputs import Boxes, Floats, Meshes

FACES = Path("faces")
LFW, LANDMARKS = FACES / "lfw", FACES / "landmarks"
WORN = Path(__file__).with_name("worn.csv")
FLOOR = 0.6
# The 51 inner points of the 68 of Multi-PIE and their like on the mesh: brows, nose, eyes, lips.
INNER = (
    70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
    168, 197, 195, 4, 98, 97, 2, 326, 327,
    33, 160, 158, 133, 153, 144, 362, 385, 387, 263, 373, 380,
    61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181, 78, 82, 13, 312, 308, 317, 14, 87,
)  # fmt: skip
FIRST_INNER, OUTER_CORNERS = 17, (36, 45)
EXPRESSIONS = {
    "happiness": "HAPPY", "neutral": "CALM", "sadness": "SAD", "anger": "ANGRY", "surprise": "SURPRISED",
    "disgust": "DISGUSTED", "fear": "FEAR",
}  # fmt: skip


def run(data: Path) -> Iterator[Figure]:
    """Landmarks, then LFW's labels, then what is worn, then the emotion head over five folds."""
    with ExitStack() as opened:
        detector = opened.enter_context(shipped("yunet"))
        models = {name: opened.enter_context(shipped(name)) for name in ("face-mesh", "face-blendshapes")}
        rest = {name: opened.enter_context(shipped(name)) for name in ("faceres", "face-expression")}
        exact = opened.enter_context(floating("faceres"))
        yield from landmarks(data / LANDMARKS, detector, models["face-mesh"])
        told = Attributes(*models.values(), *rest.values())
        reference = Attributes(*models.values(), exact, rest["face-expression"])
        rows = _rows(data / LFW / "attributes.csv")
        found = {ability: describe(data / LFW / "images", rows, detector, ability) for ability in (told, reference)}
        yield from labelled(rows, found[told], found[reference])
        yield from worn(_rows(WORN), found[told], found[reference])
    yield from folds(data.parent / emotion.FEATURES)


def landmarks(folder: Path, detector: Model, mesh: Model) -> Iterator[Figure]:
    """The mean error over all faces, and the worst face's, in percent of the distance between the eyes' corners."""
    errors: list[float] = []
    wanted = 0
    for entry in json.loads((folder / "gt.json").read_text("utf-8")):
        image = pictures.read(folder / entry["file"])
        found = detector.detect(image, FLOOR)
        points = mesh_of(image, found, mesh) if len(found) else np.zeros((0, 478, 3))
        wanted += len(entry["faces"])
        for face in entry["faces"]:
            truth = np.array(face["landmarks68"], np.float64)
            middle, apart = truth.mean(0), float(np.linalg.norm(np.subtract(*truth[list(OUTER_CORNERS)])))
            away = np.linalg.norm(points[:, : meshes.RIGID, :2].mean(1) - middle, axis=1)
            if len(away) and away.min() < apart:
                off = np.linalg.norm(points[int(away.argmin()), INNER, :2] - truth[FIRST_INNER:], axis=1)
                errors.append(100 * float(off.mean()) / apart)
    yield figure("attributes.landmarks.found", len(errors) / wanted, "of faces", wanted)
    yield figure("attributes.landmarks.error", float(np.mean(errors)), "% between eye corners", len(errors))
    yield figure("attributes.landmarks.worst_face", max(errors), "% between eye corners", len(errors))


def mesh_of(image: Image, found: Boxes, mesh: Model) -> NDArray[np.float64]:
    """The meshes [N,478,3] of a picture's faces, as the ability makes them."""
    assert found.landmarks is not None  # noqa: S101 - yunet always has them
    side = mesh.manifest.input.width
    upright = crops.upright(found.xyxy, found.landmarks, 1.5, side)
    shape = mesh.infer(crops.cut(image, upright, side))
    assert isinstance(shape, Meshes)  # noqa: S101 - that is what it gives
    return meshes.in_picture(shape.points, upright)


def describe(
    folder: Path, rows: Sequence[Mapping[str, str]], detector: Model, ability: Attributes
) -> dict[str, FaceDetails]:
    """The details of each photo's middle face, by file; photos without a face are left out."""
    found = {}
    for row in watched(rows, "describing faces"):
        image = pictures.read(folder / row["file"])
        faces = detector.detect(image, FLOOR)
        if len(faces):
            away = (faces.xyxy[:, :2] + faces.xyxy[:, 2:]) / 2 - np.array(image.shape[1::-1]) / 2
            chosen = faces.take(np.array([np.argmin(np.hypot(*away.T))]))
            (found[row["file"]],) = ability.look(image, chosen)
    return found


Details = Mapping[str, FaceDetails]


def labelled(rows: Sequence[Mapping[str, str]], found: Details, reference: Details) -> Iterator[Figure]:
    """Gender, smiles and expressions; a face that was not found is wrong."""
    for name, kept, right in (
        ("gender", lambda row: bool(row["gender"]), lambda row, face: face.gender.value == row["gender"].capitalize()),
        (
            "smile",
            lambda row: row["expression"] in ("happiness", "neutral"),
            lambda row, face: face.smile.value == (row["expression"] == "happiness"),
        ),
        (
            "emotion",
            lambda row: bool(row["expression"]),
            lambda row, face: face.emotions[0].value == EXPRESSIONS[row["expression"]],
        ),
    ):
        some = [row for row in rows if kept(row)]
        shares = [
            np.mean([row["file"] in told and right(row, told[row["file"]]) for row in some])
            for told in (found, reference)
        ]
        yield figure(f"attributes.lfw.{name}", float(shares[0]), "of faces", len(some), float(shares[1]))


def worn(rows: Sequence[Mapping[str, str]], found: Details, reference: Details) -> Iterator[Figure]:
    """What is on a face: how many are told rightly, how many of those that wear it are found."""
    people = sorted({file.split("/")[0] for file in found})
    for name in ("eyeglasses", "sunglasses", "beard", "mustache"):
        some = [row for row in rows if row[name] and row["file"] in found]
        if name == "mustache":
            some = [row for row in some if people.index(row["file"].split("/")[0]) % 2]
        truth = np.array([row[name] == "1" for row in some])
        said, known = (
            np.array([getattr(told[row["file"]], name).value for row in some]) for told in (found, reference)
        )
        yield figure(
            f"attributes.worn.{name}",
            float((said == truth).mean()),
            "of faces",
            len(some),
            float((known == truth).mean()),
        )
        yield figure(f"attributes.worn.{name}_recall", float(said[truth].mean()), "of wearers", int(truth.sum()))


def folds(features: Path) -> Iterator[Figure]:
    """The emotion head on web photos that it was not trained on; their folds may share people."""
    if not features.is_file():
        return
    known, labels, answers = emotion.read(features)
    found = emotion.held_out(known, labels, answers)
    yield figure("attributes.emotion.folds", accuracy(found, labels), "of faces", len(labels))
    for answer, share in emotion.recalls(found, labels, answers).items():
        count = int((labels == answers.index(answer)).sum())
        yield figure(f"attributes.emotion.{EXPRESSIONS[answer].lower()}", share, "found", count)


def accuracy(found: Floats, labels: NDArray[np.int64]) -> float:
    return float((found.argmax(1) == labels).mean())


def _rows(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))
