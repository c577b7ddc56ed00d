"""What models of one's own say of pictures, and whether they see what they saw where they were made."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.engine import AccelSettings, ModelSettings
from edge.failover import open_built
from edge.packs.custom import Label, built
from edge.packs.store import Store
from edge.values import Box
from edge.vision import selftest
from edge.vision.custom import Custom
from models.manifest import ModelError
from tests.edge.customs import VERSIONS, colour, installed, square


def opened(root: Path, name: str = "colours/v1", backend: Any = "openvino", **how: Any) -> Custom:
    """The model of a pack made as `how` says, open on one back end."""
    settings: Any = SimpleNamespace(models=ModelSettings(store=root), accel=AccelSettings(order=(backend,)))
    version = installed(root, name, **how)
    return Custom(open_built([built(version, backend)], [], settings), version, name)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return Store(tmp_path / "store").root


def test_a_picture_is_named_by_what_it_shows(root: Path) -> None:
    custom = opened(root)
    (label,) = custom.look(colour("green"))
    assert (label.name, label.box, label.parent) == ("green", None, "")
    assert label.score > 0.99
    assert custom.look(colour("green"), 0.0)[0].name == "green"
    assert len(custom.look(colour("green"), 0.0)) == 3
    assert custom.look(np.zeros((48, 64, 3), np.uint8)) == []  # a third each, and none of them sure


def test_each_label_has_a_threshold_of_its_own(root: Path) -> None:
    labels = [Label(name=name, threshold=least) for name, least in (("blue", 0.3), ("green", 0.4), ("red", 0.2))]
    black = np.zeros((48, 64, 3), np.uint8)
    assert {label.name for label in opened(root, labels=labels).look(black)} == {"blue", "red"}


def test_a_square_is_found_where_it_is(root: Path) -> None:
    custom = opened(root, "squares/v1", task="detect")
    wide = np.zeros((64, 128, 3), np.uint8)
    wide[16:32, 96:112] = 255  # in the network's input, half as large, a cell in the upper right
    (label,) = custom.look(wide)
    assert label.name == "square"
    assert label.box
    assert label.box == Box(88 / 128, 8 / 64, 120 / 128, 40 / 64)
    assert custom.look(np.zeros((64, 128, 3), np.uint8)) == []


def test_labels_of_an_adapter_stand_under_those_they_adapt(root: Path) -> None:
    labels = [Label(name=name, threshold=0.5, parent="Violence") for name in ("blue", "green", "red")]
    (label,) = opened(root, labels=labels, feature="CONTENT_MODERATION").look(colour("red"))
    assert (label.name, label.parent) == ("red", "Violence")


@pytest.mark.parametrize("backend", ["openvino", "tflite"])
def test_a_model_that_sees_what_it_saw_passes(root: Path, backend: str) -> None:
    assert selftest.fault(opened(root, backend=backend, backends=("openvino", "tflite"))) == ""


def test_a_detector_that_finds_what_it_found_passes(root: Path) -> None:
    assert selftest.fault(opened(root, "squares/v1", task="detect")) == ""


def test_a_model_that_names_things_otherwise_fails(root: Path) -> None:
    sentence = selftest.fault(opened(root, sound=False))
    assert sentence == "picture 1 of its self-test: it is 'blue' here (1.00), and was 'red' (1.00)"


def test_a_model_that_is_less_sure_than_it_was_fails(root: Path) -> None:
    custom = opened(root)
    images = np.zeros((1, 32, 32, 3), np.uint8)
    np.savez(custom.installed.folder / selftest.FILE, images=images, scores=np.array([[0.5, 0.3, 0.2]], np.float32))
    assert "'blue' scores 0.33 here, and was 0.50" in selftest.fault(custom)


def test_a_detector_that_misses_what_it_found_fails(root: Path) -> None:
    sentence = selftest.fault(opened(root, "squares/v1", task="detect", sound=False))
    assert sentence == ("picture 1 of its self-test: 'square' at [20, 20, 36, 36] is not found here, which scored 0.99")


def test_a_pack_without_pictures_must_answer_a_grey_one(root: Path) -> None:
    custom = opened(root)
    (custom.installed.folder / selftest.FILE).unlink()
    assert selftest.fault(custom) == ""


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and no more", b"anything"])
def test_damaged_pictures_are_named(root: Path, data: bytes) -> None:
    custom = opened(root)
    (custom.installed.folder / selftest.FILE).write_bytes(data)
    assert "selftest.npz cannot be read" in selftest.fault(custom)


def test_a_model_that_does_not_answer_as_its_labels_ask_is_told(root: Path) -> None:
    labels = [Label(name="blue", threshold=0.5)]
    custom = opened(root, labels=labels)
    with pytest.raises(ModelError, match="colours/v1 does not answer as its 1 labels ask"):
        custom.look(square(1, 1))
    assert "colours/v1 does not answer as its 1 labels ask" in selftest.fault(custom)


@pytest.mark.parametrize("alone", [True, False], ids=["without pictures", "with pictures"])
@pytest.mark.parametrize("backend", ["openvino", "tflite"])
def test_a_network_that_takes_other_pictures_than_its_pack_says_fails(root: Path, backend: str, *, alone: bool) -> None:
    wide = VERSIONS["classify"][backend] | {"input": {"width": 4096, "height": 4096, "fit": "square"}}
    custom = opened(root, backend=backend, backends=("openvino", "tflite"), variants={backend: wide})
    if alone:
        (custom.installed.folder / selftest.FILE).unlink()
    assert selftest.fault(custom) == (
        "its pack says 4096 x 4096 pixels, and its network takes 1 x 32 x 32 x 3; train it anew"
    )


def test_pictures_of_another_size_than_the_network_takes_are_named(root: Path) -> None:
    custom = opened(root)
    images = np.zeros((1, 48, 32, 3), np.uint8)
    np.savez(custom.installed.folder / selftest.FILE, images=images, scores=np.ones((1, 3), np.float32))
    assert selftest.fault(custom) == "picture 1 of its self-test is not of 32 x 32 pixels; train it anew"
