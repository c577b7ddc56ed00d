"""Scripts that carry a literal are read as text; anything else is refused."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.formats.bundled import CLOSING, exported, exported_bytes
from models.manifest import ModelError


def bundle(literal: str, closing: str = CLOSING) -> bytes:
    start = "!function(i){return function i(m,h,Z){var p=h[e]={exports:{}};return i}({1:[function(i,m,h){m.exports="
    return f"{start}{literal}{closing}".encode()


def test_javascript_is_told_from_json() -> None:
    found = exported(bundle('{name:"a:b",on:!0,off:!1,low:-.5,high:.25,far:-1.5e-7,$x_1:[1,{y:"\\"z:1"}]}'))
    assert found == {
        "name": "a:b", "on": True, "off": False, "low": -0.5, "high": 0.25, "far": -1.5e-7, "$x_1": [1, {"y": '"z:1'}],
    }  # fmt: skip


@given(st.recursive(st.booleans() | st.integers() | st.text("ab:.!-0", max_size=5), st.lists, max_leaves=10))
def test_what_json_says_is_read_back(value: Any) -> None:
    assert exported(bundle(json.dumps(value))) == value


def test_a_string_of_base64_becomes_bytes() -> None:
    assert exported_bytes(bundle(json.dumps(base64.b64encode(b"weights").decode()))) == b"weights"


@pytest.mark.parametrize(
    "script",
    [
        b"",
        b"\xff",
        b"module.exports=1",
        bundle("require('fs')"),
        bundle("{a:f()}"),
        bundle("1", ";steal()" + CLOSING),
        bundle("1", CLOSING + "steal()"),
        bundle("{a:1"),
        bundle("[" * 100_000),
    ],
)
def test_anything_else_is_refused_in_a_sentence(script: bytes) -> None:
    with pytest.raises(ModelError, match=r"not a bundle of one literal.*pull it again"):
        exported(script)


@pytest.mark.parametrize("literal", ["1", "{}", '"?"'])
def test_weights_that_are_no_base64_are_refused(literal: str) -> None:
    with pytest.raises(ModelError, match="no base64"):
        exported_bytes(bundle(literal))
