"""One linear layer on frozen features: trained several times over, each time without a part that then judges it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from training import metrics
from training.datasets import Sample

EPOCHS = 30
STEPS = 450  # of one training: more rows do not make it longer
BATCH = 256
PACE, DECAY, DROPOUT, SMOOTHING = 3e-3, 0.05, 0.3, 0.05
FOLDS, MASKS = 5, 1024

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt: features [N,V,1280] of N pictures, their targets [N,K], how much each picture counts [N]."""

    features: Tensor
    wanted: Tensor
    counts: Tensor
    multi: bool

    def part(self, rows: NDArray[np.bool_]) -> Lesson:
        chosen = torch.from_numpy(rows)
        return Lesson(self.features[chosen], self.wanted[chosen], self.counts[chosen], self.multi)


@dataclass(frozen=True, slots=True)
class Line:
    """Logits are features times `weights` [K,1280] plus `bias` [K]."""

    weights: Tensor
    bias: Tensor

    def __call__(self, features: Tensor) -> Tensor:
        return features @ self.weights.T + self.bias


@dataclass(frozen=True, slots=True)
class Judgement:
    """What heads said [N,K] of pictures that they had not seen, after how many epochs, and the way there."""

    logits: Floats
    epochs: int
    curves: list[dict[str, float]]


def targets(samples: Sequence[Sample], labels: Sequence[str], multi: bool) -> NDArray[np.float32]:
    """[N,K]: 1 where a label applies. A picture without any is shared among all of them unless several may apply."""
    wanted = np.array([[label in sample.labels for label in labels] for sample in samples], np.float32)
    bare = wanted.sum(1) == 0
    if not multi:
        wanted[bare] = 1 / len(labels)
    return wanted.reshape(len(samples), len(labels))


def counts(wanted: NDArray[np.float32], multi: bool) -> NDArray[np.float32]:
    """How much each picture counts: those of a rare label more, by the root of how rare, if it is the only one."""
    if multi:
        return np.ones(len(wanted), np.float32)
    often = np.maximum((wanted == 1).sum(0), 1)
    rarity = np.sqrt(often.max() / often)
    counted = np.where((wanted == 1).any(1), (rarity * (wanted == 1)).max(1), 1.0)
    return (counted / counted.mean()).astype(np.float32)


def folds(samples: Sequence[Sample], seed: int) -> Ints:
    """A fold for each picture: groups stay together, labels are spread evenly, rare ones first."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        groups.setdefault(sample.group or f"\0{place}", []).append(place)
    bearing = Counter(label for rows in groups.values() for label in {x for row in rows for x in samples[row].labels})
    count = int(np.clip(min(bearing.values(), default=2), 2, FOLDS))
    order = sorted(groups.values(), key=lambda rows: samples[rows[0]].path.as_posix())
    order = [order[place] for place in np.random.default_rng(seed).permutation(len(order))]
    order.sort(
        key=lambda rows: min((bearing[label] for row in rows for label in samples[row].labels), default=0) or 9e9
    )
    held = [Counter[str]() for _ in range(count)]
    fold = np.zeros(len(samples), np.int64)
    for rows in order:
        borne = Counter(label for row in rows for label in samples[row].labels)
        place = min(range(count), key=lambda at: (sum(held[at][label] for label in borne), held[at][""]))
        held[place] += borne + Counter({"": len(rows)})
        fold[rows] = place
    return fold


def judge(lesson: Lesson, fold: Ints, seed: int, step: Callable[[float], None]) -> Judgement:
    """Each fold is judged by a head trained on the others; the best number of epochs is that of all of them."""
    said = np.zeros((EPOCHS, *lesson.wanted.shape))
    losses = np.zeros(EPOCHS)
    for place in range(int(fold.max()) + 1):
        out = fold == place
        plain = lesson.features[torch.from_numpy(out), 0]

        def look(epoch: int, line: Line, loss: float, out: NDArray[np.bool_] = out, plain: Tensor = plain) -> None:
            said[epoch, out] = line(plain).numpy()
            losses[epoch] += loss / (int(fold.max()) + 1)

        learn(lesson.part(~out), EPOCHS, seed + place, look)
        step((place + 1) / (int(fold.max()) + 2))
    wanted = lesson.wanted.numpy().astype(np.float64)
    held = [calibrated(logits, wanted, lesson.multi) for logits in said]
    best = int(np.argmin(held))
    curves = [
        {
            "step": epoch,
            "loss": float(losses[epoch]),
            "held": held[epoch],
            "score": score(said[epoch], wanted, lesson.multi),
        }
        for epoch in range(EPOCHS)
    ]
    return Judgement(said[best], best + 1, curves)


def calibrated(logits: Floats, wanted: Floats, multi: bool) -> float:
    """The loss once it is calibrated: how well a head can be, whatever it was made too unsure by."""
    warmth, shift = metrics.calibration(logits, wanted, multi)
    return metrics.cross_entropy(logits / warmth + shift, wanted, multi)


def score(logits: Floats, wanted: Floats, multi: bool) -> float:
    """The share of pictures that are named rightly; of several labels, the mean of their average precisions."""
    if multi:
        judged = metrics.classified(logits, wanted == 1)
        values = [metrics.average_precision(one) for one in judged if one.present]
        return float(np.mean(values)) if values else 0.0
    bearing = wanted.max(1) == 1
    return float((logits.argmax(1) == wanted.argmax(1))[bearing].mean()) if bearing.any() else 0.0


@contextmanager
def _alone() -> Iterator[None]:
    """On one core: steps this small take several times as long where two have to meet after each."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@_alone()
