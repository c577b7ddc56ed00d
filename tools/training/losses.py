"""What the detector's answers cost: scores that should tell how good their box is, and boxes that should overlap."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

SMALL = 1e-7


def overlaps(ours: Tensor, theirs: Tensor) -> Tensor:
    """Intersection over union of every box [N,4] with every other [M,4]: [N,M]."""
    low = torch.maximum(ours[:, None, :2], theirs[None, :, :2])
    high = torch.minimum(ours[:, None, 2:], theirs[None, :, 2:])
    shared = (high - low).clamp(min=0).prod(2)
    return shared / (_area(ours)[:, None] + _area(theirs)[None] - shared + SMALL)


def quality_focal(logits: Tensor, wanted: Tensor) -> Tensor:
    """Quality focal loss, per cell and label: cross entropy with a soft target, weighed by how far off it is."""
    away = (wanted - logits.sigmoid()).abs().square()
    return functional.binary_cross_entropy_with_logits(logits, wanted, reduction="none") * away


def generalised(ours: Tensor, theirs: Tensor) -> Tensor:
    """Generalised IoU loss of each box [N,4] with its own target [N,4]: 0 where they are the same, up to 2."""
    low, high = torch.maximum(ours[:, :2], theirs[:, :2]), torch.minimum(ours[:, 2:], theirs[:, 2:])
    shared = (high - low).clamp(min=0).prod(1)
    union = _area(ours) + _area(theirs) - shared + SMALL
    hull = torch.maximum(ours[:, 2:], theirs[:, 2:]) - torch.minimum(ours[:, :2], theirs[:, :2])
    around = hull.prod(1) + SMALL
    return 1 - shared / union + (around - union) / around


def _area(boxes: Tensor) -> Tensor:
    return (boxes[:, 2:] - boxes[:, :2]).clamp(min=0).prod(1)
