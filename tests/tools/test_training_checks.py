"""A data set is checked before anything is learnt: what is wrong is named, and training goes on with the rest."""

from __future__ import annotations

import json
import math
import os
import shutil
import sys
from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge.packs import drafts
from edge.values import Image

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import checks, datasets, looks, names, splits, twins
from training.datasets import Mark, Sample
from training.findings import Findings

LABELS = ("apple", "bread", "cheese")


def drawn(seed: int, width: int = 160, height: int = 120) -> Image:
    """A picture like no other: blots of colour."""
    blots = np.random.default_rng(seed).integers(0, 256, (9, 12, 3), np.uint8)
    return np.asarray(cv2.resize(blots, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)


def save(path: Path, image: Image, quality: int = 95) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), image, [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else [])
    return path


def folder(root: Path, each: int = 20, parts: tuple[str, ...] = ("",)) -> Path:
    for number, (part, label) in enumerate((part, label) for part in parts for label in LABELS):
        for place in range(each):
            save(root / part / label / f"{place:02}.jpg", drawn(1000 * number + place))
    return root


def look(root: Path, *, multi: bool = False) -> Findings:
    return checks.look(datasets.read(root), root, lambda *_: None, multi=multi)


def found(findings: Findings) -> dict[str, str]:
    return {one.name: one.kind for one in findings.found if one.left_out}


def test_nothing_is_found_in_good_data(tmp_path: Path) -> None:
    findings = look(folder(tmp_path))
    assert findings.found == ()
    assert findings.counts() == dict.fromkeys(LABELS, 20)


def test_broken_doubled_and_wrongly_labelled_pictures_are_all_named_and_left_out(tmp_path: Path) -> None:
    """The promise: 10 % of them, and training goes on without."""
    folder(tmp_path, each=40)
    wrong = spoiled(tmp_path)
    findings = look(tmp_path)
    assert found(findings) == wrong
    assert len(wrong) >= 0.1 * findings.pictures
    assert all(one.remedy and one.said for one in findings.found)
    dataset = splits.part(findings.kept, seed=1)
    assert not {one.path.relative_to(tmp_path).as_posix() for one in (*dataset.train, *dataset.test)} & set(wrong)
    assert len(dataset.train) + len(dataset.test) == findings.pictures - len(wrong)
    text = "\n".join(findings.lines())
    assert all(name in text for name in wrong)


def spoiled(root: Path) -> dict[str, str]:
    """Spoil a tenth of a folder; gives what should be found in which file."""
    wrong: dict[str, str] = {}
    for place, spoil in enumerate((b"", b"no picture", b"\xff\xd8\xff")):
        (root / "apple" / f"{place:02}.jpg").write_bytes(spoil)
        wrong[f"apple/{place:02}.jpg"] = "unreadable"
    for name in ("bread/00.jpg", "cheese/00.jpg"):
        whole = (root / name).read_bytes()
        (root / name).write_bytes(whole[: len(whole) // 2])
        wrong[name] = "unreadable"
    for place in (5, 6, 7):
        shutil.copy(root / f"bread/{place:02}.jpg", root / f"bread/copy-{place}.jpg")
        wrong[f"bread/copy-{place}.jpg"] = "duplicate"
    for place in (10, 11):
        shutil.copy(root / f"apple/{place}.jpg", root / f"cheese/wrong-{place}.jpg")
        wrong |= {f"apple/{place}.jpg": "wrong label", f"cheese/wrong-{place}.jpg": "wrong label"}
    save(root / "bread/again.jpg", cv2.imread(str(root / "apple/15.jpg")), quality=70)  # type: ignore[arg-type]
    return wrong | {"apple/15.jpg": "wrong label", "bread/again.jpg": "wrong label"}


def test_pictures_without_anything_to_see_are_left_out(tmp_path: Path) -> None:
    folder(tmp_path)
    save(tmp_path / "apple/blank.png", np.full((60, 60, 3), 80, np.uint8))
    save(tmp_path / "apple/small.png", drawn(1, 20, 20))
    save(tmp_path / "nowhere.png", drawn(2))
    assert found(look(tmp_path)) == {
        "apple/blank.png": "blank", "apple/small.png": "too small", "nowhere.png": "no label",
    }  # fmt: skip


def test_a_foreign_format_is_named_instead_of_overlooked(tmp_path: Path) -> None:
    (folder(tmp_path) / "apple/phone.heic").write_bytes(b"....ftypheic")
    (finding,) = (one for one in look(tmp_path).found if one.left_out)
    assert str(finding) == (
        "apple/phone.heic: not a picture that can be read; save it as JPEG, PNG, WebP, BMP or GIF"
    )  # fmt: skip


def test_what_is_tested_on_is_not_learnt_from(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "test"))
    shutil.copy(tmp_path / "test/apple/00.jpg", tmp_path / "train/apple/copy.jpg")
    save(tmp_path / "train/apple/again.jpg", drawn(3000)[2:-2, 2:-2], quality=60)
    assert found(look(tmp_path)) == {"train/apple/copy.jpg": "leak", "train/apple/again.jpg": "leak"}


def test_pictures_that_look_alike_are_told_and_never_parted(tmp_path: Path) -> None:
    folder(tmp_path)
    for place in range(6):
        save(tmp_path / f"apple/again-{place}.jpg", drawn(place), quality=40)
    findings = look(tmp_path)
    assert not found(findings)
    assert {one.kind for one in findings.found} == {"near duplicate"}
    for seed in range(5):
        dataset = splits.part(findings.kept, seed)
        parts = [{one.group for one in part if one.group} for part in (dataset.train, dataset.test)]
        assert len(parts[0] | parts[1]) == 6
        assert not parts[0] & parts[1]


def test_the_pictures_of_a_fixed_camera_can_still_be_parted(tmp_path: Path) -> None:
    """They all show the same, except for what is to be learnt."""
    scene = drawn(0, 320, 240)
    for label, grey in (("open", 0), ("shut", 255)):
        for place in range(20):
            image = scene.copy()
            cv2.rectangle(image, (150, 90), (190, 150), (grey, grey, grey), -1)
            noise = np.random.default_rng(place).normal(0, 12, image.shape)
            save(tmp_path / label / f"{place:02}.jpg", np.asarray(np.clip(image + noise, 0, 255), np.uint8))
    findings = look(tmp_path)
    assert not found(findings)
    assert "one scene" in {one.kind for one in findings.found}
    dataset = splits.part(findings.kept, seed=1)
    assert Counter(one.labels[0] for one in dataset.test) == {"open": 4, "shut": 4}


def test_a_second_label_is_a_mistake_where_others_have_one(tmp_path: Path) -> None:
    folder(tmp_path)
    rows = [f"{label}/{place:02}.jpg,{label}" for label in LABELS for place in range(20)]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows, "apple/00.jpg,bread"]), "utf-8")
    assert found(look(tmp_path)) == {"apple/00.jpg": "several labels"}
    assert not found(look(tmp_path, multi=True))


