"""`vedette labels`."""

from __future__ import annotations

import json

import pytest

from edge import cli


def test_list_names_every_label_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "list", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    names = [label["name"] for label in found]
    assert len(names) == len(set(names)) == 1797
    assert names == sorted(names, key=str.lower)


def test_list_of_a_category(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["labels", "list", "--category", "Religion"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split() == ["NAME", "CATEGORY", "BOXES", "PARENTS"]
    assert all("Religion" in row for row in rows)
    assert any(row.startswith("Mosque ") for row in rows)


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
