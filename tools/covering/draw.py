"""Masks, hats and helmets drawn over real faces, to train what tells them from bare ones.

Everything is drawn in the plane of the 112-pixel face chip (eyes at y 52, nose 72, mouth 92; the chin near 118, the
crown near -15) and laid over the photo where the five landmarks say, in the photo's own light.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from covering.strokes import LEFT, SCALE, SIZE, TOP, Layer, Plane, Random, at, dome, ellipse, noise, outlined, rounded
from numpy.typing import NDArray

from models.tensors import TEMPLATE, similarity

Image = NDArray[np.uint8]
Shape = tuple[float, float, float]  # of a hat: its lower edge, half its width, its crown

# Blue, green, red.
CLOTH = (
    (232, 200, 160),
    (250, 250, 250),
    (40, 40, 40),
    (150, 190, 110),
    (200, 180, 230),
    (128, 128, 128),
    (90, 60, 40),
)
PAINT = ((245, 245, 245), (20, 200, 245), (200, 110, 20), (40, 40, 210), (20, 120, 240), (60, 150, 40), (50, 50, 50))
MIDDLE = 56.0


def lay(image: Image, landmarks: Plane, layer: Layer, rng: Random) -> Image:
    """The photo with the layer on the face at `landmarks` [5,2], lit and blurred as the photo is."""
    transform = similarity(np.asarray(landmarks, np.float64), TEMPLATE)
    drawing = np.array([[1 / SCALE, 0, -LEFT], [0, 1 / SCALE, -TOP], [0, 0, 1]])
    back = (np.linalg.inv(np.vstack([transform, [0, 0, 1]])) @ drawing)[:2]
    size = (image.shape[1], image.shape[0])
    # Shrinking without this would make edges sharper than anything a lens has drawn.
    spread = max(0.45 / max(float(np.hypot(*back[:, 0])), 1e-3), 0.3) * rng.uniform(0.8, 1.8)
    colour, alpha = (cv2.GaussianBlur(plane, (0, 0), spread) for plane in (layer.colour, layer.alpha))
    colour = cv2.warpAffine(colour, back, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = cv2.warpAffine(alpha, back, size, flags=cv2.INTER_LINEAR)[..., None]
    mixed = image * (1 - alpha) + colour * _light(image, landmarks, rng) * alpha
    return np.clip(mixed, 0, 255).astype(np.uint8)


def _light(image: Image, landmarks: Plane, rng: Random) -> Plane:
    """How bright the photo is around each pixel, [H,W,1], against a well lit face."""
    reach = max(float(np.hypot(*(landmarks[1] - landmarks[0]))), 2.0)
    grey = cv2.GaussianBlur(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY).astype(np.float32), (0, 0), reach / 2)
    places = np.clip(landmarks[:, ::-1].astype(int), 0, np.array(grey.shape) - 1)
    level = float(np.median(grey[places[:, 0], places[:, 1]]))
    exposure, follows = np.clip(level / 140.0, 0.35, 1.25), rng.uniform(0.2, 0.7)
    relative = np.clip(grey / max(level, 1.0), 0.4, 1.6)
    light: Plane = (exposure * (1 - follows + follows * relative))[..., None].astype(np.float32)
    return light


def mask(rng: Random, textures: list[Image], *, under_nose: bool) -> Layer:
    """A surgical mask, a cup, a respirator, a cloth or a scarf; one worn `under_nose` leaves that free."""
    kind = str(rng.choice(["surgical", "surgical", "cup", "cloth", "scarf", "respirator"]))
    top = rng.uniform(79, 86) if under_nose else rng.uniform(56, 67)
    bridge = top - (rng.uniform(-1, 1) if under_nose else rng.uniform(0, 9))
    half = rng.uniform(33, 45) * (0.75 if kind == "respirator" else 1.0)
    chin = rng.uniform(116, 128) + 6 * under_nose + (rng.uniform(25, 60) if kind == "scarf" else 0)
    shape = _muzzle(top, bridge, half, chin, rng.uniform(1.0, 1.3) if kind == "scarf" else 0.75)
    layer = Layer(_cloth(rng, textures, shape), shape)
    if kind in ("surgical", "cloth"):
        layer.colour *= _pleats(rng, top, chin)
    layer.colour *= rounded((MIDDLE, (top + chin) / 2), (half * 1.3, (chin - top) * 0.8), rng)
    if kind == "respirator":
        paint = _paint(rng)
        for side in (-1, 1):
            place = (MIDDLE + side * half * rng.uniform(0.8, 1.1), rng.uniform(92, 104))
            layer.fill(ellipse(place, (rng.uniform(9, 15),) * 2), paint)
    if kind != "scarf":
        for side in (-1, 1):
            for height, ear in ((top + 6, 55 + rng.uniform(-4, 8)), (100, 72 + rng.uniform(-4, 12))):
                layer.strap((MIDDLE + side * half, height), (MIDDLE + side * rng.uniform(44, 50), ear), rng)
    return layer


def _muzzle(top: float, bridge: float, half: float, chin: float, jaw: float) -> Plane:
    low = (chin + 98) / 2 + 3
    right = [(MIDDLE + half * 0.45, (top + bridge) / 2), (MIDDLE + half, top + 4), (MIDDLE + half, 98.0),
             (MIDDLE + half * jaw, low)]  # fmt: skip
    left = [(2 * MIDDLE - x, y) for x, y in reversed(right)]
    return outlined([(MIDDLE, bridge), *right, (MIDDLE, chin), *left])


def hat(rng: Random) -> Layer:
    """A hard hat, cap, beanie, brimmed hat, bicycle helmet, hood or surgeon's cap."""
    kind = str(rng.choice(["hard", "hard", "hard", "cap", "cap", "beanie", "brimmed", "vented", "hood", "surgeon"]))
    edge, half = rng.uniform(16, 36), rng.uniform(47, 64)
    crown = edge - rng.uniform(45, 68)
    paint = _paint(rng)
    layer = Layer.of(paint, rng.uniform(0, 6), rng)
    layer.alpha = dome(MIDDLE + rng.uniform(-3, 3), edge, half, crown, rng.uniform(2, 7))
    strength = rng.uniform(0.25, 0.6)
    layer.colour *= rounded((MIDDLE, edge), (half * 1.15, (edge - crown) * 1.15), rng, strength)
    HATS[kind](layer, paint, (edge, half, crown), rng)
    if kind in ("hard", "vented"):
        place = (MIDDLE + rng.uniform(-0.5, 0.5) * half, (edge + crown) / 2 - rng.uniform(0, 12))
        layer.shine(place, (rng.uniform(4, 14), rng.uniform(3, 9)), rng)
        if rng.random() < 0.4:
            for side in (-1, 1):
                layer.strap((MIDDLE + side * half * 0.8, edge), (MIDDLE + side * 22, 118), rng)
    if rng.random() < 0.4:  # a badge
        place = (MIDDLE + rng.uniform(-8, 8), edge - rng.uniform(12, 28))
        layer.fill(ellipse(place, (rng.uniform(4, 10), rng.uniform(3, 8))), _paint(rng))
    layer.colour = np.clip(layer.colour, 0, 255)
    return layer


