"""ByteTrack: detections of one camera in, the same objects with lasting ids out.

After Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box" (arXiv 2110.06864):
tracks meet the sure detections first, and those left over meet the doubtful ones. Two things differ, because
frames of an edge device come at uneven times: the motion model counts seconds, not frames, and a track's overlap
with a detection is taken after widening both by how uncertain the track's position has become.

Everything is in pixels of the picture and epoch seconds; every function is pure. A camera follows a handful of
objects, for which plain numbers are several times faster than arrays.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple

from models.outputs import Boxes

# Along one axis: place, speed a second, the variance of the place, its covariance with the speed, the speed's variance.
Axis = tuple[float, float, float, float, float]
Corners = tuple[float, float, float, float]

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


class Track(NamedTuple):
    """One object. `axes` are x and y of its centre, width and height, which move independently.

    `detection` is the row of the last update's detections that it got, or -1; `missed` counts updates without one.
    `votes` is by how much score its class leads.
    """

    id: int
    axes: tuple[Axis, Axis, Axis, Axis]
    label: int
    votes: float
    score: float
    hits: int
    missed: int
    detection: int
    started_at: float
    seen_at: float
    confirmed: bool

    @property
    def corners(self) -> Corners:
        """Where the object is, or, if the update missed it, where it should be."""
        (x, *_), (y, *_), (width, *_), (height, *_) = self.axes
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2


@dataclass(frozen=True, slots=True)
class Tracks:
    """Tracks, oldest first; `at` is when they were updated, `next_id` the id of the next new one."""

    rows: tuple[Track, ...] = ()
    at: float = 0.0
    next_id: int = 1

    def __iter__(self) -> Iterator[Track]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


EMPTY = Tracks()


class Found(NamedTuple):
    """Detections as plain numbers, best first; `kinds` is what may be taken for one another."""

    corners: list[Corners]
    scores: list[float]
    labels: list[int]
    kinds: list[int]


def kinds(labels: Sequence[str]) -> tuple[int, ...]:
    """The kind of each class, for TrackSettings: labels that stand together in ALIKE share one."""
    leaders = {label: group[0] for group in ALIKE for label in group}
    names = [leaders.get(label, label) for label in labels]
    return tuple(names.index(name) for name in names)


def update(tracks: Tracks, found: Boxes, now: float, settings: TrackSettings) -> Tracks:
    """Continue, start and end tracks with what was found in the picture taken at `now`."""
    seen = _plain(found, settings)
    ahead = [_predicted(track, now - tracks.at, now) for track in tracks.rows]
    got = _associate(ahead, seen, settings)
    rows = []
    for row, track in enumerate(ahead):
        detection = got.get(row, -1)
        if detection >= 0:
            rows.append(_corrected(track, seen, detection, now, settings.hits))
        elif track.confirmed and (now - track.seen_at <= settings.keep or track.missed + 1 < settings.misses):
            rows.append(track._replace(missed=track.missed + 1, detection=-1))
    fresh = _fresh(seen, set(got.values()), settings)
    rows += [_started(seen, row, tracks.next_id + place, now, settings.hits) for place, row in enumerate(fresh)]
    return Tracks(tuple(rows), now, tracks.next_id + len(fresh))


def ended(before: Tracks, after: Tracks) -> list[int]:
    """The ids of confirmed tracks that an update ended."""
    alive = {track.id for track in after.rows}
    return [track.id for track in before.rows if track.confirmed and track.id not in alive]


def shifted(tracks: Tracks, seconds: float) -> Tracks:
    """The same tracks on a clock that was set forward by `seconds`."""
    rows = [row._replace(started_at=row.started_at + seconds, seen_at=row.seen_at + seconds) for row in tracks]
    return Tracks(tuple(rows), tracks.at + seconds, tracks.next_id)


def iou(a: Corners, b: Corners) -> float:
    """Intersection over union of two boxes."""
    shared = max(min(a[2], b[2]) - max(a[0], b[0]), 0.0) * max(min(a[3], b[3]) - max(a[1], b[1]), 0.0)
    whole = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - shared
    return shared / whole if whole > 0.0 else 0.0


def _plain(found: Boxes, settings: TrackSettings) -> Found:
    labels = found.classes.tolist()
    groups = settings.kinds
    return Found(
        found.xyxy.tolist(), found.scores.tolist(), labels, [groups[one] for one in labels] if groups else labels
    )


def _predicted(track: Track, seconds: float, now: float) -> Track:
    """Moved on at its speed; a clock that was set back moves nothing and starts `keep` anew."""
    if seconds <= 0.0:
        return track if track.seen_at <= now else track._replace(seen_at=now)
    x, y, width, height = track.axes
    side = ((width[0] + height[0]) / 2) ** 2
    kick, drift = ACCELERATION**2 * side * seconds, DRIFT**2 * side * seconds
    axes = []
    for place, speed, here, joint, pace in (x, y, width, height):
        spread = here + 2 * seconds * joint + seconds**2 * (pace + kick / 3) + drift
        axes.append((place + speed * seconds, speed, spread, joint + seconds * (pace + kick / 2), pace + kick))
    x, y, width, height = axes
    return track._replace(axes=(x, y, (max(width[0], 1.0), *width[1:]), (max(height[0], 1.0), *height[1:])))


def _associate(tracks: list[Track], found: Found, settings: TrackSettings) -> dict[int, int]:
    """Row of each track that gets a detection, and the detection's row; the best fits are served first.

    Greedy: on crowds the exact assignment keeps ids no better (IDF1 within .01 either way), and this one is quicker.
    """
    pairs = []
    for row, track in enumerate(tracks):
        for column, fit in _fits(track, found, settings):
            sure = found.scores[column] >= settings.floor
            # Known tracks meet sure detections, those not missed yet doubtful ones, new tracks the sure ones left over.
            if sure and fit >= settings.overlap:
                pairs.append((0 if track.confirmed else 2, -fit, row, column))
            elif not sure and track.confirmed and not track.missed and fit >= settings.low_overlap:
                pairs.append((1, -fit, row, column))
    got: dict[int, int] = {}
    taken: set[int] = set()
    for _, _, row, column in sorted(pairs):
        if row not in got and column not in taken:
            got[row] = column
            taken.add(column)
    return got


def _fits(track: Track, found: Found, settings: TrackSettings) -> Iterator[tuple[int, float]]:
    """Detections of its kind that overlap the track, both widened by how far it may have strayed; and their IoU."""
    (x, _, spread_x, *_), (y, _, spread_y, *_), (width, *_), (height, *_) = track.axes
    margin_x, margin_y = min(WIDENED * sqrt(spread_x), WIDEST * width), min(WIDENED * sqrt(spread_y), WIDEST * height)
    left, top = x - width / 2 - margin_x, y - height / 2 - margin_y
    right, bottom = x + width / 2 + margin_x, y + height / 2 + margin_y
    area = (right - left) * (bottom - top)
    kind = settings.kinds[track.label] if settings.kinds else track.label
    before, above, behind, below = left - margin_x, top - margin_y, right + margin_x, bottom + margin_y
    for column, (x1, y1, x2, y2) in enumerate(found.corners):
        if x2 <= before or x1 >= behind or y2 <= above or y1 >= below:
            continue  # most pairs of a crowd end here
        if found.kinds[column] == kind and found.scores[column] >= settings.low:
            wide = min(right, x2 + margin_x) - max(left, x1 - margin_x)
            high = min(bottom, y2 + margin_y) - max(top, y1 - margin_y)
            other = (x2 - x1 + 2 * margin_x) * (y2 - y1 + 2 * margin_y)
            yield column, wide * high / (area + other - wide * high)


def _fresh(found: Found, taken: set[int], settings: TrackSettings) -> list[int]:
    """The sure detections that no track got, less those that only repeat another."""
    candidates = [row for row, score in enumerate(found.scores) if score >= settings.floor and row not in taken]
    fresh = []
    for place, row in enumerate(candidates):
        # Detections come best first: a candidate yields to every taken one, and to better candidates only.
        rivals = (other for other in (*taken, *candidates[:place]) if found.kinds[other] == found.kinds[row])
        if all(iou(found.corners[row], found.corners[other]) <= settings.double for other in rivals):
            fresh.append(row)
    return fresh


def _corrected(track: Track, found: Found, row: int, now: float, hits: int) -> Track:
    """Kalman's correction, and the books, with the detection that the track got."""
    measured, score, label = _centred(found.corners[row]), found.scores[row], found.labels[row]
    noise = (DETECTION * (measured[2] + measured[3]) / 2) ** 2
    axes = []
    for (place, speed, here, joint, pace), there in zip(track.axes, measured, strict=True):
        gain, pull, surprise = here / (here + noise), joint / (here + noise), there - place
        moved = place + gain * surprise, speed + pull * surprise
        axes.append((*moved, here - gain * here, joint - gain * joint, pace - pull * joint))
    x, y, width, height = axes
    lead = min(track.votes + (score if label == track.label else -score), MOST_VOTES)
    return Track(
        id=track.id,
        axes=(x, y, width, height),
        label=label if lead < 0.0 else track.label,
        votes=abs(lead),
        score=score,
        hits=track.hits + 1,
        missed=0,
        detection=row,
        started_at=track.started_at,
        seen_at=now,
        confirmed=track.confirmed or track.hits + 1 >= hits,
    )


def _started(found: Found, row: int, number: int, now: float, hits: int) -> Track:
    centre, score = _centred(found.corners[row]), found.scores[row]
    side = (centre[2] + centre[3]) / 2
    here, pace = (DETECTION * side) ** 2, (FIRST_SPEED * side) ** 2
    x, y, width, height = ((place, 0.0, here, 0.0, pace) for place in centre)
    return Track(number, (x, y, width, height), found.labels[row], score, score, 1, 0, row, now, now, hits <= 1)


def _centred(corners: Corners) -> Corners:
    """Corners to (x, y, width, height)."""
    x1, y1, x2, y2 = corners
    return (x1 + x2) / 2, (y1 + y2) / 2, max(x2 - x1, 1.0), max(y2 - y1, 1.0)
