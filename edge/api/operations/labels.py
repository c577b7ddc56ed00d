"""DetectLabels: what a picture shows, and how it was taken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.api import shapes
from edge.api.desk import Desk
from edge.api.seeing import unavailable
from edge.findings import Colour, Region
from edge.scene import Scene
from edge.settings import LabelsTask, Tasks
from edge.values import Box, Detection, Image, Label
from edge.vision.properties import properties

VERSION = "3.0"  # the vocabulary that ours imitates
LABELS, PROPERTIES = "GENERAL_LABELS", "IMAGE_PROPERTIES"
MIN_CONFIDENCE = 55.0
MOST_LABELS = 1000
MOST_COLOURS = 10


def detect_labels(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    features = members.get("Features") or [LABELS]
    if LABELS in features and desk.abilities.labels is None:
        raise unavailable(desk.abilities, "labels", "DetectLabels")
    settings = members.get("Settings") or {}
    colours = (settings.get("ImageProperties") or {}).get("MaxDominantColors", MOST_COLOURS)
    image = desk.images.read(members["Image"]).image
    scene = Scene(image, desk.abilities, Tasks(labels=_task(members, settings.get("GeneralLabels") or {})))
    answer: dict[str, Any] = {}
    if LABELS in features:
        labels = scene.labels[: min(members.get("MaxLabels", MOST_LABELS), MOST_LABELS)]
        coloured = image if PROPERTIES in features else None
        answer = {
            "Labels": [_label(label, coloured, colours) for label in labels],
            "LabelModelVersion": VERSION,
        }
    if PROPERTIES in features:
        answer["ImageProperties"] = _properties(scene, colours)
    return answer


def _task(members: Mapping[str, Any], wanted: Mapping[str, Any]) -> LabelsTask:
    return LabelsTask(
        floor=members.get("MinConfidence", MIN_CONFIDENCE) / 100.0,
        include=tuple(wanted.get("LabelInclusionFilters") or ()),
        exclude=tuple(wanted.get("LabelExclusionFilters") or ()),
        include_categories=tuple(wanted.get("LabelCategoryInclusionFilters") or ()),
        exclude_categories=tuple(wanted.get("LabelCategoryExclusionFilters") or ()),
    )


def _label(label: Label, coloured: Image | None, most: int) -> dict[str, Any]:
    return {
        "Name": label.name,
        "Confidence": shapes.percent(label.score),
        "Instances": [_instance(one, coloured, most) for one in label.instances],
        "Parents": shapes.names(label.parents),
        "Aliases": shapes.names(label.aliases),
        "Categories": shapes.names(label.categories),
    }


def _instance(one: Detection, coloured: Image | None, most: int) -> dict[str, Any]:
    """With its colours where the picture's are asked for too."""
    told: dict[str, Any] = {"BoundingBox": shapes.box(one.box), "Confidence": shapes.percent(one.score)}
    if coloured is not None:
        part = _part(coloured, one.box)
        told["DominantColors"] = _colours(properties(part).colours if part.size else (), most)
    return told


def _part(image: Image, box: Box) -> Image:
    height, width = image.shape[:2]
    top, bottom = (round(max(side, 0.0) * height) for side in (box.y1, box.y2))
    left, right = (round(max(side, 0.0) * width) for side in (box.x1, box.x2))
    return image[top:bottom, left:right]


def _properties(scene: Scene, most: int) -> dict[str, Any]:
    """The parts are left out where no object tells them apart."""
    found = scene.properties
    told = {"Foreground": found.foreground, "Background": found.background}
    parts = {name: _region(part, most) for name, part in told.items() if part}
    return _region(Region(found.quality, found.colours), most) | parts


def _region(region: Region, most: int) -> dict[str, Any]:
    light = region.quality
    return {
        "Quality": shapes.quality(light.brightness, light.sharpness) | {"Contrast": light.contrast},
        "DominantColors": _colours(region.colours, most),
    }


def _colours(found: Sequence[Colour], most: int) -> list[dict[str, Any]]:
    return [shapes.colour(one) for one in found[:most]]
