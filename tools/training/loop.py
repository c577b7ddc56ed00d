"""What every training shares: checkpoints that a pulled plug cannot halve, an average of the weights, a clean stop.

A training is made of epochs. After each one the averaged network is judged on pictures held out; the best so far
lies in best.pt, and all it takes to go on in last.pt. Both appear whole or not at all.
"""

from __future__ import annotations

import copy
import math
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

import numpy as np
import torch
from torch import nn
from training.settings import Progress

from edge.errors import StorageError
from edge.packs.store import flush, reported

BEST, LAST = "best.pt", "last.pt"


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint in one step; raises StorageError naming the file where the disk refuses."""
    part = path.with_name(f"{path.name}.part")
    with reported(path, "name another folder with --out"):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with part.open("wb") as file:
                try:
                    torch.save(state, file)
                except RuntimeError as error:  # what it makes of a refused write
                    remedy = "free some space, or name another folder with --out"
                    raise StorageError(f"{path}: cannot be written; {remedy}") from error
                file.flush()
                os.fsync(file.fileno())
            part.replace(path)
            flush(path.parent)
        finally:
            part.unlink(missing_ok=True)


def load(path: Path, order: str) -> dict[str, Any] | None:
    """The checkpoint of this very order; None if there is none, it cannot be read, or it is of another order."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception:  # noqa: BLE001  a damaged pickle fails in many ways; then training starts anew
        return None
    return state if isinstance(state, dict) and state.get("order") == order else None


def seed_everything(seed: int) -> np.random.Generator:
    """The same seed, the same machine and number of cores: the same network."""
    torch.manual_seed(seed)
    torch.use_deterministic_algorithms(mode=True, warn_only=True)
    return np.random.default_rng(seed)


class Average:
    """The moving average of a network's weights: steadier than the weights themselves."""

    def __init__(self, network: nn.Module, decay: float = 0.998) -> None:
        self.network = copy.deepcopy(network).eval().requires_grad_(requires_grad=False)
        self.decay = decay
        self.steps = 0

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Take one step's weights in; early ones are forgotten faster."""
        self.steps += 1
        keep = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for mine, theirs in zip(self.network.state_dict().values(), network.state_dict().values(), strict=True):
            if mine.dtype.is_floating_point:
                mine.lerp_(theirs.detach().to(mine.dtype), 1 - keep)
            else:
                mine.copy_(theirs)


@dataclass(slots=True)
class Course:
    """Everything that changes while something is learnt; `stopped` if Ctrl-C ended it."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    random: np.random.Generator
    average: Average
    schedule: torch.optim.lr_scheduler.LRScheduler | None = None
    epoch: int = 0
    best: float = -math.inf
    best_epoch: int = -1
    seconds: float = 0.0
    curves: list[dict[str, float]] = field(default_factory=list)
    stopped: bool = False

    def state(self) -> dict[str, Any]:
        return {
            "network": self.network.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "schedule": self.schedule.state_dict() if self.schedule else {},
            "average": self.average.network.state_dict(),
            "steps": self.average.steps,
            "random": self.random.bit_generator.state,
            "torch": torch.get_rng_state(),
            **{name: getattr(self, name) for name in ("epoch", "best", "best_epoch", "seconds", "curves")},
        }

    def restore(self, state: dict[str, Any]) -> None:
        self.network.load_state_dict(state["network"])
        self.optimiser.load_state_dict(state["optimiser"])
        if self.schedule:
            self.schedule.load_state_dict(state["schedule"])
        self.average.network.load_state_dict(state["average"])
        self.average.steps = state["steps"]
        self.random.bit_generator.state = state["random"]
        torch.set_rng_state(state["torch"])
        for name in ("epoch", "best", "best_epoch", "seconds", "curves"):
            setattr(self, name, state[name])


@dataclass(frozen=True, slots=True)
class Plan:
    """How long: at most `epochs`, until `patience` of them brought nothing better, or `minutes` are over.

    `order` names data, seed and settings: a checkpoint of another order is not gone on with.
    """

    order: str
    out: Path
    epochs: int
    patience: int
    minutes: float | None = None


def run(
    course: Course,
    plan: Plan,
    learn: Callable[[Course, Callable[[float], None]], float],
    judge: Callable[[nn.Module], float],
    progress: Progress,
) -> dict[str, Any] | None:
    """Learn from where last.pt stands; returns the best average's weights, None if not one epoch was finished.

    `learn` runs one epoch and returns its mean loss; after each step it tells the share of the epoch that is done
    (0..1), from where a stop that was asked for is raised. `judge` scores a network, more is better. Ctrl-C ends
    it with the best so far.
    """
    found, best = load(plan.out / LAST, plan.order), load(plan.out / BEST, plan.order)
    if found is not None and best is not None:
        course.restore(found)
    with interruptible() as stop:

        def tell(done: float) -> None:
            progress("learning", done / plan.epochs, _figures(course))
            if stop.asked:
                raise Stopped

        try:
            while course.epoch < plan.epochs and not _over(course, plan):
                tell(course.epoch)
                _epoch(course, plan, learn, judge, tell)
        except Stopped:
            course.stopped = True
    progress("learning", 1.0, _figures(course))
    best = load(plan.out / BEST, plan.order)
    return None if best is None else best["network"]


def _epoch(
    course: Course,
    plan: Plan,
    learn: Callable[[Course, Callable[[float], None]], float],
    judge: Callable[[nn.Module], float],
    each: Callable[[float], None],
) -> None:
    began = time.monotonic()
    loss = learn(course, lambda done: each(course.epoch + done))
    score = judge(course.average.network)
    course.curves.append({"step": course.epoch, "loss": loss, "score": score})
    if score > course.best:
        course.best, course.best_epoch = score, course.epoch
        save(plan.out / BEST, {"order": plan.order, "network": course.average.network.state_dict()})
    course.epoch += 1
    course.seconds += time.monotonic() - began
    save(plan.out / LAST, {"order": plan.order, **course.state()})


def _figures(course: Course) -> str:
    if not course.curves:
        return ""
    return f"loss {course.curves[-1]['loss']:.3f}, score {course.curves[-1]['score']:.3f}, best {course.best:.3f}"


def _over(course: Course, plan: Plan) -> bool:
    late = plan.minutes is not None and course.seconds >= plan.minutes * 60
    return late or (course.epoch > 0 and course.epoch - 1 - course.best_epoch >= plan.patience)


class Stopped(Exception):  # noqa: N818  no error: somebody pressed Ctrl-C
    """Training was asked to end."""


@dataclass(slots=True)
class Stop:
    """Whether Ctrl-C was pressed."""

    asked: bool = False


@contextmanager
def interruptible() -> Iterator[Stop]:
    """The first Ctrl-C only asks; the second ends the program at once."""
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  the signal's own arguments
        if stop.asked:
            raise KeyboardInterrupt
        stop.asked = True

    if threading.current_thread() is not threading.main_thread():  # which alone hears signals
        yield stop
        return
    before = signal.signal(signal.SIGINT, ask)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
