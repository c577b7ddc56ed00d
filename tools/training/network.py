"""What leaves the training: the network, how pictures enter it, and how its outputs are read on the device."""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from training.images import MEAN, STD, letterbox, normalised, square

from edge.values import Image
from models.manifest import Decode, Input

Floats = NDArray[np.float32]

STRIDES = (8, 16, 32)
OVERLAP = 0.5  # above which the lesser of two boxes of a class is dropped
OUTPUTS = {"classify": ("logits",), "detect": ("scores", "sides")}


@dataclass(frozen=True, slots=True)
class Network:
    """`module` is a torch module that takes normalised [1,3,size,size] RGB and gives `outputs`, in this order."""

    module: Any
    task: Literal["classify", "detect"]
    size: int
    multi: bool

    @property
    def outputs(self) -> tuple[str, ...]:
        return OUTPUTS[self.task]

    @property
    def decode(self) -> Decode:
        """How the device reads the outputs."""
        if self.task == "detect":
            return Decode(name="points", size=self.size, strides=STRIDES, nms=OVERLAP)
        return Decode(name="classify", activation="sigmoid" if self.multi else "softmax")

    def input(self, *, normalise: bool) -> Input:
        """How the device fits a picture; with `normalise`, for a file that does not do so itself."""
        fitted = letterbox(self.size) if self.task == "detect" else square(self.size)
        return fitted.model_copy(update={"colour": "RGB", "mean": MEAN, "std": STD}) if normalise else fitted

    def run(self, fitted: Image) -> dict[str, Floats]:
        """The float network's own outputs for one fitted picture."""
        import torch

        with torch.inference_mode():
            found = self.module(torch.from_numpy(normalised([fitted])))
        tensors = (found,) if isinstance(found, torch.Tensor) else tuple(found)
        return {name: tensor.numpy() for name, tensor in zip(self.outputs, tensors, strict=True)}

    def digest(self) -> str:
        """SHA-256 over all weights: the same network gives the same."""
        total = hashlib.sha256(f"{self.task} {self.size} {self.multi}".encode())
        for name, tensor in sorted(self.module.state_dict().items()):
            total.update(name.encode() + tensor.numpy().tobytes())
        return total.hexdigest()


@contextlib.contextmanager
def silenced() -> Iterator[None]:
    """Without what converters print of their own accord, from Python and from below it."""
    with (
        warnings.catch_warnings(),
        open(os.devnull, "w", encoding="utf-8") as nowhere,  # noqa: PTH123 - a device, no path
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        kept = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
