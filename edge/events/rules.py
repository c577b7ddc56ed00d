"""What deserves an event, and what it says. Pure: values in, values out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from edge.values import Box, Label, Match, ModelUse

REARM = 0.8  # of the moderation floor: so far a score must fall before the next event
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
        "similarity": round(match.similarity, 2),
        "cosine": round(match.cosine, ROUND),
        "box": box(where),
    }


def face_unknown(similarity: float, collection: str, track: int | None, where: Box) -> dict[str, Any]:
    return {"track": track, "collection": collection, "best_similarity": round(similarity, 2), "box": box(where)}


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
    values = [
        {"name": label.name, "score": round(label.score, ROUND), "parents": list(label.parents)} for label in found
    ]
    return ({"labels": values} if values else None), names


def moderation(score: float, floor: float, raised: bool) -> tuple[Mapping[str, Any] | None, bool]:
    """The event's values when the score reaches `floor`, and whether the alarm is now raised."""
    if score >= floor and not raised:
        return {"name": "Explicit", "score": round(score, ROUND)}, True
    return None, raised and score >= REARM * floor
