"""What was found in a picture, drawn into a copy of it: for the stills of cameras and for `vedette analyze`.

Lines and letters grow with the picture, so that it can be read at the size it is looked at.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.findings import Point
from edge.values import Image

Rectangles = NDArray[np.int64]  # [N,4] or [4] pixels: left, top, right and bottom, the latter two outside
Size = tuple[int, int]
Colour = tuple[int, int, int]

FONT = cv2.FONT_HERSHEY_SIMPLEX
CAPITAL = 22  # pixels of height of FONT's capital letters at scale 1
UNICODE = int(cv2.__version__.split(".")[0]) >= 5  # before, OpenCV knew the letters of ASCII only
COLOURS = {  # BGR
    "object": (220, 170, 60),
    "face": (80, 220, 250),
    "match": (80, 200, 60),
    "unknown": (60, 160, 250),
    "text": (230, 130, 210),
    "label": (235, 235, 235),
    "custom": (250, 150, 150),
    "good": (80, 200, 60),
    "bad": (90, 90, 250),
    "open": (60, 190, 240),
}
LETTER = 0.018  # a capital's height, of the root of the picture's area
LEAST = 8.0  # pixels that a capital needs
MOST = 0.1  # of the picture that captions may take before letters shrink,
CROWDED = 0.6  # to no less than so much
FAR = 0.15  # of the picture's width and height, that a caption may be from what it is about
LONG = 100  # letters of a caption
LISTED = 8  # labels of the whole picture that are written into it
READ = 12  # lines of text up to which each is written beside what it was read from


@dataclass(frozen=True, slots=True)
class Mark:
    """An outline (a closed polygon), dots, and a caption beside them; `kind` is a key of COLOURS.

    A mark without an outline is about the whole picture, and its caption stands in the upper left corner.
    """

    kind: str
    outline: tuple[Point, ...] = ()
    caption: str = ""
    dots: tuple[Point, ...] = ()
    fine: bool = False  # with lines half as thick


def draw(image: Image, document: Mapping[str, Any]) -> Image:
    """A copy of uint8 [H,W,3] BGR `image` with what `vedette analyze --json` says of it; any key may be absent."""
    return paint(image, marks(document))


def paint(image: Image, found: Iterable[Mark]) -> Image:
    """A copy with the marks drawn. Captions stay within the picture and off each other; what has no room is left out.

    Where there are many, letters and lines are smaller.
    """
    found, drawn = list(found), image.copy()
    height, width = image.shape[:2]
    letter = LETTER * sqrt(width * height)
    there = sum(across * down for across, down in (_size(mark.caption[:LONG], letter / CAPITAL) for mark in found))
    letter = max(letter * min(max(sqrt(MOST * width * height / max(there, 1)), CROWDED), 1.0), LEAST)
    thick, scale = max(round(letter / 6), 1), letter / CAPITAL
    for mark in found:
        _outline(drawn, mark, max(thick // 2, 1) if mark.fine else thick)
    captions = [(mark, text) for mark in found if (text := fitted(mark.caption, scale, (width, height)))]
    sizes = [_size(text, scale) for _, text in captions]
    anchors = [_bounds(mark.outline, (width, height)) for mark, _ in captions]
    spots = places(sizes, anchors, (width, height))
    for (mark, _), anchor, spot in zip(captions, anchors, spots, strict=True):
        _connect(drawn, spot, anchor, COLOURS[mark.kind])
    for (mark, text), spot in zip(captions, spots, strict=True):
        if spot is not None:
            _write(drawn, text, spot, scale, COLOURS[mark.kind])
    return drawn


def fitted(text: str, scale: float, room: Size) -> str:
    """The text on one line, shortened until it fits; nothing if not even a letter does."""
    text = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())[:LONG]
    if not UNICODE:
        bare = unicodedata.normalize("NFKD", text)
        bare = "".join(letter for letter in bare if not unicodedata.combining(letter))
        text = bare.encode("ascii", "replace").decode("ascii")
    for length in range(len(text), 0, -1):
        part = text if length == len(text) else f"{text[:length].rstrip()}..."
        across, down = _size(part, scale)
        if down > room[1]:
            break
        if across <= room[0]:
            return part
    return ""


def places(sizes: Sequence[Size], anchors: Sequence[Rectangles | None], room: Size) -> list[Rectangles | None]:
    """Where captions of these widths and heights go: beside their anchor, or nearby, where they hide least; or nowhere.

    Those without an anchor are stacked in the upper left corner, first of all, down to half of the height. None
    touches another, and all lie within `room`, width and height, which no size exceeds.
    """
    taken = np.zeros((0, 4), np.int64)
    shown = np.array([anchor for anchor in anchors if anchor is not None], np.int64).reshape(-1, 4)
    spots: list[Rectangles | None] = [None] * len(sizes)
    for row in sorted(range(len(sizes)), key=lambda row: anchors[row] is not None):
        anchor, (across, down) = anchors[row], sizes[row]
        if anchor is not None:
            spot = _beside(anchor, (across, down), taken, shown, room)
        else:
            top = int(taken[:, 3].max(initial=0))
            stands = not top or top + down <= room[1] // 2
            spot = np.array([0, top, across, top + down]) if stands else None
        if spot is not None:
            spots[row] = spot
            taken = np.concatenate([taken, spot[None]])
    return spots


def _beside(anchor: Rectangles, size: Size, taken: Rectangles, shown: Rectangles, room: Size) -> Rectangles | None:
    """Above, below, in or next to the anchor; else the nearest place that is free, if it is not far."""
    across, down = size
    left, top, right, bottom = anchor.tolist()
    corners = [
        (left, top - down), (right - across, top - down), (left, bottom), (right - across, bottom),
        (left, top), (left, bottom - down), (right - across, top), (right - across, bottom - down),
        (right, top), (left - across, top), (right, bottom - down), (left - across, bottom - down),
    ]  # fmt: skip
    most = np.array(room) - size
    near = _spots(np.clip(corners, 0, most), size)
    near = near[~_shared(near, taken).any(axis=1)]
    if len(near):
        return np.asarray(near[_hidden(near, shown).argmin()])
    columns, rows = np.meshgrid(np.arange(0, most[0] + 1, max(across // 2, 1)), np.arange(0, most[1] + 1, down))
    free = _spots(np.stack([columns.ravel(), rows.ravel()], axis=1), size)
    free = free[~_shared(free, taken).any(axis=1)]
    gaps = np.maximum(np.maximum(free[:, :2] - anchor[2:], anchor[:2] - free[:, 2:]), 0)
    away = (gaps / np.array(room)).max(axis=1)
    free, away = free[away <= FAR], away[away <= FAR]
    return np.asarray(free[(away + _hidden(free, shown)).argmin()]) if len(free) else None


def _hidden(spots: Rectangles, shown: Rectangles) -> NDArray[np.float64]:
    """How much each spot [N,4] would hide of what is shown [M,4]: the parts of each, summed up."""
    areas = np.maximum(np.prod(shown[:, 2:] - shown[:, :2], axis=1), 1)
    return np.asarray((_shared(spots, shown) / areas).sum(axis=1), np.float64)


def _spots(corners: NDArray[np.integer], size: Size) -> Rectangles:
    return np.concatenate([corners, corners + size], axis=1).astype(np.int64)


def _shared(ones: Rectangles, others: Rectangles) -> NDArray[np.int64]:
    """The pixels that each pair shares, [N,M]."""
    sides = np.minimum(ones[:, None, 2:], others[:, 2:]) - np.maximum(ones[:, None, :2], others[:, :2])
    return np.asarray(np.prod(np.maximum(sides, 0), axis=2), np.int64)


def _size(text: str, scale: float) -> Size:
    (across, up), below = cv2.getTextSize(text, FONT, scale, _pen(scale))
    return across + 2 * _margin(scale), up + below + 2 * _margin(scale)


def _margin(scale: float) -> int:
    return max(round(3 * scale), 1)


def _pen(scale: float) -> int:
    return max(round(1.5 * scale), 1)


def _bounds(outline: Sequence[Point], room: Size) -> Rectangles | None:
    """The upright rectangle around an outline."""
    if not outline:
        return None
    corners = _pixels(outline, room)
    return np.concatenate([corners.min(axis=0), corners.max(axis=0) + 1]).astype(np.int64)


def _pixels(points: Sequence[Point], room: Size) -> NDArray[np.int32]:
    """Ratios to pixels [N,2], those outside moved to the edge."""
    size = np.array(room)
    return np.asarray(np.clip(np.rint(np.array(points) * size), 0, size - 1), np.int32)


def _outline(drawn: Image, mark: Mark, thick: int) -> None:
    height, width = drawn.shape[:2]
    colour = COLOURS[mark.kind]
    if mark.outline:
        cv2.polylines(drawn, [_pixels(mark.outline, (width, height))], True, colour, thick, cv2.LINE_AA)
    for x, y in _pixels(mark.dots, (width, height)).tolist() if mark.dots else ():
        cv2.circle(drawn, (x, y), max(round(thick / 2), 1), colour, cv2.FILLED, cv2.LINE_AA)


def _connect(drawn: Image, spot: Rectangles | None, anchor: Rectangles | None, colour: Colour) -> None:
    """A line to what a caption is about, if it had to move away from it."""
    if spot is None or anchor is None:
        return
    if (np.maximum(spot[:2], anchor[:2]) > np.minimum(spot[2:], anchor[2:])).any():
        start, end = (((one[:2] + one[2:]) // 2).tolist() for one in (spot, anchor))
        cv2.line(drawn, start, end, colour, 1, cv2.LINE_AA)


def _write(drawn: Image, text: str, spot: Rectangles, scale: float, colour: Colour) -> None:
    left, top, right, bottom = spot.tolist()
    cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), colour, cv2.FILLED)
    margin, (_, below) = _margin(scale), cv2.getTextSize(text, FONT, scale, _pen(scale))
    place = (left + margin, bottom - margin - below)
    cv2.putText(drawn, text, place, FONT, scale, (0, 0, 0), _pen(scale), cv2.LINE_AA)


# What an answer says, as marks


def marks(document: Mapping[str, Any]) -> Iterator[Mark]:
    """Of a document of `vedette analyze --json`, in the order in which they find room."""
    yield from _of_the_whole(document)
    boxes = document.get("objects")
    if boxes is None:
        boxes = [found for label in document.get("labels", []) for found in label.get("instances", [])]
    for item in boxes:
        yield Mark("object", around(item["box"]), f"{item['label']} {percent(item['score'])}")
    yield from _of_faces(document.get("faces", []))
    yield from _of_protection(document.get("ppe") or {})
    for label in [label for answer in document.get("custom", []) for label in answer["labels"]]:
        outline = around(label["box"]) if label["box"] else ()
        yield Mark("custom", outline, f"{label['name']} {percent(label['score'])}")
    lines = [words for words in document.get("text", []) if words["kind"] == "LINE"]
    for line in lines:
        polygon = tuple((x, y) for x, y in line["polygon"])
        yield Mark("text", polygon, line["text"] if len(lines) <= READ else "", fine=True)


def _of_the_whole(document: Mapping[str, Any]) -> Iterator[Mark]:
    """Flags, and the most telling labels that nothing is drawn for: those that are no other's parents."""
    for flag in document.get("moderation", {}).get("flags", []):
        yield Mark("bad", caption=f"{flag['name']} {percent(flag['score'])}")
    labels = document.get("labels", [])
    above = {parent for label in labels for parent in label.get("parents", [])}
    for label in [one for one in labels if not one.get("instances") and one["name"] not in above][:LISTED]:
        yield Mark("label", caption=f"{label['name']} {percent(label['score'])}")


