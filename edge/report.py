"""A folder of pictures as one page to look at: what was found, in words and drawn, in a single file.

The page needs nothing from outside and asks for nothing: pictures are inside it, and its policy forbids the rest.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import cv2
import numpy as np

from edge.drawing import draw, percent, who
from edge.values import Image

SIDE = 960  # pixels of a picture's longer side: enough for a phone and half a desktop
QUALITY = 80
HEX = re.compile(r"#[0-9a-fA-F]{6}")

TRAITS = ("smile", "eyeglasses", "sunglasses", "beard", "mustache", "eyes_open", "mouth_open", "occluded")
LISTS = ("with_required", "without_required", "indeterminate")

NOTHING = '<p class="soft">Nothing was found.</p>'
STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #777; --card: #8881; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 80rem; padding: 1rem; font: 16px/1.45 system-ui, sans-serif; }
body, td { overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0 0 .5rem; } h3 { font-size: .95rem; margin: 1rem 0 .25rem; }
article { border: 1px solid var(--line); border-radius: 8px; background: var(--card); padding: .8rem; margin: 1em 0; }
.sides { display: grid; gap: 1rem; grid-template-columns: minmax(0, 1fr); }
@media (min-width: 56rem) {
  .sides { grid-template-columns: minmax(0, 1.1fr) minmax(0, 1fr); }
  .sides > :first-child { position: sticky; top: .5rem; align-self: start; }
}
img { display: block; width: 100%; height: auto; border-radius: .3rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th, td { text-align: left; vertical-align: top; padding: .2rem .5rem .2rem 0; border-bottom: 1px solid var(--line); }
th { color: var(--soft); font-weight: 500; }
.number { width: 1%; text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
td:first-child { min-width: 6em; }
small, .soft { color: var(--soft); }
.chip { display: inline-block; margin-right: .7em; white-space: nowrap; }
.chip i { display: inline-block; width: .9em; height: .9em; margin-right: .3em; border: 1px solid var(--line); }
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture's answer and the picture, made small, as the page will hold them.

    Of one that cannot be read, `document` has the `error`, and there is no picture.
    """

    document: Mapping[str, Any]
    jpeg: bytes = b""
    width: int = 0
    height: int = 0


class Markup(str):
    """HTML that this file wrote; every other text is escaped."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of cells under a head; so many of the last columns are numbers, set flush right."""

    title: str
    head: tuple[str, ...]
    rows: Sequence[Sequence[str]]
    numbers: int = 1


def entry(image: Image, document: Mapping[str, Any]) -> Entry:
    """Of uint8 [H,W,3] BGR and what `vedette analyze --json` says of it, which is drawn into the small picture."""
    height, width = image.shape[:2]
    scale = min(SIDE / max(height, width), 1.0)
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8) if scale < 1.0 else image
    _, data = cv2.imencode(".jpg", draw(small, document), [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
    return Entry(document, data.tobytes(), *size)


def page(entries: Iterable[Entry]) -> str:
    """The whole HTML file."""
    entries = list(entries)
    flagged = sum(bool(one.document.get("moderation", {}).get("flags")) for one in entries)
    unread = sum("error" in one.document for one in entries)
    count = f"{len(entries)} picture{'s' if len(entries) != 1 else ''}"
    count += (f", {flagged} flagged" if flagged else "") + (f", {unread} could not be read" if unread else "")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>Vedette: {count}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f"<h1>Vedette <small>{count}</small></h1>\n{''.join(map(_article, entries))}</body>\n</html>\n"
    )


def _article(one: Entry) -> str:
    document = one.document
    name = str(document.get("image", "picture"))
    size = f"{document['width']} x {document['height']}" if "width" in document else ""
    if "error" in document:
        fault = f"Could not be read: {escape(document['error'])}"
        return f"<article>\n<h2>{escape(name)}</h2>\n<p>{fault}</p>\n</article>\n"
    source = f"data:image/jpeg;base64,{b64encode(one.jpeg).decode('ascii')}"
    tables = "".join(_table(table) for table in tables_of(document) if table.rows)
    return (
        f'<article>\n<h2>{escape(name)} <small>{escape(size)}</small></h2>\n<div class="sides">\n'
        f'<div><img src="{source}" width="{one.width}" height="{one.height}" alt="{escape(name)}"></div>\n'
        f"<div>{tables or NOTHING}</div>\n</div>\n</article>\n"
    )


def _table(table: Table) -> str:
    head = _row(table.head, "th", table.numbers)
    rows = "".join(_row(row, "td", table.numbers) for row in table.rows)
    title = escape(table.title)
    return f"<h3>{title}</h3>\n<table>\n<thead>\n{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>\n"


def _row(cells: Sequence[str], tag: str, numbers: int) -> str:
    words = len(cells) - numbers
    kinds = [f"{tag}" if place < words else f'{tag} class="number"' for place in range(len(cells))]
    return f"<tr>{''.join(f'<{kind}>{_html(cell)}</{tag}>' for kind, cell in zip(kinds, cells, strict=True))}</tr>\n"


def _html(text: str) -> str:
    return text if isinstance(text, Markup) else escape(text)


# What an answer says, as tables


def tables_of(document: Mapping[str, Any]) -> Iterator[Table]:
    """Of a document of `vedette analyze --json`, any of whose keys may be absent; some may be empty."""
    moderation = document.get("moderation") or {}
    flags = [(one["name"], one["parent"], percent(one["score"])) for one in moderation.get("flags", [])]
    kinds = [(one["value"], "content type", percent(one["score"])) for one in moderation.get("content_types", [])]
    yield Table("Flags", ("Name", "Under", "Sure"), flags + kinds)
    yield Table("Faces", ("Face", "Details", "Sure"), [_face(one) for one in document.get("faces", [])])
    yield from _protection(document.get("ppe") or {})
    objects = [(one["label"], _where(one["box"]), percent(one["score"])) for one in document.get("objects", [])]
    yield Table("Objects", ("Object", "Where", "Sure"), objects)
    labels = [(one["name"], _under(one), percent(one["score"])) for one in document.get("labels", [])]
    yield Table("Labels", ("Label", "Under", "Sure"), labels)
    yield Table("Custom labels", ("Label", "Where", "Sure"), list(_customs(document.get("custom", []))))
    lines = [(one["text"], percent(one["score"])) for one in document.get("text", []) if one["kind"] == "LINE"]
    yield Table("Text", ("Line", "Sure"), lines)
    yield from _properties(document.get("properties") or {})
    yield Table("Not looked for", ("Task", "Why"), list((document.get("missing") or {}).items()), numbers=0)


def _face(face: Mapping[str, Any]) -> tuple[str, str, str]:
    words = [f"quality {percent(face['quality'])}"] if "quality" in face else []
    if details := face.get("details"):
        words += [f"{one['value']} {percent(one['score'])}".lower() for one in details["emotions"][:3]]
        words += [name.replace("_", " ") for name in TRAITS if details[name]["value"]]
        words.append("roll {roll:.0f}, yaw {yaw:.0f}, pitch {pitch:.0f}".format(**details["pose"]))
    if known := face.get("celebrity"):
        words += [f"from {known['pack']}", *known["urls"]]
    return who(face), ", ".join(words), percent(face["score"])


def _customs(answers: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str, str]]:
    for answer in answers:
        for label in answer["labels"]:
            words = [_where(label["box"]) if label["box"] else "", f"by {answer['project']}/{answer['version']}"]
            yield label["name"], ", ".join(filter(None, words)), percent(label["score"])


