"""The faces that covers are drawn on: photos that packages ship, and what tears at a picture on its way."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import media
import numpy as np
from numpy.typing import NDArray

from edge import pictures
from edge.engine import Model
from edge.vision.objects import detections
from edge.vision.ppe import Ppe
from models import bodies, manifest
from models.outputs import Boxes
from models.tensors import TEMPLATE

Image = NDArray[np.uint8]
Plane = NDArray[np.float32]
Random = np.random.Generator

PHOTOS = ("astronaut.png", "t1.jpg", "sample1.jpg", "sample2.jpg", "sample3.jpg", "sample4.jpg", "sample5.jpg",
          "sample6.jpg")  # fmt: skip
TEXTURES = ("mask_black.jpg", "mask_blue.jpg", "mask_green.jpg", "mask_white.jpg")
# A screenshot with 108 faces in a grid: where it begins, its pitch, and the side of a tile, in pixels.
GRID, FIRST, PITCH, TILE, COLUMNS, ROWS = "screenshot-facematch.jpg", (0.0, 283.0), (106.67, 112.7), 106, 18, 6
MARGIN = 80  # pixels around a tile, so that a hat has room
SMALLEST = 24  # pixels a face is wide
FACE_FLOOR, PERSON_FLOOR = 0.7, 0.4
# Every so many frames of the walkers; how sure of a person, and how many pixels of head, are wanted.
EVERY, SURE, SMALLEST_WALKER = 25, 0.85, 10
# Of the face chip's plane: how high a detector's box of a face is there, and where its middle lies.
BOX_HEIGHT, BOX_MIDDLE = 109.0, (56.0, 66.0)
NO_FACES = Boxes(np.zeros((0, 4), np.float32), np.zeros(0, np.float32), np.zeros(0, np.int64))


@dataclass(frozen=True, slots=True)
class Bare:
    """A photo of somebody who wears nothing on face and head, `face` [4] and `landmarks` [5,2] in its pixels.

    Of who turns away they are where they would be, and `turned` is true. `person` tells one from another.
    """

    image: Image
    face: Plane
    landmarks: Plane
    person: int
    turned: bool = False


def everybody(finder: Model, detector: Model, ppe: Ppe) -> list[Bare]:
    """Faces of the packages' photos and grid, and walkers from all sides."""
    found = [face for path in media.get(*PHOTOS) for face in faces(pictures.read(path), finder)]
    (path,) = media.get(GRID)
    found += [face for tile in tiles(pictures.read(path)) for face in list(faces(tile, finder))[:1]]
    (path,) = media.get(media.WALKERS)
    return [replace(bare, person=person) for person, bare in enumerate([*found, *walkers(path, detector, ppe)])]


def tiles(grid: Image) -> Iterator[Image]:
    for row in range(ROWS):
        for column in range(COLUMNS):
            left, top = round(FIRST[0] + PITCH[0] * column), round(FIRST[1] + PITCH[1] * row)
            if (row, column) not in HATTED:
                tile = grid[top : top + TILE, left : left + TILE]
                yield blurred_margin(cv2.copyMakeBorder(tile, *[MARGIN] * 4, cv2.BORDER_REFLECT_101))


def walkers(clip: Path, detector: Model, ppe: Ppe) -> Iterator[Bare]:
    """Heads of people on a square, few pixels wide, seen from behind as often as from the front."""
    frames = cv2.VideoCapture(str(clip))
    number = 0
    while frames.grab():
        number += 1
        if number % EVERY:
            continue
        image = frames.retrieve()[1].astype(np.uint8, copy=False)
        objects = detections(detector.detect(image, PERSON_FLOOR), detector.labels, image.shape)
        for body in ppe.people(image, NO_FACES, objects):
            place = bodies.head(body)
            if place is not None and bodies.confidence(body) >= SURE and place[3] - place[1] >= SMALLEST_WALKER:
                part, face, _ = cut(image, place, np.zeros((5, 2), np.float32))
                yield Bare(part, face, landmarks_of(face), 0, turned=True)


