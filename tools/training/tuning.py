"""Training the backbone's last blocks as well, and keeping that only if it is better on pictures held out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from training import features, linear, lite0, loop
from training.linear import Floats, Lesson
from training.loop import Average, Course, Plan
from training.settings import Job, Progress

# So many pictures must bear a label before its blocks can be trained without learning pictures by heart.
ENOUGH = 60
# Where the head is as good as this, there is nothing to be gained.
GOOD = 0.995
EPOCHS, PATIENCE = 15, 4
BATCH = 32
PACE, DECAY, STEADY = 3e-4, 0.02, 0.98
FOLDER = "tuning"


@dataclass(frozen=True, slots=True)
class Task:
    """What the head was taught, what goes into the first trained block, and what heads said of held-out pictures."""

    lesson: Lesson
    maps: NDArray[np.float16]
    fold: NDArray[np.int64]
    held: Floats


@dataclass(frozen=True, slots=True)
class Tuned:
    """`network` is None where the head alone is better; `held` is NaN where a picture was not held out.

    Not `whole` if Ctrl-C ended it.
    """

    network: lite0.Lite0 | None
    held: Floats
    curves: list[dict[str, float]]
    whole: bool = True


def worthwhile(wanted: NDArray[np.float32]) -> bool:
    """Whether the data allow it: enough pictures of the usual label, and not too many to keep their features."""
    often = np.median((wanted == 1).sum(0))
    return bool(often >= ENOUGH) and len(wanted) * (features.views(len(wanted)) + 1) <= features.MAPPED


def tune(task: Task, job: Job, order: str, progress: Progress) -> Tuned:
    """Train on all folds but the first, which judges: both its score and its loss have to get better."""
    lesson, out = task.lesson, task.fold == 0
    wanted = lesson.wanted.numpy().astype(np.float64)
    before = linear.score(task.held[out], wanted[out], lesson.multi)
    if before >= GOOD:
        return Tuned(None, task.held, [])
    whole = _begun(lesson.part(~out), job.seed)
    upper = Upper(whole)
    optimiser = torch.optim.AdamW(upper.parameters(), PACE, weight_decay=DECAY)
    random = loop.seed_everything(job.seed)
    course = Course(upper, optimiser, random, Average(upper, STEADY), _warmed(optimiser, int((~out).sum())))
    plan = Plan(order, job.out / FOLDER, EPOCHS, PATIENCE, job.minutes)
    held = torch.from_numpy(task.maps[out, 0])

    def judge(network: nn.Module) -> float:
        return -linear.calibrated(_said(network, held), wanted[out], lesson.multi)

    best = loop.run(course, plan, lambda one, tell: _epoch(one, task, ~out, tell), judge, progress)
    if best is None:
        return Tuned(None, task.held, [], not course.stopped)
    upper.load_state_dict(best)
    said = np.full_like(task.held, np.nan)
    said[out] = _said(upper, held)
    better = _better(said[out], task.held[out], wanted[out], lesson.multi)
    curves = [one | {"step": linear.EPOCHS + one["step"]} for one in course.curves]
    return Tuned(whole if better else None, said, curves if better else [], not course.stopped)


def _begun(lesson: Lesson, seed: int) -> lite0.Lite0:
    """The backbone with a head that has not seen the pictures held out."""
    line = linear.learn(lesson, linear.EPOCHS, seed)
    network = lite0.load(len(line.bias))
    network.fc.load_state_dict({"weight": line.weights, "bias": line.bias})
    return network


class Upper(nn.Module):
    """The part that is trained: it shares its layers with the whole. What its norms know of other pictures stays."""

    def __init__(self, whole: lite0.Lite0) -> None:
        super().__init__()
        self.blocks = whole.blocks[features.CUT :]
        self.conv_head, self.bn1, self.fc = whole.conv_head, whole.bn1, whole.fc
        self.eval()

    def forward(self, maps: Tensor) -> Tensor:
        for block in self.blocks:
            maps = block(maps)
        pooled = nn.functional.relu6(self.bn1(self.conv_head(maps))).mean((2, 3))
        return self.fc(nn.functional.dropout(pooled, linear.DROPOUT, self.fc.training))


def _warmed(optimiser: torch.optim.Optimizer, pictures: int) -> torch.optim.lr_scheduler.LRScheduler:
    """Slowly up in the first epoch, down along a cosine to the last."""
    each = -(-pictures // BATCH)
    return torch.optim.lr_scheduler.OneCycleLR(optimiser, PACE, total_steps=EPOCHS * each + 1, pct_start=1 / EPOCHS)


def _epoch(course: Course, task: Task, learnt: NDArray[np.bool_], tell: Callable[[float], None]) -> float:
    """Every picture once, each time in another of its views."""
    rows = course.random.permutation(np.flatnonzero(learnt))
    shown = course.random.integers(0, task.maps.shape[1], len(rows))
    total = 0.0
    course.network.fc.train()
    for begin in range(0, len(rows), BATCH):
        chosen, view = rows[begin : begin + BATCH], shown[begin : begin + BATCH]
        answers = course.network(torch.from_numpy(task.maps[chosen, view].astype(np.float32)))
        place = torch.from_numpy(chosen)
        lesson = task.lesson
        value = linear.loss(answers, lesson.wanted[place], lesson.counts[place], lesson.multi)
        course.optimiser.zero_grad()
        value.backward()
        course.optimiser.step()
        if course.schedule:
            course.schedule.step()
        course.average.follow(course.network)
        total += float(value.detach()) * len(chosen)
        tell(min(1.0, (begin + BATCH) / len(rows)))
    course.network.fc.eval()
    return total / max(len(rows), 1)


@torch.inference_mode()
def _said(network: nn.Module, maps: Tensor) -> Floats:
    """Logits [N,K] as float64."""
    return np.concatenate([network(part.float()).numpy() for part in maps.split(BATCH)]).astype(np.float64)


def _better(said: Floats, before: Floats, wanted: Floats, multi: bool) -> bool:
    """Never worse: more is right, and the loss after calibration is less."""
    scores = [linear.score(logits, wanted, multi) for logits in (said, before)]
    losses = [linear.calibrated(logits, wanted, multi) for logits in (said, before)]
    return scores[0] > scores[1] and losses[0] < losses[1]
