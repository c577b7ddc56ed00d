"""What a face tells beside whose it is: landmarks, pose, light, age, gender, emotions, what it wears and does."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.engine import Pending, Settings
from edge.failover import AnyModel, open_failover
from edge.findings import FaceDetails, Gaze, Landmark, Pose, Trait
from edge.values import Box, Face, Image
from models.faces import crops, eyes, light
from models.faces import mesh as meshes
from models.faces import traits as tell
from models.faces.heads import sigmoid
from models.manifest import ModelError
from models.outputs import Blendshapes, Boxes, Expressions, Floats, Meshes, Result, Traits

Kind = TypeVar("Kind", Meshes, Blendshapes, Traits, Expressions)

APART = 60.0  # degrees between the two eyes' directions at which nothing is sure any more
BATCH = 16  # faces whose crops are in memory at once
# How much larger than the longer side of a face's box each network's square is: as when the heads were trained.
MESH_CROP, TRAITS_CROP, EXPRESSION_CROP = 1.5, 1.2, 1.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What the networks tell of a batch of faces; `points` [N,478,3] are pixels of the picture."""

    points: NDArray[np.float64]
    presence: Floats
    blendshapes: Blendshapes
    traits: Traits
    expressions: Expressions


class Attributes:
    def __init__(self, mesh: AnyModel, blendshapes: AnyModel, traits: AnyModel, expression: AnyModel) -> None:
        self.mesh = mesh
        self.blendshapes = blendshapes
        self.traits = traits
        self.expression = expression

    @property
    def models(self) -> tuple[AnyModel, ...]:
        return self.mesh, self.blendshapes, self.traits, self.expression

    def look(self, image: Image, found: Boxes) -> list[FaceDetails]:
        """Everything about each face in `found`, in its order; uint8 [H,W,3] BGR with boxes and landmarks in pixels."""
        if found.landmarks is None:
            raise ModelError("the face detector gives no landmarks: choose another one in [models] faces")
        details: list[FaceDetails] = []
        for start in range(0, len(found), BATCH):
            part = found.take(np.arange(start, min(start + BATCH, len(found))))
            details += _details(image, part, self._see(image, part))
        return details

    def _see(self, image: Image, found: Boxes) -> _Seen:
        assert found.landmarks is not None  # noqa: S101 - look() has seen them
        # All three are under way before any is waited for, so that no core idles while squares are cut.
        traits = _start(self.traits, image, _straight(self.traits, found, TRAITS_CROP))
        expression = _start(self.expression, image, _straight(self.expression, found, EXPRESSION_CROP))
        upright = crops.upright(found.xyxy, found.landmarks, MESH_CROP, self.mesh.manifest.input.width)
        shape = _expected(_start(self.mesh, image, upright).result(), Meshes, self.mesh)
        points = meshes.in_picture(shape.points, upright)
        moving = np.ascontiguousarray(points[:, meshes.MOVING, :2], np.float32)
        return _Seen(
            points,
            shape.presence,
            _expected(self.blendshapes.infer(moving), Blendshapes, self.blendshapes),
            _expected(traits.result(), Traits, self.traits),
            _expected(expression.result(), Expressions, self.expression),
        )

    def close(self) -> None:
        for model in self.models:
            model.close()


def open_attributes(settings: Settings, *, lasting: bool = False) -> Attributes:
    """Open the four models as `open_failover` does, and raise what it raises."""
    with ExitStack() as opened:
        models = []
        for task in ("mesh", "blendshapes", "traits", "expression"):
            models.append(open_failover(task, settings, lasting=lasting))
            opened.callback(models[-1].close)
        opened.pop_all()
    return Attributes(*models)


def _straight(model: AnyModel, found: Boxes, scale: float) -> crops.Transforms:
    return crops.straight(found.xyxy, scale, model.manifest.input.width)


