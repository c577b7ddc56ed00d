"""Advice on whether a face is there in the flesh or on paper or a screen. Never a gate: docs/LIVENESS.md says why."""

from __future__ import annotations

from contextlib import ExitStack
from itertools import starmap

import numpy as np
from numpy.typing import NDArray

from edge.engine import Settings
from edge.failover import AnyModel, open_failover
from edge.findings import Liveness
from edge.values import Image
from models.crops import around
from models.manifest import ModelError, Task
from models.outputs import Boxes, Votes

TASKS: tuple[Task, ...] = ("liveness", "liveness_wide", "liveness_second")
BATCH = 16  # faces in one inference, so that a crowd takes no more memory than a few


class LivenessCheck:
    """Three networks, of which each sees the face with more or less around it.

    `near` and `wide` are MiniFASNet's pair, whose mean is their vote; `second` was trained by others on other data.
    """

    def __init__(self, near: AnyModel, wide: AnyModel, second: AnyModel) -> None:
        self.models = (near, wide, second)

    def look(self, image: Image, found: Boxes) -> list[Liveness]:
        """For each face of `found`, in its order, the lower of the two opinions; `votes` are those of the networks.

        A score of at least 0.5 says that both opinions are for a face in the flesh.
        """
        if not len(found):
            return []
        near, wide, second = (_votes(model, image, found) for model in self.models)
        scores = np.minimum((near + wide) / 2, second)
        votes = np.column_stack([near, wide, second]).tolist()
        return list(starmap(Liveness, zip(scores.tolist(), map(tuple, votes), strict=True)))

    def close(self) -> None:
        for model in self.models:
            model.close()


def open_liveness(settings: Settings, *, lasting: bool = False) -> LivenessCheck:
    """Open the three networks as `open_failover` does, and raise what it raises."""
    with ExitStack() as opened:
        models = []
        for task in TASKS:
            models.append(open_failover(task, settings, lasting=lasting))
            opened.callback(models[-1].close)
        opened.pop_all()
    return LivenessCheck(*models)


def _votes(model: AnyModel, image: Image, found: Boxes) -> NDArray[np.float32]:
    parts = []
    for start in range(0, len(found), BATCH):
        said = model.infer(around(image, found.xyxy[start : start + BATCH], model.manifest.input))
        if not isinstance(said, Votes):
            raise ModelError(f"{model.manifest.name} gives no votes: it cannot serve for liveness")
        parts.append(said.values)
    return np.concatenate(parts)
