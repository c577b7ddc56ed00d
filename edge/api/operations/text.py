"""DetectText: lines and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import nan
from typing import Any

from edge.api import faults, shapes
from edge.api.desk import Desk
from edge.api.seeing import unavailable
from edge.findings import Point, Words
from edge.values import Box
from edge.vision.text import TextFilter

VERSION = "3.0"
MIN_CONFIDENCE = 80.0
MOST_WORDS = 100
CORNERS = (3, 10)  # of a region's polygon, at least and at most
ROUNDED = 1e-6  # by so much a region may reach beyond the picture


def detect_text(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Lines first, in reading order, then their words; of these the first 100 that pass the filters."""
    reader = desk.abilities.text
    if reader is None:
        raise unavailable(desk.abilities, "text", "DetectText")
    wanted = _filter(members.get("Filters") or {})
    found = reader.look(desk.images.read(members["Image"]).image, wanted)
    return {"TextDetections": [_detection(one) for one in found], "TextModelVersion": VERSION}


def _filter(filters: Mapping[str, Any]) -> TextFilter:
    word = filters.get("WordFilter") or {}
    return TextFilter(
        score=word.get("MinConfidence", MIN_CONFIDENCE) / 100.0,
        width=word.get("MinBoundingBoxWidth", 0.0),
        height=word.get("MinBoundingBoxHeight", 0.0),
        regions=tuple(_region(one) for one in filters.get("RegionsOfInterest") or ()),
        most=MOST_WORDS,
    )


def _region(region: Mapping[str, Any]) -> Box | tuple[Point, ...]:
    """A box or a polygon within the picture; raises Fault."""
    if len(region) != 1:
        raise faults.invalid_parameter()
    return _polygon(region["Polygon"]) if "Polygon" in region else _box(region["BoundingBox"])


def _polygon(points: Sequence[Mapping[str, float]]) -> tuple[Point, ...]:
    least, most = CORNERS
    if not least <= len(points) <= most:
        raise faults.invalid_parameter()
    return tuple(_corner(point.get("X", nan), point.get("Y", nan)) for point in points)


def _box(sides: Mapping[str, float]) -> Box:
    left, top, width, height = (sides.get(side, nan) for side in ("Left", "Top", "Width", "Height"))
    if not (width > 0 and height > 0):
        raise faults.invalid_parameter()
    return Box(*_corner(left, top), *_corner(left + width, top + height))


def _corner(x: float, y: float) -> Point:
    """Within the picture; NaN, which stands for what is missing, is nowhere."""
    if not all(-ROUNDED <= side <= 1.0 + ROUNDED for side in (x, y)):
        raise faults.invalid_parameter()
    return x, y


def _detection(one: Words) -> dict[str, Any]:
    return {
        "DetectedText": one.text,
        "Type": one.kind,
        "Id": one.id,
        **({} if one.parent is None else {"ParentId": one.parent}),
        "Confidence": shapes.percent(one.score),
        "Geometry": shapes.geometry(one.box, one.polygon),
    }
