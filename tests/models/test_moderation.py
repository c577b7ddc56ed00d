"""Taxonomy 7.0, the evidence behind its names, and the page that tells of it."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import labels, manifest, moderation
from models.moderation import capabilities, pooled, worn
from models.moderation.drawn import FEATURES, _head, features

PAGE = (Path(__file__).parents[2] / "docs" / "MODERATION.md").read_text("utf-8")


def test_the_taxonomy_is_rekognitions() -> None:
    names = moderation.names()
    assert Counter(entry.level for entry in names) == {1: 10, 2: 20, 3: 22}
    assert len({entry.name for entry in names}) == 52
    level = {entry.name: entry.level for entry in names}
    for entry in names:
        assert entry.level == (level[entry.parent] + 1 if entry.parent else 1)


def test_evidence_speaks_of_what_the_models_know() -> None:
    known, objects = labels.load("efficientnet-lite0"), manifest.labels("nanodet-g")
    for entry in moderation.names():
        assert set(entry.labels) <= known.index.keys(), entry.name
        assert set(entry.objects) <= set(objects), entry.name
    classes = manifest.labels("nsfwjs")
    assert {*moderation.EXPLICIT, moderation.SUGGESTIVE} <= set(classes)


def test_weapons_are_weapons() -> None:
    known = labels.load("efficientnet-lite0")
    network = manifest.labels("efficientnet-lite0")
    (weapons,) = (entry.labels for entry in moderation.names() if entry.name == "Weapons")
    leaves = known.leaves[known.members == known.index[weapons[0]]]
    assert {network[leaf] for leaf in leaves} == {
        "Assault Rifle", "Bow", "Cannon", "Missile", "Projectile", "Revolver", "Rifle",
    }  # fmt: skip


def test_what_is_above_an_offered_name_is_offered() -> None:
    offered = moderation.offered()
    assert {entry.parent for entry in moderation.names() if entry.name in offered} - {""} <= offered
    assert "Exposed Female Nipple" not in offered  # networks that know no parts of a body


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_pool_lies_between_its_votes(one: float, other: float) -> None:
    least, most = sorted(min(max(vote, 1e-4), 1 - 1e-4) for vote in (one, other))
    assert least - 1e-9 <= pooled(one, other) <= most + 1e-9
    assert pooled(one, other) == pooled(other, one)


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_swimwear_is_likelier_where_a_picture_is_more_suggestive(labelled: float, one: float, other: float) -> None:
    least, most = sorted((one, other))
    assert 0.0 <= worn(labelled, least) <= worn(labelled, most) <= 1.0


def test_the_head_weighs_each_feature() -> None:
    import numpy as np

    assert {len(column) for column in _head()[:3]} == {len(FEATURES)}
    for image in (np.zeros((1, 1, 3), np.uint8), np.full((300, 500, 3), 255, np.uint8)):
        assert np.isfinite(features(image)).all()


@pytest.mark.parametrize("row", capabilities.capabilities(), ids=lambda row: row.name)
def test_a_name_says_what_stands_behind_it(row: capabilities.Capability) -> None:
    assert row.because
    assert row.offered == bool(row.needs) == bool(row.measured)


def test_the_page_has_the_table() -> None:
    assert capabilities.table() in PAGE
