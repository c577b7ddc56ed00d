"""Writes docs/events.schema.json and the generated parts of docs/EVENTS.md: python -m edge.events.pages docs."""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any

from edge.events import rules
from edge.events.ids import layout
from edge.events.schema import NO_CAMERA, TYPES, complete, json_schema, render, stamp
from edge.findings import (
    Celebrity,
    CustomAnswer,
    CustomLabel,
    FaceDetails,
    Flag,
    Gaze,
    Liveness,
    Moderated,
    Pose,
    Protection,
    Quality,
    Trait,
    Words,
    Worker,
)
from edge.values import Box, Event, Face, Label, Match, ModelUse

NOBODYS = ("events_", "accelerator_", "custom_pack")  # begin the types that are about no camera
SCHEMA = "events.schema.json"
PAGE = "EVENTS.md"
AT = 1_767_258_309.12
BOX = Box(0.4123, 0.2031, 0.5207, 0.8844)
FACE = Box(0.4412, 0.2214, 0.4873, 0.3309)
NO_ANSWER = "libedgetpu.so.1: no answer within 1 s; unplug the device and plug it in again, or restart"
STRANGER = "signed by 5f1c…, whom this device does not trust"
UUID = "9b2d6c1e-5f04-4a8e-9d59-3f6f0f1c2a77"


def _use(task: str, name: str, digit: str) -> ModelUse:
    return ModelUse(task, name, 1, digit * 64, "openvino")


def examples() -> dict[str, Event]:
    """One event of each type, made by the code that makes them."""
    objects = (_use("objects", "nanodet-g", "4"),)
    faces = (_use("faces", "yunet", "7"), _use("embedding", "sface", "c"))
    tpu = ModelUse("objects", "ssd-mobilenet-v2", 1, "5" * 64, "coral")
    match = Match(UUID, "ann.jpg", "ann", 0.6412, 99.31)
    dog = Label("Golden Retriever", 0.8127, ("Dog", "Canine", "Animal"))
    labels, _ = rules.labels([dog], frozenset())
    weapon = Flag("Weapons", "Violence", 2, 0.8731)
    moderation, _ = rules.moderation(Moderated((Flag("Violence", "", 1, 0.8731), weapon), ()), 0.8, frozenset())
    details, _ = rules.face_details([_details()], rules.Settled((), (("Female", "CALM", False),)))
    line = Words(0, "LINE", None, "EXIT", 0.9871, FACE, ((0.44, 0.22), (0.49, 0.22), (0.49, 0.33), (0.44, 0.33)))
    text, _ = rules.text([line], {})
    worker = Worker(0, BOX, 0.9312, ())
    ppe, _ = rules.ppe(Protection((worker,), (), (0,), ()), ("HEAD_COVER",), (0, 0, 0))
    known = Celebrity("Q284628", "Eileen Collins", ("www.wikidata.org/wiki/Q284628",), "Female", 99.12, "astronauts")
    live, _ = rules.liveness([(FACE, Liveness(0.9127, (0.94, 0.88)))], 0.5, rules.Settled((), (True,)))
    now, new = (
        CustomAnswer("raccoons", version, (_raccoon(score),)) for version, score in (("7", 0.9431), ("8", 0.9712))
    )
    custom, _ = rules.custom_labels(now, {})
    shadow, _ = rules.custom_shadow(now, new, ())
    versions = (_use("custom", "raccoons/7", "8"), _use("custom", "raccoons/8", "f"))
    told: dict[str, tuple[Any, tuple[ModelUse, ...], dict[str, float]]] = {
        "track_started": (rules.track_started(17, "Person", 0.8127, BOX), objects, {"objects": 9.41, "track": 0.31}),
        "track_ended": (rules.track_ended(17, "Person", AT - 41.7, AT, "left"), objects, {"objects": 9.38}),
        "face_matched": (rules.face_matched(match, "people", 17, FACE), faces, {"faces": 6.2, "embedding": 7.9}),
        "face_unknown": (rules.face_unknown(41.57, "people", 17, FACE), faces, {"faces": 6.3, "embedding": 8.1}),
        "labels": (labels, (_use("labels", "efficientnet-lite0", "1"),), {"labels": 5.6}),
        "moderation": (moderation, (_use("moderation", "open-nsfw", "e"),), {"moderation": 21.4}),
        "face_details": (details, (_use("mesh", "face-mesh", "6"),), {"attributes": 31.2}),
        "text": (text, (_use("text_boxes", "ppocr-tiny-det", "a"),), {"text": 142.0}),
        "picture_quality": ({"state": "dark", **rules.quality(Quality(9.31, 22.4, 14.8))}, (), {"properties": 2.1}),
        "ppe": (ppe, (_use("keypoints", "movenet-multipose", "b"),), {"ppe": 38.9}),
        "celebrity": (rules.celebrity(known, FACE), (), {"celebrities": 14.2}),
        "liveness": (live, (_use("liveness", "minifasnet-v2", "d"),), {"liveness": 6.4}),
        "custom_labels": (custom, versions[:1], {"custom": 10.6}),
        "custom_shadow": (shadow, versions, {"custom": 21.3}),
        "camera_online": ({}, (), {}),
        "camera_offline": ({"reason": "no frame for 5 s"}, (), {}),
        "accelerator_failed": (rules.accelerator_failed(tpu, NO_ANSWER, objects[0]), (), {}),
        "accelerator_restored": (rules.accelerator_restored(tpu), (), {}),
        "custom_pack": ({"project": "raccoons", "version": "7", "state": "refused", "reason": STRANGER}, (), {}),
        "events_lost": ({"first": 1201, "last": 2200, "count": 1000}, (), {}),
        "events_dropped": ({"count": 312, "first_at": AT - 5400, "last_at": AT - 3600, "reason": "disk"}, (), {}),
    }
    return {
        kind: Event(kind, NO_CAMERA if kind.startswith(NOBODYS) else "door", AT, values, models, stages)
        for kind, (values, models, stages) in told.items()
    }


