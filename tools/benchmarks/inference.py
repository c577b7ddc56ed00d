"""Models on this machine: milliseconds from a picture to its meaning, over the network's own inference.

A row is a built model on a back end: the median of whole calls (prepare, infer, decode) on a photo, and as reference
the median of the bare session on a tensor made beforehand, both on all cores. In a row that ends in `.worker` the bare
session runs in a worker process, as a device that may crash does; its reference is the same session in this process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import cv2
import media
import numpy as np
from evaluation.figures import Figure, figure

from accel.session import AcceleratorError, Session, open_session
from edge.engine import AccelSettings, Model, ModelSettings
from edge.values import Image


def run(quick: bool) -> Iterator[Figure]:
    """Every model that is installed, that sees pictures, and that this machine can run."""
    (photo,) = media.get("sample1.jpg")
    image = cv2.resize(cv2.imread(str(photo)), (1280, 720))
    store, accel = ModelSettings().open_store(), AccelSettings()
    for built in store.installed():
        if built.manifest.input.fit == "tensor":
            continue
        options = replace(accel.options_of(built, store), isolate=False)
        try:
            session = open_session(built.backend, built.weights, options)
        except AcceleratorError:
            continue
        with closing(Model(built, session)) as model:
            yield _measure(model, image, 20 if quick else 100)
            if any(-1 in spec.shape for spec in (*session.inputs, *session.outputs)):
                continue  # no worker process shares what has no size
            with closing(open_session(built.backend, built.weights, replace(options, isolate=True))) as worker:
                yield _compare(model, worker, 20 if quick else 100)


def _measure(model: Model, image: Image, repeats: int) -> Figure:
    wants = model.manifest.input
    seen = cv2.resize(image, (wants.width, wants.height)) if wants.fit == "aligned" else image
    usual = (1, wants.height, wants.width, 3)
    feeds = {
        spec.name: np.zeros(
            [side if side > 0 else own for side, own in zip(spec.shape, usual, strict=False)], spec.dtype
        )
        for spec in model.session.inputs
    }
    bare, whole = medians(repeats, lambda: model.session.run(feeds), lambda: model.run(seen, 0.4))
    return figure(f"inference.{model.use.name}.{model.use.backend}", whole, "ms", repeats, bare)


def _compare(model: Model, worker: Session, repeats: int) -> Figure:
    feeds = {spec.name: np.zeros(spec.shape, spec.dtype) for spec in worker.inputs}
    here, there = medians(repeats, lambda: model.session.run(feeds), lambda: worker.run(feeds))
    return figure(f"inference.{model.use.name}.{model.use.backend}.worker", there, "ms", repeats, here)


def medians(repeats: int, *calls: Callable[[], object]) -> list[float]:
    """Milliseconds of each call, taken in turn so that all share the machine's moods."""
    times: list[list[float]] = [[] for _ in calls]
    for _ in range(repeats):
        for call, taken in zip(calls, times, strict=True):
            started = time.perf_counter()
            call()
            taken.append(1e3 * (time.perf_counter() - started))
    return [float(np.median(taken)) for taken in times]
