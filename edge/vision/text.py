"""Text: lines found in a picture, turned upright, read character by character, and split into words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from edge.engine import Settings
from edge.failover import AnyModel, open_failover
from edge.findings import Point, Words
from edge.values import Box, Image
from models import lines
from models.manifest import ModelError, Task
from models.outputs import Floats, Glyphs, Quads, Result, Turns

FOUND, READ = 0.5, 0.5  # mean probability of a region's pixels, of a line's characters: below it is no text
SURE = 0.8  # a line that scores so much does not stand upside down
FEW = 0.2  # part of the lines that may seem upside down by mistake
ASKED = 3  # lines that are read both ways
TURN_WIDTH = 192  # pixels that the classifier sees of a line
HALF = 0.5  # part of a word that lies in a region of interest, to count as inside

Kind = TypeVar("Kind", Quads, Turns, Glyphs)


@dataclass(frozen=True, slots=True)
class TextFilter:
    """Which words are wanted: that score at least `score`, and are as wide and high as these ratios of the picture.

    With `regions` (boxes or polygons) a word must lie in one by more than half. A line is what is left of its words.
    `most` is the largest number of words; those that are read first stay.
    """

    score: float = 0.0
    width: float = 0.0
    height: float = 0.0
    regions: tuple[Box | tuple[Point, ...], ...] = ()
    most: int | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """A line as it was read: `corners` [4,2] pixels, and of each character its text, score, begin and end (ratios)."""

    corners: Floats
    text: tuple[str, ...] = ()
    scores: tuple[float, ...] = ()
    begins: tuple[float, ...] = ()
    ends: tuple[float, ...] = ()

    @property
    def score(self) -> float:
        """The mean of its characters' without spaces; 0 if it has none."""
        told = [score for score, character in zip(self.scores, self.text, strict=True) if not character.isspace()]
        return float(np.mean(told)) if told else 0.0

    def words(self) -> list[Line]:
        """What stands between spaces, each with its place along the whole line."""
        ends = [-1, *(place for place, character in enumerate(self.text) if character.isspace()), len(self.text)]
        return [self._part(start + 1, end) for start, end in pairwise(ends) if end > start + 1]

    def _part(self, start: int, end: int) -> Line:
        kept = slice(start, end)
        return Line(self.corners, self.text[kept], self.scores[kept], self.begins[kept], self.ends[kept])


class Text:
    """`boxes` finds lines, `turn` tells which are upside down, `lines` reads them."""

    def __init__(self, boxes: AnyModel, lines: AnyModel, turn: AnyModel) -> None:
        self.boxes, self.lines, self.turn = boxes, lines, turn
        self.models: tuple[AnyModel, ...] = (boxes, lines, turn)
        if not lines.labels:
            raise ModelError(f"{lines.manifest.name} has no characters: it cannot serve for text_lines")

    def look(self, image: Image, wanted: TextFilter | None = None) -> list[Words]:
        """Lines in reading order, then their words. `image` is uint8 [H,W,3] BGR.

        Boxes and polygons are clipped to the picture; a word's box lies inside its line's.
        """
        read = [line for line in self.read(image) if line.score >= READ]
        order = lines.reading_order(np.array([line.corners for line in read], np.float32).reshape(-1, 4, 2))
        return findings([read[place] for place in order], image.shape, wanted or TextFilter())

    def read(self, image: Image) -> list[Line]:
        """Every line that was found, however badly it could be read."""
        fitted, placement = lines.fit(image)
        found = _expect(self.boxes.infer(fitted[None], FOUND), Quads, self.boxes)
        corners, upright = lines.lay(lines.restore(found.corners, placement))
        strips = lines.cut(image, corners)
        if not strips:
            return []
        doubtful = self._turn(corners, strips, upright)
        read = self._spell(corners, strips)
        again = [place for place in doubtful if read[place].score < SURE]
        for place, line in zip(again, self._spell(*_turned(corners, strips, again)), strict=True):
            read[place] = max(read[place], line, key=lambda one: one.score)
        return read

    def close(self) -> None:
        for model in self.models:
            model.close()

    def _turn(self, corners: Floats, strips: list[Image], upright: NDArray[np.bool_]) -> list[int]:
        """Turn what stands upside down, in place, together with what lies the same way; gives who disagrees."""
        middles = [lines.middle(strip, TURN_WIDTH) for strip in strips]
        batches = [middles[start : start + lines.TOGETHER] for start in range(0, len(middles), lines.TOGETHER)]
        stacked = (lines.stack(batch, TURN_WIDTH) for batch in batches)
        turned = np.concatenate([_expect(self.turn.infer(one), Turns, self.turn).values for one in stacked]) > 0.5
        doubtful: list[int] = []
        for places in (np.flatnonzero(upright), np.flatnonzero(~upright)):
            over = self._is_turned(corners, strips, places, turned)
            doubtful += places[turned[places] != over].tolist()
            if over:
                for place, line, strip in zip(places, *_turned(corners, strips, places), strict=True):
                    corners[place], strips[place] = line, strip
        return doubtful

    def _is_turned(
        self, corners: Floats, strips: Sequence[Image], places: NDArray[np.intp], turned: NDArray[np.bool_]
    ) -> bool:
        """Whether most lines of a kind stand upside down: if more than a few seem to, some are read both ways."""
        if not len(places) or turned[places].mean() < FEW:
            return False
        longest = sorted(places.tolist(), key=lambda place: -strips[place].shape[1])[:ASKED]
        ways = (corners[longest], [strips[place] for place in longest]), _turned(corners, strips, longest)
        one, other = (sum(line.score * len(line.text) for line in self._spell(*way)) for way in ways)
        return other > one

    def _spell(self, corners: Floats, strips: Sequence[Image]) -> list[Line]:
        found: dict[int, Line] = {}
        widths = [strip.shape[1] for strip in strips]
        for batch in lines.batches(widths):
            stacked = lines.stack([strips[place] for place in batch])
            glyphs = _expect(self.lines.infer(stacked), Glyphs, self.lines)
            for row, place in enumerate(batch):
                mine = glyphs.lines == row
                ends = np.minimum(glyphs.places[mine] * stacked.shape[2] / widths[place], 1.0)
                found[place] = self._line(corners[place], glyphs.classes[mine], glyphs.scores[mine], ends)
        return [found[place] for place in range(len(strips))]

    def _line(self, corners: Floats, classes: NDArray[np.int64], scores: Floats, places: Floats) -> Line:
        if not len(classes):
            return Line(corners)
        begins, ends = lines.spans(places)
        text = tuple(self.lines.labels[kind] for kind in classes.tolist())
        return Line(corners, text, tuple(scores.tolist()), tuple(begins.tolist()), tuple(ends.tolist()))


