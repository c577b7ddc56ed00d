"""The last stages of a training, without torch: export, measure, evaluate, report and pack, and a kill in between."""

from __future__ import annotations

import errno
import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge.engine import AccelSettings, ModelSettings
from edge.errors import InputError, StorageError
from edge.failover import open_built
from edge.packs import custom, signing
from edge.packs.store import Store
from edge.vision import selftest
from edge.vision.custom import Custom
from models.manifest import Backend
from models.outputs import Boxes, Scores
from tests import toy_training
from tests.toy_training import LABELS, dataset, findings, job, trained

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import evaluation, export, measure, mistakes, packing, page, plots
from training.datasets import Dataset, Mark, Sample

ROOT = Path(__file__).parents[2]


def silent(stage: str, done: float, note: str = "") -> None:
    """Nobody watches."""


@pytest.fixture
def toys(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    toy_training.install(monkeypatch.setattr)
    monkeypatch.setattr(measure, "TIMED", 3)
    return monkeypatch


@pytest.fixture
def left(toys: pytest.MonkeyPatch, tmp_path: Path) -> Path:  # noqa: ARG001
    """A work folder with all that a training leaves."""
    data = dataset(tmp_path / "data")
    work = job(tmp_path / "work", key=tmp_path / "key")
    packing.leave(trained(), data, work, findings(data), silent)
    return work.out


def test_both_files_are_measured_as_the_device_runs_them(toys: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: ARG001
    made = export.export(trained(), dataset(tmp_path / "data"), job(tmp_path), silent)
    assert made.float_score == 1.0
    assert {backend: one.score for backend, one in made.files.items()} == {"openvino": 1.0, "tflite": 1.0}
    assert all(one.whole_ms and one.raw_ms and one.whole_ms > 0 < one.raw_ms for one in made.files.values())
    assert made.faults == ()
    assert sorted(path.name for path in made.folder.iterdir()) == [
        "export.json", "model.tflite", "openvino.bin", "openvino.xml",
    ]  # fmt: skip


def test_a_rerun_makes_nothing_again(toys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data, work = dataset(tmp_path / "data"), job(tmp_path)
    first = export.export(trained(), data, work, silent)
    toys.setattr(export.openvino, "write", None)
    toys.setattr(export.litert, "write", None)
    assert export.export(trained(), data, work, silent).files == first.files


@pytest.mark.parametrize("harm", ["altered", "other data", "other numbers"])
def test_what_is_no_longer_the_same_is_made_again(harm: str, toys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    data, work = dataset(tmp_path / "data"), job(tmp_path)
    folder = export.export(trained(), data, work, silent).folder
    if harm == "altered":
        (folder / "model.tflite").write_bytes(b"")
    calls: list[str] = []

    def write(*given: Any, **how: Any) -> None:
        calls.append("tflite")
        toy_training.write_tflite(*given, **how)

    toys.setattr(export.litert, "write", write)
    data = replace(data, fingerprint="1" * 64) if harm == "other data" else data
    work = replace(work, tflite_io="uint8") if harm == "other numbers" else work
    assert export.export(trained(), data, work, silent).files["tflite"].score == 1.0
    assert calls == ["tflite"]


def test_int8_that_loses_more_than_a_point_tries_other_ways_then_says_why(
    toys: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[dict[str, bool]] = []

    def write(network: Any, pictures: Any, file: Path, **how: bool) -> None:
        tried.append(how)
        toy_training.write_openvino(network, pictures, file)

    data = dataset(tmp_path / "data")
    toys.setattr(export.openvino, "write", write)
    toys.setattr(export, "_measured", lambda *_: (0.9, 1.0, 1.0))
    with pytest.raises(InputError, match=r"int8 for openvino is 10\.0 points of accuracy below float \(0\.900 instead"):
        export.export(trained(), data, job(tmp_path), silent)
    assert tried == [{}, {"thorough": True}, {"thorough": True, "float_ends": True}]
    assert not (tmp_path / "export" / "openvino.xml").exists()


KILLED = """
import os, signal, sys
from pathlib import Path
from tests import toy_training
toy_training.install(setattr)
from training import export
out = Path(sys.argv[1])
def killed(network, pictures, file, **how):
    file.write_bytes(b"half")
    os.kill(os.getpid(), signal.SIGKILL)
export.litert.write = killed
export.export(toy_training.trained(), toy_training.dataset(out / "data"), toy_training.job(out), lambda *_: None)
"""


def test_after_a_kill_a_rerun_sweeps_up_and_makes_the_rest(toys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, tmp_path],
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'tools'}"}, check=False, timeout=60,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL
    folder = tmp_path / "export"
    assert (folder / ".part" / "model.tflite").read_bytes() == b"half"
    assert (folder / "openvino.xml").exists()
    assert not (folder / "model.tflite").exists()
    toys.setattr(export.openvino, "write", None)  # that file was whole already
    made = export.export(trained(), dataset(tmp_path / "data"), job(tmp_path), silent)
    assert made.files["tflite"].score == 1.0
    assert not (folder / ".part").exists()


def test_a_full_disk_is_told_and_leaves_no_halves(toys: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(network: Any, pictures: Any, file: Path, **how: Any) -> None:  # noqa: ARG001
        file.write_bytes(b"half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(file))

    toys.setattr(export.litert, "write", full)
    with pytest.raises(StorageError, match=r"No space left on device; free some space, or name another folder"):
        export.export(trained(), dataset(tmp_path / "data"), job(tmp_path), silent)
    assert sorted(path.name for path in (tmp_path / "export").iterdir()) == [
        "export.json", "openvino.bin", "openvino.xml",
    ]  # fmt: skip


# The pack


def test_the_pack_holds_what_a_device_needs(left: Path, tmp_path: Path) -> None:
    key, _ = signing.open_key(tmp_path / "key")
    index = custom.read(left / "colours-1.vedette", {signing.fingerprint(key.public)}).index
    assert sorted(index.files) == [
        "CARD.md", "evaluation.json", "model.tflite", "openvino.bin", "openvino.xml", "selftest.npz",
    ]  # fmt: skip
    assert [(label.name, label.threshold) for label in index.labels] == [(name, 0.5) for name in LABELS]
    assert (index.f1, index.images, index.data) == (1.0, (9, 12), "0" * 64)
    assert index.variants["openvino"].input.mean is None
    assert index.variants["tflite"].input.mean == (127.0, 127.0, 127.0)
    assert not (left / ".pack").exists()


@pytest.mark.parametrize("backend", ["openvino", "tflite"])
def test_its_self_test_passes_where_it_is_installed(backend: Backend, left: Path, tmp_path: Path) -> None:
    key, _ = signing.open_key(tmp_path / "key")
    store = Store(tmp_path / "store")
    installed = custom.install(store, left / "colours-1.vedette", signing.fingerprint(key.public))
    settings: Any = SimpleNamespace(models=ModelSettings(store=store.root), accel=AccelSettings(order=(backend,)))
    opened = Custom(open_built([custom.built(installed, backend)], [], settings), installed, "colours/1")
    assert selftest.fault(opened) == ""
    assert [found.name for found in opened.look(np.full((30, 40, 3), (220, 20, 20), np.uint8))] == ["blue"]
    opened.close()


def test_the_card_tells_origin_data_and_figures(left: Path, tmp_path: Path) -> None:
    key, _ = signing.open_key(tmp_path / "key")
    store = Store(tmp_path / "store")
    installed = custom.install(store, left / "colours-1.vedette", signing.fingerprint(key.public))
    text = (installed.folder / "CARD.md").read_text("utf-8")
    assert "9 pictures to learn from, 12 to test on, none in both. Fingerprint `000" in text
    assert "| `model.tflite` | 1.000 | +0.000 |" in text
    assert "| blue | 0.500 | 1.000 | 1.000 | 1.000 | 1.000 | 4 |" in text
    assert "Apache-2.0" in text


def test_a_label_of_an_adapter_stands_under_its_parent(toys: pytest.MonkeyPatch, tmp_path: Path) -> None:  # noqa: ARG001
    data = dataset(tmp_path / "data")
    data = replace(data, labels=("Blood & Gore", "Smoking", "Violence"), multi=True)
    data = replace(
        data, test=tuple(replace(one, labels=(data.labels[LABELS.index(one.labels[0])],)) for one in data.test)
    )
    work = job(tmp_path / "work", key=tmp_path / "key", feature="CONTENT_MODERATION", multi=True)
    index = packing.leave(replace(trained(), labels=data.labels, multi=True), data, work, findings(data), silent)
    assert (index.feature, index.multi) == ("CONTENT_MODERATION", True)
    assert {label.name: label.parent for label in index.labels}["Smoking"] == "Drugs & Tobacco Paraphernalia & Use"


# Rekognition's summary


def test_the_summary_has_rekognitions_shape(left: Path) -> None:
    told = json.loads((left / "evaluation.json").read_text())
    assert set(told) == {"Version", "EvaluationDetails", "AggregatedEvaluationResults", "LabelEvaluationResults"}
    details = told["EvaluationDetails"]
    assert details["Labels"] == list(LABELS)
    assert (details["NumberOfTrainingImages"], details["NumberOfTestingImages"]) == (9, 12)
    assert details["ProjectVersionArn"].startswith("arn:aws:rekognition:local:000000000000:project/colours/version/1/")
    whole = told["AggregatedEvaluationResults"]
    assert (whole["F1Score"], whole["Precision"], whole["Recall"]) == (1.0, 1.0, 1.0)
    assert whole["ConfusionMatrix"] == [
        {"GroundTruthLabel": name, "PredictedLabel": name, "Value": 1.0} for name in LABELS
    ]
    assert told["LabelEvaluationResults"][0] == {
        "Label": "blue",
        "NumberOfTestingImages": 4,
        "Metrics": {"Precision": 1.0, "Recall": 1.0, "F1Score": 1.0, "Threshold": 0.5},
    }


def boxed(*boxes: tuple[float, float, float, float, float]) -> Boxes:
    """Boxes of one label with their scores."""
    rows = np.array(boxes, np.float32).reshape(-1, 5)
    return Boxes(rows[:, :4], rows[:, 4], np.zeros(len(rows), np.int64))


def cats(folder: Path) -> Dataset:
    """Three test pictures: one cat each, but none in the last."""
    import cv2

    samples = []
    for place in range(3):
        path = folder / f"{place}.png"
        cv2.imwrite(str(path), np.full((60, 80, 3), 90, np.uint8))
        samples.append(Sample(path, (), (Mark("cat", 0.1, 0.1, 0.5, 0.6),) if place < 2 else ()))
    return Dataset("detect", ("cat",), tuple(samples[:1]), tuple(samples), False, "2" * 64)


def test_of_boxes_it_tells_average_precision_and_recall(tmp_path: Path) -> None:
    data = cats(tmp_path)
    said = [boxed((0.1, 0.1, 0.5, 0.6, 0.9)), boxed((0.6, 0.6, 0.9, 0.9, 0.8)), boxed()]
    found = evaluation.judge(said, [0.5], data)
    told = evaluation.summary(found, data, job(tmp_path, task="detect"), 1.8e9)
    whole = told["AggregatedEvaluationResults"]
    assert (whole["Precision"], whole["Recall"]) == (0.5, 0.5)
    assert (whole["AveragePrecision"], whole["AverageRecall"]) == (0.5, 0.5)
    assert "ConfusionMatrix" not in whole
    assert told["LabelEvaluationResults"][0]["Metrics"]["AveragePrecision"] == 0.5
    assert told["EvaluationDetails"]["EvaluationEndTimestamp"] == "2027-01-15T08:00:00"
    assert found.confusion is not None
    assert found.confusion.tolist() == [[1, 1], [1, 0]]


def test_mistakes_come_worst_first_and_are_drawn(tmp_path: Path) -> None:
    data = cats(tmp_path)
    said = [boxed((0.1, 0.1, 0.5, 0.6, 0.9)), boxed(), boxed((0.6, 0.6, 0.9, 0.9, 0.8))]
    found = mistakes.worst(data, said, [0.5])
    assert [one.sample.path.name for one in found] == ["2.png", "1.png"]
    assert [one.said for one in found] == ["0 right, 1 wrong, 0 missed", "0 right, 0 wrong, 1 missed"]
    drawn = mistakes.figure(found[1])
    assert 'class="box missed"' in drawn
    assert 'src="http' not in drawn


def test_a_label_below_its_threshold_is_a_mistake_too(tmp_path: Path) -> None:
    data = dataset(tmp_path, test=1)
    said = [Scores(np.array(row, np.float32)) for row in ([0.4, 0.3, 0.3], [0.1, 0.8, 0.1], [0.7, 0.1, 0.2])]
    found = mistakes.worst(data, said, [0.5, 0.5, 0.5])
    assert [(one.said, one.truth) for one in found] == [
        ("blue 70%", "red 20%"), ("nothing (at best blue 40%)", "blue 40%"),
    ]  # fmt: skip


# The page


def test_the_page_asks_for_nothing_from_outside_and_escapes_what_it_tells(left: Path) -> None:
    text = (left / "report.html").read_text("utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=\"(?!data:)", text)
    assert "<script" not in text
    assert "red/&lt;broken&gt;.png" in text
    assert text.count("<section") == text.count("</section>") >= 6
    for words in ("Float against int8", "Precision and recall", "Confusion", "Learning", "Worst mistakes", "by eye"):
        assert words in text


def test_a_small_test_set_is_owned_up_to(left: Path) -> None:
    text = (left / "report.html").read_text("utf-8")
    assert "The test set is small: one picture moves accuracy by about 8.3 points." in text
    assert "Perfect figures on few pictures" in text


def test_ticks_are_round_numbers_inside_the_range() -> None:
    assert plots.Axis("x", 0.0, 1.0).ticks() == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert plots.Axis("x", 0.0, 730.0).ticks() == [0.0, 200.0, 400.0, 600.0]


def test_the_style_follows_day_and_night() -> None:
    assert "prefers-color-scheme: dark" in page.STYLE.read_text("utf-8")