def test_copies_in_several_folders_bear_several_labels_if_they_may(tmp_path: Path) -> None:
    shutil.copy(folder(tmp_path) / "apple/00.jpg", tmp_path / "bread/copy.jpg")
    findings = look(tmp_path, multi=True)
    assert found(findings) == {"bread/copy.jpg": "duplicate"}
    (both,) = (one for one in findings.kept if len(one.labels) > 1)
    assert both.labels == ("apple", "bread")


def boxed(root: Path, marks: dict[str, tuple[Mark, ...]]) -> Findings:
    samples = [
        Sample(save(root / name, drawn(place)), (), said) for place, (name, said) in enumerate(marks.items())
    ]  # fmt: skip
    return checks.look(samples, root, lambda *_: None, task="detect")


def test_boxes_that_hold_nothing_or_lie_outside_are_named(tmp_path: Path) -> None:
    good = Mark("cup", 0.1, 0.1, 0.5, 0.5)
    findings = boxed(tmp_path, {
        **{f"{place}.jpg": (good,) for place in range(6)},
        "empty.jpg": (good, Mark("cup", 0.5, 0.2, 0.5, 0.6)),
        "outside.jpg": (Mark("cup", 1.2, 0.2, 1.5, 0.6),),
        "out.jpg": (Mark("cup", 0.8, 0.2, 1.2, 0.6),),
        "nearly.jpg": (Mark("cup", -0.004, 0.2, 1.004, 0.6),),
        "background.jpg": (),
    })  # fmt: skip
    assert found(findings) == {"empty.jpg": "bad box", "outside.jpg": "bad box"}
    (out,) = (one for one in findings.found if one.name == "out.jpg")
    assert out.said == "the box of cup at 0.80 0.20 1.20 0.60 sticks out of the picture and is cut off at its edge"
    kept = {one.path.name: one.marks for one in findings.kept}
    assert kept["out.jpg"] == (Mark("cup", 0.8, 0.2, 1.0, 0.6),)
    assert kept["nearly.jpg"] == (Mark("cup", 0.0, 0.2, 1.0, 0.6),)
    assert kept["background.jpg"] == ()


def test_one_picture_with_other_boxes_is_doubted_and_with_the_same_a_duplicate() -> None:
    cup, plate = Mark("cup", 0.1, 0.1, 0.5, 0.5), Mark("plate", 0.1, 0.1, 0.5, 0.5)
    nearly = Mark("cup", 0.12, 0.1, 0.5, 0.52)
    assert twins.agree(Sample(Path("a"), (), (cup,)), Sample(Path("b"), (), (nearly,)))
    assert not twins.agree(Sample(Path("a"), (), (cup,)), Sample(Path("b"), (), (plate,)))
    assert not twins.agree(Sample(Path("a"), (), (cup,)), Sample(Path("b"), (), (cup, plate)))


