"""Two small data sets for everybody, cut out of photos that the package scikit-image ships.

`labels`: five photos are five labels; what is learnt from comes from their left halves, what is tested on from their
right ones, each piece turned, lit and blurred as another camera would have it. `boxes`: a cup, a cat's face and a
woman's face lie on pieces of two other photos, again their left halves for learning and their right ones for the test.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import media
import numpy as np

from edge import pictures
from edge.values import Image

PHOTOS = {
    "astronaut": "astronaut.png",
    "cat": "chelsea.png",
    "coffee": "coffee.png",
    "motorcycle": "motorcycle_left.png",
    "rocket": "rocket.jpg",
}
EACH = {"train": 40, "test": 10}
SCENES = {"train": 60, "test": 20}
SIDE = 256
WIDTH, HEIGHT = 448, 336
SEED = 5

Random = np.random.Generator


class Oval(NamedTuple):
    """The part of a photo that shows a thing: centre and radii in pixels."""

    x: int
    y: int
    across: int
    down: int


THINGS = {"cat": Oval(245, 150, 130, 140), "cup": Oval(278, 205, 200, 185), "face": Oval(227, 100, 74, 86)}
SHOWN_IN = {"cat": "cat", "cup": "coffee", "face": "astronaut"}
GROUNDS = ("motorcycle", "rocket")


def write(folder: Path) -> tuple[int, int]:
    """Both below a folder; returns how many pictures each has. Raises EdgeError if the photos cannot be had."""
    files = media.get(*PHOTOS.values())
    photos = {label: pictures.read(file) for label, file in zip(PHOTOS, files, strict=True)}
    return _labels(folder / "labels", photos), _boxes(folder / "boxes", photos)


def _labels(folder: Path, photos: dict[str, Image]) -> int:
    """A folder for each label, in `train` and `test`."""
    random = np.random.default_rng(SEED)
    written = 0
    for part, count in EACH.items():
        for label, photo in photos.items():
            for number in range(count):
                piece = _piece(_half(photo, part), random)
                pictures.write(folder / part / label / f"{label}-{number:02}.jpg", _taken(piece, random))
                written += 1
    return written


def _boxes(folder: Path, photos: dict[str, Image]) -> int:
    """Pictures in `train` and `test`, and COCO's JSON of each beside them."""
    random = np.random.default_rng(SEED)
    names = sorted(THINGS)
    for part, count in SCENES.items():
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number in range(count):
            name = f"{part}/scene-{number:02}.jpg"
            images.append({"id": number, "file_name": name, "width": WIDTH, "height": HEIGHT})
            scene, boxes = _scene(photos, part, random)
            pictures.write(folder / name, scene)
            annotations += [
                {"id": len(annotations) + place, "image_id": number, "category_id": names.index(label), "bbox": box}
                for place, (label, box) in enumerate(boxes)
            ]
        categories = [{"id": place, "name": label} for place, label in enumerate(names)]
        content = {"images": images, "annotations": annotations, "categories": categories}
        pictures.save(folder / f"{part}.json", json.dumps(content).encode())
    return sum(SCENES.values())


def _half(photo: Image, part: str) -> Image:
    middle = photo.shape[1] // 2
    return photo[:, :middle] if part == "train" else photo[:, middle:]


def _piece(half: Image, random: Random) -> Image:
    """A square of half to almost all of the shorter side, sometimes mirrored."""
    height, width = half.shape[:2]
    side = int(random.uniform(0.5, 0.95) * min(height, width))
    top, left = int(random.integers(0, height - side + 1)), int(random.integers(0, width - side + 1))
    piece = cv2.resize(half[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.asarray(piece[:, ::-1] if random.random() < 0.5 else piece, np.uint8)


def _taken(image: Image, random: Random) -> Image:
    """In other light, and with the noise of a small sensor."""
    seen = image * random.uniform(0.6, 1.3) + random.normal(0, 7, image.shape)
    return np.asarray(np.clip(seen, 0, 255), np.uint8)


def _scene(photos: dict[str, Image], part: str, random: Random) -> tuple[Image, list[tuple[str, list[int]]]]:
    """One to three things beside each other on a ground, with their boxes as COCO writes them."""
    half = _half(photos[str(random.choice(GROUNDS))], part)
    height, width = half.shape[:2]
    share = random.uniform(0.6, 1.0)
    wide = int(share * min(width, height * WIDTH / HEIGHT))
    high = wide * HEIGHT // WIDTH
    top, left = int(random.integers(0, height - high + 1)), int(random.integers(0, width - wide + 1))
    scene = np.asarray(cv2.resize(half[top : top + high, left : left + wide], (WIDTH, HEIGHT)), np.float64)
    boxes = []
    count = int(random.integers(1, 4))
    for place, label in enumerate(random.permutation(sorted(THINGS))[:count]):
        column = WIDTH // count
        boxes.append((str(label), _laid(scene, photos, str(label), (place * column, column), random)))
    return _taken(np.asarray(scene, np.uint8), random), boxes


def _laid(
    scene: np.ndarray[Any, np.dtype[np.float64]], photos: dict[str, Image], label: str, column: tuple[int, int],
    random: Random,
) -> list[int]:  # fmt: skip
    """Lay a thing somewhere into a column of the scene: cut out by its oval, smaller, sometimes mirrored."""
    oval, photo = THINGS[label], photos[SHOWN_IN[label]]
    cut = photo[oval.y - oval.down : oval.y + oval.down, oval.x - oval.across : oval.x + oval.across]
    start, room = column
    high = int(random.uniform(0.25, 0.75) * HEIGHT)
    wide = high * cut.shape[1] // cut.shape[0]
    if wide > room:
        wide, high = room, room * cut.shape[0] // cut.shape[1]
    left, top = start + int(random.integers(0, room - wide + 1)), int(random.integers(0, HEIGHT - high + 1))
    mask = np.zeros((high, wide, 1), np.float64)
    mask[:, :, 0] = cv2.GaussianBlur(
        cv2.ellipse(np.zeros((high, wide)), (wide // 2, high // 2), (wide // 2 - 1, high // 2 - 1), 0, 0, 360, 1.0, -1),
        (0, 0), 1.0,
    )  # fmt: skip
    thing = cv2.resize(cut, (wide, high), interpolation=cv2.INTER_AREA).astype(np.float64)
    thing = (thing[:, ::-1] if random.random() < 0.5 else thing) * random.uniform(0.7, 1.2)
    spot = scene[top : top + high, left : left + wide]
    spot[:] = np.clip(thing * mask + spot * (1 - mask), 0, 255)
    return [left, top, wide, high]
