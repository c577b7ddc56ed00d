"""Training a detector: the backbone's upper blocks and our heads on it, seen through ever new views of the pictures.

::

    best.pt last.pt        how far the network that will be shipped has come
    held-out-N/            the same of networks that are trained without every third picture, and then asked about
                           those: the thresholds come from there. Of many pictures the first network leaves out a few
    detector.pt            all of it, finished

The test pictures are not looked at.
"""

from __future__ import annotations

import copy
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from training import images, learning, lite0, loop, measure, metrics
from training.datasets import Dataset, Sample
from training.detector import Detector
from training.learning import Lesson
from training.loop import Course, Plan
from training.network import Network
from training.settings import Job, Progress
from training.shelf import Shelf, chances
from training.trained import Trained

from edge.values import Image

# Counts changes of the recipe: what an older one left is not taken for this one's.
RECIPE = 1
DONE = "detector.pt"
# Sides of the input: the larger one where a quarter of the boxes would be smaller than so many pixels in the usual.
USUAL, LARGE, SMALL = 320, 416, 28.0
# So many views of each picture, within limits for all of them.
VIEWS, FEWEST, MOST = 40, 1920, 40_000
# Up to so many pictures none can be spared: all are learnt from, and held out by turns in further trainings.
FEW, TURNS = 150, 3
SPARED = 10  # of more, one in so many
UNKNOWN = 0.5  # the threshold of a label of which nothing was held out


@dataclass(frozen=True, slots=True)
class Turn:
    """One training: the pictures it learns from, and those it is asked about, by their places in the data set."""

    folder: Path
    learnt: NDArray[np.int64]
    asked: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class School:
    """What all the trainings share."""

    dataset: Dataset
    shelf: Shelf
    job: Job
    order: str
    minutes: float | None
    """For each training."""


def train(dataset: Dataset, job: Job, progress: Progress) -> Trained:
    """Train, go on with a training that was interrupted, or give what an earlier run of the same job has finished.

    Ctrl-C ends it with the best there is; if it comes early, without thresholds of its own.
    """
    order = f"detect {RECIPE} {dataset.fingerprint} {job.seed} {job.minutes}"
    if (finished := loop.load(job.out / DONE, order)) is not None:
        return _restored(finished, dataset)
    turns = _turns(dataset.train, job)
    minutes = None if job.minutes is None else job.minutes / len(turns)
    shelf = Shelf(
        dataset.train, dataset.labels, input_size(dataset.train), lambda done: progress("reading the pictures", done)
    )
    school = School(dataset, shelf, job, order, minutes)
    courses: list[Course] = []
    for place, turn in enumerate(turns):
        courses.append(_run(school, turn, _share(progress, place, len(turns))))
        if not _over(school, courses[-1]):
            break
    trained = _trained(school, turns, courses)
    trained.whole = len(courses) == len(turns) and _over(school, courses[-1])
    if trained.whole:
        _save(trained, job, order)
        for turn in turns[1:]:  # 70 MB each, and nothing more to tell
            shutil.rmtree(turn.folder, ignore_errors=True)
    return trained


def prepare(image: Image, size: int = USUAL) -> Image:
    """What the device makes of a picture before the graph: uint8 BGR [size,size,3]."""
    return images.prepare(image, images.letterbox(size))


def input_size(samples: Sequence[Sample]) -> int:
    """The side of the input: larger where many boxes are small parts of their pictures."""
    parts = [((mark.x2 - mark.x1) * (mark.y2 - mark.y1)) ** 0.5 for sample in samples for mark in sample.marks]
    return LARGE if parts and np.quantile(parts, 0.25) * USUAL < SMALL else USUAL


def folds(samples: Sequence[Sample], count: int, seed: int) -> NDArray[np.int64]:
    """One of `count` folds for each picture: groups stay together, and each fold gets its part of every label."""
    groups: dict[str, list[int]] = {}
    for place, sample in enumerate(samples):
        groups.setdefault(sample.group or f"\0{place}", []).append(place)
    borne = {name: {mark.label for row in rows for mark in samples[row].marks} for name, rows in groups.items()}
    often = Counter(label for labels in borne.values() for label in labels)
    names = [list(groups)[place] for place in np.random.default_rng(seed).permutation(len(groups))]
    names.sort(key=lambda name: min((often[label] for label in borne[name]), default=len(samples)))
    held = [Counter[str]() for _ in range(count)]
    fold = np.zeros(len(samples), np.int64)
    for name in names:
        least = min(range(count), key=lambda at: (sum(held[at][label] for label in borne[name]), held[at].total(), at))
        held[least].update([*borne[name], ""])
        fold[groups[name]] = least
    return fold