def _of_faces(faces: Sequence[Mapping[str, Any]]) -> Iterator[Mark]:
    for face in faces:
        details = face.get("details")
        dots = [(dot["x"], dot["y"]) for dot in details["landmarks"]] if details else face.get("landmarks", [])
        known = face.get("celebrity")
        yield Mark("match" if known else "face", around(face["box"]), who(face), tuple((x, y) for x, y in dots))


def who(face: Mapping[str, Any]) -> str:
    """A face in a few words: a name, or gender, age and mood; and how alive it looks."""
    details, known, live = face.get("details"), face.get("celebrity"), face.get("liveness")
    if known:
        words = [known["name"], percent(known["similarity"] / 100)]
    elif details:
        youngest, oldest = details["age"]
        words = [str(details["gender"]["value"]), f"{youngest}-{oldest}", str(details["emotions"][0]["value"]).lower()]
    else:
        words = ["Face", percent(face["score"])]
    return " ".join([*words, f"live {percent(live['score'])}"] if live else words)


def _of_protection(ppe: Mapping[str, Any]) -> Iterator[Mark]:
    lists = (("with_required", "protected", "good"), ("without_required", "unprotected", "bad"),
             ("indeterminate", "not seen well", "open"))  # fmt: skip
    states = {person: (words, kind) for name, words, kind in lists for person in ppe.get(name, [])}
    for person in ppe.get("persons", []):
        words, kind = states.get(person["id"], ("", "open"))
        yield Mark(kind, around(person["box"]), f"Person {person['id']} {words}", fine=True)
        for worn in (worn for part in person["parts"] for worn in part["equipment"]):
            covers = "" if worn["covers"]["value"] else ", not worn"
            name = worn["kind"].replace("_", " ").capitalize()
            yield Mark("good" if not covers else "bad", around(worn["box"]), f"{name} {percent(worn['score'])}{covers}")


def around(box: Mapping[str, float]) -> tuple[Point, ...]:
    """The corners of a box, clockwise from the upper left."""
    left, top, right, bottom = (box[side] for side in ("x1", "y1", "x2", "y2"))
    return (left, top), (right, top), (right, bottom), (left, bottom)


def percent(score: float) -> str:
    return f"{100 * score:.0f}%"
