"""The emulated arm64 run: what can be told without an emulator."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
BOX = {"x1": 0.1, "y1": 0.1, "x2": 0.5, "y2": 0.5}
SEEN = {
    "objects": [{"label": "Person", "score": 0.74, "box": BOX}],
    "labels": [{"name": "Person", "score": 0.98, "parents": []}],
    "moderation": {"flags": [], "content_types": []},
}


@pytest.fixture
def trial(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(ROOT / "tools")
    return import_module("emulation.trial")


def test_its_help_names_the_processors() -> None:
    words = [sys.executable, "-m", "emulation", "--help"]
    done = subprocess.run(
        words, env=os.environ | {"PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"}, capture_output=True, text=True, check=True
    )
    assert "cortex-a72 (Raspberry Pi 4)" in done.stdout


@pytest.mark.parametrize(
    ("change", "agrees"),
    [
        ({}, True),
        ({"objects": [{"label": "Person", "score": 0.70, "box": BOX | {"x2": 0.51}}]}, True),
        ({"objects": [{"label": "Dog", "score": 0.74, "box": BOX}]}, False),
        ({"objects": [{"label": "Person", "score": 0.5, "box": BOX}]}, False),
        ({"objects": [{"label": "Person", "score": 0.74, "box": BOX | {"x2": 0.7}}]}, False),
        ({"objects": []}, False),
        ({"labels": [{"name": "Person", "score": 0.95}]}, True),
        ({"labels": [{"name": "Suit", "score": 0.98}]}, False),
        ({"moderation": {"flags": [{"name": "Violence"}], "content_types": []}}, False),
        ({"missing": {"moderation": "no back end can run the model"}}, False),
    ],
)
def test_answers_agree_if_they_tell_the_same(trial: Any, change: dict[str, Any], agrees: bool) -> None:
    assert trial.compare(SEEN, SEEN | change)[0] is agrees


def test_the_lock_holds_a_version_that_each_dependency_allows() -> None:
    lines = (ROOT / "requirements.lock").read_text("utf-8").splitlines()
    locked = {one.name: one.specifier for line in lines if not line.startswith("#") and (one := Requirement(line))}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    for wanted in map(Requirement, project["dependencies"]):
        assert wanted.name in locked, f"{wanted.name} is not in requirements.lock: run tools/lock"
        (pin,) = locked[wanted.name]
        assert wanted.specifier.contains(pin.version), f"{wanted} excludes the locked {pin.version}: run tools/lock"