def landmarks_of(face: Plane) -> Plane:
    """Where the five landmarks would be in a box [4] like those the face detector finds."""
    scale = float(face[3] - face[1]) / BOX_HEIGHT
    found: Plane = ((TEMPLATE - BOX_MIDDLE) * scale + (face[:2] + face[2:]) / 2).astype(np.float32)
    return found


# Row and column of the faces in the grid that wear a hat, or paint that hides the face.
HATTED = {(0, 9), (2, 7), (2, 13)}


def blurred_margin(image: Image) -> Image:
    """What a tile lacks, guessed as something out of focus."""
    soft = cv2.GaussianBlur(image, (0, 0), 12)
    inside = slice(MARGIN, -MARGIN)
    soft[inside, inside] = image[inside, inside]
    return soft.astype(np.uint8, copy=False)


def faces(image: Image, finder: Model) -> Iterator[Bare]:
    boxes = finder.detect(image, FACE_FLOOR)
    assert boxes.landmarks is not None  # noqa: S101 - a face detector has them
    for face, landmarks in zip(boxes.xyxy, boxes.landmarks, strict=True):
        if face[2] - face[0] >= SMALLEST:
            yield Bare(*cut(image, face, landmarks), 0)


def cut(image: Image, face: Plane, landmarks: Plane) -> tuple[Image, Plane, Plane]:
    """The part of a photo around one head, so that drawing is quick; a face is at most 110 pixels wide."""
    reach = 1.6 * float(face[3] - face[1])
    middle = (face[:2] + face[2:]) / 2
    low = np.maximum(np.floor(middle - reach), 0).astype(int)
    high = np.ceil(middle + reach).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]]
    scale = min(110.0 / float(face[2] - face[0]), 1.0)
    if scale < 1.0:
        part = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA).astype(np.uint8, copy=False)
    return part, (face - np.tile(low, 2)).astype(np.float32) * scale, (landmarks - low).astype(np.float32) * scale


def textures() -> list[Image]:
    return [pictures.read(path) for path in media.get(*TEXTURES)]


def mirrored(bare: Bare) -> Bare:
    width = bare.image.shape[1]
    face, landmarks = bare.face.copy(), bare.landmarks.copy()
    face[[0, 2]] = width - face[[2, 0]]
    landmarks[:, 0] = width - landmarks[:, 0]
    return replace(
        bare, image=np.ascontiguousarray(bare.image[:, ::-1]), face=face, landmarks=landmarks[[1, 0, 2, 4, 3]]
    )


def worn_down(image: Image, face: Plane, rng: Random) -> tuple[Image, Plane]:
    """As a far, dim or thrifty camera would have sent this photo, and where the face at `face` [4] lies then."""
    scale = min(np.exp(rng.uniform(np.log(14), np.log(110))) / float(face[3] - face[1]), 1.0)
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    if rng.random() < 0.3:
        small = cv2.GaussianBlur(small, (0, 0), rng.uniform(0.3, 1.0))
    light = (small.astype(np.float32) / 255) ** rng.uniform(0.6, 1.7) * rng.uniform(0.7, 1.2) * 255
    light = light * rng.uniform(0.9, 1.1, 3) + rng.normal(0, rng.uniform(0, 6), small.shape)
    if rng.random() < 0.1:
        light = np.repeat(light.mean(axis=2, keepdims=True), 3, axis=2)
    quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 96))]
    stored = cv2.imencode(".jpg", np.clip(light, 0, 255).astype(np.uint8), quality)[1]
    sent = cv2.imdecode(stored, cv2.IMREAD_COLOR).astype(np.uint8, copy=False)
    return sent, (face * np.tile((sent.shape[1] / image.shape[1], sent.shape[0] / image.shape[0]), 2)).astype(
        np.float32
    )


def kept(network: str) -> float:
    """The part of a crop's side that the network looks at."""
    return manifest.load(network).input.crop
