"""A bar for a person, the same lines for a log."""

from __future__ import annotations

import pytest

from edge.packs.progress import Bar, Lines, for_terminal


@pytest.mark.parametrize("kind", [Lines, Bar])
def test_each_step_ends_in_one_line(kind: type[Lines], capsys: pytest.CaptureFixture[str]) -> None:
    progress = kind()
    with progress.step("face 1.0", 4_000_000) as move:
        move(1_000_000)
        move(4_000_000)
    progress.say("that was all")
    told = capsys.readouterr()
    assert told.out == ""
    first, last = [line for line in told.err.splitlines() if line.strip()]
    assert first.startswith("face 1.0: 4.0 MB, 0.")
    assert last == "that was all"


def test_a_step_that_fails_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(KeyError), Lines().step("face 1.0"):
        raise KeyError
    assert capsys.readouterr().err == ""


def test_a_log_gets_lines() -> None:
    assert type(for_terminal()) is Lines
