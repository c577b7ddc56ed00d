"""Undrawn pictures: listed, labelled so that nothing rotates them away, and written out as a data set."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import cli, snapshots
from edge.errors import InputError, MissingError
from edge.snapshots import Selection
from edge.stills import Boxed, Notes, Stills
from edge.values import Box, Detection

NAME = "19700101T000001.000-front-door-track_started"


@pytest.fixture
def stills(tmp_path: Path) -> Stills:
    """Two cameras' pictures, of 100 by 50 pixels; the newest two are kept."""
    stills = Stills(tmp_path / "stills", keep=2, clean=True)
    for second, camera in ((1, "front-door"), (2, "yard")):
        take(stills, camera, second)
    return stills


def take(stills: Stills, camera: str, second: int) -> None:
    image = np.full((50, 100, 3), 10 * second, np.uint8)
    still = stills.write(image, camera, float(second), "track_started")
    stills.keep_clean(still, image, [Detection("Cat", 0.8, Box(0.2, 0.2, 0.6, 0.8))])


def label(stills: Stills, name: str, *labels: str, boxes: tuple[Boxed, ...] = ()) -> None:
    snapshots.label(snapshots.find(stills.folder, name), labels, boxes, 60.0)


def test_a_name_tells_camera_event_and_time(stills: Stills) -> None:
    first, second = snapshots.snapshots(stills.folder)
    assert (first.name, first.camera, first.type, first.at) == (NAME, "front-door", "track_started", 1.0)
    assert Selection(camera="yard").has(second)
    assert not Selection(since=2.5).has(second)
    assert not Selection(type="labels").has(second)


def test_a_labelled_picture_is_not_rotated_away(stills: Stills) -> None:
    label(stills, NAME, "raccoon")
    for second in range(3, 9):
        take(stills, "yard", second)
    kept = snapshots.snapshots(stills.folder)
    assert [one.at for one in kept] == [1.0, 7.0, 8.0]
    assert kept[0].notes().labels == ("raccoon",)
    assert [one.label for one in kept[0].notes().found] == ["Cat"], "what the detector found goes with it"
    assert Stills(stills.folder, keep=1, clean=True)  # and a restart finds nothing to remove either
    assert snapshots.find(stills.folder, NAME).labelled


def test_labelling_again_replaces_what_was_said(stills: Stills) -> None:
    label(stills, NAME, "racoon")
    label(stills, f"{NAME}.jpg", "raccoon", "night", "raccoon")
    assert snapshots.find(stills.folder, NAME).notes().labels == ("raccoon", "night")