def learn(lesson: Lesson, epochs: int, seed: int, look: Callable[[int, Line, float], None] | None = None) -> Line:
    """A head after so many of the EPOCHS; `look` sees it after each."""
    random = torch.Generator().manual_seed(seed)
    rows = lesson.features.flatten(0, 1)
    mean, spread = rows.mean(0), rows.std(0) + 1e-3
    rows = (rows - mean) / spread
    # Drawn once: a random number for each feature of each step would take longer than the step.
    masks = (torch.rand(MASKS, rows.shape[1], generator=random) >= DROPOUT) / (1 - DROPOUT)
    each = lesson.features.shape[1]
    layer = nn.Linear(rows.shape[1], lesson.wanted.shape[1])
    nn.init.zeros_(layer.weight)
    with torch.no_grad():  # to begin with, each label is as likely as it is frequent
        often = (lesson.wanted.sum(0) + 1) / (len(lesson.wanted) + 2)
        layer.bias.copy_(torch.logit(often) if lesson.multi else torch.log(often))
    optimiser = torch.optim.AdamW(layer.parameters(), PACE, weight_decay=DECAY)
    steps = max(1, min(STEPS // EPOCHS, -(-len(rows) // BATCH)))
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, EPOCHS * steps)
    line = Line(layer.weight.detach(), layer.bias.detach())
    for epoch in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(rows), generator=random)[: steps * BATCH].split(BATCH):
            masked = torch.randint(MASKS, (len(chosen),), generator=random)
            answers = layer(rows[chosen] * masks[masked])
            value = loss(answers, lesson.wanted[chosen // each], lesson.counts[chosen // each], lesson.multi)
            optimiser.zero_grad()
            value.backward()
            optimiser.step()
            schedule.step()
            total += float(value.detach())
        with torch.no_grad():
            scaled = layer.weight / spread
            line = Line(scaled, layer.bias - scaled @ mean)
        if look:
            look(epoch, line, total / steps)
    return line


def loss(logits: Tensor, wanted: Tensor, counts: Tensor, multi: bool) -> Tensor:
    """Cross-entropy with targets that are never quite sure."""
    even = 0.5 if multi else 1 / wanted.shape[1]
    smooth = wanted * (1 - SMOOTHING) + SMOOTHING * even
    if multi:
        rows = nn.functional.binary_cross_entropy_with_logits(logits, smooth, reduction="none").sum(1)
    else:
        rows = nn.functional.cross_entropy(logits, smooth, reduction="none")
    return (rows * counts).mean()
