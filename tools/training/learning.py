"""One training of the detector: its network and optimiser, and what a step of it does."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from training import detector, images, lite0, loop, losses
from training.assign import Cells, assign
from training.augment import Picture
from training.detector import Detector
from training.loop import Average, Course
from training.shelf import Shelf

# The blocks that stay as they were: fifty pictures have nothing to teach them about edges and textures.
FROZEN = 5
# The learning rate of the heads and how much of it the upper blocks get; of the weights' decay and average.
PACE, UPPER, DECAY, STEADY = 2e-3, 0.1, 0.05, 0.998
WARMING = 50  # steps in which the learning rate rises
LEAST = 0.05  # of it is left at the end
STEEPEST = 10.0  # the longest gradient that is followed
BATCH, EPOCHS = 16, 20
# How often a view is a mosaic; the last views are whole pictures, as the device will see them.
TILED, CALM = 0.5, 0.8
WEIGHT = 2.0  # of the boxes' loss against the scores'


@dataclass(frozen=True, slots=True)
class Lesson:
    """What is learnt: these `rows` of the shelf, each shown as often as its chance says, in `steps` an epoch."""

    shelf: Shelf
    rows: NDArray[np.int64]
    chances: NDArray[np.float64]
    labels: int
    steps: int
    seed: int

    def view(self, random: images.Random, tiled: float) -> Picture:
        return self.shelf.view(self.rows, self.chances, tiled, random)


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def course(lesson: Lesson) -> Course:
    """A network that has learnt nothing yet but what its backbone knows of other pictures."""
    random = loop.seed_everything(lesson.seed)
    network = Detector(lite0.load(), lesson.labels).to(device(), memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(_groups(network), PACE, weight_decay=DECAY)
    total = EPOCHS * lesson.steps
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, partial(_rate, total=total))
    return Course(network, optimiser, random, Average(network, STEADY), schedule)


def _rate(step: int, total: int) -> float:
    """Up, then down along a cosine."""
    falling = (1 + math.cos(math.pi * step / total)) / 2
    return min(1.0, (step + 1) / WARMING) * (LEAST + (1 - LEAST) * falling)


def _groups(network: Detector) -> list[dict[str, object]]:
    """What is trained: of the backbone only the upper blocks' kernels, not what its norms know of other pictures."""
    network.backbone.requires_grad_(requires_grad=False)
    kernels = [
        module.weight
        for block in network.backbone.blocks[FROZEN:]
        for module in block.modules()
        if isinstance(module, nn.Conv2d)
    ]
    for kernel in kernels:
        kernel.requires_grad_(requires_grad=True)
    heads = [value for name, value in network.named_parameters() if not name.startswith("backbone.")]
    return [
        {"params": [value for value in heads if value.ndim > 1]},
        {"params": [value for value in heads if value.ndim <= 1], "weight_decay": 0.0},
        {"params": kernels, "lr": PACE * UPPER},
    ]


def epoch(running: Course, lesson: Lesson, tell: Callable[[float], None]) -> float:
    """`lesson.steps` batches of new views; returns the mean loss."""
    network, places = running.network, detector.cells(lesson.shelf.size).to(device())
    network.train()
    network.backbone.eval()
    total = 0.0
    for step in range(lesson.steps):
        calm = running.epoch >= CALM * EPOCHS
        views = [lesson.view(running.random, 0.0 if calm else TILED) for _ in range(BATCH)]
        value = loss(*answers(network, views), views, places)
        running.optimiser.zero_grad()
        value.backward()
        nn.utils.clip_grad_norm_(network.parameters(), STEEPEST)
        running.optimiser.step()
        running.schedule.step()
        running.average.follow(network)
        total += float(value.detach())
        tell((step + 1) / lesson.steps)
    network.eval()
    return total / lesson.steps


def answers(network: Detector, views: list[Picture]) -> tuple[Tensor, Tensor]:
    """What the network says of the views; its frozen part in half precision, where that is four times as fast."""
    pixels = torch.from_numpy(images.normalised([view.image for view in views]))
    pixels = pixels.to(device(), memory_format=torch.channels_last)
    with torch.no_grad(), torch.autocast(pixels.device.type, torch.bfloat16, enabled=_halves(pixels.device)):
        known = network.lower(pixels, FROZEN)
    return network.answers(network.upper(known.float(), FROZEN))


def _halves(place: torch.device) -> bool:
    if place.type == "cuda":
        return torch.cuda.is_bf16_supported()
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()  # noqa: SLF001  nothing public tells it


def loss(scores: Tensor, sides: Tensor, views: list[Picture], places: Cells) -> Tensor:
    """Of a batch: per unit of what the cells that answer for boxes are worth."""
    found = detector.boxes(sides, places)
    wanted = torch.zeros_like(scores)
    box_loss, worth = sides.sum() * 0.0, torch.zeros((), device=scores.device)
    for number, view in enumerate(views):
        if not len(view.boxes):
            continue
        boxes = torch.from_numpy(view.boxes).to(scores.device)
        classes = torch.from_numpy(view.classes).to(scores.device)
        due = assign(scores[number].detach(), found[number].detach(), places, boxes, classes)
        wanted[number, due.cells, due.classes] = due.quality
        box_loss = box_loss + (losses.generalised(found[number, due.cells], due.boxes) * due.quality).sum()
        worth = worth + due.quality.sum()
    score_loss = losses.quality_focal(scores, wanted).sum()
    return (score_loss + WEIGHT * box_loss) / worth.clamp(min=1.0)
