"""What deserves an event, and what it says. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from edge.findings import Celebrity, CustomAnswer, FaceDetails, Liveness, Moderated, Protection, Quality, Words
from edge.settings import PropertiesTask
from edge.values import Box, Label, Match, ModelUse

REARM = 0.8  # of the moderation floor: so far a score must fall before the next event
CLEAR = 0.5  # score from which an emotion tells faces apart
ALIKE = 0.6  # part of the letters that two readings of one line share
LATELY = 2  # looks in which a line or a label may be missed without being gone
FATES = ("with_required", "without_required", "indeterminate")
ROUND = 4  # decimals of a ratio: a tenth of a pixel at 1000 pixels


def box(value: Box) -> dict[str, float]:
    return {name: round(float(getattr(value, name)), ROUND) for name in ("x1", "y1", "x2", "y2")}


def track_started(track: int, label: str, score: float, where: Box) -> dict[str, Any]:
    return {"track": track, "label": label, "score": round(score, ROUND), "box": box(where)}


def track_ended(track: int, label: str, started_at: float, ended_at: float, reason: str) -> dict[str, Any]:
    """`reason` is left, camera_offline, stopped or restart."""
    duration = round(max(ended_at - started_at, 0.0), 3)
    return {"track": track, "label": label, "started_at": started_at, "duration": duration, "reason": reason}


def face_matched(match: Match, collection: str, track: int | None, where: Box) -> dict[str, Any]:
    return {
        "track": track,
        "person": match.person,
        "face_id": match.face_id,
        "external_image_id": match.external_image_id or None,
        "user_id": match.user_id or None,
        "collection": collection,
        "similarity": match.similarity,
        "cosine": round(match.cosine, ROUND),
        "box": box(where),
    }


def face_unknown(similarity: float, collection: str, track: int | None, where: Box) -> dict[str, Any]:
    return {"track": track, "collection": collection, "best_similarity": similarity, "box": box(where)}


def accelerator_failed(use: ModelUse, reason: str, instead: ModelUse | None) -> dict[str, Any]:
    """`instead` took over, or nobody could."""
    other = {"model": instead.name, "backend": instead.backend} if instead else None
    return {**accelerator_restored(use), "reason": reason, "instead": other}


def accelerator_restored(use: ModelUse) -> dict[str, Any]:
    return {"task": use.task, "model": use.name, "backend": use.backend}


def labels(found: Sequence[Label], told: frozenset[str]) -> tuple[dict[str, Any] | None, frozenset[str]]:
    """The event's values if the names differ from those told last, and the names now told."""
    names = frozenset(label.name for label in found)
    if names == told:
        return None, told
    return ({"labels": found} if found else None), names


def moderation(found: Moderated, floor: float, raised: frozenset[str]) -> tuple[dict[str, Any] | None, frozenset[str]]:
    """The event's values when something new on the first level reaches `floor`, and what is now raised.

    `found` goes down to REARM * `floor`: what falls below is raised anew when it comes back.
    """
    scores = {flag.name: flag.score for flag in found.flags if flag.level == 1}
    new = {name for name, score in scores.items() if score >= floor} - raised
    still = frozenset(new | (raised & scores.keys()))
    if not new:
        return None, still
    worst = max(new, key=scores.__getitem__)
    flags = [flag for flag in found.flags if flag.score >= floor]
    return {"name": worst, "score": scores[worst], "flags": flags}, still


class Settled(NamedTuple):
    """What was told last, and what the last look saw: an answer is told once two looks in a row agree."""

    told: Hashable
    seen: Hashable

    def see(self, now: Hashable) -> tuple[bool, Settled]:
        """Whether `now` is news, and what to remember."""
        news = now == self.seen and now != self.told
        return news, Settled(now if news else self.told, now)


def face_details(found: Sequence[FaceDetails], before: Settled) -> tuple[dict[str, Any] | None, Settled]:
    """The event's values if other faces are seen, told apart by gender, a clear emotion and glasses."""
    news, after = before.see(tuple(sorted(map(_kind, found))))
    return ({"faces": found} if news else None), after


