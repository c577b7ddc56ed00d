"""What cameras ask for in vain is told, by `check` and in the daemon's log."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from edge import database
from edge.collections import Collections
from edge.explain import lines, problems, remarks
from edge.futile import absent_collections, futile, switched_off
from tests.conftest import Command
from tests.edge.test_explain import DOOR, found_by, parsed


def test_labels_that_the_detector_does_not_know_and_a_collection_that_cannot_be(tmp_path: Path) -> None:
    camera = DOOR | {"objects": {"labels": ["PERSON", "persn", "qqqq"]}, "faces": {"collection": "my people"}}
    collection, persn, unknown = found_by(tmp_path, cameras={"door": camera})
    assert persn.startswith("cameras.door.objects.labels: the detector knows no 'persn'; did you mean 'Person'")
    assert unknown.startswith("cameras.door.objects.labels: the detector knows no 'qqqq'; it knows Person, ")
    assert collection == (
        "cameras.door.faces.collection: collection id 'my people': use letters, digits and _ . - (at most 255)"
    )
    off = {task: {"enabled": False} for task in ("objects", "faces")}
    assert found_by(tmp_path, cameras={"door": camera | off}) == []


def test_a_label_that_no_picture_is_given_is_told_with_the_nearest_one(tmp_path: Path) -> None:
    wanted = {"include": ["Bicyle"], "exclude": ["Cat"], "include_categories": ["Animals"]}
    found = list(problems(parsed(tmp_path, cameras={"door": DOOR | {"labels": wanted}})))
    assert "cameras.door.labels.include: there is no 'Bicyle'; did you mean 'Bicycle'?" in found
    assert [line for line in found if "include_categories: there is no 'Animals'" in line]
    assert not [line for line in found if "exclude:" in line]


def test_another_case_of_letters_is_seen_through(tmp_path: Path) -> None:
    (told,) = found_by(tmp_path, cameras={"door": DOOR | {"labels": {"include": ["dog"]}}})
    assert told == "cameras.door.labels.include: there is no 'dog'; did you mean 'Dog'?"


def test_a_collection_that_is_not_there_yet_is_told_and_no_problem(tmp_path: Path, vedette: Command) -> None:
    settings = parsed(tmp_path, cameras={"door": DOOR})
    (told,) = absent_collections(settings, [])
    assert list(remarks(settings)) == [told]
    assert told.startswith("cameras.door.faces.collection: there is no collection 'people' yet, so every face is")
    assert "'vedette collections create people'" in told
    assert told not in problems(settings)
    with closing(Collections(database.connect(settings.data))) as people:
        people.create_collection("people")
        assert list(absent_collections(settings, people.list_collections())) == []
    assert list(remarks(settings)) == []
    off = DOOR | {"faces": {"enabled": False, "collection": "staff"}}
    assert list(absent_collections(parsed(tmp_path, cameras={"door": off}), [])) == []
    (tmp_path / "vedette.toml").write_text('data = "data"\n[cameras.door]\nkind = "images"\npath = "slides"\n')
    assert f"! {told}\n" in vedette("check", "vedette.toml").stdout


def test_filters_that_leave_nothing_are_told(tmp_path: Path) -> None:
    left_out = "no label is included and not excluded as well"
    for labels in (
        {"include": ["Dog"], "exclude": ["Dog"]},
        {"include": ["Dog"], "exclude_categories": ["Animals and Pets"]},
        {"include_categories": ["Popular Landmarks"]},
    ):
        (told,) = found_by(tmp_path, cameras={"door": DOOR | {"labels": labels}})
        assert told.startswith(f"cameras.door.labels: {left_out}")
    allowed = {"include": ["Dog", "Cat"], "exclude": ["Dog"], "exclude_categories": ["Religion"]}
    assert found_by(tmp_path, cameras={"door": DOOR | {"labels": allowed}}) == []
    told = list(lines(parsed(tmp_path, cameras={"door": DOOR | {"labels": allowed}})))
    assert "camera door: labels: Dog, Cat but Dog, Religion, every 5 s, from a score of 0.55" in told


def test_a_labels_model_that_has_none_is_told(tmp_path: Path) -> None:
    raw = {"models": {"store": "store", "labels": ["mobilenet-v2"]}, "cameras": {"door": DOOR}}
    (told,) = futile(parsed(tmp_path, **raw))
    assert told.startswith("models.labels: model 'mobilenet-v2' has no taxonomy.json, so its labels have no parents")


def test_celebrities_of_no_pack_or_a_damaged_one_are_told(tmp_path: Path) -> None:
    raw = {"cameras": {"door": DOOR | {"celebrities": {"enabled": True}}}}
    (told,) = found_by(tmp_path, **raw)
    assert told == "cameras.door.celebrities: no celebrity pack is installed: see 'vedette celebrities install'"
    (tmp_path / "store" / "celebrities").mkdir(parents=True)
    (tmp_path / "store" / "celebrities" / "stars.celebrities").write_bytes(b"cut off")
    (told,) = found_by(tmp_path, **raw)
    assert "stars.celebrities: no celebrity pack, or cut short; copy it again" in told


def test_settings_of_a_task_that_is_off_are_told(tmp_path: Path) -> None:
    camera = DOOR | {"text": {"every": 5.0}, "ppe": {"enabled": False, "every": 5.0}, "labels": {"every": 5.0}}
    settings = parsed(tmp_path, cameras={"door": camera})
    assert list(switched_off(settings)) == ["cameras.door.text: is off unless it has enabled = true"]
    assert set(switched_off(settings)) < set(remarks(settings))
