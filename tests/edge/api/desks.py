"""A desk of made-up abilities, and how a request comes to it: as JSON, and back as JSON."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from accel.session import AcceleratorError
from edge import config
from edge.abilities import MODELS, Abilities, open_abilities
from edge.api import wire
from edge.api.desk import Desk
from edge.api.images import Images
from edge.api.tokens import Tokens
from edge.collections import Collections
from edge.errors import EdgeError
from edge.findings import FaceDetails, Gaze, Landmark, Pose, Trait
from edge.quality import View
from edge.values import Box, Face, ModelUse
from edge.vision.faces import FaceView
from models.faces.mesh import NAMED
from models.manifest import ModelError
from models.outputs import Boxes

Handler = Callable[[Desk, Mapping[str, Any]], dict[str, Any]]

USE = ModelUse("embedding", "fake", 1, "digest", "replay")
SHARP = View(size=100, score=0.95, pose=Pose(1, 2, 3), brightness=50, sharpness=60)
BLURRED = View(size=100, score=0.95, pose=Pose(1, 2, 3), brightness=50, sharpness=5)

FACE = Face(Box(0.25, 0.5, 0.75, 1.25), 0.98, ((0.3, 0.4), (0.6, 0.4), (0.45, 0.5), (0.35, 0.6), (0.55, 0.6)))
VIEW = View(size=100, score=0.98, pose=Pose(1, 2, 3), brightness=40, sharpness=50)
YES, NO = Trait(True, 0.9), Trait(False, 0.8)
DETAILS = FaceDetails(
    face=FACE,
    landmarks=tuple(Landmark(kind, 0.1, 0.2) for kind in NAMED),
    pose=Pose(4, 5, 6),
    brightness=60,
    sharpness=70,
    age=(20, 30),
    gender=Trait("Female", 0.99),
    emotions=(Trait("HAPPY", 0.75), Trait("CALM", 0.25)),
    smile=YES,
    eyeglasses=NO,
    sunglasses=NO,
    beard=NO,
    mustache=NO,
    eyes_open=YES,
    mouth_open=NO,
    occluded=NO,
    gaze=Gaze(7, 8, 0.5),
)


def grey(width: int = 200, height: int = 100, suffix: str = ".png") -> bytes:
    return cv2.imencode(suffix, np.full((height, width, 3), 128, np.uint8))[1].tobytes()


PICTURE = {"Bytes": grey()}


class NoBuckets:
    def read(self, bucket: str, key: str, _most: int) -> bytes:
        raise AssertionError(f"{bucket}/{key} was read")


def desk(collections: Collections | None = None, missing: dict[str, str] | None = None, **abilities: Any) -> Desk:
    opened = Abilities(**abilities, missing=missing or {})
    return Desk(opened, collections, Images(NoBuckets()), Tokens(b"secret"), None, "us-east-1", "0" * 12)  # type: ignore[arg-type]


def ask(handler: Handler, at: Desk, operation: str, /, **members: Any) -> dict[str, Any]:
    """The answer of an operation as a client reads it; the request and the answer are checked along the model."""
    model = wire.operations()[operation]
    answer = handler(at, wire.decode(model, json.dumps(members, default=_blob).encode()))
    told: dict[str, Any] = json.loads(wire.encode(model, answer))
    return told


@pytest.fixture(scope="session")
def real() -> Iterator[Desk]:
    """A desk of all real abilities, but for collections. Skips where no model is pulled."""
    try:
        opened = open_abilities(config.load(None), [task for task in MODELS if task != "custom"])
    except (EdgeError, ModelError, AcceleratorError) as error:
        pytest.skip(str(error))
    yield Desk(opened, None, Images(NoBuckets()), Tokens(b"secret"), None, "us-east-1", "0" * 12)  # type: ignore[arg-type]
    opened.close()


def _blob(data: bytes) -> str:
    return b64encode(data).decode()


class Told:
    """An ability that answers what it is told to, and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def look(self, *given: Any) -> Any:
        self.asked.append(given)
        return self.answer


def boxes(*rows: tuple[float, float, float, float]) -> Boxes:
    """Detections in pixels, with landmarks in their middles."""
    xyxy = np.array(rows, np.float32).reshape(-1, 4)
    middles = (xyxy[:, :2] + xyxy[:, 2:]) / 2
    spread = np.array([(-4, -4), (4, -4), (0, 0), (-3, 5), (3, 5)], np.float32)
    scores = np.full(len(rows), 0.9, np.float32)
    return Boxes(xyxy, scores, np.zeros(len(rows), np.int64), middles[:, None] + spread)


def detector(found: Boxes, *labels: str) -> Any:
    return SimpleNamespace(labels=labels, detect=lambda _image, _floor: found)


def view(vector: np.ndarray, box: Box = Box(0.1, 0.1, 0.2, 0.2), seen: View = SHARP) -> FaceView:  # noqa: B008 - frozen
    return FaceView(Face(box, 0.9, ((0.1, 0.1),) * 5), vector.astype(np.float32), 0.5, USE, seen)


class Analyzer:
    """Of the faces that it is told for a picture of so many pixels of width."""

    def __init__(self, found: Boxes | None = None, **views: list[FaceView]) -> None:
        self.found = boxes() if found is None else found
        self._views = views
        self.asked: list[dict[str, Any]] = []

    def find(self, _image: np.ndarray, _floor: float, **how: Any) -> Boxes:
        self.asked.append(how)
        return self.found

    def views(self, image: np.ndarray, _found: Boxes) -> list[FaceView]:
        return self._views[f"at_{image.shape[1]}"]
