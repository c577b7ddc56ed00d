"""Which cells of the detector answer for which box: those that answer best already (RTMDet's dynamic soft labels)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from training.losses import overlaps

# So many of the best overlaps are summed to say how many cells a box gets.
CANDIDATES = 13
FAR = 1e8


class Targets(NamedTuple):
    """What the cells of one picture should say."""

    cells: Tensor  # [P] the cells that answer for a box
    boxes: Tensor  # [P,4] the box each answers for, in pixels
    classes: Tensor  # [P] its label's number
    quality: Tensor  # [P] how well the cell's box overlaps it now, 0..1: what its score should become


class Cells(NamedTuple):
    """Where the cells lie in the input, in pixels."""

    centres: Tensor  # [N,2]
    strides: Tensor  # [N]

    def to(self, device: torch.device) -> Cells:
        return Cells(self.centres.to(device), self.strides.to(device))


@torch.no_grad()
def assign(scores: Tensor, boxes: Tensor, cells: Cells, wanted: Tensor, classes: Tensor) -> Targets:
    """Give the boxes `wanted` [M,4] with their `classes` [M] to cells, from what those say now.

    `scores` [N,K] are logits, `boxes` [N,4] pixels. A cell whose centre lies in no box answers for none.
    """
    inside = _inside(cells.centres, wanted)
    near = inside.any(1).nonzero()[:, 0]
    overlap = overlaps(boxes[near], wanted)
    cost = _cost(scores[near][:, classes], overlap, _reach(near, cells, wanted))
    cost = torch.where(inside[near], cost, torch.full_like(cost, FAR))
    chosen = _chosen(cost, torch.where(inside[near], overlap, torch.zeros_like(overlap)))
    row, column = chosen.nonzero(as_tuple=True)
    return Targets(near[row], wanted[column], classes[column], overlap[row, column])


def _inside(centres: Tensor, wanted: Tensor) -> Tensor:
    """Whether a centre lies in a box, [N,M]."""
    x, y = centres[:, :1], centres[:, 1:]
    left, top, right, bottom = wanted.T
    return (x > left) & (x < right) & (y > top) & (y < bottom)


def _reach(near: Tensor, cells: Cells, wanted: Tensor) -> Tensor:
    """How many strides a cell lies away from the middle of each box, [N,M]."""
    middles = (wanted[:, :2] + wanted[:, 2:]) / 2
    return torch.cdist(cells.centres[near], middles) / cells.strides[near, None]


def _cost(logits: Tensor, overlap: Tensor, reach: Tensor) -> Tensor:
    away = (overlap - logits.sigmoid()).abs().square()
    scored = functional.binary_cross_entropy_with_logits(logits, overlap, reduction="none") * away
    return scored - 3.0 * (overlap + 1e-7).log() + 10.0 ** (reach - 3.0)


def _chosen(cost: Tensor, overlap: Tensor) -> Tensor:
    """A mask [N,M] with at most one box per cell; each box gets as many cells as its best overlaps sum to."""
    chosen = torch.zeros_like(cost, dtype=torch.bool)
    if not len(cost):
        return chosen
    counts = overlap.topk(min(CANDIDATES, len(overlap)), dim=0).values.sum(0).int().clamp(min=1)
    for column, count in enumerate(counts.tolist()):
        chosen[cost[:, column].topk(min(count, len(cost)), largest=False).indices, column] = True
    shared = chosen.sum(1) > 1
    if shared.any():
        best = cost[shared].argmin(1)
        chosen[shared] = functional.one_hot(best, cost.shape[1]).bool()
    return chosen & (cost < FAR)
