"""What was found in a picture, for people: one line a finding."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

Finding = Mapping[str, Any]

FATES = {
    "with_required": "has what is required",
    "without_required": "lacks what is required",
    "indeterminate": "unclear",
}


def human(document: Finding) -> str:
    """A document of `vedette analyze` in lines, tasks in the order in which they are in it."""
    name = "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in document["image"])
    lines = [f"{name}  {document['width']}x{document['height']}"]
    for task, found in document.items():
        if task in WORDS:
            lines += [f"  {line}" for line in WORDS[task](found)]
    return "\n".join(lines)


def _objects(found: list[Finding]) -> Iterator[str]:
    yield from (f"object  {item['score']:.2f}  {item['label']}  {_where(item)}" for item in found)


def _faces(found: list[Finding]) -> Iterator[str]:
    for face in found:
        quality = f"  quality {face['quality']:.2f}" if "quality" in face else ""
        yield f"face    {face['score']:.2f}{quality}  {_where(face)}"
        if who := face.get("celebrity"):
            yield f"        {who['name']}, similarity {who['similarity']:.1f} %"
        if details := face.get("details"):
            yield from (f"        {line}" for line in _details(details))
        if alive := face.get("liveness"):
            yield f"        liveness {alive['score']:.2f} (advice, never a gate)"


def _details(face: Finding) -> Iterator[str]:
    traits = ("smile", "eyeglasses", "sunglasses", "beard", "mustache", "eyes_open", "mouth_open", "occluded")
    has = [f"{name.replace('_', ' ')} {face[name]['score']:.2f}" for name in traits if face[name]["value"]]
    feeling, pose = face["emotions"][0], face["pose"]
    low, high = face["age"]
    yield (
        f"{face['gender']['value'].lower()} {face['gender']['score']:.2f}, {low} to {high} years, "
        f"{feeling['value'].lower()} {feeling['score']:.2f}{', ' if has else ''}{', '.join(has)}"
    )
    yield (
        f"turned {pose['yaw']:+.0f}°, raised {pose['pitch']:+.0f}°, tilted {pose['roll']:+.0f}°; "
        f"looks {face['gaze']['yaw']:+.0f}°, {face['gaze']['pitch']:+.0f}°; "
        f"brightness {face['brightness']:.0f}, sharpness {face['sharpness']:.0f}"
    )


def _labels(found: list[Finding]) -> Iterator[str]:
    for item in found:
        count = f"  ({len(item['instances'])} in boxes)" if item["instances"] else ""
        yield f"label   {item['score']:.2f}  {' < '.join([item['name'], *item['parents']])}{count}"


def _moderation(found: Finding) -> Iterator[str]:
    for flag in found["flags"]:
        above = f" < {flag['parent']}" if flag["parent"] else ""
        yield f"flag    {flag['score']:.2f}  {flag['name']}{above}"
    yield from (f"content {kind['score']:.2f}  {kind['value']}" for kind in found["content_types"])


def _properties(found: Finding) -> Iterator[str]:
    for name, part in (("picture", found), ("front", found["foreground"]), ("back", found["background"])):
        if part:
            quality = part["quality"]
            yield (
                f"{name:<7} brightness {quality['brightness']:.0f}, sharpness {quality['sharpness']:.0f}, "
                f"contrast {quality['contrast']:.0f}; "
                + ", ".join(f"{colour['css']} {colour['percent']:.0f} %" for colour in part["colours"][:4])
            )


def _text(found: list[Finding]) -> Iterator[str]:
    yield from (
        f"text    {item['score']:.2f}  {item['text']}  {_where(item)}" for item in found if item["kind"] == "LINE"
    )


def _ppe(found: Finding) -> Iterator[str]:
    fates = {number: fate for fate in FATES for number in found[fate]}
    for person in found["persons"]:
        worn = [
            f"{item['kind'].lower().replace('_', ' ')} {item['score']:.2f}"
            for part in person["parts"]
            for item in part["equipment"]
        ]
        fate = FATES[fates[person["id"]]]
        yield f"person  {person['score']:.2f}  {fate}; wears {', '.join(worn) or 'no cover'}  {_where(person)}"


def _custom(found: list[Finding]) -> Iterator[str]:
    for answer in found:
        for item in answer["labels"]:
            above = f" < {item['parent']}" if item["parent"] else ""
            where = f"  {_where(item)}" if item["box"] else ""
            by = f"({answer['project']}/{answer['version']})"
            yield f"custom  {item['score']:.2f}  {item['name']}{above}{where}  {by}"


def _missing(found: Finding) -> Iterator[str]:
    yield from (f"no {task}: {reason}" for task, reason in found.items())


WORDS: dict[str, Callable[[Any], Iterator[str]]] = {
    "objects": _objects,
    "faces": _faces,
    "labels": _labels,
    "moderation": _moderation,
    "properties": _properties,
    "text": _text,
    "ppe": _ppe,
    "custom": _custom,
    "missing": _missing,
}


def _where(item: Finding) -> str:
    box = item["box"]
    return f"[{box['x1']:.3f} {box['y1']:.3f} {box['x2']:.3f} {box['y2']:.3f}]"
