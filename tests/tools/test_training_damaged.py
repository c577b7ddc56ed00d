"""Data sets that are damaged, or say what makes no sense: none of it is lost in silence, and all of it is named."""

from __future__ import annotations

import json
import math
import os
import sys
from pathlib import Path

import pytest

from edge.errors import InputError
from tests.tools.labelled import coco_of, picture, write

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import datasets
from training.reading import coco, yolo


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (b'{"images": [', "no JSON in UTF-8"),
        (b"\xff\xfe{}", r"no JSON in UTF-8 \(another encoding\)"),
        (b"[" * 100_000, r"no JSON in UTF-8 \(nested too deeply\)"),
        (b"[]", "it lists no 'images'"),
    ],
)
def test_a_damaged_file_of_coco_is_not_overlooked(tmp_path: Path, content: bytes, complaint: str) -> None:
    """Else the whole training would be of the test set."""
    picture(tmp_path / "test" / "a.jpg")
    write(tmp_path / "test.json", coco_of(["test/a.jpg"]))
    (tmp_path / "train.json").write_bytes(content)
    with pytest.raises(InputError, match=f"train.json: .*{complaint}.*export it again") as refused:
        datasets.read(tmp_path)
    assert refused.value.exit_code == 65


def test_what_a_training_left_there_is_no_data_set(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    write(tmp_path / "all.json", coco_of(["a.jpg"]))
    write(tmp_path / "check.json", '{"pictures": 3}')
    assert len(datasets.read(tmp_path)) == 1


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"bbox": [1, 2, 3]}, "its bbox is not left, top, width and height"),
        ({"bbox": ["a", 2, 3, 4]}, "its bbox has 'a', which is no number"),
        ({"category_id": 9}, "is of category 9, which is not listed"),
        ({"category_id": None}, "is of category None, which is not listed"),
        ({"category_id": []}, "is of category [], which is not listed"),
    ],
)
def test_a_picture_with_a_wrong_annotation_of_coco_is_named_and_left_out(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    """Its right annotations, too: it would be learnt with boxes missing."""
    content = json.loads(coco_of(["a.jpg", "b.jpg"]))
    right = content["annotations"][0]
    content["annotations"] += [right | {"id": 5, "image_id": 1}, right | {"id": 6} | change]
    file = write(tmp_path / "a.json", json.dumps(content))
    samples = datasets.read(file)
    assert [one.path.name for one in samples] == ["b.jpg"]
    assert [str(note) for note in samples.notes] == [
        f"{file}: annotation 6 of image 0 (a.jpg): {complaint}; correct it, or export the data set again"
    ]


def test_wrong_entries_of_coco_are_all_named_and_left_out(tmp_path: Path) -> None:
    content = json.loads(coco_of(["a.jpg", "b.jpg", "c.jpg", "c.jpg"]))
    content["images"][0]["width"] = "80"
    content["images"][3]["id"] = 2
    content["images"] += [
        7, {"id": []}, {"id": [], "file_name": "d.jpg"}, {"id": 8, "file_name": 9},
        {"id": 4, "file_name": "e.jpg"}, {"id": 4, "file_name": "f.jpg"},
    ]  # fmt: skip
    content["annotations"] += [None, {"id": 9, "category_id": 7}]
    content["categories"].append({"name": "plate"})
    samples = coco.read([write(tmp_path / "a.json", json.dumps(content))])
    assert [one.path.name for one in samples] == ["b.jpg", "c.jpg"]
    assert [(note.entry, note.said) for note in samples.notes] == [
        ("image 0 (a.jpg)", "its width has '80', which is no number"),
        ("image 8 (9)", "its file_name is no text"),
        ("entry 5 of 'images'", "is no JSON object"),
        ("entry 6 of 'images'", "'file_name' is not there"),
        ("entry 7 of 'images'", "its id is neither a number nor a text"),
        ("entry 3 of 'annotations'", "is no JSON object"),
        ("entry 4 of 'annotations'", "'image_id' is not there"),
        ("entry 2 of 'categories'", "'id' is not there"),
        ("image 4 (e.jpg)", "2 pictures have this id"),
        ("image 4 (f.jpg)", "2 pictures have this id"),
    ]


def test_numbers_too_large_for_a_box_are_infinite(tmp_path: Path) -> None:
    content = json.loads(coco_of(["a.jpg"]))
    content["annotations"][0]["bbox"] = [10**400, 0, 5, 5]
    (sample,) = coco.read([write(tmp_path / "a.json", json.dumps(content))])
    assert sample.marks[0].x1 == math.inf


def test_what_coco_says_for_nothing_is_noted(tmp_path: Path) -> None:
    content = json.loads(coco_of(["a.jpg"]))
    content["annotations"].append({"id": 3, "image_id": 5, "category_id": 7, "bbox": [1, 1, 5, 5]})
    content["categories"].append({"id": 7, "name": "plate"})
    file = write(tmp_path / "a.json", json.dumps(content))
    lost, twice = map(str, coco.read([file]).notes)
    assert lost == (
        f"{file}: 1 of its annotations are of pictures that it does not list, the first of image_id 5; "
        "export the data set again"
    )
    assert twice == (
        f"{file}: category id 7 is used twice, for 'cup' and 'plate'; the second one holds; "
        "give each label an id of its own"
    )


def test_a_wrong_line_of_a_manifest_is_named(tmp_path: Path) -> None:
    file = write(tmp_path / "a.manifest", '{"source-ref": "a.jpg"}\n{"source": "b.jpg"}\n[]\n' + "[" * 100_000)
    samples = datasets.read(file)
    assert [one.path.name for one in samples] == ["a.jpg"]
    assert [(note.entry, note.said) for note in samples.notes] == [
        ("line 2", "no entry of a manifest ('source-ref' is not there)"),
        ("line 3", "no entry of a manifest (it is no JSON object)"),
        ("line 4", "no entry of a manifest (it is no JSON)"),
    ]


def test_a_manifest_of_wrong_lines_only_is_an_error(tmp_path: Path) -> None:
    file = write(tmp_path / "a.manifest", '{"source": "a.jpg"}\n{}\n')
    with pytest.raises(InputError, match=r"a.manifest: line 1: no entry .* correct it \(and 1 more like it\)"):
        datasets.read(file)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"source-ref": "https://shop/a.jpg"}, "https://shop/a.jpg is not fetched: put the picture beside"),
        ({"source-ref": "http://[a.jpg"}, "its source-ref .* is no address"),
        ({"source-ref": None}, "its source-ref is null, and no path"),
        ({"box": {"annotations": [{"class_id": 0}]}}, "annotation 1 of 'box' has no 'left'"),
        ({"box": {"annotations": [7]}}, "annotation 1 of 'box' is no JSON object"),
        ({"box": {"annotations": {}}}, "the annotations of 'box' is no list"),
        (
            {"box": {"annotations": [{"class_id": 0, "left": "1", "top": 1, "width": 1, "height": 1}]}},
            "annotation 1 of 'box' has '1', which is no number",
        ),
        (
            {"box": {"annotations": [{"class_id": 4, "left": 1, "top": 1, "width": 1, "height": 1}]}},
            "annotation 1 of 'box' is of class 4, which its class-map does not name",
        ),
        ({"box": [0], "box-metadata": {}}, "the class-map of 'box' is no JSON object"),
    ],
)
def test_what_is_wrong_with_an_entry_is_said_of_the_entry(
    tmp_path: Path, change: dict[str, object], complaint: str
) -> None:
    entry = {"source-ref": "a.jpg", "box-metadata": {"class-map": {"0": "cup"}}} | change
    with pytest.raises(InputError, match=complaint):
        datasets.read(write(tmp_path / "a.manifest", json.dumps(entry)))


