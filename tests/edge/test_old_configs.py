"""What people wrote for an earlier version is still understood.

A change that must refuse a key of one of these files has the refusal say what to write instead (`edge.config`), and
expects that sentence here. No key was renamed or removed so far, so there is nothing to migrate yet.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from edge import config

OLD = sorted((Path(__file__).parent / "configs").glob("*.toml"))


@pytest.mark.parametrize("file", OLD, ids=lambda file: file.stem)
def test_an_old_configuration_is_understood(file: Path) -> None:
    assert config.load(file).cameras


def test_there_is_one_of_the_first_version() -> None:
    assert OLD[0].stem == "0.1.0"
