"""A few hundred of the shots of tools/fuzz at a real server: it answers all, as the model has it, and stays well."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.fuzzing import pictures
from tools.fuzzing.campaign import campaign
from tools.fuzzing.shots import SHARES

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]

COUNT, SEED = 500, 20_240_201


def test_whatever_comes_the_server_answers_as_the_model_has_it_and_stays_well(
    tmp_path: Path, photos: Callable[..., list[Path]]
) -> None:
    report = campaign(tmp_path, COUNT, SEED, photos(*pictures.NAMES), lambda _: None)
    assert report.faults() == []
    assert report.sent.total() == COUNT
    assert set(SHARES) <= set(report.sent)
    assert report.outcomes["200"] > COUNT // 10
    assert sum(map(bool, report.answered.values())) > 10
