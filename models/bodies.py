"""People in a picture, in its pixels: which pose and which face are whose, and where each head is.

Keypoints are COCO's 17, left and right as the subject has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from models.boxes import iou
from models.outputs import Boxes, Floats

NOSE, LEFT_EYE, RIGHT_EYE, LEFT_EAR, RIGHT_EAR, LEFT_SHOULDER, RIGHT_SHOULDER = range(7)
LEFT_WRIST, RIGHT_WRIST = 9, 10
HEAD = slice(NOSE, LEFT_SHOULDER)
POINTS = 17
SEEN = 0.3  # a keypoint below this is a guess
SAME = 0.4  # overlap from which a pose and a box are one person's
# In widths of a face, from photos of people who stand upright: breadth of the shoulders, and how far their middle
# lies below that of the face. The distances between ears and between eyes are those of the faces YuNet finds.
SHOULDERS, BELOW, EARS, EYES, TALL = 2.3, 1.5, 1.05, 0.44, 1.25
# A score of the network where right and wrong are even, and how steeply it turns.
EVEN, SLOPE = 0.2, 12.0
FACE_EVEN = 0.45  # of nose and eyes, where the face detector has found no face


@dataclass(frozen=True, slots=True)
class Body:
    """A person: `xyxy` [4] pixels; `points` [17,2] and `seen` [17], all 0 without a pose; `face` [4] if it was found.

    `detected`, `posed` and `faced` are the scores 0..1 of the detector, the pose and the face; 0 where there is none.
    """

    xyxy: Floats
    points: Floats
    seen: Floats
    face: Floats | None = None
    detected: float = 0.0
    posed: float = 0.0
    faced: float = 0.0

    @property
    def area(self) -> float:
        return float(np.prod(self.xyxy[2:] - self.xyxy[:2]))

    def visible(self, points: slice | Sequence[int]) -> Floats:
        """Those of the keypoints that are seen, [n,2]."""
        kept: Floats = self.points[points][self.seen[points] >= SEEN]
        return kept


def bodies(detected: Boxes, poses: Boxes, faces: Boxes) -> list[Body]:
    """Everybody whom a detector, a pose or a face tells of, each once. A face that is nobody's has a body guessed."""
    people = [
        Body(box, np.zeros((POINTS, 2), np.float32), np.zeros(POINTS, np.float32), detected=score)
        for box, score in zip(detected.xyxy, detected.scores.tolist(), strict=True)
    ]
    alone = dict(enumerate(posed(poses)))
    for row, pose in _matches(iou(detected.xyxy, poses.xyxy), SAME):
        people[row] = with_pose(people[row], alone.pop(pose))
    people += alone.values()
    return with_faces(people, faces)


def posed(poses: Boxes) -> list[Body]:
    assert poses.landmarks is not None  # noqa: S101 - the decoder of poses fills both
    assert poses.seen is not None  # noqa: S101
    rows = zip(poses.xyxy, poses.landmarks, poses.seen, poses.scores.tolist(), strict=True)
    return [Body(box, points, seen, posed=score) for box, points, seen, score in rows]


def with_pose(body: Body, pose: Body) -> Body:
    return replace(body, points=pose.points, seen=pose.seen, posed=pose.posed)


def with_faces(people: Sequence[Body], faces: Boxes) -> list[Body]:
    """Give each face to whose head it is; who is left over gets a body guessed from the face."""
    found = list(people)
    near = np.array([[_nearness(body, face) for face in faces.xyxy] for body in people], np.float32)
    owners = _matches(near.reshape(len(people), len(faces)), 0.0)
    for row, face in owners:
        found[row] = replace(found[row], face=faces.xyxy[face], faced=float(faces.scores[face]))
    left = sorted(set(range(len(faces))) - {face for _, face in owners})
    return found + [of_face(faces.xyxy[face], float(faces.scores[face])) for face in left]


def of_face(face: Floats, score: float) -> Body:
    """Head and shoulders, as far as a face tells of them."""
    width, height = face[2:] - face[:2]
    around = np.array([-(SHOULDERS - 1) / 2 * width, -0.4 * height, (SHOULDERS - 1) / 2 * width, 1.2 * height])
    nothing = np.zeros(POINTS, np.float32)
    return Body((face + around).astype(np.float32), np.zeros((POINTS, 2), np.float32), nothing, face, faced=score)


def _nearness(body: Body, face: Floats) -> float:
    """1 where the face lies on the body's head, below 0 where it cannot be this body's."""
    middle, width = (face[:2] + face[2:]) / 2, max(float(face[2] - face[0]), 1e-6)
    head = body.visible(HEAD)
    if len(head) >= 2:
        return 1.0 - float(np.hypot(*(head.mean(0) - middle))) / width
    size = np.maximum(body.xyxy[2:] - body.xyxy[:2], 1e-6)
    across, down = (middle - body.xyxy[:2]) / size
    if not (0.0 <= across <= 1.0 and -0.05 <= down <= 0.5):
        return -1.0
    return 0.75 - 0.5 * abs(float(across) - 0.5) - 0.5 * max(float(down), 0.0)


def _matches(values: NDArray[np.floating], least: float) -> list[tuple[int, int]]:
    """Rows and columns that belong together, best first, each used once, none at or below `least`."""
    left, pairs = values.copy(), []
    while left.size and (best := int(left.argmax())) >= 0 and left.flat[best] > least:
        row, column = divmod(best, left.shape[1])
        pairs.append((row, column))
        left[row], left[:, column] = -np.inf, -np.inf
    return pairs