def _kind(face: FaceDetails) -> tuple[str, str, bool]:
    feeling = face.emotions[0]
    return str(face.gender.value), str(feeling.value) if feeling.score >= CLEAR else "", bool(face.eyeglasses.value)


def text(found: Sequence[Words], before: Mapping[str, int]) -> tuple[dict[str, Any] | None, dict[str, int]]:
    """The event's values if a line is new, or the last one gone; `before` is each line with its looks since.

    A reader wavers from look to look: a line is new if it is not much like one that was there lately.
    """
    lines = [words for words in found if words.kind == "LINE"]
    now = [letters for line in lines if (letters := _letters(line.text))]
    lately = {line: looks + 1 for line, looks in before.items() if looks < LATELY}
    new = [one for one in now if not any(_alike(one, other) for other in lately)]
    gone = bool(before) and not now and not lately
    after = {line: 0 if any(_alike(line, one) for one in now) else looks for line, looks in lately.items()}
    return ({"lines": lines} if new or gone else None), after | dict.fromkeys(new, 0)


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text.casefold()))


def _alike(one: str, other: str) -> bool:
    return one == other or SequenceMatcher(None, one, other, autojunk=False).ratio() >= ALIKE


def picture_state(quality: Quality, task: PropertiesTask) -> str:
    """good, dark, bright or blurred; what is too dark or too bright is not called blurred."""
    if quality.brightness < task.dark:
        return "dark"
    if quality.brightness > task.bright:
        return "bright"
    return "blurred" if quality.sharpness < task.blurred else "good"


def quality(found: Quality) -> dict[str, float]:
    return {"brightness": found.brightness, "sharpness": found.sharpness, "contrast": found.contrast}


def celebrity(who: Celebrity, where: Box) -> dict[str, Any]:
    told = {"id": who.id, "name": who.name, "urls": who.urls, "similarity": who.similarity, "pack": who.pack}
    return {**told, "box": box(where)}


def ppe(
    found: Protection, required: Sequence[str], told: tuple[int, ...]
) -> tuple[dict[str, Any] | None, tuple[int, ...]]:
    """The event's values if the numbers of persons with and without equipment differ from those told last."""
    lists = (found.with_required, found.without_required, found.indeterminate)
    now = tuple(map(len, lists))
    if now == told:
        return None, told
    fates = {number: fate for fate, ids in zip(FATES, lists, strict=True) for number in ids}
    persons = [{"fate": fates[one.id], "score": one.score, "box": one.box} for one in found.persons]
    return {"required": required, **dict(zip(FATES, now, strict=True)), "persons": persons}, now


def liveness(
    found: Sequence[tuple[Box, Liveness]], floor: float, before: Settled
) -> tuple[dict[str, Any] | None, Settled]:
    """The event's values if the number of faces that seem to be there in the flesh, or not, has changed."""
    news, after = before.see(tuple(sorted(one.score >= floor for _, one in found)))
    faces = [{"live": one.score >= floor, "score": one.score, "box": where} for where, one in found]
    return ({"faces": faces} if news else None), after


def custom_labels(found: CustomAnswer, before: Mapping[str, int]) -> tuple[dict[str, Any] | None, dict[str, int]]:
    """The event's values if there is a label that was not there lately, or the last one is gone.

    `before` is each label with its looks since.
    """
    now = {label.name for label in found.labels}
    lately = {name: looks + 1 for name, looks in before.items() if looks < LATELY}
    gone = bool(before) and not now and not lately
    values = {"project": found.project, "version": found.version, "labels": found.labels}
    return (values if now - before.keys() or gone else None), lately | dict.fromkeys(now, 0)


def custom_shadow(
    found: CustomAnswer, shadow: CustomAnswer, told: tuple[frozenset[str], ...]
) -> tuple[dict[str, Any] | None, tuple[frozenset[str], ...]]:
    """The event's values if either of the two sees other labels than were told last."""
    now = tuple(frozenset(label.name for label in answer.labels) for answer in (found, shadow))
    if now == told:
        return None, told
    both = {"version": found.version, "labels": found.labels, "shadow": shadow.version, "shadow_labels": shadow.labels}
    return {"project": found.project, **both, "agree": now[0] == now[1]}, now
