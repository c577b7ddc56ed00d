"""A layer to draw on in the plane of the face chip, and the strokes, shapes and shades it takes."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Plane = NDArray[np.float32]
Random = np.random.Generator
Point = tuple[float, float]

SCALE = 1.25
LEFT, TOP = 80.0, 110.0  # of the chip's corner in the drawing, in chip pixels: room for brims and crowns
SIZE = (round(300 * SCALE), round(272 * SCALE))  # rows, columns


@dataclass(slots=True)
class Layer:
    """A drawing: `colour` [H,W,3] in 0..255 and how opaque it is, `alpha` [H,W] in 0..1. Places are the chip's."""

    colour: Plane
    alpha: Plane

    @classmethod
    def of(cls, paint: Plane, rough: float, rng: Random) -> Layer:
        """One colour, uneven by `rough`, of which nothing shows yet."""
        grain = noise(int(rng.integers(2, 12)), rng)[..., None]
        return cls((paint + rough * grain).astype(np.float32), np.zeros(SIZE, np.float32))

    def fill(self, shape: Plane, paint: Plane, opaque: float = 1.0) -> None:
        self.colour[shape > 0] = paint
        np.maximum(self.alpha, shape * opaque, out=self.alpha)

    def stroke(self, points: list[Point], paint: Plane, width: float, *, shows: bool = False) -> None:
        """A line; over what shows already, or showing by itself."""
        line = np.zeros(SIZE, np.float32)
        cv2.polylines(line, [np.array([at(*point) for point in points], np.int32)], False, 1.0, max(round(width), 1))
        self.colour[line > 0] = paint
        if shows:
            np.maximum(self.alpha, line, out=self.alpha)

    def strap(self, begin: Point, end: Point, rng: Random) -> None:
        self.stroke(
            [begin, end], np.full(3, rng.uniform(30, 240), np.float32), rng.integers(1, 4) * SCALE / 2, shows=True
        )

    def shine(self, place: Point, size: Point, rng: Random) -> None:
        spot = cv2.GaussianBlur(ellipse(place, size), (0, 0), rng.uniform(2, 6) * SCALE)
        self.colour += spot[..., None] * np.float32(rng.uniform(40, 150))


def at(x: float, y: float) -> tuple[int, int]:
    """The drawing's pixel of a place in the chip."""
    return round((x + LEFT) * SCALE), round((y + TOP) * SCALE)


def outlined(outline: list[Point]) -> Plane:
    """A smooth closed shape through about these points."""
    points = np.array(outline, np.float64)
    for _ in range(3):  # Chaikin's corner cutting
        after = np.roll(points, -1, axis=0)
        points = np.stack([0.75 * points + 0.25 * after, 0.25 * points + 0.75 * after], axis=1).reshape(-1, 2)
    plane = np.zeros(SIZE, np.float32)
    cv2.fillPoly(plane, [np.array([at(*point) for point in points], np.int32)], 1.0)
    return plane


def ellipse(place: Point, size: Point) -> Plane:
    plane = np.zeros(SIZE, np.float32)
    cv2.ellipse(plane, at(*place), (round(size[0] * SCALE), round(size[1] * SCALE)), 0, 0, 360, 1.0, -1)
    return plane


def dome(x: float, edge: float, half: float, crown: float, sag: float) -> Plane:
    """The upper half of an ellipse whose lower edge sags by `sag` in the middle."""
    upper = [(x + half * np.sin(a), edge - (edge - crown) * np.cos(a)) for a in np.linspace(-np.pi / 2, np.pi / 2, 24)]
    lower = [(x + half * t, edge + sag * (1 - t * t)) for t in np.linspace(0.9, -0.9, 8)]
    return outlined(upper + lower)


def noise(grain: int, rng: Random) -> Plane:
    """Smooth noise of unit variance whose features are `grain` pixels wide."""
    small = rng.standard_normal((SIZE[0] // grain + 2, SIZE[1] // grain + 2)).astype(np.float32)
    return cv2.resize(small, SIZE[::-1], interpolation=cv2.INTER_CUBIC).astype(np.float32)


def rounded(place: Point, size: Point, rng: Random, strength: float = 0.35) -> Plane:
    """The shade [H,W,1] of something round, lit from somewhere above."""
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    u, v = (columns / SCALE - LEFT - place[0]) / size[0], (rows / SCALE - TOP - place[1]) / size[1]
    depth = np.sqrt(np.clip(1 - u * u - v * v, 0, 1))
    light = np.array([rng.uniform(-0.7, 0.7), rng.uniform(-0.8, 0.1), rng.uniform(0.5, 1.0)])
    light /= np.linalg.norm(light)
    shade = 1 - strength + strength * (u * light[0] + v * light[1] + depth * light[2])
    found: Plane = np.clip(shade * rng.uniform(1.0, 1.2), 0.2, 1.2)[..., None].astype(np.float32)
    return found
