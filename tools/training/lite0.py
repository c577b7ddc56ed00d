"""EfficientNet-Lite0 in PyTorch, the backbone of all custom models: Apache-2.0 weights, ops that an Edge TPU knows.

Pictures are [N,3,H,W], RGB, (x - 127) / 128, their sides multiples of 32: then TensorFlow's SAME padding is the same
everywhere and is written down once. Parameters bear the published names without their leading underscores.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from edge.errors import InputError, MissingError
from edge.packs.store import Store, default_root
from models import manifest

NAME = "efficientnet-lite0"
FEATURES = 1280
# repeats, kernel, stride, expansion, channels in, channels out
STAGES = (
    (1, 3, 1, 1, 32, 16),
    (2, 3, 2, 6, 16, 24),
    (2, 5, 2, 6, 24, 40),
    (3, 3, 2, 6, 40, 80),
    (3, 5, 1, 6, 80, 112),
    (4, 5, 2, 6, 112, 192),
    (1, 3, 1, 6, 192, 320),
)


class SameConv(nn.Conv2d):
    """A convolution with TensorFlow's SAME padding for even sides: at stride 2 one pixel less on the left and top."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, groups: int = 1) -> None:
        even = stride == 1
        super().__init__(inside, outside, kernel, stride, padding=kernel // 2 if even else 0, groups=groups, bias=False)
        before = (kernel - 2) // 2
        after = kernel - 2 - before
        self.around = None if even else (before, after, before, after)

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x if self.around is None else nn.functional.pad(x, self.around))


class Block(nn.Module):
    """Widen, look around, narrow; what went in is added where the shape allows."""

    def __init__(self, inside: int, outside: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inside * expansion
        self.added = stride == 1 and inside == outside
        self.widened = expansion != 1
        if self.widened:
            self.expand_conv = nn.Conv2d(inside, wide, 1, bias=False)
            self.bn0 = nn.BatchNorm2d(wide, eps=1e-3)
        self.depthwise_conv = SameConv(wide, wide, kernel, stride, groups=wide)
        self.bn1 = nn.BatchNorm2d(wide, eps=1e-3)
        self.project_conv = nn.Conv2d(wide, outside, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside, eps=1e-3)

    def forward(self, x: Tensor) -> Tensor:
        y = nn.functional.relu6(self.bn0(self.expand_conv(x))) if self.widened else x
        y = nn.functional.relu6(self.bn1(self.depthwise_conv(y)))
        y = self.bn2(self.project_conv(y))
        return x + y if self.added else y


class Lite0(nn.Module):
    """The network up to its pooled features; `answers` > 0 adds a linear layer, as the published one has."""

    def __init__(self, answers: int = 0) -> None:
        super().__init__()
        self.conv_stem = SameConv(3, 32, 3, 2)
        self.bn0 = nn.BatchNorm2d(32, eps=1e-3)
        self.blocks = nn.ModuleList(_blocks())
        self.conv_head = nn.Conv2d(STAGES[-1][-1], FEATURES, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(FEATURES, eps=1e-3)
        if answers:
            self.fc = nn.Linear(FEATURES, answers)

    def stem(self, x: Tensor) -> Tensor:
        return nn.functional.relu6(self.bn0(self.conv_stem(x)))

    def until(self, x: Tensor, block: int) -> Tensor:
        """What goes into the block of that number: what does not change while only later ones are trained."""
        x = self.stem(x)
        for known in self.blocks[:block]:
            x = known(x)
        return x

    def since(self, x: Tensor, block: int) -> Tensor:
        """The pooled features [N,1280] of what goes into the block of that number."""
        for later in self.blocks[block:]:
            x = later(x)
        return nn.functional.relu6(self.bn1(self.conv_head(x))).mean((2, 3))

    def pooled(self, x: Tensor) -> Tensor:
        """Features [N,1280] of whole pictures."""
        return self.since(self.stem(x), 0)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc(self.pooled(x)) if hasattr(self, "fc") else self.pooled(x)


def _blocks() -> Iterator[Block]:
    for repeats, kernel, stride, expansion, inside, outside in STAGES:
        for place in range(repeats):
            first = place == 0
            yield Block(inside if first else outside, outside, kernel, stride if first else 1, expansion)


def load(answers: int = 0, store: Store | None = None) -> Lite0:
    """The network with the published weights, in eval mode; a thousand `answers` keep the published last layer.

    Raises MissingError if the weights have not been pulled, InputError if they are not those.
    """
    known = manifest.load(NAME)
    file = (store or Store(default_root())).blob(known.source("weights"))
    if not file.is_file():
        raise MissingError(f"{file}: the backbone's weights are not there; run 'vedette models pull {NAME}'")
    network = Lite0(answers)
    try:
        published = torch.load(file, map_location="cpu", weights_only=True)
        weights = {re.sub(r"(^|\.)_", r"\1", name): value for name, value in published.items()}
        if answers != len(manifest.labels(NAME)):
            weights = {name: value for name, value in weights.items() if not name.startswith("fc.")}
            weights |= {name: value for name, value in network.state_dict().items() if name.startswith("fc.")}
        network.load_state_dict(weights, strict=True)
    except Exception as error:  # a damaged file fails in as many ways as there are bytes
        raise InputError(f"{file}: not the weights of {NAME}; run 'vedette models pull {NAME}'") from error
    return network.eval()
