"""ByteTrack: detections of one camera in, the same objects with lasting ids out.

After Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (arXiv 2110.06864):
tracks meet the sure detections first, and those left over meet the doubtful ones. Two things differ, because
frames of an edge device come at uneven times: the motion model counts seconds, not frames, and a track's overlap
with a detection is taken after widening both by how uncertain the track's position has become.

Everything is in pixels of the picture and epoch seconds; every function is pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from edge.assignment import pair
from models.boxes import iou
from models.outputs import Boxes

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

# Standard deviations, in mean side lengths of the box: of a detection; of where the object drifts in a second; of how
# its speed changes in a second; of the speed of what was seen once. Near ByteTrack's, and flat about their best in
# synthetic crowds at 2, 5, 10 and 30 frames a second.
DETECTION, DRIFT, ACCELERATION, FIRST_SPEED = 0.07, 0.2, 0.8, 1.4
# How far boxes are widened, in standard deviations of the position, and at most in sides of the box. Without it,
# walkers at 2 frames a second leap out of their own boxes; with more, neighbours are taken for one another.
WIDENED, WIDEST = 0.5, 1.0
# A label that led by more would take too long to lose.
MOST_VOTES = 5.0

# Detectors waver between these; a track goes on when its label changes within a group.
ALIKE = (
    ("Car", "Truck", "Bus"),
    ("Bicycle", "Motorcycle"),
    ("Cat", "Dog", "Horse", "Sheep", "Cow", "Bear"),
)


@dataclass(frozen=True, slots=True)
class TrackSettings:
    """When tracks start, go on and end.

    `floor` is the least score that starts a track, `low` the least that continues one; `hits` detections confirm it.
    A track ends when it was missed for `keep` seconds and in `misses` updates (an idle scene is seldom looked at).
    A sure detection must fit by `overlap`, a doubtful one by `low_overlap`; one that covers another of its kind by
    `double` starts no track. `kinds` numbers the kind of each class (see `kinds`); empty, every class is one.
    """

    floor: float = 0.45
    low: float = 0.25
    hits: int = 2
    keep: float = 2.0
    misses: int = 2
    overlap: float = 0.2
    low_overlap: float = 0.5
    double: float = 0.7
    kinds: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Tracks:
    """N tracks, oldest first, as columns; `at` is when they were updated, `next_id` the id of the next new one.

    `motion` [N,5,4] holds, for (x, y, width, height) each: where it is, its change a second, and the variance of the
    first, the covariance of both and the variance of the second: the axes are independent, so that is all there is.
    `detection` is the row of the last update's detections that the track got, or -1; `missed` counts updates without
    one. `votes` is by how much score the class leads.
    """

    ids: Ints
    motion: Floats
    classes: Ints
    votes: Floats
    scores: Floats
    hits: Ints
    missed: Ints
    detection: Ints
    started_at: Floats
    seen_at: Floats
    confirmed: Bools
    at: float
    next_id: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def xyxy(self) -> Floats:
        """Corners [N,4]: where each object is, or, if the update missed it, where it should be."""
        place = self.motion[:, 0]
        half = place[:, 2:] / 2
        return np.concatenate([place[:, :2] - half, place[:, :2] + half], axis=1)

    def take(self, index: NDArray[np.generic]) -> Tracks:
        """The rows that a boolean mask or an index array selects."""
        columns: dict[str, Any] = {name: getattr(self, name)[index] for name in COLUMNS}
        return replace(self, **columns)

    def join(self, other: Tracks) -> Tracks:
        """These rows, then those of `other`, which also says the time and the next id."""
        columns: dict[str, Any] = {
            name: np.concatenate([getattr(self, name), getattr(other, name)]) for name in COLUMNS
        }
        return replace(other, **columns)


COLUMNS = tuple(column.name for column in fields(Tracks) if column.name not in ("at", "next_id"))


@dataclass(frozen=True, slots=True)
class Changes:
    """Ids that differ between two updates: `appeared` may be unconfirmed yet, `ended` had been confirmed."""

    appeared: tuple[int, ...]
    confirmed: tuple[int, ...]
    ended: tuple[int, ...]


def kinds(labels: Sequence[str]) -> tuple[int, ...]:
    """The kind of each class, for TrackSettings: labels that stand together in ALIKE share one."""
    leaders = {label: group[0] for group in ALIKE for label in group}
    names = [leaders.get(label, label) for label in labels]
    return tuple(names.index(name) for name in names)


def update(tracks: Tracks, found: Boxes, now: float, settings: TrackSettings) -> Tracks:
    """Continue, start and end tracks with what was found in the picture taken at `now`."""
    ahead = predict(tracks, now)
    detection = _associate(ahead, found, settings)
    fresh = _fresh(found, detection, settings)
    ahead = _correct(ahead, found, detection, settings)
    late = (ahead.at - ahead.seen_at > settings.keep) & (ahead.missed >= settings.misses)
    over = (ahead.missed > 0) & (late | ~ahead.confirmed)
    if over.any():
        ahead = ahead.take(~over)
    return ahead.join(_start(found, fresh, ahead, settings.hits)) if len(fresh) else ahead


def changes(before: Tracks, after: Tracks) -> Changes:
    """What an update did."""
    known, sure = set(before.ids.tolist()), set(before.ids[before.confirmed].tolist())
    return Changes(
        tuple(track for track in after.ids.tolist() if track not in known),
        tuple(track for track in after.ids[after.confirmed].tolist() if track not in sure),
        tuple(sorted(sure.difference(after.ids.tolist()))),
    )


def shifted(tracks: Tracks, seconds: float) -> Tracks:
    """The same tracks on a clock that was set forward by `seconds`."""
    started, seen = tracks.started_at + seconds, tracks.seen_at + seconds
    return replace(tracks, started_at=started, seen_at=seen, at=tracks.at + seconds)


def predict(tracks: Tracks, now: float) -> Tracks:
    """Move every track to `now` at its speed; a clock that was set back moves nothing and starts `keep` anew."""
    if not len(tracks):
        return replace(tracks, at=now)
    seconds = max(now - tracks.at, 0.0)
    kick = ACCELERATION**2 * seconds
    # The columns of `motion` move alike, and the uncertainty that time adds goes with the square of the box's side.
    step = [[1.0, seconds], [0.0, 1.0]]
    grown = [[1.0, 2 * seconds, seconds**2], [0.0, 1.0, seconds], [0.0, 0.0, 1.0]]
    added = [seconds**2 * kick / 3 + DRIFT**2 * seconds, seconds * kick / 2, kick]
    side = tracks.motion[:, 0, 2:].mean(axis=1)
    motion = np.concatenate([np.array(step) @ tracks.motion[:, :2], np.array(grown) @ tracks.motion[:, 2:]], axis=1)
    motion[:, 2:] += (side * side)[:, None, None] * np.array(added)[:, None]
    np.maximum(motion[:, 0, 2:], 1.0, out=motion[:, 0, 2:])
    return replace(tracks, motion=motion, seen_at=np.minimum(tracks.seen_at, now), at=now)


def _associate(tracks: Tracks, found: Boxes, settings: TrackSettings) -> Ints:
    """Which detection each track gets, or -1."""
    detection = np.full(len(tracks), -1)
    if not len(tracks) or not len(found):
        return detection
    fit = _fit(tracks, found)
    fit[_kinds(tracks.classes, settings)[:, None] != _kinds(found.classes, settings)] = 0.0
    sure = found.scores >= settings.floor
    known = tracks.confirmed[:, None]
    # Known tracks meet sure detections, those of them not missed yet doubtful ones, new tracks the sure ones left over.
    turn = np.where(sure, np.where(known, 2.0, 0.0), 1.0)
    meets = sure | (known & (tracks.missed == 0)[:, None] & (found.scores >= settings.low))
    meets &= fit >= np.where(sure, settings.overlap, settings.low_overlap)
    row, column = pair(np.where(meets, fit + turn, -1.0), 0.0)
    detection[row] = column
    return detection


def _fit(tracks: Tracks, found: Boxes) -> Floats:
    """Intersection over union [tracks, detections], both widened by how far the track may have strayed."""
    place = tracks.motion[:, 0]
    margin = np.minimum(WIDENED * np.sqrt(tracks.motion[:, 2, :2]), WIDEST * place[:, 2:])
    reach = place[:, 2:] / 2 + margin
    low, high = place[:, :2] - reach, place[:, :2] + reach
    margin = margin[:, None]
    other_low, other_high = found.xyxy[:, :2] - margin, found.xyxy[:, 2:] + margin
    sides = np.minimum(high[:, None], other_high) - np.maximum(low[:, None], other_low)
    np.maximum(sides, 0.0, out=sides)
    shared: Floats = sides[..., 0] * sides[..., 1]
    whole, other = 2 * reach, other_high - other_low
    joined = (whole[:, 0] * whole[:, 1])[:, None] + other[..., 0] * other[..., 1] - shared
    fit: Floats = shared / np.maximum(joined, 1e-9)
    return fit


def _fresh(found: Boxes, detection: Ints, settings: TrackSettings) -> Ints:
    """The sure detections that no track got, less those that only repeat another."""
    fresh = found.scores >= settings.floor
    taken = detection[detection >= 0]
    fresh[taken] = False
    candidates = np.flatnonzero(fresh)
    if not len(candidates):
        return candidates
    others = np.concatenate([taken, candidates])
    covered = iou(found.xyxy[candidates], found.xyxy[others]) > settings.double
    covered &= _kinds(found.classes[candidates], settings)[:, None] == _kinds(found.classes[others], settings)
    # Detections come best first: a candidate yields to every taken one, and to better candidates only.
    covered[:, len(taken) :] = np.tril(covered[:, len(taken) :], -1)
    return candidates[~covered.any(axis=1)]


def _correct(tracks: Tracks, found: Boxes, detection: Ints, settings: TrackSettings) -> Tracks:
    """Kalman's correction, and the books. A track without a detection is computed too, with a gain of 0."""
    if not len(found) or not len(tracks):
        return replace(tracks, missed=tracks.missed + 1, detection=detection)
    seen = detection >= 0
    measured, scores, classes = _centres(found.xyxy[detection]), found.scores[detection], found.classes[detection]
    noise = (DETECTION * measured[:, 2:].mean(axis=1)) ** 2
    spread = tracks.motion[:, 2:4]
    gain = spread / (spread[:, :1] + noise[:, None, None]) * seen[:, None, None]
    motion = tracks.motion.copy()
    motion[:, :2] += gain * (measured - motion[:, 0])[:, None]
    motion[:, 2:4] -= gain[:, :1] * spread
    motion[:, 4] -= gain[:, 1] * spread[:, 1]
    lead = np.minimum(tracks.votes + np.where(tracks.classes == classes, scores, -scores), MOST_VOTES)
    hits = tracks.hits + seen
    return Tracks(
        ids=tracks.ids,
        motion=motion,
        classes=np.where(seen & (lead < 0), classes, tracks.classes),
        votes=np.where(seen, np.abs(lead), tracks.votes),
        scores=np.where(seen, scores, tracks.scores),
        hits=hits,
        missed=np.where(seen, 0, tracks.missed + 1),
        detection=detection,
        started_at=tracks.started_at,
        seen_at=np.where(seen, tracks.at, tracks.seen_at),
        confirmed=tracks.confirmed | (hits >= settings.hits),
        at=tracks.at,
        next_id=tracks.next_id,
    )


