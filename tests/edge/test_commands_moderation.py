"""`vedette moderation list`: every name with its evidence, for people and for programs."""

from __future__ import annotations

import argparse
import json

import pytest

from edge.commands import moderation


def test_programs_are_told_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert moderation.show(argparse.Namespace(json=True)) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["version"], len(told["names"])) == ("7.0", 52)
    by_name = {row["name"]: row for row in told["names"]}
    weapons = by_name["Weapons"]
    assert (weapons["parent"], weapons["level"], weapons["offered"], weapons["needs"]) == (
        "Violence", 2, True, ["labels"],
    )  # fmt: skip
    assert weapons["measured"]["harmless"] > 100
    nazis = by_name["Nazi Party"]
    assert (nazis["offered"], nazis["needs"], nazis["measured"]) == (False, [], {})
    assert {row["name"]: row["offered"] for row in told["content_types"]} == {
        "Animated": False, "Illustrated": True,
    }  # fmt: skip


def test_people_read_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert moderation.show(argparse.Namespace(json=False)) == 0
    header, *rows = capsys.readouterr().out.splitlines()
    assert header.startswith("NAME")
    assert len(rows) == 54
    assert any(row.startswith("  Weapons ") and " yes " in row for row in rows)
