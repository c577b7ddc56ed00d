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

    `centres` [N,4] is (x, y, width, height), `speeds` [N,4] its change a second, `spread` [N,3,4] the variance of
    each, its covariance with its speed, and the speed's variance: the axes are independent, so that is all there is.
    `detection` is the row of the last update's detections that the track got, or -1; `missed` counts updates without
    one. `votes` is by how much score the class leads.
    """

    ids: Ints
    centres: Floats
    speeds: Floats
    spread: Floats
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
        half = self.centres[:, 2:] / 2
        return np.concatenate([self.centres[:, :2] - half, self.centres[:, :2] + half], axis=1)

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
    seconds = max(now - tracks.at, 0.0) if len(tracks) else 0.0
    side = tracks.centres[:, 2:].mean(axis=1)[:, None]
    drift, kick = (DRIFT * side) ** 2 * seconds, (ACCELERATION * side) ** 2 * seconds
    here, joint, speed = tracks.spread[:, 0], tracks.spread[:, 1], tracks.spread[:, 2]
    spread = np.empty_like(tracks.spread)
    spread[:, 0] = here + 2 * seconds * joint + seconds**2 * (speed + kick / 3) + drift
    spread[:, 1] = joint + seconds * (speed + kick / 2)
    spread[:, 2] = speed + kick
    centres = tracks.centres + tracks.speeds * seconds
    centres[:, 2:] = np.maximum(centres[:, 2:], 1.0)
    return replace(tracks, centres=centres, spread=spread, seen_at=np.minimum(tracks.seen_at, now), at=now)


def _associate(tracks: Tracks, found: Boxes, settings: TrackSettings) -> Ints:
    """Which detection each track gets, or -1."""
    detection = np.full(len(tracks), -1)
    if not len(tracks) or not len(found):
        return detection
    fit = _fit(tracks, found)
    fit[_kinds(tracks.classes, settings)[:, None] != _kinds(found.classes, settings)] = 0.0
    sure, doubtful = _by_score(found, settings)
    rounds = (
        (tracks.confirmed, sure, settings.overlap),
        (tracks.confirmed & (tracks.missed == 0), doubtful, settings.low_overlap),
        (~tracks.confirmed, sure, settings.overlap),
    )
    free = np.ones(len(found), bool)
    for wanting, offered, least in rounds:
        rows, columns = np.flatnonzero(wanting & (detection < 0)), np.flatnonzero(offered & free)
        if len(rows) and len(columns):
            row, column = pair(fit[np.ix_(rows, columns)], least)
            detection[rows[row]] = columns[column]
            free[columns[column]] = False
    return detection


def _fit(tracks: Tracks, found: Boxes) -> Floats:
    """Intersection over union [tracks, detections], both widened by how far the track may have strayed."""
    half = tracks.centres[:, 2:] / 2
    most = WIDEST * tracks.centres[:, 2:]
    margin = np.minimum(WIDENED * np.sqrt(tracks.spread[:, 0, :2]), most)
    low, high = tracks.centres[:, :2] - half - margin, tracks.centres[:, :2] + half + margin
    margin = margin[:, None]
    other_low, other_high = found.xyxy[:, :2] - margin, found.xyxy[:, 2:] + margin
    sides = np.minimum(high[:, None], other_high) - np.maximum(low[:, None], other_low)
    np.maximum(sides, 0.0, out=sides)
    shared: Floats = sides[..., 0] * sides[..., 1]
    whole = np.prod(high - low, axis=1)[:, None] + np.prod(other_high - other_low, axis=2)
    fit: Floats = shared / np.maximum(whole - shared, 1e-9)
    return fit


def _fresh(found: Boxes, detection: Ints, settings: TrackSettings) -> Ints:
    """The sure detections that no track got, less those that only repeat another."""
    fresh, _ = _by_score(found, settings)
    fresh[detection[detection >= 0]] = False
    candidates = np.flatnonzero(fresh)
    if not len(candidates):
        return candidates
    taken = detection[detection >= 0]
    others = np.concatenate([taken, candidates])
    covered = iou(found.xyxy[candidates], found.xyxy[others]) > settings.double
    covered &= _kinds(found.classes[candidates], settings)[:, None] == _kinds(found.classes[others], settings)
    # Detections come best first: a candidate yields to every taken one, and to better candidates only.
    covered[:, len(taken) :] = np.tril(covered[:, len(taken) :], -1)
    return candidates[~covered.any(axis=1)]


def _correct(tracks: Tracks, found: Boxes, detection: Ints, settings: TrackSettings) -> Tracks:
    """Kalman's correction, and the books, for the tracks that got a detection."""
    seen = detection >= 0
    rows = np.flatnonzero(seen)
    got = detection[rows]
    measured, scores = _centres(found.xyxy[got]), found.scores[got].astype(np.float64)
    here, joint, speed = tracks.spread[rows].transpose(1, 0, 2)
    noise = (DETECTION * measured[:, 2:].mean(axis=1)[:, None]) ** 2
    gain, speed_gain = here / (here + noise), joint / (here + noise)
    surprise = measured - tracks.centres[rows]
    centres, speeds, spread = tracks.centres.copy(), tracks.speeds.copy(), tracks.spread.copy()
    centres[rows] += gain * surprise
    speeds[rows] += speed_gain * surprise
    spread[rows] = np.stack([here - gain * here, joint - gain * joint, speed - speed_gain * joint], axis=1)
    old, new = tracks.classes[rows], found.classes[got]
    lead = np.minimum(tracks.votes[rows] + np.where(old == new, scores, -scores), MOST_VOTES)
    hits = tracks.hits + seen
    return replace(
        tracks,
        centres=centres,
        speeds=speeds,
        spread=spread,
        classes=_put(tracks.classes, rows, np.where(lead < 0, new, old)),
        votes=_put(tracks.votes, rows, np.abs(lead)),
        scores=_put(tracks.scores, rows, scores),
        hits=hits,
        missed=np.where(seen, 0, tracks.missed + 1),
        detection=detection,
        seen_at=np.where(seen, tracks.at, tracks.seen_at),
        confirmed=tracks.confirmed | (hits >= settings.hits),
    )


