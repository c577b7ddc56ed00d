"""Pagination tokens: they come back as they were given, and none that was made up is believed."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge.api.faults import Fault
from edge.api.tokens import LIFE, LONGEST, Tokens

TOKENS = Tokens(b"a secret of this device")
NOW = 1_800_000_000.0


@given(st.text(max_size=40), st.text(max_size=30) | st.integers(0, 2**63), st.floats(0.0, LIFE))
def test_a_token_leads_back_to_its_position(binding: str, position: str | int, later: float) -> None:
    token = TOKENS.give("ListFaces", binding, position, NOW)
    assert len(token) <= LONGEST
    assert TOKENS.take(token, "ListFaces", binding, NOW + later) == str(position)


@pytest.mark.parametrize(
    ("tokens", "operation", "binding", "now"),
    [
        (Tokens(b"another device"), "ListFaces", "people", NOW),
        (TOKENS, "ListUsers", "people", NOW),
        (TOKENS, "ListFaces", "strangers", NOW),
        (TOKENS, "ListFaces", "people", NOW + LIFE + 2),
    ],
    ids=["another device", "another operation", "another collection", "too old"],
)
def test_a_token_holds_for_one_list_and_one_day(tokens: Tokens, operation: str, binding: str, now: float) -> None:
    token = TOKENS.give("ListFaces", "people", 7, NOW)
    with pytest.raises(Fault, match="InvalidPaginationTokenException: Invalid Pagination Token"):
        tokens.take(token, operation, binding, now)


@given(st.text(max_size=300))
@example("ü")
@example("a")
@example("A" * 27)
@example("A" * 28)
def test_what_somebody_made_up_is_refused(token: str) -> None:
    with pytest.raises(Fault, match="InvalidPaginationTokenException"):
        TOKENS.take(token, "ListFaces", "people", NOW)


def test_a_binding_does_not_run_into_the_position() -> None:
    token = TOKENS.give("ListFaces", "people", "x", NOW)
    with pytest.raises(Fault):
        TOKENS.take(token, "ListFaces", "people\n", NOW)


def test_a_position_that_no_token_holds_is_a_defect() -> None:
    assert len(TOKENS.give("ListUsers", "people", "u" * 128, NOW)) <= LONGEST
    with pytest.raises(ValueError, match="255 characters would be too long"):
        TOKENS.give("ListCollections", "", "c" * 255, NOW)