def _protection(ppe: Mapping[str, Any]) -> Iterator[Table]:
    rows = []
    for person in ppe.get("persons", []):
        seen = [f"{_plain(part['name'])} {percent(part['score'])}" for part in person["parts"]]
        worn = [
            f"{_plain(one['kind'])} {percent(one['score'])}" + ("" if one["covers"]["value"] else ", does not cover")
            for part in person["parts"]
            for one in part["equipment"]
        ]
        rows.append((f"Person {person['id']}", ", ".join(seen), "; ".join(worn) or "none found"))
    yield Table("Protective equipment", ("Person", "Parts seen", "Worn"), rows, numbers=0)
    lists = [(_plain(name).capitalize(), ", ".join(map(str, ppe[name])) or "nobody") for name in LISTS if name in ppe]
    yield Table("Persons", ("With what is required", "Ids"), lists, numbers=0)


def _properties(properties: Mapping[str, Any]) -> Iterator[Table]:
    parts = [("Picture", properties)] if properties else []
    parts += [(name.capitalize(), properties[name]) for name in ("foreground", "background") if properties.get(name)]
    rows = [
        (name, f"{part['quality']['brightness']:.0f}", f"{part['quality']['sharpness']:.0f}",
         f"{part['quality']['contrast']:.0f}") for name, part in parts
    ]  # fmt: skip
    yield Table("Quality", ("Of 100", "Brightness", "Sharpness", "Contrast"), rows, numbers=3)
    colours = [(name, Markup(" ".join(map(_chip, part["colours"])))) for name, part in parts]
    yield Table("Dominant colours", ("Of", "Colour and pixels"), colours, numbers=0)


def _chip(colour: Mapping[str, Any]) -> str:
    """The colour itself before its name."""
    code = colour["hex"] if HEX.fullmatch(colour["hex"]) else "transparent"
    words = escape(f"{colour['css']} {percent(colour['percent'] / 100)}")
    title = escape(f"{colour['hex']} {colour['simple']}")
    return f'<span class="chip" title="{title}"><i style="background:{code}"></i>{words}</span>'


def _under(label: Mapping[str, Any]) -> str:
    words = [" < ".join(label.get("parents", [])), ", ".join(label.get("categories", []))]
    return "; ".join(filter(None, words))


def _where(box: Mapping[str, float]) -> str:
    return f"{percent(box['x1'])} {percent(box['y1'])} to {percent(box['x2'])} {percent(box['y2'])}"


def _plain(name: str) -> str:
    return name.replace("_", " ").lower()