def _start(found: Boxes, rows: Ints, tracks: Tracks | None, hits: int) -> Tracks:
    """A new track for each detection of `rows`, numbered on from `tracks`."""
    at, first = (tracks.at, tracks.next_id) if tracks is not None else (0.0, 1)
    count, centres, scores = len(rows), _centres(found.xyxy[rows]), found.scores[rows].astype(np.float64)
    side = centres[:, 2:].mean(axis=1)
    variance = np.stack([(DETECTION * side) ** 2, np.zeros(count), (FIRST_SPEED * side) ** 2], axis=1)
    return Tracks(
        ids=first + np.arange(count),
        centres=centres,
        speeds=np.zeros((count, 4)),
        spread=np.repeat(variance[:, :, None], 4, axis=2),
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


def _by_score(found: Boxes, settings: TrackSettings) -> tuple[Bools, Bools]:
    sure = found.scores >= settings.floor
    return sure, ~sure & (found.scores >= settings.low)


def _kinds(classes: Ints, settings: TrackSettings) -> Ints:
    return np.array(settings.kinds)[classes] if settings.kinds else classes


def _centres(xyxy: NDArray[np.floating]) -> Floats:
    """Corners [N,4] to (x, y, width, height)."""
    sides = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 1.0)
    return np.concatenate([(xyxy[:, :2] + xyxy[:, 2:]) / 2, sides], axis=1, dtype=np.float64)


def _put(column: NDArray[Any], rows: Ints, values: NDArray[Any]) -> NDArray[Any]:
    changed = column.copy()
    changed[rows] = values
    return changed


EMPTY = _start(
    Boxes(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64)), np.arange(0), None, 1
)