def _turns(samples: Sequence[Sample], job: Job) -> list[Turn]:
    """The training of the network that is shipped first, then those that only tell how sure to be."""
    everything = np.arange(len(samples))
    few = len(samples) <= FEW
    fold = folds(samples, TURNS if few else SPARED, job.seed)
    if not few:
        return [Turn(job.out, everything[fold != 0], everything[fold == 0])]
    others = [
        Turn(job.out / f"held-out-{one}", everything[fold != one], everything[fold == one]) for one in range(TURNS)
    ]
    return [
        Turn(job.out, everything, others[0].asked),
        *(turn for turn in others if len(turn.asked) and len(turn.learnt)),
    ]


def _run(school: School, turn: Turn, progress: Progress) -> Course:
    """One training, from where it was interrupted."""
    samples = [school.dataset.train[row] for row in turn.learnt]
    views = int(np.clip(VIEWS * len(school.dataset.train), FEWEST, MOST))
    steps = -(-views // (learning.BATCH * learning.EPOCHS))
    labels = len(school.dataset.labels)
    lesson = Lesson(school.shelf, turn.learnt, chances(samples), labels, steps, school.job.seed)
    course = learning.course(lesson)
    plan = Plan(school.order, turn.folder, learning.EPOCHS, learning.EPOCHS, school.minutes)
    loop.run(
        course,
        plan,
        lambda running, tell: learning.epoch(running, lesson, tell),
        lambda network: measure.score(_said(school, network, turn), school.dataset, _asked(school, turn)),
        progress,
    )
    return course


def _asked(school: School, turn: Turn) -> list[Sample]:
    return [school.dataset.train[row] for row in turn.asked]


def _said(school: School, network: nn.Module, turn: Turn) -> list[measure.Answer]:
    """What the network says of the pictures it is asked about, as the device would say it."""
    shipped = Network(copy.deepcopy(network).cpu().eval(), "detect", school.shelf.size, multi=False)
    return list(measure.answers(shipped, _asked(school, turn), shipped.input(normalise=False), shipped.decode))


def _over(school: School, course: Course) -> bool:
    """Whether a training ended by itself."""
    late = school.minutes is not None and course.seconds >= 60 * school.minutes
    return late or course.epoch >= learning.EPOCHS


def _share(progress: Progress, place: int, of: int) -> Progress:
    """The progress of one of several trainings as that of all."""

    def tell(stage: str, done: float, note: str = "") -> None:
        progress(stage, (place + done) / of, note)

    return tell


def _trained(school: School, turns: Sequence[Turn], courses: Sequence[Course]) -> Trained:
    """The first network, with what the ones that had pictures held out (it may be one of them) say about it."""
    labels = school.dataset.labels
    apart = [
        (turn, course)
        for turn, course in zip(turns, courses, strict=False)
        if not np.isin(turn.asked, turn.learnt).any() and (_over(school, course) or course is courses[0])
    ]
    said = [answer for turn, course in apart for answer in _said(school, course.average.network, turn)]
    asked = [sample for turn, _ in apart for sample in _asked(school, turn)]
    truth = measure.truth_boxes(asked, labels)
    judged = metrics.detected(measure.boxes(said), truth, len(labels))
    best = [metrics.best_threshold(one) if one.present else (UNKNOWN, 0.0) for one in judged]
    learnt: dict[str, float | str] = {"how": "the backbone's upper blocks and the detector's heads"}
    if asked:
        learnt["held_out"] = metrics.ap50(measure.boxes(said), truth, len(labels))
        learnt["held_out_f1"] = float(np.mean([f1 for _, f1 in best]))
    network = copy.deepcopy(courses[0].average.network).cpu().to(memory_format=torch.contiguous_format).eval()
    thresholds = tuple(threshold for threshold, _ in best)
    seconds = sum(course.seconds for course in courses)
    curves = _curves(courses[0], [course for _, course in apart])
    return Trained("detect", labels, False, network, school.shelf.size, thresholds, curves, seconds, learnt)


def _curves(first: Course, apart: Sequence[Course]) -> list[dict[str, float]]:
    """The first training's loss, and the score of those that had pictures held out."""
    scores = [[one["score"] for one in course.curves] for course in apart] or [[one["score"] for one in first.curves]]
    means = [float(np.mean(of_epoch)) for of_epoch in zip(*scores, strict=False)]
    return [one | {"score": score} for one, score in zip(first.curves, means, strict=False)]


def _save(trained: Trained, job: Job, order: str) -> None:
    kept = {name: getattr(trained, name) for name in ("size", "thresholds", "curves", "seconds", "learnt")}
    loop.save(job.out / DONE, {"order": order, "network": trained.network.state_dict(), **kept})


def _restored(state: dict[str, Any], dataset: Dataset) -> Trained:
    network = Detector(lite0.Lite0(), len(dataset.labels)).eval()
    network.load_state_dict(state["network"])
    return Trained(
        "detect", dataset.labels, False, network, state["size"], state["thresholds"],
        state["curves"], state["seconds"], state["learnt"],
    )  # fmt: skip