def head(body: Body) -> Floats | None:
    """Where the face is, or would be if the person turned round: [4] pixels; None if nothing tells."""
    if body.face is not None:
        return body.face
    ears, eyes = body.visible([LEFT_EAR, RIGHT_EAR]), body.visible([LEFT_EYE, RIGHT_EYE])
    shoulders = body.visible([LEFT_SHOULDER, RIGHT_SHOULDER])
    # Whatever is seen from the side looks too narrow: the widest says most.
    widths = [
        float(np.hypot(*(pair[0] - pair[1]))) / part
        for pair, part in ((ears, EARS), (eyes, EYES), (shoulders, SHOULDERS))
        if len(pair) == 2
    ]
    middle = body.visible(HEAD)
    if not widths or not (len(middle) or len(shoulders) == 2):
        return None
    width = max(widths)
    below = np.array([0.0, width])
    centre = middle.mean(0) + 0.1 * below if len(middle) else shoulders.mean(0) - BELOW * below
    half = np.array([width, TALL * width]) / 2
    found: Floats = np.concatenate([centre - half, centre + half]).astype(np.float32)
    return found


def surroundings(body: Body, shape: Sequence[int]) -> tuple[int, int, int, int]:
    """The part of a picture, whose shape begins with height and width, that holds this person: whole pixels."""
    if body.detected or body.posed:
        size = body.xyxy[2:] - body.xyxy[:2]
        low, high = body.xyxy[:2] - 0.1 * size, body.xyxy[2:] + 0.1 * size
    else:  # a face alone: below it may stand a whole person
        assert body.face is not None  # noqa: S101 - something told of this person
        width, height = body.face[2:] - body.face[:2]
        low = body.face[:2] - np.array([2.0 * width, height])
        high = body.face[2:] + np.array([2.0 * width, 6.0 * height])
    limit = np.array([shape[1], shape[0]])
    left, top = np.clip(np.floor(low), 0, limit - 1).astype(int).tolist()
    right, bottom = np.clip(np.ceil(high), (left + 1, top + 1), limit).astype(int).tolist()
    return left, top, right, bottom


def with_best_pose(body: Body, poses: Boxes, offset: tuple[int, int]) -> Body:
    """The body with that of the poses which is its own, if any is; `offset` leads from their pixels to the body's."""
    shift = np.array(offset, np.float32)
    found = [replace(one, xyxy=one.xyxy + np.tile(shift, 2), points=one.points + shift) for one in posed(poses)]
    if body.face is not None:
        values = [_nearness(replace(one, face=None), body.face) for one in found]
    else:
        values = [float(iou(body.xyxy[None], one.xyxy[None])[0, 0]) - SAME / 2 for one in found]
    if not values or max(values) <= 0:
        return body
    best = found[int(np.argmax(values))]
    whole = body.xyxy
    if not body.detected and not body.posed:
        whole = np.concatenate([np.minimum(whole[:2], best.xyxy[:2]), np.maximum(whole[2:], best.xyxy[2:])])
    return replace(with_pose(body, best), xyxy=whole, posed=max(best.posed, body.posed))


def sureness(score: float, even: float = EVEN) -> float:
    """The probability that a keypoint or a pose of this score is right, if at `even` it is a half."""
    return float(0.5 + 0.5 * np.tanh(0.5 * SLOPE * (score - even)))


def confidence(body: Body) -> float:
    """The probability that there is a person, if detector, pose and face err independently."""
    pose = sureness(body.posed) if body.posed else 0.0
    return 1.0 - (1.0 - body.detected) * (1.0 - pose) * (1.0 - body.faced)


def head_scores(body: Body) -> tuple[float, float]:
    """The probabilities that the head is where `head` says, and that the face can be seen."""
    eyes, ears = body.seen[[LEFT_EYE, RIGHT_EYE]], body.seen[[LEFT_EAR, RIGHT_EAR]]
    shoulders = body.seen[[LEFT_SHOULDER, RIGHT_SHOULDER]]
    front = float(min(body.seen[NOSE], eyes.max()))
    any_side = max(front, float(ears.max()), float(shoulders.min()))
    # Of who turns away the network guesses where nose and eyes are; his left shoulder lies on the picture's left.
    away = shoulders.min() >= SEEN and body.points[LEFT_SHOULDER, 0] < body.points[RIGHT_SHOULDER, 0]
    face = 0.0 if away else sureness(front, FACE_EVEN)
    return max(body.faced, sureness(any_side)), max(body.faced, face)


def muzzle(face: Floats) -> Floats:
    """Where a mask would lie on a face at `face` [4] pixels: from below the eyes to the chin."""
    height = face[3] - face[1]
    return face + np.array([0.0, 0.45 * height, 0.0, 0.05 * height], np.float32)


def crown(face: Floats) -> Floats:
    """Where a cap or helmet would lie above a face at `face` [4] pixels."""
    width, height = face[2:] - face[:2]
    return np.array(
        [face[0] - 0.15 * width, face[1] - 0.45 * height, face[2] + 0.15 * width, face[1] + 0.25 * height], np.float32
    )


def distinct(people: Sequence[Body], least: float) -> list[Body]:
    """Those of at least that confidence, surest first; of several with one head in common, the surest."""
    kept: list[tuple[Body, Floats | None]] = []
    for body in sorted(people, key=lambda body: -confidence(body)):
        place = head(body)
        if confidence(body) >= least and not any(_is_same(body, place, *other) for other in kept):
            kept.append((body, place))
    return [body for body, _ in kept]


def _is_same(body: Body, place: Floats | None, other: Body, theirs: Floats | None) -> bool:
    if place is not None and theirs is not None:
        return float(iou(place[None], theirs[None])[0, 0]) > SAME / 2
    shared = np.clip(np.minimum(body.xyxy[2:], other.xyxy[2:]) - np.maximum(body.xyxy[:2], other.xyxy[:2]), 0.0, None)
    return float(np.prod(shared)) > (1.0 - SAME / 2) * body.area