def _start(model: AnyModel, image: Image, squares: crops.Transforms) -> Pending:
    return model.prepare_batch(crops.cut(image, squares, model.manifest.input.width))()


def _expected(found: Result, kind: type[Kind], model: AnyModel) -> Kind:
    if not isinstance(found, kind):
        raise ModelError(f"{model.manifest.name} gives no {kind.__name__}: it cannot serve for {model.manifest.task}")
    return found


def _details(image: Image, found: Boxes, seen: _Seen) -> list[FaceDetails]:
    """A batch of faces in words and ratios of the picture."""
    assert found.landmarks is not None  # noqa: S101 - look() has seen them
    size = np.array([image.shape[1], image.shape[0]], np.float64)
    features = tell.features(seen.blendshapes, seen.traits, seen.expressions)
    feelings, worn = tell.emotions(features), tell.worn(features)
    movements = seen.blendshapes.values
    blinks = np.stack([tell.movement(movements, f"eyeBlink{side}") for side in ("Left", "Right")], 1)
    open_eyes = sigmoid(eyes.openness(seen.points, blinks))
    sunglasses = tell.sunglasses(worn["eyeglasses"], light.tints(image, seen.points))
    occluded = tell.occluded(worn["occluded"], sunglasses, meshes.outside(seen.points, size))
    ages, lit = tell.ages(seen.traits), light.qualities(image, found.xyxy)
    turns = meshes.rotations(seen.points)
    looks = eyes.gaze(seen.points, turns)
    landmarks = (meshes.named(seen.points) / size).tolist()
    return [
        FaceDetails(
            face=_face(found, row, size),
            landmarks=tuple(map(Landmark, meshes.NAMED, *zip(*landmarks[row], strict=True))),
            pose=Pose(*meshes.angles(turns[row])),
            brightness=lit[row].brightness,
            sharpness=lit[row].sharpness,
            age=tell.age_range(float(ages[row])),
            gender=_word("Male", "Female", seen.traits.male[row]),
            emotions=_ranked({name: float(scores[row]) for name, scores in feelings.items()}),
            smile=_answer(worn["smile"][row]),
            eyeglasses=_answer(worn["eyeglasses"][row]),
            sunglasses=_answer(sunglasses[row]),
            beard=_answer(worn["beard"][row]),
            mustache=_answer(worn["mustache"][row]),
            eyes_open=_answer(open_eyes[row]),
            mouth_open=_answer(worn["mouth_open"][row]),
            occluded=_answer(occluded[row]),
            gaze=_gaze(looks[row], float(open_eyes[row] * seen.presence[row])),
        )
        for row in range(len(found))
    ]


def _face(found: Boxes, row: int, size: NDArray[np.float64]) -> Face:
    assert found.landmarks is not None  # noqa: S101 - look() has seen them
    x1, y1, x2, y2 = (found.xyxy[row] / np.tile(size, 2)).tolist()
    points = (found.landmarks[row] / size).tolist()
    return Face(Box(x1, y1, x2, y2), float(found.scores[row]), tuple((x, y) for x, y in points))


def _answer(probability: float) -> Trait:
    """Yes or no, whichever is likelier, and how likely that is."""
    value = float(probability)
    return Trait(value >= 0.5, max(value, 1 - value))


def _word(likely: str, unlikely: str, probability: float) -> Trait:
    answer = _answer(probability)
    return Trait(likely if answer.value else unlikely, answer.score)


def _ranked(scores: dict[str, float]) -> tuple[Trait, ...]:
    return tuple(Trait(name, score) for name, score in sorted(scores.items(), key=lambda item: -item[1]))


def _gaze(both: NDArray[np.float64], seen: float) -> Gaze:
    """The mean of two eyes [2,2]; less sure the more they differ, for people look with both at one thing."""
    yaw, pitch = both.mean(0).tolist()
    return Gaze(yaw, pitch, seen * max(0.0, 1 - float(np.ptp(both, axis=0).max()) / APART))
