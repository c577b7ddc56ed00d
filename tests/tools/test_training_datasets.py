"""Data sets are read in the forms that people have them in."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from edge.errors import InputError, MissingError
from tests.tools.labelled import coco_of, picture, write

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import datasets
from training.datasets import Mark, Sample
from training.reading import classes, coco, places, tables

HALF = Mark("cup", 0.25, 0.25, 0.75, 0.5)


def said(samples: list[Sample], root: Path) -> dict[str, object]:
    return {
        one.path.relative_to(root).as_posix(): tuple(mark.label for mark in one.marks) or one.labels for one in samples
    }


def test_a_folder_for_each_label(tmp_path: Path) -> None:
    for name in ("cat/1.jpg", "cat/old/2.PNG", "dog/1.jpg", "astray.jpg", "cat/.hidden.jpg", "cat/notes.txt"):
        picture(tmp_path / name) if not name.endswith("txt") else write(tmp_path / name, "")
    samples = datasets.read(tmp_path)
    assert said(samples, tmp_path) == {
        "astray.jpg": (), "cat/1.jpg": ("cat",), "cat/old/2.PNG": ("cat",), "dog/1.jpg": ("dog",),
    }  # fmt: skip
    assert {one.test for one in samples} == {None}
    assert datasets.task_of(samples) == "classify"


def test_folders_for_train_and_test_hold_folders_for_labels(tmp_path: Path) -> None:
    for name in ("train/cat/1.jpg", "val/cat/2.jpg", "test/cat/3.jpg"):
        picture(tmp_path / name)
    assert {one.path.parts[-3]: one.test for one in datasets.read(tmp_path)} == {
        "train": False, "val": False, "test": True,
    }  # fmt: skip


def test_where_nothing_is_called_test_validation_is(tmp_path: Path) -> None:
    for name in ("train/cat/1.jpg", "val/cat/2.jpg"):
        picture(tmp_path / name)
    assert [one.test for one in datasets.read(tmp_path)] == [False, True]


@pytest.mark.parametrize(
    ("name", "side"),
    [("test", "test"), ("instances_val2017.json", "valid"), ("trainset", "train"), ("latest", ""), ("contest.csv", "")],
)
def test_the_part_that_a_name_tells(name: str, side: str) -> None:
    assert places.side(name) == side


def test_coco_beside_its_pictures(tmp_path: Path) -> None:
    for part in ("train", "test"):
        picture(tmp_path / part / "a.jpg")
        write(tmp_path / f"{part}.json", coco_of([f"{part}/a.jpg", f"{part}/b.jpg"]))
    test, empty, train, _ = datasets.read(tmp_path)
    assert (train.marks, train.test) == ((HALF,), False)
    assert (test.marks, test.test, test.path) == ((HALF,), True, tmp_path / "test/a.jpg")
    assert empty == Sample(tmp_path / "test/b.jpg", (), (), test=True)
    assert datasets.task_of([train]) == "detect"


@pytest.mark.parametrize(
    ("annotations", "pictures"),
    [
        ("annotations/instances_train2017.json", "images/train2017/a.jpg"),
        ("train/_annotations.coco.json", "train/a.jpg"),
        ("labels.json", "images/a.jpg"),
    ],
)
def test_coco_in_other_places(tmp_path: Path, annotations: str, pictures: str) -> None:
    path = picture(tmp_path / pictures)
    write(tmp_path / annotations, coco_of(["a.jpg"]))
    assert [one.path for one in datasets.read(tmp_path)] == [path]


def test_one_file_of_coco_leaves_the_split_open(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    (sample,) = datasets.read(write(tmp_path / "train.json", coco_of(["a.jpg"])))
    assert sample.test is None


@pytest.mark.parametrize("text", ["[]", '{"images": [], "annotations": []}', '{"images": [], "annotations": null}'])
def test_what_is_no_coco_is_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="no annotations as COCO has them"):
        coco.read([write(tmp_path / "a.json", text)])


def test_yolo_with_its_names(tmp_path: Path) -> None:
    for part in ("train", "valid"):
        picture(tmp_path / part / "images" / "a.jpg")
        picture(tmp_path / part / "images" / "none.jpg")
        write(tmp_path / part / "labels" / "a.txt", "1 0.5 0.375 0.5 0.25\n\n0 0.1 0.1 0.3 0.1 0.3 0.2 0.1 0.2\n")
    write(tmp_path / "data.yaml", "path: .\nnames:\n  0: plate  # big\n  1: 'cup'\nnc: 2\n")
    samples = datasets.read(tmp_path)
    assert samples[0].marks == (HALF, Mark("plate", 0.1, 0.1, 0.3, 0.2))
    assert [(len(one.marks), one.test) for one in samples] == [(2, False), (0, False), (2, True), (0, True)]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("names: [plate, cup]  # two", ["plate", "cup"]),
        ("names: [\n  plate,  # big\n  'cup',\n]\nnc: 2", ["plate", "cup"]),
        ("nc: 2\nnames:\n- plate\n- cup\n", ["plate", "cup"]),
        ("names: {0: plate, 1: cup}", ["plate", "cup"]),
        ("names: {0: \"a, b\", '1': coffee}", ["a, b", "coffee"]),
        ("names: ['it''s', \"an \\\"ä\\\"\", men's]", ["it's", 'an "ä"', "men's"]),
        ("names: # all\n\n  # of them\n  - ' salt, pepper '\n  - C#\n  - ice cream # sweet\nnc: 3", [
            "salt, pepper", "C#", "ice cream",
        ]),
    ],
)  # fmt: skip
def test_yolo_names_its_classes_in_several_ways(tmp_path: Path, text: str, names: list[str]) -> None:
    assert classes.of_yaml(tmp_path / "data.yaml", text.splitlines()) == dict(enumerate(names))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("names: [cup, plate, cup]", "two classes have the name 'cup'; give each one its own"),
        ("names: {0: cup, 0: plate}", "two classes have the number '0'"),
        ("names: []", "'names' is empty"),
        ("names: [cup", "cannot be read at 'cup'; write"),
        ("names: {cup: 0, plate: 1}", "cannot be read at 'cup: 0, plate: 1}'; write"),
        ("names:\n  - cup\n  - 'plate", 'cannot be read at "- \'plate"; write'),
        ("names:\n  cup: 0", "cannot be read at 'cup: 0'; write"),
        ("names: cups.txt", "cannot be read at 'cups.txt'; write"),
        ("names: [[cup], [plate]]", r"cannot be read at '\[cup\], \[plate\]\]'; write"),
    ],
)
def test_names_of_yolo_that_are_not_understood_are_refused(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=f"data.yaml: .*{complaint}"):
        classes.of_yaml(tmp_path / "data.yaml", text.splitlines())


def test_a_doubled_name_in_a_list_of_classes_is_refused(tmp_path: Path) -> None:
    picture(tmp_path / "images" / "a.jpg")
    write(tmp_path / "labels" / "a.txt", "0 .5 .5 .1 .1")
    write(tmp_path / "classes.txt", "cup\ncup\n")
    with pytest.raises(InputError, match=r"classes.txt: two classes have the name 'cup'"):
        datasets.read(tmp_path)


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("5 .5 .5 .1 .1", "line 2: class 5 has no name; correct it, or name the class"),
        ("0 .5 .5", "line 2: not 'class cx cy width height'; correct it"),
        ("0 .5 .5 .1 .1 .9", "line 2: not 'class cx cy width height'; correct it"),
        ("0 .5 .5 .1 .1 .9 .9 .9", "line 2: not 'class cx cy width height'; correct it"),
        ("cup .5 .5 .1 .1", "line 2: not 'class cx cy width height'; correct it"),
    ],
)
def test_a_picture_with_a_wrong_line_of_yolo_is_named_and_left_out(tmp_path: Path, line: str, complaint: str) -> None:
    for name in ("a", "b", "right"):
        picture(tmp_path / "images" / f"{name}.jpg")
        write(tmp_path / "labels" / f"{name}.txt", "0 .5 .5 .1 .1\n" + line * (name != "right"))
    write(tmp_path / "classes.txt", "plate\ncup\n")
    samples = datasets.read(tmp_path)
    assert [one.path.name for one in samples] == ["right.jpg"]
    assert [str(note) for note in samples.notes] == [
        f"{tmp_path / 'labels' / name}: {complaint}" for name in ("a.txt", "b.txt")
    ]


def test_a_text_of_yolo_that_cannot_be_read_is_named_and_its_picture_left_out(tmp_path: Path) -> None:
    for name in ("gone", "latin", "nothing"):
        picture(tmp_path / "images" / f"{name}.jpg")
    write(tmp_path / "labels" / "latin.txt", "").write_bytes("Käse".encode("latin-1"))
    (tmp_path / "labels" / "gone.txt").symlink_to("nowhere.txt")
    write(tmp_path / "classes.txt", "plate")
    samples = datasets.read(tmp_path)
    assert [one.path.name for one in samples] == ["nothing.jpg"]
    assert [str(note) for note in samples.notes] == [
        f"{tmp_path / 'labels' / name}: every line: cannot be read as UTF-8 text; export the data set again"
        for name in ("gone.txt", "latin.txt")
    ]


def test_a_manifest_with_boxes(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    box = {"class_id": 3, "left": 20, "top": 10, "width": 40, "height": 10}
    entry = {
        "source-ref": "s3://bucket/some/a.jpg",
        "boxes": {"annotations": [box], "image_size": [{"width": 80, "height": 40, "depth": 3}]},
        "boxes-metadata": {
            "class-map": {"3": "cup"},
            "objects": [{"confidence": 1}],
            "type": "groundtruth/object-detection",
        },
    }
    nothing = {"source-ref": "b.jpg", "boxes": {"annotations": []}, "boxes-metadata": {"class-map": {}}}
    write(tmp_path / "output.manifest", f"{json.dumps(entry)}\n{json.dumps(nothing)}\n")
    assert datasets.read(tmp_path) == [Sample(tmp_path / "a.jpg", (), (HALF,)), Sample(tmp_path / "b.jpg", ())]


def test_a_manifest_with_labels_of_the_whole_picture(tmp_path: Path) -> None:
    picture(tmp_path / "bucket" / "a.jpg")
    one = {"source-ref": "s3://bucket/a.jpg", "cat": 1, "cat-metadata": {"class-name": "cat", "confidence": 1}}
    both = one | {"indoors": 1, "indoors-metadata": {"class-name": "indoors"}}
    many = {
        "source-ref": "s3://bucket/a.jpg",
        "all": [0, 2],
        "all-metadata": {"class-map": {"0": "dog", "2": "cat"}},
    }
    write(tmp_path / "train.manifest", "\n".join(map(json.dumps, (one, both))))
    write(tmp_path / "test.manifest", json.dumps(many))
    assert [(sample.labels, sample.test) for sample in datasets.read(tmp_path)] == [
        (("cat", "dog"), True), (("cat",), False), (("cat", "indoors"), False),
    ]  # fmt: skip
    assert datasets.read(tmp_path)[0].path == tmp_path / "bucket/a.jpg"


def test_a_csv_of_pictures_and_labels(tmp_path: Path) -> None:
    write(
        tmp_path / "a.csv",
        "Filename,Label,Split,Video\na.jpg,cat|indoors,train,x\nb.jpg,dog,test,\na.jpg,grey,train,x\n",
    )
    first, second = datasets.read(tmp_path)
    assert first == Sample(tmp_path / "a.jpg", ("cat", "grey", "indoors"), test=False, group="x")
    assert second == Sample(tmp_path / "b.jpg", ("dog",), test=True)


@pytest.mark.parametrize(
    "text",
    [
        "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,80,40,cup,20,10,60,20\n",
        "image,label,left,top,width,height\na.jpg,cup,20,10,40,10\n",
        "image,label,x1,y1,x2,y2\na.jpg,cup,0.25,0.25,0.75,0.5\n",
    ],
)
def test_a_csv_of_boxes(tmp_path: Path, text: str) -> None:
    picture(tmp_path / "images" / "a.jpg")
    assert datasets.read(write(tmp_path / "a.csv", text)) == [Sample(tmp_path / "images/a.jpg", (), (HALF,))]


def test_a_csv_without_names_of_columns_is_picture_and_label(tmp_path: Path) -> None:
    assert said(tables.read([write(tmp_path / "a.csv", "a.jpg,cat\nb.jpg,dog\n")]), tmp_path) == {
        "a.jpg": ("cat",), "b.jpg": ("dog",),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("a,b,c\n1,2,3\n", "no column 'image'"),
        ("image,label\na.jpg\n", "row 2: has 1 cell instead of 2; correct it"),
    ],
)
def test_what_is_wrong_with_a_csv_is_told(tmp_path: Path, text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        datasets.read(write(tmp_path / "a.csv", text))


def test_wrong_rows_of_a_csv_are_named_and_their_pictures_left_out(tmp_path: Path) -> None:
    rows = ["a.jpg,cat,train", "b.jpg", "", ",cat,train", "c.jpg,cat,holdout", "d.jpg,cat,unassigned", "c.jpg,dog,test"]
    samples = datasets.read(write(tmp_path / "a.csv", "\n".join(["image,label,split", *rows])))
    assert [one.path.name for one in samples] == ["a.jpg", "d.jpg"]
    assert [str(note).removeprefix(f"{tmp_path}/") for note in samples.notes] == [
        "a.csv: row 3: has 1 cell instead of 3; correct it",
        "a.csv: row 5: names no picture; correct it",
        "a.csv: row 6: its part is 'holdout', and train, validation and test are known; correct it",
    ]


def test_a_row_without_a_label_in_a_csv_without_names_of_columns_is_named(tmp_path: Path) -> None:
    samples = datasets.read(write(tmp_path / "a.csv", "a.jpg,cat\nb.jpg\n"))
    assert [one.path.name for one in samples] == ["a.jpg"]
    assert [(note.entry, note.said) for note in samples.notes] == [("row 2", "has 1 cell instead of 2")]


def test_a_csv_may_list_a_picture_in_two_parts_for_the_check_to_name(tmp_path: Path) -> None:
    rows = ["a.jpg,cat,train", "b.jpg,dog,train", "a.jpg,cat,test", "b.jpg,grey,"]
    samples = datasets.read(write(tmp_path / "a.csv", "\n".join(["image,label,split", *rows])))
    assert [(one.path.name, one.labels, one.test) for one in samples] == [
        ("a.jpg", ("cat",), False), ("a.jpg", ("cat",), True), ("b.jpg", ("dog", "grey"), False),
    ]  # fmt: skip


def test_blanks_around_a_label_are_no_part_of_it(tmp_path: Path) -> None:
    picture(tmp_path / "folders" / " cat " / "a.jpg")
    assert datasets.read(tmp_path / "folders")[0].labels == ("cat",)
    entry = {"source-ref": "a.jpg", "x": 1, "x-metadata": {"class-name": " cat\t"}}
    assert datasets.read(write(tmp_path / "a.manifest", json.dumps(entry)))[0].labels == ("cat",)


def test_boxes_can_be_labels_of_the_whole_picture(tmp_path: Path) -> None:
    picture(tmp_path / "a.jpg")
    file = write(tmp_path / "a.json", coco_of(["a.jpg"]))
    assert datasets.read(file, "classify") == [Sample(tmp_path / "a.jpg", ("cup",))]


def test_labels_of_the_whole_picture_are_no_boxes(tmp_path: Path) -> None:
    picture(tmp_path / "cat" / "a.jpg")
    with pytest.raises(InputError, match="no picture there has a box"):
        datasets.read(tmp_path, "detect")


def test_what_is_no_data_set_is_told(tmp_path: Path) -> None:
    with pytest.raises(MissingError, match="no such folder or file"):
        datasets.read(tmp_path / "absent")
    with pytest.raises(MissingError, match="no pictures there"):
        datasets.read(tmp_path)
    with pytest.raises(InputError, match="no data set"):
        datasets.read(write(tmp_path / "a.txt", ""))
