"""Whether the daemon is well, and what of its picture the broker keeps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from edge import status
from edge.stats import Stats
from tests.edge.picture import picture

PAGE = (Path(__file__).parents[2] / "docs" / "EVENTS.md").read_text("utf-8")
RESTING = {"name": None, "failed": [{"backend": "coral", "reason": "no answer within 1 s"}]}
CLOSED = {"state": "offline", "reason": "no answer", **Stats().camera("x")}


def test_one_camera_that_works_is_well_enough() -> None:
    assert status.fault(picture()) == ""
    assert status.summary(picture()) == "1 of 2 cameras online, broker away, events waiting: 7"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"silent": ["vision"]}, "the vision thread is stuck"),
        ({"disk": {"fault": "vedette.db: no space left", "held": 3, "dropped": 0}}, "wait in memory: vedette.db"),
        ({"outbox": {"waiting": 9, "oldest_at": 1.0, "crowded": True}}, "bring the broker back"),
        ({"cameras": {"a": CLOSED, "b": CLOSED}}, "no camera delivers frames; a: no answer; b: no answer"),
        ({"models": {"objects": RESTING, "labels": RESTING}}, "no back end works; coral: no answer within 1 s"),
        ({"cameras": {"a": {**CLOSED, "state": "opening", "reason": ""}}}, "they are being opened"),
    ],
)
def test_what_is_a_fault(changes: dict[str, Any], said: str) -> None:
    assert said in picture(**changes)["fault"]


def test_an_outbox_that_cannot_be_read_is_unknown() -> None:
    assert "events waiting: unknown" in picture(outbox={})["summary"]


def test_the_small_form_is_small_and_in_milliseconds() -> None:
    told = status.small(picture())
    assert told["cameras"]["door"]["frames"] == {
        "captured": 9, "idle": 0, "replaced": 1, "abandoned": 0, "unseen": 0, "stopped": 0, "analysed": 8
    }  # fmt: skip
    assert told["cameras"]["yard"]["reason"] == "rtsp://yard: no answer [2 s]"
    assert told["cameras"]["door"]["age"] == 0.03
    assert told["cameras"]["yard"]["age"] is None
    assert told["stages"]["infer"] == {"count": 8, "mean": 9.0, "p50": 7.5, "p99": 9.95}
    assert told["delivery"]["count"] == 1
    assert told["started_at"] == "1970-01-01T00:00:00.000Z"
    assert told["outbox"]["oldest_at"] == "1970-01-01T00:58:00.000Z"
    assert told["board"] == {
        "temperature": 61.8,
        "throttled": [],
        "throttled_since_boot": ["under_voltage"],
        "memory": 2 << 30,
        "disk": 9 << 30,
    }
    assert len(json.dumps(told)) < 2500


def test_nothing_counted_has_no_times() -> None:
    assert status.milliseconds(Stats().delivery()) == {"count": 0, "mean": None, "p50": None, "p99": None}


def shape(document: Any) -> Any:
    """Its keys, all the way down."""
    return {key: shape(value) for key, value in document.items()} if isinstance(document, dict) else None


def test_the_page_shows_the_message_as_it_is() -> None:
    shown = json.loads(PAGE.partition("<!-- status -->\n```json\n")[2].partition("```")[0])
    told = status.small(picture(missing={}))
    del told["cameras"]["yard"]
    assert shape(shown) == shape({"state": None, "device": None, "at": None} | told)