def test_too_few_and_too_uneven_labels_are_told(tmp_path: Path) -> None:
    folder(tmp_path)
    for place in range(180):
        save(tmp_path / "apple" / f"more-{place}.jpg", drawn(9000 + place))
    for label, count in (("dates", 8), ("eggs", 3)):
        for place in range(count):
            save(tmp_path / label / f"{place}.jpg", drawn(len(label) * 5000 + place))
    findings = look(tmp_path)
    told = [(one.kind, one.name, one.stops) for one in findings.found]
    assert told == [("too few", "dates", False), ("too few", "eggs", True), ("imbalance", "eggs", False)]
    assert [str(one) for one in findings.stops] == [
        "eggs: has 3 pictures to learn from; add some: 5 are the least"
    ]  # fmt: skip


def test_one_label_cannot_be_told_from_anything(tmp_path: Path) -> None:
    for place in range(20):
        save(tmp_path / "apple" / f"{place}.jpg", drawn(place))
    assert [one.said for one in look(tmp_path).stops] == ["only the label 'apple' is left"]


def test_a_label_that_every_picture_has_cannot_be_learnt(tmp_path: Path) -> None:
    for place in range(20):
        save(tmp_path / "apple" / f"{place}.jpg", drawn(place))
    assert [str(one) for one in look(tmp_path, multi=True).stops] == [
        "apple: every picture has it, so nothing tells it from anything else; add pictures without it"
    ]
    for place in range(20):
        save(tmp_path / f"{place}.jpg", drawn(700 + place))
    assert look(tmp_path, multi=True).stops == ()


def test_a_label_that_is_never_tested_is_told(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "test"))
    shutil.rmtree(tmp_path / "test/bread")
    assert [(one.kind, one.name) for one in look(tmp_path).found] == [("untested", "bread")]


def test_two_bad_boxes_of_a_picture_are_both_named(tmp_path: Path) -> None:
    nowhere, infinite = Mark("cup", math.nan, 0.1, 0.5, 0.5), Mark("plate", 0.1, 0.1, math.inf, 0.5)
    findings = boxed(tmp_path, {"a.jpg": (nowhere, infinite, Mark("fork", 0.5, 0.5, 0.5, 0.5))})
    (finding,) = (one for one in findings.found if one.kind == "bad box")
    assert finding.said == (
        "the box of cup lacks a side, or has one that is no number, and the box of plate lacks a side, or has one that "
        "is no number, and the box of fork at 0.50 0.50 0.50 0.50 is empty or outside the picture"
    )
    assert finding.left_out


@pytest.mark.parametrize(
    ("label", "complaint"),
    [
        ("", "its label is empty"),
        (" ", "its label is empty"),
        ("a\nb", r"its label 'a\nb' has a line break or control character"),
        ("a\u2028b", r"its label 'a\u2028b' has a line break or control character"),
        ("n" * 256, f"its label '{'n' * 20}'… has 256 letters, and 255 are the most"),
    ],
)
def test_labels_that_no_pack_can_have_are_named(tmp_path: Path, label: str, complaint: str) -> None:
    samples = datasets.read(folder(tmp_path))
    samples[3] = Sample(samples[3].path, (label,))
    findings = checks.look(samples, tmp_path, lambda *_: None)
    assert [(one.kind, one.said) for one in findings.found if one.left_out] == [("bad label", complaint)]
    assert findings.counts() == {"apple": 19, "bread": 20, "cheese": 20}


@pytest.mark.parametrize("label", ["n" * 255, "Käse", "猫", "woman\u200d🦰", "no\u00a0break"])
def test_the_longest_label_and_any_script_are_right_and_packs_take_them(label: str) -> None:
    assert not names.fault_of_label(label)
    assert drafts.Label(name=label, threshold=0.5).name == label


def test_what_the_reader_noted_is_named(tmp_path: Path) -> None:
    rows = [{"source-ref": f"{label}/{place:02}.jpg", "x": 1, "x-metadata": {"class-name": label}}
            for label in LABELS for place in range(20)]  # fmt: skip
    folder(tmp_path)
    lines = [*map(json.dumps, rows), "broken", json.dumps(rows[0])]
    (tmp_path / "all.manifest").write_text("\n".join(lines), "utf-8")
    findings = look(tmp_path)
    assert [str(one) for one in findings.found if one.left_out] == [
        "all.manifest: line 61: no entry of a manifest (it is no JSON); correct it",
        "apple/00.jpg: is listed twice; delete one line",
    ]
    (tmp_path / "all.manifest").unlink()
    (tmp_path / "dates").mkdir()
    assert [str(one) for one in look(tmp_path).found] == [
        "dates: is a label without a picture; add some, or delete the folder"
    ]