def _start(found: Boxes, rows: Ints, tracks: Tracks | None, hits: int) -> Tracks:
    """A new track for each detection of `rows`, numbered on from `tracks`."""
    at, first = (tracks.at, tracks.next_id) if tracks is not None else (0.0, 1)
    count, places, scores = len(rows), _centres(found.xyxy[rows]), found.scores[rows].astype(np.float64)
    motion = np.zeros((count, 5, 4))
    motion[:, 0] = places
    side = places[:, 2:].mean(axis=1)[:, None]
    motion[:, 2], motion[:, 4] = (DETECTION * side) ** 2, (FIRST_SPEED * side) ** 2
    return Tracks(
        ids=first + np.arange(count),
        motion=motion,
        classes=found.classes[rows].astype(np.int64),
        votes=scores,
        scores=scores,
        hits=np.ones(count, np.int64),
        missed=np.zeros(count, np.int64),
        detection=rows,
        started_at=np.full(count, at),
        seen_at=np.full(count, at),
        confirmed=np.full(count, hits <= 1),
        at=at,
        next_id=first + count,
    )


def _kinds(classes: Ints, settings: TrackSettings) -> Ints:
    return _table(settings.kinds)[classes] if settings.kinds else classes


@lru_cache
def _table(kinds: tuple[int, ...]) -> Ints:
    return np.array(kinds)


def _centres(xyxy: NDArray[np.floating]) -> Floats:
    """Corners [N,4] to (x, y, width, height)."""
    low, high = xyxy[:, :2], xyxy[:, 2:]
    return np.concatenate([(low + high) / 2, np.maximum(high - low, 1.0)], axis=1, dtype=np.float64)


EMPTY = _start(
    Boxes(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)), np.arange(0), None, 1
)