def _hard(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    edge, half, crown = shape
    for ridge in rng.uniform(-0.4, 0.4, rng.integers(0, 4)):
        layer.stroke([(MIDDLE + ridge * half, edge - 4), (MIDDLE + ridge * half * 0.6, crown + 6)], paint * 0.8, 2)
    brim = ellipse((MIDDLE, edge), (half * rng.uniform(1.02, 1.15), rng.uniform(4, 11)))
    layer.fill(brim, paint * rng.uniform(0.75, 1.0))


def _cap(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    edge, half, crown = shape
    for seam in (-0.5, 0.0, 0.5):
        layer.stroke([(MIDDLE + seam * half, edge - 4), (MIDDLE + seam * 10, crown + 4)], paint * 0.85, 1)
    visor = ellipse((MIDDLE, edge + 2), (half * rng.uniform(0.7, 1.0), rng.uniform(8, 16)))
    layer.fill(visor, 0.8 * (paint if rng.random() < 0.6 else _paint(rng)))


def _beanie(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    ribs = 1 + 0.18 * np.sin(np.arange(SIZE[1]) / SCALE * rng.uniform(0.8, 2.5))
    layer.colour *= ribs[None, :, None].astype(np.float32)
    if rng.random() < 0.5:
        layer.fill(ellipse((MIDDLE, shape[0]), (shape[1], 7)), paint * 0.85)


def _brimmed(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    edge, half, _ = shape
    layer.fill(ellipse((MIDDLE, edge - 4), (half * rng.uniform(1.4, 1.9), 12)), paint * rng.uniform(0.7, 1.0))
    layer.stroke([(MIDDLE - half, edge - 12), (MIDDLE + half, edge - 12)], _paint(rng), 5)


def _vented(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    edge, half, crown = shape
    for vent in np.linspace(-0.7, 0.7, rng.integers(3, 6)):
        slit = [(MIDDLE + vent * half, edge - 10), (MIDDLE + vent * half * 0.5, crown + 14)]
        layer.stroke(slit, paint * 0.25, rng.uniform(3, 6))


def _hood(layer: Layer, _paint: Plane, shape: Shape, rng: Random) -> None:
    """Around the face and down to the shoulders, the face left free."""
    edge, half, crown = shape
    right = [(MIDDLE + half, crown + 20), (MIDDLE + half * 1.1, 80.0), (MIDDLE + half, 150.0)]
    around = outlined([*right, *((2 * MIDDLE - x, y) for x, y in reversed(right))])
    face = ellipse((MIDDLE, 76), (rng.uniform(33, 40), 76 - edge))
    layer.alpha = np.maximum(layer.alpha, around) * (1 - face)


def _surgeon(layer: Layer, paint: Plane, shape: Shape, rng: Random) -> None:
    layer.colour *= 1 + 0.1 * noise(15, rng)[..., None]
    layer.fill(ellipse((MIDDLE, shape[0]), (shape[1] * 0.95, 4)), paint * 0.95)


HATS: dict[str, Callable[[Layer, Plane, Shape, Random], None]] = {
    "hard": _hard, "cap": _cap, "beanie": _beanie, "brimmed": _brimmed, "vented": _vented, "hood": _hood,
    "surgeon": _surgeon,
}  # fmt: skip


def distraction(rng: Random) -> Layer:
    """What covers neither mouth nor head, though it lies near them: headset, glasses, microphone, collar, ball."""
    kind = str(rng.choice(["headset", "glasses", "microphone", "collar", "ball"]))
    layer, dark = Layer.of(_paint(rng), 4, rng), np.full(3, rng.uniform(0, 60), np.float32)
    if kind == "headset":
        arc = [(MIDDLE + 52 * np.sin(angle), 45 - 62 * np.cos(angle)) for angle in np.linspace(-1.6, 1.6, 20)]
        layer.stroke(arc, dark, rng.uniform(2, 6), shows=True)
        for side in (-1, 1):
            layer.fill(ellipse((MIDDLE + side * 50, 60), (8, 14)), dark)
    elif kind == "glasses":
        for x, y in TEMPLATE[:2]:
            layer.fill(ellipse((float(x), float(y)), (14, 10)), dark, rng.uniform(0.4, 1.0))
    elif kind == "microphone":
        place = (MIDDLE + rng.uniform(-35, 35), rng.uniform(105, 125))
        layer.fill(ellipse(place, (rng.uniform(6, 12), rng.uniform(6, 12))), dark)
        layer.stroke([place, (place[0] + rng.uniform(-40, 40), 190)], dark, 5, shows=True)
    elif kind == "collar":
        layer.alpha = outlined([(10, 132), (56, rng.uniform(124, 140)), (102, 132), (130, 190), (-20, 190)])
    else:
        place = (MIDDLE + float(rng.choice([-1, 1])) * rng.uniform(95, 115), rng.uniform(0, 90))
        layer.fill(ellipse(place, (28, 24)), _paint(rng))
    return layer


def _paint(rng: Random) -> Plane:
    chosen = np.array(PAINT[rng.integers(len(PAINT))], np.float32) if rng.random() < 0.6 else rng.uniform(0, 255, 3)
    return np.clip(chosen + rng.normal(0, 15, 3), 0, 255).astype(np.float32)


def _cloth(rng: Random, textures: list[Image], shape: Plane) -> Plane:
    """Plain, woven, striped, or the photo of a mask stretched over the shape."""
    how = rng.random()
    if how < 0.3 and textures:
        photo = textures[rng.integers(len(textures))]
        rows, columns = (np.flatnonzero(shape.max(axis=axis)) for axis in (1, 0))
        colour = np.zeros((*SIZE, 3), np.float32)
        colour[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = cv2.resize(photo, (len(columns), len(rows)))
        return (colour * rng.uniform(0.85, 1.15, 3)).astype(np.float32)
    base = np.array(CLOTH[rng.integers(len(CLOTH))]) if rng.random() < 0.7 else rng.uniform(0, 255, 3)
    colour = Layer.of((base + rng.normal(0, 12, 3)).astype(np.float32), rng.uniform(1, 8), rng).colour
    if how > 0.85:
        across = bool(rng.integers(2))
        waves = np.sin(np.arange(SIZE[across]) / SCALE * rng.uniform(0.2, 1.2)) > rng.uniform(-0.5, 0.5)
        stripes = (waves[None, :, None] if across else waves[:, None, None]).astype(np.float32)
        colour = (colour * (1 - stripes) + rng.uniform(0, 255, 3) * stripes).astype(np.float32)
    return colour


def _pleats(rng: Random, top: float, chin: float) -> Plane:
    rows = np.ones(SIZE[0], np.float32)
    for part in np.linspace(0.3, 0.75, rng.integers(0, 4)):
        row = at(0, top + (chin - top) * part)[1]
        rows[row : row + 2] *= rng.uniform(0.7, 0.92)
        rows[row + 2 : row + 4] *= rng.uniform(1.0, 1.08)
    return rows[:, None, None]
