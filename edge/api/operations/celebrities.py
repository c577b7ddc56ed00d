"""RecognizeCelebrities and GetCelebrityInfo: whom of the installed packs a picture shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from edge.api import faults, seeing, shapes
from edge.api.desk import Desk
from edge.findings import Celebrity
from edge.vision.celebrities import NO_PACK, Celebrities
from edge.vision.faces import FaceView

NOBODY = Celebrities()  # where no pack is installed


def recognize_celebrities(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """At most 64 of the largest faces are recognised; every other face is unrecognised."""
    ability = _ability(desk, "RecognizeCelebrities")
    analyzer = seeing.analyzer_of(desk.abilities, "RecognizeCelebrities")
    views = seeing.analyze(analyzer, desk.images.read(members["Image"]).image)
    who = ability.look(np.array([view.vector for view in views]))
    told = list(zip(views, who, strict=True))
    return {
        "CelebrityFaces": [_celebrity(one, view) for view, one in told if one],
        "UnrecognizedFaces": [_face(view) for view, one in told if one is None],
    }


def get_celebrity_info(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    ability = _ability(desk, "GetCelebrityInfo")
    person = ability.person(members["Id"])
    if person is None:
        raise faults.resource_not_found(f"No installed celebrity pack has the id {members['Id']}")
    return {"Urls": list(person.urls), "Name": person.name, **_gender(person.gender)}


def _ability(desk: Desk, operation: str) -> Celebrities:
    """Raises Fault where packs are installed and none of them can be used: their people are not nobody."""
    abilities = desk.abilities
    if abilities.celebrities is None and abilities.missing.get("celebrities", NO_PACK) != NO_PACK:
        raise seeing.unavailable(abilities, "celebrities", operation)
    return abilities.celebrities or NOBODY


def _celebrity(one: Celebrity, view: FaceView) -> dict[str, Any]:
    return {
        "Urls": list(one.urls),
        "Name": one.name,
        "Id": one.id,
        "Face": _face(view),
        "MatchConfidence": one.similarity,
        **_gender(one.gender),
    }


def _face(view: FaceView) -> dict[str, Any]:
    return shapes.compared_face(view.face, view.view)


def _gender(known: str) -> dict[str, Any]:
    """Nothing where the pack does not tell."""
    return {"KnownGender": {"Type": known}} if known else {}
