"""`vedette labels`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from edge import cli
from models import labels, scenes
from models.labels import CATEGORIES

PAGE = (Path(__file__).parents[2] / "docs" / "LABELS.md").read_text("utf-8")


def test_list_names_every_label_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = [label["name"] for label in found]
    assert len(names) == len(set(names)) == 1790
    assert names == sorted(names, key=str.lower)


def test_list_of_a_category(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "list", "--category", "Religion"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "CATEGORY", "BOXES", "PARENTS"]
    assert all("Religion" in row for row in rows)
    assert any(row.startswith("Mosque ") for row in rows)
    assert cli.main(["labels", "list", "--category", "religion"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == rows


def test_show_finds_an_alias_in_any_case(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "show", "cell phone", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["name"] == "Mobile Phone"
    assert found["boxes"]
    assert "Telephone" in found["parents"]


def test_show_tells_direct_children_only(capsys: pytest.CaptureFixture[str]) -> None:
    cli.main(["labels", "show", "Retriever", "--json"])
    assert "Golden Retriever" in json.loads(capsys.readouterr().out)["children"]
    cli.main(["labels", "show", "Dog", "--json"])
    assert "Golden Retriever" not in json.loads(capsys.readouterr().out)["children"]
    cli.main(["labels", "show", "Dog"])
    assert "with boxes" in capsys.readouterr().out


def test_a_wrong_name_is_answered_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "show", "dogg"]) == 66
    assert "did you mean Dog" in capsys.readouterr().err
    assert cli.main(["labels", "list", "--category", "Dogs"]) == 66
    assert "Animals and Pets" in capsys.readouterr().err


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_page_counts_the_labels_of_each_category(category: str) -> None:
    taxonomy = labels.load("efficientnet-lite0")
    count = sum(category in label.categories for label in taxonomy.labels)
    assert f"| {category} | {count} | " in PAGE


@pytest.mark.parametrize("name", [*scenes.PLACES, *scenes.ACTIVITIES, scenes.CROWD[0]])
def test_the_page_tells_of_every_scene_and_activity(name: str) -> None:
    assert f"\n| {name} | " in PAGE
