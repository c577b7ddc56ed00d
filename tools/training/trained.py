"""What training leaves for export and evaluation."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True)
class Trained:
    """A trained network and what its labels need to be told apart.

    `network` is a torch module in eval mode, float, on the CPU: normalised NCHW RGB in, what the pack's decoder reads
    out. `thresholds` are each label's, 0..1, with the best F1 on training pictures that were held out. `size` is the
    side of the square input. `learnt` tells in words and figures how it went; it is not `whole` where Ctrl-C ended it.
    """

    task: str
    labels: tuple[str, ...]
    multi: bool
    network: Any
    size: int
    thresholds: tuple[float, ...]
    curves: list[dict[str, float]]
    seconds: float
    learnt: dict[str, float | str] = field(default_factory=dict)
    whole: bool = True