def test_one_picture_listed_twice_with_other_labels_or_parts_is_told(tmp_path: Path) -> None:
    samples = list(datasets.read(folder(tmp_path)))
    twice = [*samples, Sample(samples[0].path, ("bread",))]
    (said, again) = (one for one in checks.look(twice, tmp_path, lambda *_: None).found if one.left_out)
    assert str(said) == "apple/00.jpg: is listed twice, labelled apple and bread; delete the wrong line"
    assert again.name == said.name
    leaking = [*samples, Sample(samples[0].path, ("apple",), test=True)]
    (leak,) = (one for one in checks.look(leaking, tmp_path, lambda *_: None).found if one.left_out)
    assert str(leak) == "apple/00.jpg: is listed to learn from and to test on; delete one line"


def test_a_name_that_no_file_can_have_is_unreadable(tmp_path: Path) -> None:
    samples = [*datasets.read(folder(tmp_path)), Sample(tmp_path / "a\0b.jpg", ("apple",))]
    (finding,) = checks.look(samples, tmp_path, lambda *_: None).found
    assert str(finding) == r"a\x00b.jpg: no such file; check the path"


def test_what_is_no_file_is_unreadable(tmp_path: Path) -> None:
    folder(tmp_path)
    (tmp_path / "apple" / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "apple" / "pipe.jpg")
    assert found(look(tmp_path)) == {"apple/gone.jpg": "unreadable", "apple/pipe.jpg": "unreadable"}


def test_links_are_named_as_they_were_given(tmp_path: Path) -> None:
    root = folder(tmp_path / "photos")
    (root / "apple" / "gone.jpg").symlink_to("/nowhere")
    (root / "bread" / "copy.jpg").symlink_to(root / "bread" / "00.jpg")
    (root / "dates").symlink_to(root / "cheese")
    (tmp_path / "link").symlink_to(root)
    for start in (root, tmp_path / "link", root / ".." / "photos"):
        assert [str(one) for one in look(start).found] == [
            "dates: is a link to a folder, which is not followed; put the folder itself there",
            "apple/gone.jpg: no such file; check the path",
            "bread/copy.jpg: is the same picture as bread/00.jpg; delete one of them",
        ]


def test_a_csv_that_lists_a_picture_in_two_parts_leaks(tmp_path: Path) -> None:
    folder(tmp_path)
    rows = [f"{label}/{place:02}.jpg,{label},{'train' if place < 15 else 'test'}"
            for label in LABELS for place in range(20)]  # fmt: skip
    lines = ["image,label,split", *rows, "apple/00.jpg,apple,test"]
    (tmp_path / "labels.csv").write_text("\n".join(lines), "utf-8")
    assert [str(one) for one in look(tmp_path).found if one.left_out] == [
        "apple/00.jpg: is listed to learn from and to test on; delete one line"
    ]


def test_why_nothing_is_left_is_said_of_the_data_set(tmp_path: Path) -> None:
    root = tmp_path / "photos"
    for place in range(3):
        save(root / f"{place}.jpg", drawn(place))
    assert [str(one) for one in look(root).stops] == ["photos: none of its 3 pictures has a label; label some"]
    for place in range(3):
        (root / f"{place}.jpg").write_bytes(b"")
    assert [str(one) for one in look(root).stops] == [
        "photos: none of its 3 pictures is left to learn from (unreadable: 3); mend them"
    ]


def test_a_label_of_the_test_set_alone_cannot_be_learnt(tmp_path: Path) -> None:
    folder(tmp_path, parts=("train", "test"))
    shutil.rmtree(tmp_path / "train/bread")
    assert [str(one) for one in look(tmp_path).stops] == [
        "bread: has 0 pictures to learn from; add some: 4 are the least"
    ]  # fmt: skip


@pytest.mark.parametrize("change", ["saved again", "half the size", "brighter", "trimmed"])
def test_changed_copies_look_alike_and_other_pictures_do_not(change: str) -> None:
    first = drawn(1, 320, 240)
    changed = {
        "saved again": cv2.imdecode(cv2.imencode(".jpg", first, [cv2.IMWRITE_JPEG_QUALITY, 30])[1], cv2.IMREAD_COLOR),
        "half the size": cv2.resize(first, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
        "brighter": np.clip(first * 1.15 + 10, 0, 255),
        "trimmed": np.ascontiguousarray(first[4:-4, 4:-4]),
    }[change]
    seen = [looks.of(image, b"") for image in (first, np.asarray(changed, np.uint8), drawn(2, 320, 240))]
    assert [(a, b) for a, b, _ in looks.pairs(seen)] == [(0, 1)]
