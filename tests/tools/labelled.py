"""Small data sets for tests of what reads them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np


def picture(path: Path, width: int = 80, height: int = 40) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.full((height, width, 3), 90, np.uint8))
    return path


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    return path


def coco_of(names: list[str]) -> str:
    return json.dumps({
        "images": [{"id": place, "file_name": name, "width": 80, "height": 40} for place, name in enumerate(names)],
        "annotations": [
            {"id": 1, "image_id": 0, "category_id": 7, "bbox": [20, 10, 40, 10]},
            {"id": 2, "image_id": 0, "category_id": 7, "bbox": [0, 0, 80, 40], "iscrowd": 1},
        ],
        "categories": [{"id": 7, "name": "cup"}],
    })  # fmt: skip
