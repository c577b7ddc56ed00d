"""The table of what is offered names every operation of the service model, once."""

from __future__ import annotations

from collections import Counter

from edge.abilities import Abilities
from edge.api import wire
from edge.api.capabilities import document, every
from edge.endpoint import ApiSettings


def test_every_operation_of_the_model_has_its_line() -> None:
    assert Counter(name for _, name, _ in every()) == Counter(list(wire.operations()))


def test_each_line_is_a_sentence() -> None:
    for _, name, capability in every():
        assert capability.note.endswith("."), name
        assert len(capability.note) < 120, name


def test_forty_seven_are_offered() -> None:
    states = Counter(capability.state for _, _, capability in every())
    assert states == {"offered": 47, "not-offered": 28}


def test_the_document_says_what_runs_and_what_is_missing() -> None:
    told = document(Abilities(missing={"text": "ppocr-tiny-det is not installed"}), ApiSettings(body_mb=1))
    assert told["operations"]["DetectText"]["state"] == "offered"
    assert told["missing"] == {"text": "ppocr-tiny-det is not installed"}
    assert told["limits"]["request_bytes"] == 1 << 20
