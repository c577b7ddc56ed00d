"""Real video files, written by OpenCV, in which every frame can be told from the others."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.values import Image

Film = Callable[..., Path]


def numbered(number: int) -> Image:
    """A frame that survives compression with its number (0..15) in its brightness."""
    return np.full((48, 64, 3), number * 16 + 8, np.uint8)


def number_of(image: Image) -> int:
    return int(image.mean()) // 16


@pytest.fixture
def film(tmp_path: Path) -> Film:
    def write(frames: int = 10, fps: float = 25.0, name: str = "film.avi") -> Path:
        path = tmp_path / name
        writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, (64, 48))
        for number in range(frames):
            writer.write(numbered(number))
        writer.release()
        return path

    return write
