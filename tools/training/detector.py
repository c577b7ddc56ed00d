"""Our own small anchor-free detector: EfficientNet-Lite0 below, a light feature pyramid, three heads.

It is made of what an Edge TPU runs: convolutions, ReLU6 and ReLU, additions, upsampling to the nearest pixel,
reshaping and joining. Every cell of strides 8, 16 and 32 answers with a score per label and the four distances to
the sides of its box.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from training.assign import Cells

STRIDES = (8, 16, 32)
# The blocks of the backbone after which its features are taken, with their channels.
TAPS = {4: 40, 10: 112, 15: 320}
# A score to begin with: most cells see nothing.
PRIOR = 0.02
# And a distance, in strides.
REACH = 3.0


class Detector(nn.Module):
    """Normalised NCHW RGB in; `scores` [B,N,K] (logits) and `sides` [B,N,4] (in strides) out."""

    def __init__(self, backbone: nn.Module, labels: int, channels: int = 96) -> None:
        super().__init__()
        self.backbone = backbone
        self.lateral = nn.ModuleList(_pointwise(count, channels) for count in TAPS.values())
        self.down = nn.ModuleList(_separable(channels, channels) for _ in STRIDES)
        self.up = nn.ModuleList(_separable(channels, channels, stride=2) for _ in STRIDES[1:])
        self.head = nn.ModuleList(Head(channels, labels) for _ in STRIDES)

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        return self.answers(self.upper(self.lower(pixels, 0), 0))

    def lower(self, pixels: Tensor, blocks: int) -> Tensor:
        """What the backbone's stem and first so many blocks make of the pixels."""
        return self.backbone.until(pixels, blocks)

    def upper(self, value: Tensor, blocks: int) -> list[Tensor]:
        """The features, from what `lower` gave for the same number of blocks (at most 5: that is the first tap)."""
        taken = [value] if blocks - 1 in TAPS else []
        for number in range(blocks, max(TAPS) + 1):
            value = self.backbone.blocks[number](value)
            if number in TAPS:
                taken.append(value)
        return taken

    def answers(self, features: list[Tensor]) -> tuple[Tensor, Tensor]:
        """What the heads say of the features."""
        small, middle, large = (lateral(level) for lateral, level in zip(self.lateral, features, strict=True))
        large = self.down[2](large)
        middle = self.down[1](middle + _doubled(large))
        small = self.down[0](small + _doubled(middle))
        middle = middle + self.up[0](small)
        large = large + self.up[1](middle)
        levels = [head(level) for head, level in zip(self.head, (small, middle, large), strict=True)]
        return torch.cat([scores for scores, _ in levels], 1), torch.cat([sides for _, sides in levels], 1)


class Head(nn.Module):
    """The answers of one stride's cells, row by row."""

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.what = nn.Sequential(_separable(channels, channels), _separable(channels, channels))
        self.where = nn.Sequential(_separable(channels, channels), _separable(channels, channels))
        self.score = nn.Conv2d(channels, labels, 1)
        self.side = nn.Conv2d(channels, 4, 1)
        nn.init.normal_(self.score.weight, std=0.01)
        nn.init.constant_(self.score.bias, -math.log(1 / PRIOR - 1))
        nn.init.normal_(self.side.weight, std=0.01)
        nn.init.constant_(self.side.bias, REACH)

    def forward(self, level: Tensor) -> tuple[Tensor, Tensor]:
        return _rows(self.score(self.what(level))), _rows(functional.relu(self.side(self.where(level))))


def cells(size: int) -> Cells:
    """Where the cells of a square input lie, in the order in which the detector answers."""
    centres, strides = [], []
    for stride in STRIDES:
        line = (torch.arange(size // stride) + 0.5) * stride
        y, x = torch.meshgrid(line, line, indexing="ij")
        centres.append(torch.stack([x.flatten(), y.flatten()], 1))
        strides.append(torch.full((len(centres[-1]),), float(stride)))
    return Cells(torch.cat(centres), torch.cat(strides))


def boxes(sides: Tensor, places: Cells) -> Tensor:
    """The boxes [...,N,4] in pixels that distances [...,N,4] in strides span."""
    reach = sides * places.strides[:, None]
    return torch.cat([places.centres - reach[..., :2], places.centres + reach[..., 2:]], -1)


def _rows(grid: Tensor) -> Tensor:
    """[B,C,H,W] as [B,H*W,C]."""
    batch, channels, height, width = grid.shape
    return grid.permute(0, 2, 3, 1).reshape(batch, height * width, channels)


def _doubled(level: Tensor) -> Tensor:
    return functional.interpolate(level, scale_factor=2.0, mode="nearest")


def _pointwise(entering: int, leaving: int) -> nn.Module:
    return nn.Sequential(nn.Conv2d(entering, leaving, 1, bias=False), nn.BatchNorm2d(leaving))


def _separable(entering: int, leaving: int, stride: int = 1) -> nn.Module:
    """A depthwise convolution over 5x5 (as the backbone's own last ones) and one over the channels."""
    return nn.Sequential(
        nn.Conv2d(entering, entering, 5, stride, 2, groups=entering, bias=False),
        nn.Conv2d(entering, leaving, 1, bias=False),
        nn.BatchNorm2d(leaving),
        nn.ReLU6(inplace=True),
    )