def test_a_manifest_may_begin_with_a_mark_and_hold_other_breaks_of_lines(tmp_path: Path) -> None:
    entry = {"source-ref": "a\u2028b.jpg", "cat": 1, "cat-metadata": {"class-name": "cat"}}
    file = write(tmp_path / "a.manifest", "\ufeff" + json.dumps(entry, ensure_ascii=False) + "\r\n")
    samples = datasets.read(file)
    assert [(one.path.name, one.labels) for one in samples] == [("a\u2028b.jpg", ("cat",))]
    assert not samples.notes


def test_labels_that_are_none_are_left_to_the_check(tmp_path: Path) -> None:
    content = json.loads(coco_of(["a.jpg"]))
    content["categories"][0]["name"] = None
    assert coco.read([write(tmp_path / "a.json", json.dumps(content))])[0].marks[0].label == ""
    entry = {"source-ref": "a.jpg", "cat": 1, "cat-metadata": {"class-name": None}}
    assert datasets.read(write(tmp_path / "a.manifest", json.dumps(entry)))[0].labels == ("",)


def test_boxes_of_no_numbers_are_left_to_the_check(tmp_path: Path) -> None:
    rows = ["nan,0,5,5", "inf,0,5,5", "wide,0,5,5", "1,,5,5"]
    text = "image,label,x1,y1,x2,y2\n" + "".join(f"{at}.jpg,cup,{row}\n" for at, row in enumerate(rows))
    for sample in datasets.read(write(tmp_path / "a.csv", text)):
        (mark,) = sample.marks
        assert math.isnan(mark.x1 + mark.y1)
    for numbers in ("nan 0.5 0.1 0.1", "0.1 0.1 0.3 nan 0.3 0.2"):
        assert math.isnan(yolo._mark("cup", [float(number) for number in numbers.split()]).y1)


def test_names_of_classes_in_another_encoding_are_a_sentence(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    write(tmp_path / "labels" / "a.txt", "0 .5 .5 .1 .1")
    (tmp_path / "classes.txt").write_bytes("Käse".encode("latin-1"))
    with pytest.raises(InputError, match=r"classes.txt: cannot be read as UTF-8 text"):
        datasets.read(tmp_path)


def test_what_lies_in_a_folder_and_is_no_picture_is_not_overlooked(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "a.jpg")
    (tmp_path / "cat" / "gone.jpg").symlink_to("nowhere.jpg")
    (tmp_path / "cat" / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "cat" / "pipe.jpg")
    (tmp_path / "dog").mkdir()
    (tmp_path / "eel").symlink_to(tmp_path / "cat")
    samples = datasets.read(tmp_path)
    assert [one.path.name for one in samples] == ["a.jpg", "folder.jpg", "gone.jpg", "pipe.jpg"]
    assert [str(note) for note in samples.notes] == [
        f"{tmp_path / 'dog'}: is a label without a picture; add some, or delete the folder",
        f"{tmp_path / 'eel'}: is a link to a folder, which is not followed; put the folder itself there",
    ]
