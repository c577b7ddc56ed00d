"""One camera watched: a frame and its objects go in, events come out. No threads and no clock of its own."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.session import AcceleratorError
from edge import identity, tracking
from edge.abilities import Abilities
from edge.cameras.base import CameraSettings
from edge.collections import Collections
from edge.errors import DiskError, InputError
from edge.events import rules
from edge.identity import Subject, Verdict, View
from edge.looks import LOOKS, CustomTold, custom, speakers
from edge.presence import OpenTrack
from edge.scene import NOTHING, Scene
from edge.stills import Stills, annotate
from edge.values import Box, Detection, Event, Face, Frame, ModelUse
from edge.vision.faces import faces as faces_of
from edge.vision.faces import frontal, owners_of
from edge.vision.objects import allowed
from models.manifest import ModelError
from models.outputs import Boxes

log = logging.getLogger(__name__)

PERSON = "Person"
SLOW = 1.0  # seconds between looks for faces while nobody in view is undecided
LEAP = 60.0  # seconds between two frames, beyond the longest rest, that only a clock that was set explains
FORGET = 10.0  # seconds a subject is remembered after its last view

Mark = tuple[Box, str, str]
SubjectKey = tuple[str, int]  # ("object" or "face", track id)


@dataclass(slots=True)
class Seen:
    """What came of one frame: events, and the tracks opened and closed with them."""

    stages: dict[str, float]
    events: list[Event] = field(default_factory=list)
    opened: list[OpenTrack] = field(default_factory=list)
    closed: list[tuple[str, int]] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    tracks: list[tracking.Track] = field(default_factory=list)  # that the frame shows, of what is asked for

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        started = perf_counter()
        yield
        self.stages[name] = self.stages.get(name, 0.0) + (perf_counter() - started) * 1e3


class Watch:
    """The memory of one camera between frames. Used by one thread."""

    def __init__(
        self,
        camera: str,
        settings: CameraSettings,
        abilities: Abilities,
        collections: Collections,
        stills: Stills | None,
    ) -> None:
        self.camera = camera
        self._settings = settings
        self._abilities = abilities
        self._collections = collections
        self._stills = stills
        self._labels = abilities.objects.labels if abilities.objects else ()
        self._tracking = tracking.TrackSettings(floor=settings.objects.floor, kinds=tracking.kinds(self._labels))
        self._looks = [
            task
            for task in ("faces", *LOOKS, "custom")
            if getattr(settings, task).enabled and getattr(abilities, task) is not None
        ]
        self._wanted = allowed(self._labels, settings.objects.labels)
        # Detectors waver: a car that is called a truck for a while is followed on, though nobody asked for trucks.
        kind = np.array(self._tracking.kinds, np.int64)
        self._followed = np.isin(kind, kind[self._wanted])
        self._follows_all = bool(self._followed.all())
        self._told: set[int] = set()
        self._face_tracking = tracking.TrackSettings(floor=settings.faces.floor, keep=2 * SLOW)
        self._tracks = tracking.EMPTY
        self._face_tracks = tracking.EMPTY
        self._subjects: dict[SubjectKey, Subject] = {}
        self._due: dict[str, float] = {}
        self._face_wait = settings.faces.every
        self._answered: dict[str, Any] = {}  # by task, what LOOKS remember
        self._complaint = ""
        self._at: float | None = None

    @property
    def floor(self) -> float:
        """The least score a detector need report: doubtful detections carry tracks on, but start none."""
        return min(self._tracking.low, self._tracking.floor)

    def number_from(self, last: int) -> None:
        """Give new tracks ids above `last`."""
        self._tracks = replace(self._tracks, next_id=last + 1)

    def see(self, frame: Frame, found: Boxes | None, stages: dict[str, float]) -> Seen:
        """Carry on from the last frame; `found` is in pixels, None if objects are not looked for."""
        seen = Seen(stages)
        self._keep_time(frame.at)
        if found is not None and self._abilities.objects:
            with seen.stage("track"):
                followed = found if self._follows_all else found.take(self._followed[found.classes])
                self._follow(frame, followed, seen)
        due = [task for task in self._looks if frame.at >= self._due.get(task, 0.0)]
        scene = Scene(frame.image, self._abilities, self._settings, NOTHING if found is None else found)
        for task in due:
            # Without an accelerator a task rests, which was told when the last one failed; the others go on.
            with seen.stage(task), suppress(AcceleratorError):
                if task == "faces":
                    self._look_for_faces(frame, scene, seen)
                elif task == "custom":
                    self._look_for_customs(scene, seen, frame.at)
                else:
                    self._look_for(task, scene, seen, frame.at)
        if seen.events and self._stills:
            with seen.stage("still"):
                self._picture(frame, seen, self._stills)
        return seen

    def leave(self, at: float, reason: str) -> Seen:
        """Close every open track: the camera is gone, or the daemon stops."""
        seen = Seen({})
        before = self._tracks
        # Nothing timed outlives the absence: the clock may be set before the camera is back.
        self._at = None
        self._due.clear()
        self._subjects.clear()
        self._tracks = replace(tracking.EMPTY, next_id=before.next_id)
        self._face_tracks = replace(tracking.EMPTY, next_id=self._face_tracks.next_id)
        self._end(before, [track.id for track in before if track.confirmed], seen, at, reason)
        return seen

    def _keep_time(self, at: float) -> None:
        """Where the clock was set, move what is remembered along with it: the scene has not moved in time."""
        step = 0.0 if self._at is None else at - self._at
        self._at = at
        if 0.0 <= step <= LEAP + 2 * self._settings.motion.rest:
            return
        log.warning("camera %s: the clock moved by %+.0f s", self.camera, step)
        self._tracks, self._face_tracks = (
            tracking.shifted(self._tracks, step),
            tracking.shifted(self._face_tracks, step),
        )
        self._due = {task: due + step for task, due in self._due.items()}
        for subject in self._subjects.values():
            subject.viewed_at += step

    def _follow(self, frame: Frame, found: Boxes, seen: Seen) -> None:
        before = self._tracks
        self._tracks = now = tracking.update(before, found, frame.at, self._tracking)
        seen.tracks = [row for row in now.rows if row.confirmed and row.detection >= 0 and self._wanted[row.label]]
        for row in seen.tracks:
            if row.id in self._told:
                continue
            track, label = row.id, self._labels[row.label]
            self._told.add(track)
            values = rules.track_started(track, label, row.score, _ratio(row.corners, frame))
            self._tell(seen, frame.at, "track_started", values, self._abilities.objects)
            seen.opened.append(OpenTrack(self.camera, track, label, row.started_at))
            self._face_wait = self._settings.faces.every
            self._due.pop("faces", None)  # somebody new is looked in the face at once
        self._end(before, tracking.ended(before, now), seen, frame.at, "left")

    def _end(self, before: tracking.Tracks, ended: Sequence[int], seen: Seen, at: float, reason: str) -> None:
        if not ended:
            return
        gone = {row.id: row for row in before}
        for track in [track for track in ended if track in self._told]:
            row = gone[track]
            values = rules.track_ended(track, self._labels[row.label], row.started_at, row.seen_at, reason)
            self._tell(seen, at, "track_ended", values, self._abilities.objects)
            seen.closed.append((self.camera, track))
            self._told.remove(track)
            self._subjects.pop(("object", track), None)

    def _look_for_faces(self, frame: Frame, scene: Scene, seen: Seen) -> None:
        task, found = self._settings.faces, scene.faces
        side = found.xyxy[:, 2:] - found.xyxy[:, :2]
        found = found.take(np.flatnonzero(side.min(axis=1, initial=np.inf) >= task.min_pixels))
        keys = self._subjects_of(found, frame.at)
        for row, (key, face) in enumerate(zip(keys, faces_of(found, frame.image.shape), strict=True)):
            assert found.landmarks is not None  # noqa: S101 - faces_of has seen them
            subject = self._subjects.setdefault(key, Subject())
            if identity.due(subject, frontal(found.landmarks[row]), frame.at):
                self._identify(frame, seen, (key, face, found.landmarks[row]))
            seen.marks.append((face.box, subject.person or "face", "match" if subject.person else "unknown"))
        undecided = any(not self._subjects[key].decided for key in keys)
        self._face_wait = task.every if undecided else min(max(2 * self._face_wait, task.every), max(SLOW, task.every))
        self._due["faces"] = frame.at + self._face_wait
        self._subjects = {
            key: subject for key, subject in self._subjects.items() if frame.at - subject.viewed_at < FORGET
        }

    def _subjects_of(self, found: Boxes, at: float) -> list[SubjectKey]:
        """Each face belongs to the person whose box holds it; those without one are tracked by themselves."""
        person = self._labels.index(PERSON) if PERSON in self._labels else -1
        people = [row for row in self._tracks if row.confirmed and row.label == person and not row.missed]
        owners = owners_of(found.xyxy, np.array([row.corners for row in people]).reshape(-1, 4))
        alone = np.flatnonzero(owners < 0)
        plain = Boxes(found.xyxy[alone], found.scores[alone], np.zeros(len(alone), np.int64))
        self._face_tracks = tracking.update(self._face_tracks, plain, at, self._face_tracking)
        track_of = {int(alone[row.detection]): row.id for row in self._face_tracks if row.detection >= 0}
        return [
            ("object", people[owner].id) if owner >= 0 else ("face", track_of.get(face, 0))
            for face, owner in enumerate(owners.tolist())
        ]

    def _identify(self, frame: Frame, seen: Seen, one: tuple[SubjectKey, Face, NDArray[np.float32]]) -> None:
        analyzer, task = self._abilities.faces, self._settings.faces
        assert analyzer is not None  # noqa: S101 - the caller holds it
        key, face, landmarks = one
        vector, quality = analyzer.embed(frame.image, landmarks)
        digest = analyzer.embedder.use.digest
        try:
            found = self._collections.identify(task.collection, vector, digest, task.similarity, task.margin)
        except (InputError, DiskError) as error:
            # Faces indexed with another model, or a disk that fails: the rest of the camera's work goes on.
            self._complain(error)
            return
        best = found.best.similarity if found.best else 0.0
        verdict = identity.see(self._subjects[key], View(found.match, best, quality, frame.at), task)
        if verdict is not None:
            self._tell_face(frame, seen, verdict, (key, face))

    def _tell_face(self, frame: Frame, seen: Seen, verdict: Verdict, one: tuple[SubjectKey, Face]) -> None:
        (kind, number), face = one
        track = number if kind == "object" else None
        collection = self._settings.faces.collection
        faces = self._abilities.faces
        assert faces is not None  # noqa: S101 - there was a face
        if verdict.match:
            values = rules.face_matched(verdict.match, collection, track, face.box)
        else:
            values = rules.face_unknown(verdict.similarity, collection, track, face.box)
        kind = "face_matched" if verdict.match else "face_unknown"
        self._tell(seen, frame.at, kind, values, faces.detector, faces.embedder)

    def _look_for(self, task: str, scene: Scene, seen: Seen, at: float) -> None:
        look = LOOKS[task]
        self._due[task] = at + getattr(self._settings, task).every
        answers, self._answered[task] = look.see(scene, self._settings, self._answered.get(task, look.told))
        for values in answers:
            self._tell(seen, at, look.event, values, *speakers(task, self._abilities))

    def _look_for_customs(self, scene: Scene, seen: Seen, at: float) -> None:
        self._due["custom"] = at + self._settings.custom.every
        told: dict[str, CustomTold] = self._answered.setdefault("custom", {})
        for project in self._settings.custom.projects:
            try:
                heard = custom(scene, project, told.get(project, CustomTold()))
            except AcceleratorError:  # the other projects go on
                continue
            except ModelError as error:
                self._complain(error)
                continue
            told[project] = heard.told
            seen.marks += [(one.box, f"{one.name} {one.score:.0%}", "object") for one in heard.labels if one.box]
            for kind, values, models in heard.events:
                self._tell(seen, at, kind, values, *models)

    def _complain(self, error: Exception) -> None:
        if str(error) != self._complaint:
            self._complaint = str(error)
            log.error("camera %s: %s", self.camera, error)

    def _tell(self, seen: Seen, at: float, kind: str, values: Mapping[str, Any], *models: Any) -> None:
        uses: tuple[ModelUse, ...] = tuple(model.use for model in models)
        seen.events.append(Event(kind, self.camera, at, values, uses, seen.stages))

    def _picture(self, frame: Frame, seen: Seen, stills: Stills) -> None:
        found = [Detection(self._labels[row.label], row.score, _ratio(row.corners, frame)) for row in seen.tracks]
        marks = [(one.box, f"{one.label} {row.id}", "object") for one, row in zip(found, seen.tracks, strict=True)]
        path = stills.write(annotate(frame.image, marks + seen.marks), self.camera, frame.at, seen.events[0].type)
        stills.keep_clean(path, frame.image, found)
        seen.events = [replace(event, still=path) for event in seen.events]


def _ratio(corners: tracking.Corners, frame: Frame) -> Box:
    height, width = frame.image.shape[:2]
    x1, y1, x2, y2 = corners
    sides = ((x1, width), (y1, height), (x2, width), (y2, height))
    return Box(*(min(max(place / side, 0.0), 1.0) for place, side in sides))