def open_text(settings: Settings, *, lasting: bool = False) -> Text:
    """Open the configured models as `open_failover` does, and raise what it raises."""
    opened: list[AnyModel] = []
    tasks: tuple[Task, ...] = ("text_boxes", "text_lines", "text_turn")
    try:
        for task in tasks:
            opened.append(open_failover(task, settings, lasting=lasting))  # noqa: PERF401 - those opened are closed
        return Text(*opened)
    except BaseException:
        for model in opened:
            model.close()
        raise


def findings(read: Sequence[Line], shape: Sequence[int], wanted: TextFilter) -> list[Words]:
    """The wanted words of a picture whose shape begins with height, width, below the lines that they leave."""
    kept = []
    left = wanted.most
    for line in read:
        told = ((word, _found([word], shape)) for word in line.words())
        words = list(islice((one for one in told if _passes(one[1], wanted)), left))
        left = None if left is None else left - len(words)
        if words:
            kept.append(words)
    found = [replace(_found([word for word, _ in words], shape), id=number) for number, words in enumerate(kept)]
    for parent, words in enumerate(kept):
        first = len(found)
        found += [
            replace(word, id=first + number, kind="WORD", parent=parent) for number, (_, word) in enumerate(words)
        ]
    return found


def _found(words: Sequence[Line], shape: Sequence[int]) -> Words:
    """Words of one line as a line of their own."""
    text = " ".join("".join(word.text) for word in words)
    scores = [score for word in words for score in word.scores]
    corners = lines.part(words[0].corners, words[0].begins[0], words[-1].ends[-1])
    height, width = shape[:2]
    polygon = tuple((min(max(x / width, 0.0), 1.0), min(max(y / height, 0.0), 1.0)) for x, y in corners)
    across, down = zip(*polygon, strict=True)
    box = Box(min(across), min(down), max(across), max(down))
    return Words(0, "LINE", None, text, sum(scores) / len(scores), box, polygon)


def _passes(word: Words, wanted: TextFilter) -> bool:
    if word.score < wanted.score or word.box.width < wanted.width or word.box.height < wanted.height:
        return False
    regions = [_polygon(region) for region in wanted.regions]
    return not regions or any(lines.share(np.array(word.polygon), region) > HALF for region in regions)


def _polygon(region: Box | tuple[Point, ...]) -> NDArray[np.float64]:
    if isinstance(region, Box):
        region = ((region.x1, region.y1), (region.x2, region.y1), (region.x2, region.y2), (region.x1, region.y2))
    return np.array(region, np.float64).reshape(-1, 2)


def _turned(
    corners: Floats, strips: Sequence[Image], places: Sequence[int] | NDArray[np.intp]
) -> tuple[Floats, list[Image]]:
    """Some of the lines, upside down."""
    return np.roll(corners[places], -2, axis=1), [strips[place][::-1, ::-1] for place in places]


def _expect(found: Result, kind: type[Kind], model: AnyModel) -> Kind:
    """What a model gave; raises ModelError if that is of another kind."""
    if not isinstance(found, kind):
        raise ModelError(f"{model.use.name} gives no {kind.__name__.lower()}: it cannot serve for {model.use.task}")
    return found
