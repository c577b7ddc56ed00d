"""Objects: mean average precision of the shipped detectors against the same graphs in float, on 64 COCO photos.

The photos are training images of COCO, which these detectors have seen: only the difference says something. The recipe
of PicoDet-S was calibrated on these very photos and chosen among ten by its score here, so its loss is not
shown elsewhere.
"""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, is_installed, shipped

from edge import pictures
from edge.engine import Model

TRUTH = Path("detection", "coco_subset.json")
MODELS = ("nanodet-g", "picodet-s")
FLOOR = 0.05  # the tail below it moves the figure by less than .001


def run(data: Path) -> Iterator[Figure]:
    """mAP and AP50 of each detector that is installed."""
    for name in MODELS:
        if is_installed(name, "openvino"):
            with shipped(name) as quantized, floating(name) as exact:
                ours, theirs = (score(model, data / TRUTH) for model in (quantized, exact))
            photos = len(json.loads((data / TRUTH).read_text("utf-8"))["images"])
            yield figure(f"detection.{name}.map", ours[0], "", photos, theirs[0])
            yield figure(f"detection.{name}.ap50", ours[1], "", photos, theirs[1])


def score(model: Model, truth: Path) -> tuple[float, float]:
    """mAP over IoU .50 to .95, and AP at .50, as COCO counts them."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    with contextlib.redirect_stdout(io.StringIO()):  # it prints as it goes
        coco = COCO(str(truth))
        found = _detections(model, coco, truth.parent)
        judge = COCOeval(coco, coco.loadRes(found), "bbox")
        judge.evaluate()
        judge.accumulate()
        judge.summarize()
    return float(judge.stats[0]), float(judge.stats[1])


def _detections(model: Model, coco: Any, folder: Path) -> list[dict[str, Any]]:
    category = {entry["name"].lower(): entry["id"] for entry in coco.dataset["categories"]}
    ids = [category.get(label.lower()) for label in model.labels]
    found = []
    for photo in watched(coco.dataset["images"], f"detecting with {model.manifest.name}"):
        boxes = model.detect(pictures.read(folder / photo["file_name"]), FLOOR)
        for xyxy, points, index in zip(boxes.xyxy.tolist(), boxes.scores.tolist(), boxes.classes.tolist(), strict=True):
            left, top, right, bottom = xyxy
            where = [left, top, right - left, bottom - top]
            found.append({"image_id": photo["id"], "category_id": ids[index], "bbox": where, "score": points})
    return found
