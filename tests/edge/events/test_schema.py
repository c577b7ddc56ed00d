"""Messages fit the schema, and the committed pages say what the code says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from edge.events import pages
from edge.events.schema import TYPES, complete, iso, json_schema, render, stamp, validate
from edge.values import Event
from tests.edge.events.examples import matched

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("kind", TYPES)
def test_what_the_rules_make_is_a_valid_message(kind: str) -> None:
    read = validate(pages.message(pages.examples()[kind], 5))
    assert (read.type, read.sequence, read.device) == (kind, 5, "porch")


@pytest.mark.parametrize("kind", TYPES)
def test_the_schema_knows_every_field_of_a_message(kind: str) -> None:
    schema = json_schema()
    name = schema["discriminator"]["mapping"][kind].rpartition("/")[2]
    said = json.loads(pages.message(pages.examples()[kind], 5))
    assert set(schema["$defs"][name]["properties"]) == set(said)
    values = schema["$defs"][schema["$defs"][name]["properties"]["values"]["$ref"].rpartition("/")[2]]
    assert set(said["values"]) <= set(values["properties"])


def test_the_committed_pages_are_those_the_code_makes() -> None:
    assert (DOCS / pages.SCHEMA).read_text("utf-8") == pages.schema(), "run: python -m edge.events.pages docs"
    text = (DOCS / pages.PAGE).read_text("utf-8")
    assert text == pages.page(text), "run: python -m edge.events.pages docs"


def test_an_unknown_field_a_wrong_type_and_a_wrong_value_are_refused() -> None:
    good = json.loads(pages.message(pages.examples()["moderation"], 5))
    for wrong in ({"mood": 1}, {"sequence": 0}, {"values": {"name": "Explicit", "score": 1.2}}):
        with pytest.raises(ValidationError):
            validate(json.dumps(good | wrong))
    with pytest.raises(KeyError):
        render(Event("seen_a_ghost", "door", 0.0, {}), "porch")


def test_times_are_utc_with_milliseconds() -> None:
    assert iso(0.0) == "1970-01-01T00:00:00.000Z"
    assert iso(1_767_258_309.1239) == "2026-01-01T09:05:09.123Z"


@given(st.text(max_size=40), st.floats(0, 4e9))
def test_a_stamp_changes_published_at_and_nothing_else(person: str, at: float) -> None:
    for name in (person, '"published_at":null', '\\"published_at\\":null'):
        body = complete("i" * 36, 3, render(matched(name, at=at), name))
        assert json.loads(stamp(body, at)) == json.loads(body) | {"published_at": iso(at)}
