"""A classifier learns drawn things from a few pictures, the same each time, and goes on where it was killed."""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training.datasets import Dataset, Sample
from training.settings import Job
from training.trained import Trained

from edge import pictures
from edge.errors import InputError, MissingError
from edge.packs.store import Store, default_root
from models import manifest

torch = pytest.importorskip("torch", reason="PyTorch is the workstation's: tools/train installs it")
from training import classify, features, images, linear, lite0, metrics, tuning  # noqa: E402

LABELS = ("disc", "ring", "stripes")


def silent(stage: str, done: float, note: str = "") -> None:
    pass


@pytest.fixture(scope="module")
def weights() -> None:
    file = Store(default_root()).blob(manifest.load(lite0.NAME).source("weights"))
    if not file.is_file():
        pytest.skip(f"not pulled: {lite0.NAME}; run 'vedette models pull'")


def draw(label: str, random: np.random.Generator) -> np.ndarray:
    image = np.full((120, 120, 3), random.integers(0, 256, 3), np.uint8)
    ink = [int(value) for value in random.integers(0, 256, 3)]
    centre, size = [int(value) for value in random.integers(45, 75, 2)], int(random.integers(20, 40))
    if label == "stripes":
        for x in range(0, 120, max(8, size // 2)):
            cv2.line(image, (x, 0), (x, 119), ink, 4)
    else:
        cv2.circle(image, centre, size, ink, -1 if label == "disc" else 5)
    return image


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Three things, eight pictures of each to learn from and four to judge by."""
    folder, random = tmp_path_factory.mktemp("drawn"), np.random.default_rng(0)
    samples = []
    for label in LABELS:
        for number in range(12):
            file = folder / f"{label}-{number}.png"
            pictures.write(file, draw(label, random))
            samples.append(Sample(file, (label,), test=number >= 8))
    train, test = (tuple(one for one in samples if one.test is part) for part in (False, True))
    return Dataset("classify", LABELS, train, test, multi=False, fingerprint="drawn")


def said(trained: Trained, dataset: Dataset) -> np.ndarray:
    """Scores of the test pictures."""
    shown = [images.prepare(pictures.read(one.path), images.square(trained.size)) for one in dataset.test]
    with torch.inference_mode():
        logits = trained.network(torch.from_numpy(images.normalised(shown))).numpy()
    return metrics.probabilities(logits.astype(np.float64), trained.multi)


@pytest.fixture
def few_views(monkeypatch: pytest.MonkeyPatch, weights: None) -> None:  # noqa: ARG001  the network is needed
    monkeypatch.setattr(features, "MOST", 3)


@pytest.mark.usefixtures("weights")
def test_the_published_network_is_there_whole() -> None:
    network = lite0.load(1000)
    assert sum(value.numel() for value in network.parameters()) == 4_652_008
    pixels = torch.zeros(1, 3, 224, 224)
    with torch.inference_mode():
        maps = network.until(pixels, features.CUT)
        assert maps.shape == (1, 192, 7, 7)
        assert torch.equal(network.since(maps, features.CUT), network.pooled(pixels))
        assert network.pooled(torch.zeros(1, 3, 320, 320)).shape == (1, lite0.FEATURES)


def test_weights_that_are_missing_or_damaged_say_what_to_do(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with pytest.raises(MissingError, match="vedette models pull efficientnet-lite0"):
        lite0.load(store=store)
    file = store.blob(manifest.load(lite0.NAME).source("weights"))
    file.parent.mkdir()
    file.write_bytes(b"not a checkpoint")
    with pytest.raises(InputError, match="vedette models pull efficientnet-lite0"):
        lite0.load(store=store)


@pytest.mark.usefixtures("few_views")
def test_it_tells_drawn_things_apart_the_same_each_time(drawn: Dataset, tmp_path: Path) -> None:
    first = classify.train(drawn, Job("p", "1", "classify", 1, tmp_path / "first"), silent)
    scores = said(first, drawn)
    truth = np.array([LABELS.index(one.labels[0]) for one in drawn.test])
    assert (scores.argmax(1) == truth).mean() >= 0.9
    assert len(first.thresholds) == 3
    assert all(0 < threshold < 1 for threshold in first.thresholds)
    assert {"step", "loss", "score"} <= first.curves[0].keys()
    again = classify.train(drawn, Job("p", "1", "classify", 1, tmp_path / "again"), silent)
    assert np.array_equal(scores, said(again, drawn))
    finished = classify.train(drawn, Job("p", "1", "classify", 1, tmp_path / "first"), silent)
    assert np.array_equal(scores, said(finished, drawn))
    assert (finished.thresholds, finished.learnt, finished.seconds) == (first.thresholds, first.learnt, first.seconds)


@pytest.mark.usefixtures("few_views")
def test_features_are_computed_once(drawn: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(_: str, done: float, __: str = "") -> None:
        if done >= 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        features.extract(drawn.train, tmp_path / "features.db", 0, mapped=True, progress=killed)
    shown: list[int] = []
    network = features.compiled(4)
    monkeypatch.setattr(features, "compiled", lambda _: lambda pixels: shown.append(len(pixels)) or network(pixels))
    known = features.extract(drawn.train, tmp_path / "features.db", 0, mapped=True, progress=silent)
    assert shown == [4] * 12
    assert known.pooled.shape == (24, 4, lite0.FEATURES)
    again = features.extract(drawn.train, tmp_path / "features.db", 0, mapped=True, progress=silent)
    assert len(shown) == 12
    assert np.array_equal(known.pooled, again.pooled)
    # Another seed varies pictures otherwise, but the plain view is the plain view.
    other = features.extract(drawn.train, tmp_path / "features.db", 1, mapped=False, progress=silent)
    assert np.array_equal(other.pooled[:, 0], known.pooled[:, 0])
    assert not np.array_equal(other.pooled[:, 1], known.pooled[:, 1])


@pytest.mark.usefixtures("few_views")
def test_blocks_are_tuned_where_that_is_better_and_only_there(
    drawn: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tuning, "ENOUGH", 8)
    monkeypatch.setattr(tuning, "GOOD", 2.0)
    monkeypatch.setattr(tuning, "EPOCHS", 2)
    for better, how in ((True, "and its last blocks"), (False, "features")):
        monkeypatch.setattr(tuning, "_better", lambda *_, better=better: better)
        job = Job("p", "1", "classify", 1, tmp_path / how.split()[-1])
        trained = classify.train(drawn, job, silent)
        assert str(trained.learnt["how"]).endswith(how)
        assert (said(trained, drawn).argmax(1) == np.repeat([0, 1, 2], 4)).mean() >= 0.75


@pytest.mark.usefixtures("few_views")
def test_several_labels_may_apply_and_none(drawn: Dataset, tmp_path: Path) -> None:
    bare = tuple(Sample(one.path, tuple(name for name in one.labels if name != "disc")) for one in drawn.train)
    dataset = Dataset("classify", LABELS[1:], bare, drawn.test, multi=True, fingerprint="multi")
    trained = classify.train(dataset, Job("p", "1", "classify", 1, tmp_path), silent)
    scores = said(trained, dataset)
    assert (scores[4:8, 0] > trained.thresholds[0]).mean() >= 0.75
    assert (scores[:4] > trained.thresholds).mean() <= 0.25


def test_targets_share_a_bare_picture_among_all_labels() -> None:
    samples = [Sample(Path("a"), ("disc",)), Sample(Path("b"), ())]
    assert linear.targets(samples, ("disc", "ring"), multi=False).tolist() == [[1, 0], [0.5, 0.5]]
    assert linear.targets(samples, ("disc", "ring"), multi=True).tolist() == [[1, 0], [0, 0]]


def test_a_picture_of_a_rare_label_counts_more() -> None:
    counted = linear.counts(np.array([[1, 0]] * 16 + [[0, 1]] * 4, np.float32), multi=False)
    assert counted[-1] == pytest.approx(2 * counted[0])
    assert counted.mean() == pytest.approx(1)


def test_folds_keep_groups_whole_and_labels_even() -> None:
    samples = [Sample(Path(f"{label}{number}"), (label,), group=f"{label}{number // 2}") for label in "ab"
               for number in range(20)]  # fmt: skip
    fold = linear.folds(samples, 0)
    assert set(fold) == set(range(5))
    assert np.array_equal(fold[::2], fold[1::2])
    assert {int((fold[:20] == place).sum()) for place in range(5)} == {4}
    assert np.array_equal(fold, linear.folds(samples, 0))
    assert not np.array_equal(fold, linear.folds(samples, 1))
