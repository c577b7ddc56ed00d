"""Tracking: the shipped detector and tracker on people crossing a square (PETS 2009 S2.L1, frames 1 to 250).

MOTA and IDF1 are motmetrics', with boxes that overlap by half. The least score that carries a track on (.25) was chosen
after a look at this clip (at .15, MOTA is .69). `crowd20` is made up: 20 objects, a tenth of the
detections missing.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import media
import numpy as np
from evaluation.figures import Figure, figure, watched
from evaluation.opening import shipped
from numpy.typing import NDArray

from edge.errors import InputError
from edge.settings import ObjectsTask
from edge.tracking import EMPTY, Tracks, TrackSettings, kinds, update
from edge.values import Image
from models.boxes import iou
from models.outputs import Boxes

SEQUENCE = Path("tracking", "pets09_s2l1_001_250")
FPS = 10.0
OVERLAP = 0.5  # from which a track's box counts as the person's, as MOTChallenge has it
MEASURES = ["mota", "idf1", "num_switches", "num_misses", "num_false_positives", "num_objects"]

Truth = dict[int, tuple[NDArray[np.int64], NDArray[np.float32]]]


def run(data: Path) -> Iterator[Figure]:
    """MOTA, IDF1 and switches of ids on the clip; then the tracker's own milliseconds."""
    truth = ground_truth(data / SEQUENCE / "gt" / "gt.txt")
    frames = read_clip(media.get(media.WALKERS)[0], max(truth))
    with shipped("nanodet-g") as detector:
        settings = TrackSettings(floor=ObjectsTask().floor, kinds=kinds(detector.labels))
        found = [detector.detect(frame, settings.low) for frame in watched(frames, "detecting people")]
        person = detector.labels.index("Person")
    tracked, milliseconds = follow(found, FPS, settings)
    scores = judge([people(tracks, person) for tracks in tracked], truth)
    boxes = int(scores["num_objects"])
    yield figure("tracking.pets.mota", scores["mota"], "", boxes)
    yield figure("tracking.pets.idf1", scores["idf1"], "", boxes)
    yield figure("tracking.pets.id_switches", scores["num_switches"], "", boxes)
    yield figure("tracking.pets.missed", scores["num_misses"] / boxes, "of boxes", boxes)
    yield figure("tracking.pets.false", scores["num_false_positives"] / boxes, "of boxes", boxes)
    yield figure("tracking.pets.update", milliseconds, "ms CPU a frame", len(found))
    yield from crowd(objects=20, frames=300)


def ground_truth(file: Path) -> Truth:
    """Ids and corner boxes of each frame, counted from 1, out of a MOTChallenge text."""
    rows = np.loadtxt(file, delimiter=",", ndmin=2, dtype=np.float32)
    frames = {int(frame): rows[rows[:, 0] == frame] for frame in np.unique(rows[:, 0])}
    return {
        frame: (of[:, 1].astype(np.int64), np.concatenate([of[:, 2:4], of[:, 2:4] + of[:, 4:6]], axis=1))
        for frame, of in frames.items()
    }


def read_clip(clip: Path, count: int) -> list[Image]:
    """The first `count` frames."""
    capture = cv2.VideoCapture(str(clip))
    frames: list[Image] = []
    while len(frames) < count:
        there, frame = capture.read()
        if not there:
            raise InputError(f"{clip}: only {len(frames)} frames can be read, {count} are needed; fetch it anew")
        frames.append(frame.astype(np.uint8, copy=False))
    capture.release()
    return frames


def follow(found: list[Boxes], fps: float, settings: TrackSettings) -> tuple[list[Tracks], float]:
    """The tracks after each frame, and the CPU's milliseconds for one."""
    history, tracks = [], EMPTY
    started = time.process_time()
    for index, boxes in enumerate(found):
        tracks = update(tracks, boxes, index / fps, settings)
        history.append(tracks)
    return history, 1e3 * (time.process_time() - started) / len(found)


def people(tracks: Tracks, person: int) -> Tracks:
    """What would be told of a frame: confirmed tracks that were seen in it."""
    rows = [track for track in tracks if track.confirmed and track.detection >= 0 and track.label == person]
    return replace(tracks, rows=tuple(rows))


def judge(history: list[Tracks], truth: Truth) -> dict[str, Any]:
    """The CLEAR MOT and identity measures, by motmetrics."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its pandas is of another age
        import motmetrics

        account = motmetrics.MOTAccumulator()
        nobody = np.empty(0, np.int64), np.empty((0, 4), np.float32)
        for frame, tracks in enumerate(history, start=1):
            ids, boxes = truth.get(frame, nobody)
            followed = np.array([track.corners for track in tracks], np.float32).reshape(-1, 4)
            distance = 1.0 - iou(boxes, followed)
            numbers = [track.id for track in tracks]
            account.update(ids, numbers, np.where(distance <= 1.0 - OVERLAP, distance, np.nan), frameid=frame)
        summary = motmetrics.metrics.create().compute(account, metrics=MEASURES)
        measures: dict[str, Any] = summary.iloc[0].to_dict()
        return measures


def crowd(objects: int, frames: int) -> Iterator[Figure]:
    """Swaying objects of which a tenth is missed: how many ids they get, and what an update costs."""
    random = np.random.default_rng(0)
    home = np.stack([100 + np.arange(objects) % 10 * 120, 200 + np.arange(objects) // 10 * 300], axis=1)
    half = np.array([20.0, 50.0])
    found = []
    for frame in range(frames):
        sway = 60 * np.sin(frame / 30 + np.arange(objects))
        centres = home + np.stack([sway, sway / 3], axis=1) + random.normal(0, 1.5, (objects, 2))
        seen = centres[random.random(objects) >= 0.1]
        scores = -np.sort(-random.uniform(0.5, 0.95, len(seen))).astype(np.float32)
        corners = np.concatenate([seen - half, seen + half], axis=1).astype(np.float32)
        found.append(Boxes(corners, scores, np.zeros(len(seen), np.int64)))
    history, milliseconds = follow(found, 30.0, TrackSettings())
    ids = {track.id for tracks in history for track in tracks if track.confirmed}
    yield figure(f"tracking.crowd{objects}.ids", len(ids), "ids", frames, objects)
    yield figure(f"tracking.crowd{objects}.update", milliseconds, "ms CPU a frame", frames)
