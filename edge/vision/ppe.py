"""Protective equipment: who wears a cover on face and head, and who has what was asked for."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from edge.engine import Settings, installed_of
from edge.errors import InputError
from edge.failover import AnyModel, open_failover
from edge.findings import BodyPart, Equipment, Protection, Trait, Worker
from edge.values import Box, Detection, Image
from models import bodies, covers
from models.bodies import Body
from models.covers import View
from models.manifest import ModelError, Task
from models.outputs import Boxes, Floats, Scores

FACE_COVER, HEAD_COVER, HAND_COVER = "FACE_COVER", "HEAD_COVER", "HAND_COVER"
# Where each kind is worn. No model here tells a glove from a hand: HAND_COVER is never found.
WORN_ON = {FACE_COVER: ("FACE",), HEAD_COVER: ("HEAD",), HAND_COVER: ("LEFT_HAND", "RIGHT_HAND")}
PERSON = "Person"
MOST = 15  # persons, the largest
POSE_FLOOR = 0.15  # of the keypoint network, whose scores are low
PERSON_FLOOR = 0.3  # of the detector
PERSON_SURE = 0.5  # of all that tells of a person, together
PART_FLOOR = WORN = 0.5  # below even, a hand is not there, and nothing is worn
SMALL = 0.4  # of the picture's longer side: whoever is lower is looked at again from nearby
MASK, MASK_FLOOR = "mask", 0.6


class Ppe:
    def __init__(self, keypoints: AnyModel, features: AnyModel, masks: AnyModel | None = None) -> None:
        self.keypoints = keypoints
        self.features = features
        self.masks = masks
        covers.load(features.manifest.name)  # tells now if there are none

    @property
    def models(self) -> tuple[AnyModel, ...]:
        return (self.keypoints, self.features, *([self.masks] if self.masks else []))

    def look(
        self, image: Image, faces: Boxes, required: Collection[str], floor: float, objects: Sequence[Detection] = ()
    ) -> Protection:
        """The persons of a picture, at most 15, largest first, and who of them wears all that is `required`.

        `faces` are pixels of `image`; persons also come from `objects`. Raises InputError if `required` names no
        equipment there is.
        """
        if unknown := set(required) - set(WORN_ON):
            raise InputError(f"{', '.join(sorted(unknown))}: no such equipment; there is {', '.join(WORN_ON)}")
        people = self.people(image, faces, objects)
        return summary([self._worker(image, body, number) for number, body in enumerate(people)], required, floor)

    def close(self) -> None:
        for model in self.models:
            model.close()

    def people(self, image: Image, faces: Boxes, objects: Sequence[Detection] = ()) -> list[Body]:
        """At most 15 persons, largest first, each with the pose that is found near it."""
        poses = self.keypoints.detect(image, POSE_FLOOR)
        people = bodies.bodies(_persons(objects, image.shape), poses, faces)
        largest = sorted(people, key=lambda body: -body.area)[:MOST]
        seen = [self._closer(image, body) if _wants_closer(body, image.shape) else body for body in largest]
        return sorted(bodies.distinct(seen, PERSON_SURE), key=lambda body: -body.area)

    def _closer(self, image: Image, body: Body) -> Body:
        """The same person with the pose that a look at his crop gives, where that is his."""
        left, top, right, bottom = bodies.surroundings(body, image.shape)
        poses = self.keypoints.detect(image[top:bottom, left:right], POSE_FLOOR)
        return bodies.with_best_pose(body, poses, (left, top))

    def _worker(self, image: Image, body: Body, number: int) -> Worker:
        box = _ratios(body.xyxy, image.shape)
        frame = bodies.head(body)
        parts = [] if frame is None else self._head_parts(image, body, frame)
        parts += [
            BodyPart(name, score, ())
            for name, point in (("LEFT_HAND", bodies.LEFT_WRIST), ("RIGHT_HAND", bodies.RIGHT_WRIST))
            if (score := bodies.sureness(float(body.seen[point]))) >= PART_FLOOR
        ]
        return Worker(number, box, bodies.confidence(body), tuple(parts))

    def _head_parts(self, image: Image, body: Body, frame: Floats) -> list[BodyPart]:
        """Face, if it can be seen, and head, each with what covers it."""
        parts = []
        head, face = bodies.head_scores(body)
        if face >= PART_FLOOR:
            mouth, nose = self.face_cover(image, frame)
            proper = Trait(nose >= 0.5, max(nose, 1.0 - nose))
            parts.append(BodyPart("FACE", face, _worn(FACE_COVER, mouth, proper, bodies.muzzle(frame), image.shape)))
        if head >= PART_FLOOR:
            cover = self.head_cover(image, frame)
            # It is looked for on the head and nowhere else: what is found there covers it.
            on_head = _worn(HEAD_COVER, cover, Trait(True, cover), bodies.crown(frame), image.shape)
            parts.append(BodyPart("HEAD", head, on_head))
        return parts

    def head_cover(self, image: Image, face: Floats) -> float:
        """The probability that something covers the head whose face is, or would be, at `face` [4] pixels."""
        return covers.load(self.features.use.name).head(self._features(image, face, covers.HEAD))

    def face_cover(self, image: Image, face: Floats) -> tuple[float, float]:
        """The probabilities that something covers the mouth at `face` [4] pixels, and if so, the nose too.

        Of the mouth the mask detector's word counts, where there is one and it finds the face.
        """
        mouth, nose = covers.load(self.features.use.name).face(self._features(image, face, covers.FACE))
        if self.masks is not None:
            seen = self.masks.detect(covers.crop(image, face, covers.MASKS), MASK_FLOOR)
            if len(seen):
                score = float(seen.scores[0])
                mouth = score if self.masks.labels[int(seen.classes[0])] == MASK else 1.0 - score
        return mouth, nose

    def _features(self, image: Image, face: Floats, view: View) -> Floats:
        told = self.features.run(covers.crop(image, face, view, self.features.manifest.input.crop))
        if not isinstance(told, Scores) or told.features is None:
            raise ModelError(f"{self.features.use.name} gives no features: set labels = ['efficientnet-lite0']")
        return told.features


def open_ppe(settings: Settings, *, lasting: bool = False, features: AnyModel | None = None) -> Ppe:
    """Open keypoints, the classifier of labels and, where it is installed, the mask detector.

    `features` is that classifier if it is open already: closing it twice does no harm. Raises what `open_failover`
    raises.
    """
    opened: list[AnyModel] = []
    try:
        opened.append(open_failover("keypoints", settings, lasting=lasting))
        opened.append(features or open_failover("labels", settings, lasting=lasting))
        if is_installed("masks", settings):
            opened.append(open_failover("masks", settings, lasting=lasting))
        return Ppe(*opened)
    except BaseException:
        for model in opened:
            if model is not features:
                model.close()
        raise


def is_installed(task: Task, settings: Settings) -> bool:
    """Whether there is a model for an optional task."""
    try:
        return bool(settings.models.of(task) and installed_of(task, settings)[0])
    except ModelError:
        return False


def summary(persons: Sequence[Worker], required: Collection[str], floor: float) -> Protection:
    """Sort each person into one of three lists, as DetectProtectiveEquipment does.

    With: everything required is worn, covers what it should, and all that says so scores at least `floor`. Without:
    the scores suffice, but something is missing or covers nothing. Indeterminate: a score is lower, or a body part
    that it takes is not seen.
    """
    lists: dict[bool | None, list[int]] = {True: [], False: [], None: []}
    for person in persons:
        lists[_wears(person, required, floor)].append(person.id)
    return Protection(tuple(persons), tuple(lists[True]), tuple(lists[False]), tuple(lists[None]))


def _wears(person: Worker, required: Collection[str], floor: float) -> bool | None:
    parts = {part.name: part for part in person.parts}
    answers = [_worn_properly(parts.get(name), kind, floor) for kind in required for name in WORN_ON[kind]]
    if person.score < floor or None in answers:
        return None
    return all(answers)


def _worn_properly(part: BodyPart | None, kind: str, floor: float) -> bool | None:
    if part is None or part.score < floor or kind == HAND_COVER:
        return None
    for item in part.equipment:
        if item.kind == kind:
            return None if min(item.score, item.covers.score) < floor else bool(item.covers.value)
    return False


def _persons(objects: Sequence[Detection], shape: Sequence[int]) -> Boxes:
    found = sorted(
        (one for one in objects if one.label == PERSON and one.score >= PERSON_FLOOR), key=lambda one: -one.score
    )
    ratios = np.array([(one.box.x1, one.box.y1, one.box.x2, one.box.y2) for one in found], np.float32).reshape(-1, 4)
    pixels = (ratios * np.array([shape[1], shape[0]] * 2)).astype(np.float32)
    return Boxes(pixels, np.array([one.score for one in found], np.float32), np.zeros(len(found), np.int64))


def _wants_closer(body: Body, shape: Sequence[int]) -> bool:
    height = float(body.xyxy[3] - body.xyxy[1])
    return not body.posed or height / max(shape[:2]) < SMALL


def _ratios(xyxy: Floats, shape: Sequence[int]) -> Box:
    """Pixels to ratios of a picture whose shape begins with height, width; clipped to it."""
    return Box(*np.clip(xyxy / np.array([shape[1], shape[0]] * 2), 0.0, 1.0).tolist())


def _worn(kind: str, score: float, proper: Trait, box: Floats, shape: Sequence[int]) -> tuple[Equipment, ...]:
    return (Equipment(kind, _ratios(box, shape), score, proper),) if score >= WORN else ()
