"""The test pictures that a model gets most wrong, drawn with what it said and what is in them."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import cv2
import numpy as np
from training import measure, metrics
from training.datasets import Dataset, Sample

from edge import pictures
from edge.values import Image
from models.outputs import Boxes, Floats

SHOWN = 12
SIDE, QUALITY = 360, 78
LETTER = 13


@dataclass(frozen=True, slots=True)
class Outline:
    """A box as ratios of the picture; `kind` is right, wrong or missed."""

    kind: str
    corners: Floats
    caption: str


@dataclass(frozen=True, slots=True)
class Mistake:
    """One picture: what was said, what is true, and how bad that is (0..1; 0 is none)."""

    sample: Sample
    badness: float
    said: str
    truth: str
    outlines: tuple[Outline, ...] = ()


def worst(dataset: Dataset, said: Sequence[measure.Answer], thresholds: Sequence[float]) -> list[Mistake]:
    """The worst first, only real mistakes."""
    if dataset.task == "detect":
        truth = measure.truth_boxes(dataset.test, dataset.labels)
        found = [
            _boxed(sample, one, known, dataset.labels, np.array(thresholds, np.float32))
            for sample, one, known in zip(dataset.test, measure.boxes(said), truth, strict=True)
        ]
    else:
        scores = measure.rows(said)
        found = [
            _named(sample, row, dataset, np.array(thresholds)) for sample, row in zip(dataset.test, scores, strict=True)
        ]
    wrong = [one for one in found if one.badness > 0]
    return sorted(wrong, key=lambda one: (-one.badness, one.sample.path))[:SHOWN]


def _named(sample: Sample, row: Floats, dataset: Dataset, least: Floats) -> Mistake:
    """Of a picture as a whole: the surest wrong label, or the true one that was doubted most."""
    labels = dataset.labels
    counted = row >= least
    if not dataset.multi:
        counted &= np.arange(len(row)) == row.argmax()
    true = np.array([label in sample.labels for label in labels])
    over = np.where(counted & ~true, row, 0.0)
    under = np.where(true & ~counted, 1.0 - row, 0.0)
    words = [f"{labels[place]} {row[place]:.0%}" for place in np.flatnonzero(counted)]
    if not words:
        best = int(row.argmax())
        words = [f"nothing (at best {labels[best]} {row[best]:.0%})"]
    known = [f"{label} {row[place]:.0%}" for place, label in enumerate(labels) if true[place]]
    badness = float(max(over.max(initial=0.0), under.max(initial=0.0)))
    return Mistake(sample, badness, ", ".join(words), ", ".join(known) or "none of the labels")


def _boxed(sample: Sample, found: Boxes, truth: Boxes, labels: Sequence[str], least: Floats) -> Mistake:
    """Of boxes: the surest that stands for nothing, and those that were not found."""
    kept = found.take(found.scores >= least[found.classes])
    partner = metrics.partners(kept, truth)
    outlines = [
        Outline("right" if partner[place] >= 0 else "wrong", kept.xyxy[place],
                f"{labels[kept.classes[place]]} {kept.scores[place]:.0%}")
        for place in range(len(kept))
    ]  # fmt: skip
    missed = sorted(set(range(len(truth))) - set(partner.tolist()))
    outlines += [Outline("missed", truth.xyxy[place], labels[truth.classes[place]]) for place in missed]
    false = kept.scores[partner < 0]
    badness = max(float(false.max(initial=0.0)), 0.5 * bool(missed)) + 0.1 * len(missed)
    said = f"{len(kept) - len(false)} right, {len(false)} wrong, {len(missed)} missed"
    count = f"{len(truth)} labelled {'box' if len(truth) == 1 else 'boxes'}"
    return Mistake(sample, min(badness, 1.0), said, count, tuple(outlines))


def figure(mistake: Mistake) -> str:
    """The picture with outlines and words, as HTML that needs nothing from outside."""
    image = _small(pictures.read(mistake.sample.path))
    height, width = image.shape[:2]
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    source = f"data:image/jpeg;base64,{b64encode(data.tobytes()).decode('ascii')}"
    drawn = "".join(_outline(one, width, height) for one in mistake.outlines)
    name = escape("/".join(mistake.sample.path.parts[-2:]))
    return (
        f'<figure><svg viewBox="0 0 {width} {height}" role="img" aria-label="{name}">'
        f'<image href="{source}" width="{width}" height="{height}"/>{drawn}</svg>'
        f"<figcaption><b>{escape(mistake.said)}</b><br>is {escape(mistake.truth)}<br><small>{name}</small></figcaption>"
        "</figure>"
    )


def _outline(one: Outline, width: int, height: int) -> str:
    left, top, right, bottom = (one.corners * np.array([width, height] * 2)).tolist()
    wide = 7.2 * len(one.caption) + 8
    x = min(max(left, 0.0), max(width - wide, 0.0))
    y = top - LETTER - 4 if top > LETTER + 6 else top
    return (
        f'<rect class="box {one.kind}" x="{left:.1f}" y="{top:.1f}" width="{right - left:.1f}" '
        f'height="{bottom - top:.1f}" rx="2"/>'
        f'<rect class="tag {one.kind}" x="{x:.1f}" y="{y:.1f}" width="{wide:.1f}" height="{LETTER + 5}" rx="2"/>'
        f'<text class="tagged" x="{x + 4:.1f}" y="{y + LETTER:.1f}">{escape(one.caption)}</text>'
    )


def _small(image: Image) -> Image:
    height, width = image.shape[:2]
    scale = SIDE / max(height, width)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(image, size, interpolation=how), np.uint8)
