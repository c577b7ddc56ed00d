"""Text: characters and whole entries read rightly, on drawn text, receipts, photos, turned pages.

`cer` is edits over characters, capitals and spaces included. On a page it compares the whole text in its order; on a
receipt, what is read inside each box; elsewhere an entry with the likest line or word. `recall` is the part of entries
that were found and read without a mistake but in capitals, spaces and punctuation (end to end). The reference is the
detector in float: the readers are float as shipped. What was tuned at all was tuned on other drawn pictures.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path

import cv2
import numpy as np
from evaluation import rendered
from evaluation.figures import Figure, figure, watched
from evaluation.opening import floating, shipped

from edge import pictures
from edge.engine import Model
from edge.findings import Words
from edge.values import Image
from edge.vision.text import Text

TRUTH = Path("text", "gt.csv")
SIZES = ("tiny", "small")
SCENES, PAGES = 12, 3  # drawn pictures
TURNS = {"upright": "", "90": "-rotated-R", "180": "-rotated-180", "270": "-rotated-L"}
PAGE = "pages/phototest"

Row = dict[str, str]
Open = Callable[[str], AbstractContextManager[Model]]


class Tally:
    """Edits, characters, entries, and entries read rightly."""

    def __init__(self) -> None:
        self.edits = self.characters = self.entries = self.right = 0

    def add(self, text: str, read: str) -> None:
        self.edits += min(edits(text, read), len(text))
        self.characters += len(text)
        self.entries += 1
        self.right += plain(text) == plain(read)

    @property
    def cer(self) -> float:
        return self.edits / self.characters

    @property
    def recall(self) -> float:
        return self.right / self.entries


def run(data: Path) -> Iterator[Figure]:
    """Both sizes of PP-OCRv6, as shipped and with their detector in float."""
    folder = (data / TRUTH).parent
    with (data / TRUTH).open(encoding="utf-8", newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["ignore"] != "1"]
    for size in SIZES:
        yield from compare(size, tally(size, shipped, folder, rows), tally(size, floating, folder, rows))


def compare(size: str, found: dict[str, Tally], exact: dict[str, Tally]) -> Iterator[Figure]:
    for kind, one in found.items():
        yield figure(f"text.{size}.{kind}.cer", one.cer, "edits a character", one.characters, exact[kind].cer)
        if not kind.startswith(("page", "drawn")):
            yield figure(f"text.{size}.{kind}.recall", one.recall, "of entries", one.entries, exact[kind].recall)


def tally(size: str, detector: Open, folder: Path, rows: Sequence[Row]) -> dict[str, Tally]:
    """What was read rightly, by kind of picture."""
    tallies: dict[str, Tally] = {}
    with detector(f"ppocr-{size}-det") as boxes, shipped(f"ppocr-{size}-rec") as reader, shipped("ppocr-turn") as turn:
        text = Text(boxes, reader, turn)
        for image, truth in watched([*map(rendered.scene, range(SCENES))], f"{size}: drawn scenes"):
            nearest(tallies.setdefault("drawn_scene", Tally()), truth, lines_of(text.look(image)))
        for image, truth in watched([*map(rendered.page, range(PAGES))], f"{size}: drawn pages"):
            tallies.setdefault("page.drawn", Tally()).add(" ".join(truth), " ".join(lines_of(text.look(image))))
        for language in watched([*rendered.ARTICLES], f"{size}: languages"):
            image, truth = rendered.article(language)
            nearest(tallies.setdefault(f"drawn_{language.lower()}", Tally()), truth, lines_of(text.look(image)))
        pictured = [(name, list(group)) for name, group in groupby(rows, lambda row: row["file"])]
        for name, entries in watched(pictured, f"{size}: photos"):
            kind = next(
                (f"page.{turn}" for turn, end in TURNS.items() if name == f"{PAGE}{end}.png"), entries[0]["kind"]
            )
            image = pictures.read(folder / name)
            judge(tallies.setdefault(kind, Tally()), entries, text.look(image), image)
    return tallies


def judge(into: Tally, entries: Sequence[Row], found: Sequence[Words], image: Image) -> None:
    """Hold the text of one picture against its entries."""
    truth = [entry["text"] for entry in entries]
    if entries[0]["kind"] == "print" or len(entries) == 1:
        into.add(" ".join(truth), " ".join(lines_of(found)))
    elif entries[0]["polygon_xy"]:
        for entry in entries:
            into.add(entry["text"], inside(entry["polygon_xy"], found, image).upper())  # as the truth is written
    else:
        words = entries[0]["level"].startswith("word")
        nearest(into, truth, [one.text for one in found if (one.kind == "WORD") == words])


def lines_of(found: Sequence[Words]) -> list[str]:
    return [one.text for one in found if one.kind == "LINE"]


def nearest(into: Tally, truth: Sequence[str], read: Sequence[str]) -> None:
    """Each text with what is likest to it, capitals aside, and was given to none before."""
    left = list(read)
    for text in truth:
        likeness = [(edits(text.casefold(), one.casefold()), edits(text, one), place) for place, one in enumerate(left)]
        far, _, place = min(likeness, default=(len(text), 0, 0))
        into.add(text, left.pop(place) if far < len(text) else "")


def inside(polygon: str, found: Sequence[Words], image: Image) -> str:
    """The words whose middle lies in a polygon "x y x y …" of pixels, from left to right."""
    corners = np.array(polygon.split(), np.float32).reshape(-1, 1, 2)
    size = image.shape[1], image.shape[0]
    middles = [((one.box.x1 + one.box.x2) / 2 * size[0], (one.box.y1 + one.box.y2) / 2 * size[1]) for one in found]
    there = [
        (middle, one.text)
        for middle, one in zip(middles, found, strict=True)
        if one.kind == "WORD" and cv2.pointPolygonTest(corners, middle, measureDist=False) >= 0
    ]
    return " ".join(text for _, text in sorted(there))


def plain(text: str) -> str:
    """Letters and digits alone, in small letters."""
    return "".join(character for character in text.casefold() if character.isalnum())


def edits(one: str, other: str) -> int:
    """Levenshtein's distance: characters inserted, deleted and replaced."""
    costs = np.arange(len(other) + 1)
    letters = np.array([*map(ord, other)])
    for place, letter in enumerate(one, 1):
        kept = np.minimum(costs[:-1] + (letters != ord(letter)), costs[1:] + 1)
        # An insertion costs one a step: the best of all starting points, less the way there.
        row = np.concatenate([[place], kept]) - np.arange(len(other) + 1)
        costs = np.minimum.accumulate(row) + np.arange(len(other) + 1)
    return int(costs[-1])
