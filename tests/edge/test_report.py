"""The page for people: whole, escaped, self-contained, with everything that was found."""

from __future__ import annotations

import re
from base64 import b64decode
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest

from edge import pictures
from edge.report import SIDE, Entry, entry, page
from edge.values import Image

EVIL = "<script>alert('&1')</script>\"'"
BOX = {"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.6}
VOID = {"meta", "img"}


def trait(value: bool) -> dict[str, Any]:
    return {"value": value, "score": 0.9}


DETAILS = {
    "landmarks": [{"kind": "nose", "x": 0.3, "y": 0.3}],
    "pose": {"roll": 1.2, "yaw": -20.0, "pitch": 3.0},
    "age": [22, 30],
    "gender": {"value": EVIL, "score": 0.98},
    "emotions": [{"value": EVIL, "score": 0.9}],
    **dict.fromkeys(("smile", "beard", "eyes_open"), trait(True)),
    **dict.fromkeys(("eyeglasses", "sunglasses", "mustache", "mouth_open", "occluded"), trait(False)),
}
COLOUR = {"red": 255, "green": 0, "blue": 0, "hex": "#ff0000", "css": EVIL, "simple": EVIL, "percent": 62.5}
REGION = {"quality": {"brightness": 41.5, "sharpness": 73.0, "contrast": 55.0}, "colours": [COLOUR]}
WORN = {"kind": EVIL, "box": BOX, "score": 0.7, "covers": trait(True)}
CELEBRITY = {"id": "1", "name": EVIL, "urls": ["javascript:alert(1)"], "gender": "", "similarity": 97.0, "pack": EVIL}
EVERYTHING: dict[str, Any] = {
    "image": EVIL,
    "width": 64,
    "height": 48,
    "objects": [{"label": EVIL, "score": 0.91, "box": BOX}],
    "faces": [
        {"score": 0.97, "quality": 0.8, "box": BOX, "landmarks": [[0.2, 0.2]] * 5, "details": DETAILS},
        {"score": 0.95, "quality": 0.7, "box": BOX, "landmarks": [[0.2, 0.2]] * 5, "celebrity": CELEBRITY},
    ],
    "labels": [
        {"name": EVIL, "score": 0.8, "parents": [EVIL], "aliases": [EVIL], "categories": [EVIL], "instances": []}
    ],
    "custom": [
        {
            "project": EVIL,
            "version": EVIL,
            "labels": [
                {"name": EVIL, "score": 0.7, "box": BOX, "parent": EVIL},
                {"name": EVIL, "score": 0.6, "box": None, "parent": ""},
            ],
        }
    ],
    "moderation": {
        "flags": [{"name": EVIL, "parent": EVIL, "level": 2, "score": 0.66}],
        "content_types": [{"value": EVIL, "score": 0.5}],
    },
    "properties": {**REGION, "foreground": REGION, "background": None},
    "text": [
        {"id": 0, "kind": "LINE", "parent": None, "text": EVIL, "score": 0.9, "box": BOX, "polygon": [[0.1, 0.1]] * 4}
    ],
    "ppe": {
        "persons": [
            {"id": 0, "box": BOX, "score": 0.9, "parts": [{"name": EVIL, "score": 0.9, "equipment": [WORN]}]},
        ],
        "with_required": [],
        "without_required": [0],
        "indeterminate": [],
    },
    "missing": {"liveness": EVIL},
}


class Reader(HTMLParser):
    """Text and attributes of a page; every tag that is opened must be closed in its turn."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def of(self, name: str) -> list[str]:
        return [value or "" for key, value in self.attributes if key == name]


def black(width: int = 64, height: int = 48) -> Image:
    return np.zeros((height, width, 3), np.uint8)


def test_every_finding_is_on_the_page_and_none_of_it_is_markup() -> None:
    read = Reader(page([entry(black(), EVERYTHING)]))
    assert "script" not in read.tags
    for heading in ("Flags", "Faces", "Protective equipment", "Persons", "Objects", "Labels", "Text", "Quality",
                    "Dominant colours", "Not looked for"):  # fmt: skip
        assert heading in read.text
    assert read.text.count("alert('&1')</script>") >= 18
    assert "smile, beard, eyes open, roll 1, yaw -20, pitch 3" in read.text
    assert "eyeglasses" not in read.text
    assert "62%" in read.text


def test_the_page_asks_for_nothing_from_outside() -> None:
    html = page([entry(black(), EVERYTHING)])
    read = Reader(html)
    assert not set(read.tags) & {"link", "script", "iframe", "a", "object"}
    assert all(source.startswith("data:image/jpeg;base64,") for source in read.of("src"))
    assert not read.of("href")
    assert "default-src 'none'" in html
    assert not re.search(r"url\(|@import|https?:", html)


def test_pictures_are_small_enough_and_there() -> None:
    (source,) = Reader(page([entry(black(4000, 3000), {"image": "a.jpg"})])).of("src")
    picture = pictures.read(b64decode(source.partition(",")[2]))
    assert picture.shape == (SIDE * 3 // 4, SIDE, 3)


def test_findings_are_drawn_into_the_picture() -> None:
    plain, drawn = entry(black(), {}), entry(black(), {"objects": EVERYTHING["objects"]})
    assert not pictures.read(plain.jpeg).any()
    assert pictures.read(drawn.jpeg).any()


def test_a_picture_of_which_nothing_is_known_is_shown_all_the_same() -> None:
    assert "Nothing was found." in Reader(page([entry(black(1, 1), {})])).text


@pytest.mark.parametrize(
    ("count", "said"), [(0, "0 pictures"), (1, "1 picture, 1 flagged"), (3, "3 pictures, 3 flagged")]
)
def test_the_title_counts(count: int, said: str) -> None:
    entries = [Entry(EVERYTHING, b"", 1, 1)] * count
    assert f"Vedette {said}" in Reader(page(entries)).text.replace("\n", "")


def test_a_colour_that_is_none_cannot_bring_style() -> None:
    colour = COLOUR | {"hex": "red;background:url(//x)"}
    html = page([entry(black(), {"properties": REGION | {"colours": [colour]}})])
    assert Reader(html).of("style") == ["background:transparent"]


def test_the_page_is_for_phones_and_for_the_dark() -> None:
    html = page([])
    assert "width=device-width" in html
    assert "color-scheme: light dark" in html