def test_an_interrupted_labelling_loses_no_picture(stills: Stills, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(Exception, match="No space left on device; free some space"):
        label(stills, NAME, "raccoon")
    monkeypatch.undo()
    assert snapshots.find(stills.folder, NAME).notes() == Notes()
    label(stills, NAME, "raccoon")
    assert snapshots.find(stills.folder, NAME).notes().labels == ("raccoon",)


def test_a_picture_that_was_rotated_meanwhile_is_missed(stills: Stills) -> None:
    found = snapshots.find(stills.folder, NAME)
    found.path.unlink()
    with pytest.raises(MissingError, match=r"just removed.*raise stills.keep"):
        snapshots.label(found, ["raccoon"], [], 60.0)


def test_boxes_are_ratios_or_pixels_or_the_detectors(stills: Stills) -> None:
    found = snapshots.find(stills.folder, NAME)
    assert snapshots.boxed(found, "raccoon", (0.1, 0.2, 0.5, 1.0)).y2 == 1.0
    assert snapshots.boxed(found, "raccoon", (10, 10, 50, 50)) == Boxed(label="raccoon", x1=0.1, y1=0.2, x2=0.5, y2=1.0)
    assert snapshots.proposed(found, "Cat", "raccoon") == [Boxed(label="raccoon", x1=0.2, y1=0.2, x2=0.6, y2=0.8)]
    for wrong in (
        (0.5, 0.1, 0.1, 0.9),
        (10, 10, 101, 50),
        (-1, 0, 1, 1),
        (0.1, 0.1, 0.5, 1.2),
        (float("nan"), 0, 1, 1),
    ):
        with pytest.raises(InputError, match="no box of this picture"):
            snapshots.boxed(found, "raccoon", wrong)
    with pytest.raises(MissingError, match="found no 'Dog' in it, but Cat; draw it with --box"):
        snapshots.proposed(found, "Dog", "raccoon")


def test_damaged_notes_are_told_and_written_anew(stills: Stills) -> None:
    found = snapshots.find(stills.folder, NAME)
    found.beside.write_text("{")
    with pytest.raises(InputError, match=f"damaged; label {NAME} again"):
        found.notes()
    label(stills, NAME, "raccoon")
    assert snapshots.find(stills.folder, NAME).notes().labels == ("raccoon",)


def test_the_data_set_is_pictures_and_a_manifest(stills: Stills, tmp_path: Path) -> None:
    box = Boxed(label="raccoon", x1=0.2, y1=0.2, x2=0.6, y2=0.8)
    label(stills, NAME, "night", boxes=(box,))
    label(stills, "19700101T000002.000-yard-track_started")
    manifest = snapshots.export(snapshots.snapshots(stills.folder), tmp_path / "out")
    one, other = map(json.loads, manifest.read_text().splitlines())
    assert cv2.imread(str(manifest.parent / one["source-ref"])).shape == (50, 100, 3)
    assert one["vedette_night"] == 1
    assert one["vedette_night-metadata"]["class-name"] == "night"
    assert one["bounding-box"] == {
        "image_size": [{"width": 100, "height": 50, "depth": 3}],
        "annotations": [{"class_id": 0, "left": 20, "top": 10, "width": 40, "height": 30}],
    }
    assert one["bounding-box-metadata"]["class-map"] == {"0": "raccoon"}
    assert other["bounding-box"]["annotations"] == [], "a picture of nothing says so"
    assert snapshots.export(snapshots.snapshots(stills.folder)[:1], tmp_path / "out") == manifest
    assert len(manifest.read_text().splitlines()) == 1


def run(tmp_path: Path, *words: str) -> int:
    (tmp_path / "vedette.toml").write_text('[stills]\nfolder = "stills"\nclean = true\n')
    return cli.main(["--config", str(tmp_path / "vedette.toml"), "snapshots", *words])


def test_from_a_camera_to_a_data_set(stills: Stills, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert stills.folder == tmp_path / "stills"
    assert run(tmp_path, "export", str(tmp_path / "out")) == MissingError.exit_code
    assert "none of 2 snapshots is labelled" in capsys.readouterr().err
    assert (
        run(tmp_path, "label", NAME, "night", "--box", "tail", "1", "2", "30", "40", "--proposed", "Cat", "raccoon")
        == 0
    )
    said = capsys.readouterr().out
    assert said == f"{NAME}: night, tail [0.010 0.040 0.300 0.800], raccoon [0.200 0.200 0.600 0.800]\n"
    assert run(tmp_path, "list") == 0
    header, one, other = capsys.readouterr().out.splitlines()
    assert header.split() == ["NAME", "TAKEN", "LABELS", "DETECTOR"]
    assert one.startswith(NAME)
    assert other.endswith("-       Cat 0.80") or other.split()[-2:] == ["Cat", "0.80"]
    assert run(tmp_path, "list", "--camera", "front-door", "--json") == 0
    (document,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert document["labels"] == ["night"]
    assert document["at"] == "1970-01-01T00:00:01.000Z"
    assert run(tmp_path, "export", str(tmp_path / "out")) == 0
    told = capsys.readouterr()
    assert told.out == f"{tmp_path / 'out' / 'snapshots.manifest'}: 1 picture\n"
    assert told.err == "1 without a label was left out\n"


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("label", "nobody"), "nobody: there is no such snapshot"),
        (("label", NAME, "--box", "tail", "a", "2", "3", "4"), "give four numbers behind the label"),
        (("label", NAME, ""), "a label is 1 to 255 printable characters"),
        (("label", NAME, "--box", "", "1", "2", "3", "4"), "a label is 1 to 255 printable characters"),
    ],
)
@pytest.mark.usefixtures("stills")
def test_what_makes_no_sense_is_refused_in_a_sentence(
    words: tuple[str, ...], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, *words) in (InputError.exit_code, MissingError.exit_code)
    assert told in capsys.readouterr().err


def test_damaged_notes_stand_in_the_list(stills: Stills, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    snapshots.find(stills.folder, NAME).beside.write_text("{")
    assert run(tmp_path, "list") == InputError.exit_code
    assert "damaged" in capsys.readouterr().out


def test_where_none_are_kept_the_remedy_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "vedette.toml").write_text("")
    assert cli.main(["--config", str(tmp_path / "vedette.toml"), "snapshots", "list"]) == MissingError.exit_code
    assert "write folder and clean = true under [stills]" in capsys.readouterr().err
