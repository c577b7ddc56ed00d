"""From a picture to what a network is fed, exactly as the device does it, and the ways to vary a picture in training.

Pictures are uint8 BGR [H,W,3]. Whatever varies takes its own random numbers, so the same seed gives the same views.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.values import Image
from models import tensors
from models.manifest import Input

Floats = NDArray[np.float32]
Random = np.random.Generator

SIDE = 224
# What every custom model is fed: RGB, about -1..1.
MEAN, STD = (127.0, 127.0, 127.0), (128.0, 128.0, 128.0)


def square(side: int = SIDE) -> Input:
    """How a classifier sees: the centred square of 7/8 of the shorter side."""
    return Input(width=side, height=side, fit="square", crop=0.875, interpolation="area")


def letterbox(side: int) -> Input:
    """How a detector sees: the whole picture, centred on grey."""
    return Input(width=side, height=side, fit="letterbox", interpolation="area")


def prepare(image: Image, spec: Input) -> Image:
    """What the device makes of a picture before the graph: uint8 BGR [height,width,3]."""
    fitted, _ = tensors.fit(image, spec)
    return np.ascontiguousarray(fitted)


def normalised(batch: Sequence[Image] | Image) -> Floats:
    """Prepared pictures as the network takes them: float32 [N,3,H,W], RGB, (x - 127) / 128."""
    first = batch[0]
    spec = Input(
        width=first.shape[1], height=first.shape[0], fit="stretch", colour="RGB", layout="NCHW", mean=MEAN, std=STD
    )
    return np.concatenate([tensors.pack(image, spec, np.float32) for image in batch])


def generator(seed: int, *of: int | str) -> Random:
    """Random numbers of their own for each thing named, whatever was drawn before for others."""
    words = [word if isinstance(word, int) else int.from_bytes(word.encode()[:16], "big") for word in of]
    return np.random.default_rng(np.random.SeedSequence([seed, *words]))


def view(image: Image, side: int, random: Random, least: float = 0.35) -> Image:
    """A random part of at least `least` of the picture's shorter square, as a network of that side is fed it."""
    height, width = image.shape[:2]
    short = min(height, width)
    share, stretch = np.sqrt(random.uniform(least, 1.0)), np.exp(random.uniform(-0.2, 0.2))
    kept_x = int(np.clip(short * share * stretch, 8, width))
    kept_y = int(np.clip(short * share / stretch, 8, height))
    left, top = (int(random.integers(0, extra + 1)) for extra in (width - kept_x, height - kept_y))
    part = image[top : top + kept_y, left : left + kept_x]
    spec = Input(width=side, height=side, fit="stretch", interpolation="area")
    seen = prepare(part, spec)
    return lit(flipped(seen) if random.random() < 0.5 else seen, random)


def flipped(image: Image) -> Image:
    """Left becomes right."""
    return np.ascontiguousarray(image[:, ::-1])


def lit(image: Image, random: Random) -> Image:
    """The same scene in other light, through another camera: brightness, contrast, colour, sometimes blur or noise."""
    gain, lift = random.uniform(0.65, 1.4), random.uniform(-24, 24)
    gamma = np.exp(random.uniform(-0.35, 0.35))
    ramp = np.linspace(0, 1, 256) ** gamma * 255
    table = np.clip((ramp - 127.5) * gain + 127.5 + lift, 0, 255)
    tint = random.uniform(0.9, 1.1, 3)  # one lamp is yellower than another
    seen = cv2.LUT(image, np.clip(table[:, None] * tint, 0, 255).astype(np.uint8)[None])
    if random.random() < 0.7:
        seen = _coloured(seen, random.uniform(0.5, 1.5))
    kind = random.random()
    if kind < 0.15:
        seen = cv2.GaussianBlur(seen, (0, 0), random.uniform(0.4, 1.4))
    elif kind < 0.3:
        noise = random.normal(0, random.uniform(2, 12), seen.shape)
        seen = np.clip(seen + noise, 0, 255)
    elif kind < 0.4:
        seen = compressed(np.asarray(seen, np.uint8), int(random.integers(25, 70)))
    return np.asarray(seen, np.uint8)


def _coloured(image: Any, amount: float) -> Any:
    """More colour (above 1) or less."""
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR)
    return cv2.addWeighted(image, amount, grey, 1 - amount, 0)


def compressed(image: Image, quality: int) -> Image:
    """As a camera with little bandwidth would send it."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