def _raccoon(score: float) -> CustomLabel:
    return CustomLabel("raccoon", score, BOX)


def _details() -> FaceDetails:
    face = Face(FACE, 0.9312, ())
    no = Trait(False, 0.9713)
    calm, happy = Trait("CALM", 0.8123), Trait("HAPPY", 0.1877)
    return FaceDetails(
        face=face,
        landmarks=(),
        pose=Pose(1.2, -7.9, 3.4),
        brightness=61.3,
        sharpness=78.2,
        age=(28, 42),
        gender=Trait("Female", 0.9874),
        emotions=(calm, happy),
        smile=no,
        eyeglasses=no,
        sunglasses=no,
        beard=no,
        mustache=no,
        eyes_open=Trait(True, 0.9913),
        mouth_open=no,
        occluded=no,
        gaze=Gaze(-3.1, 0.4, 0.8),
    )


def message(event: Event, sequence: int) -> str:
    """A whole message, as the broker gets it."""
    identity = layout(int(event.captured_at * 1000), sequence, 0x1B7C_54E1_90AD_33F2)
    return stamp(complete(identity, sequence, render(event, "porch")), event.captured_at + 0.034)


def schema() -> str:
    return json.dumps(json_schema(), indent=2, ensure_ascii=False) + "\n"


def page(before: str) -> str:
    """The page with its generated parts made anew; the rest is written by hand."""
    parts = {"example": _example(), "types": "\n".join(_types())}
    for name, text in parts.items():
        begin, end = f"<!-- {name}: generated -->", f"<!-- {name}: end -->"
        head, found, rest = before.partition(begin)
        _, ended, tail = rest.partition(end)
        if not (found and ended):
            raise ValueError(f"{PAGE}: the marks around '{name}' are missing")
        before = f"{head}{begin}\n{text}\n{end}{tail}"
    return before


def _example() -> str:
    said = json.loads(message(examples()["face_matched"], 4711))
    return f"```json\n{json.dumps(said, indent=2, ensure_ascii=False)}\n```"


def _types() -> list[str]:
    lines = []
    for number, (kind, event) in enumerate(examples().items(), 4711):
        values = json.loads(message(event, number))["values"]
        text = " ".join((inspect.getdoc(TYPES[kind]) or "").split())
        lines += [f"### `{kind}`", "", text, "", "```json", json.dumps(values, ensure_ascii=False), "```", ""]
    return lines[:-1]


def main(folder: Path) -> None:
    (folder / SCHEMA).write_text(schema(), "utf-8")
    (folder / PAGE).write_text(page((folder / PAGE).read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
