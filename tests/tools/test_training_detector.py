"""The detector that learns from labelled boxes: its network, what it is told, and trainings that are interrupted."""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training.datasets import Dataset, Mark, Sample
from training.network import Network
from training.settings import Job
from training.trained import Trained

from edge import pictures
from models.decode import dense
from models.decode.points import decode

torch = pytest.importorskip("torch", reason="PyTorch is the workstation's: tools/train installs it")
from training import detect, detector, learning, lite0, loop, losses  # noqa: E402
from training.assign import Cells, assign  # noqa: E402

SIZE = 96
LABELS = ("blue", "red")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """A backbone that knows nothing, small pictures, few steps, and no waiting for threads on a busy machine."""
    torch.set_num_threads(1)
    monkeypatch.setattr(lite0, "load", lambda: lite0.Lite0().eval())
    for name, value in {"USUAL": SIZE, "FEWEST": 24, "VIEWS": 1}.items():
        monkeypatch.setattr(detect, name, value)
    for name, value in {"EPOCHS": 3, "BATCH": 4}.items():
        monkeypatch.setattr(learning, name, value)
    monkeypatch.setattr(loop, "seed_everything", seeded)


def seeded(seed: int) -> np.random.Generator:
    """As the original, but other tests' networks need no deterministic steps."""
    torch.manual_seed(seed)
    return np.random.default_rng(seed)


def test_cells_are_where_the_device_takes_them_to_be() -> None:
    cells = detector.cells(320)
    corners, strides = dense.grid(320, detector.STRIDES)
    assert np.array_equal(cells.centres.numpy(), corners[:, :2])
    assert np.array_equal(cells.strides.numpy(), strides[:, 2])


def test_the_device_reads_the_boxes_that_were_learnt() -> None:
    torch.manual_seed(0)
    network = detector.Detector(lite0.Lite0(), labels=2).eval()
    shipped = Network(network, "detect", SIZE, multi=False)
    outputs = shipped.run(np.random.default_rng(0).integers(0, 255, (SIZE, SIZE, 3), np.uint8))
    sides = torch.from_numpy(outputs["sides"])
    assert outputs["scores"].shape == (1, 12 * 12 + 6 * 6 + 3 * 3, 2)
    ours = detector.boxes(sides, detector.cells(SIZE))[0].numpy()
    read = decode(outputs, shipped.decode, 0.0)
    assert len(read) > 0
    assert all(np.abs(ours - box).max(1).min() < 1e-3 for box in read.xyxy)


def test_the_upper_part_goes_on_from_the_frozen_one() -> None:
    torch.manual_seed(0)
    network = detector.Detector(lite0.Lite0(), labels=3).eval()
    pixels = torch.randn(1, 3, SIZE, SIZE)
    whole = network(pixels)
    split = network.answers(network.upper(network.lower(pixels, learning.FROZEN), learning.FROZEN))
    assert all(torch.allclose(one, other, atol=1e-5) for one, other in zip(whole, split, strict=True))


def test_only_kernels_of_upper_blocks_and_heads_learn() -> None:
    network = detector.Detector(lite0.Lite0(), labels=1)
    learning._groups(network)
    learning_ones = {name for name, value in network.named_parameters() if value.requires_grad}
    assert "backbone.blocks.5.expand_conv.weight" in learning_ones
    assert "head.0.score.bias" in learning_ones
    assert not any(name.startswith(("backbone.blocks.4", "backbone.conv_stem")) for name in learning_ones)
    assert not any(name.startswith("backbone") and ".bn" in name for name in learning_ones)


def test_overlap_and_its_loss() -> None:
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10], [20, 20, 30, 30]])
    assert losses.overlaps(boxes, boxes)[0].tolist() == pytest.approx([1, 1 / 3, 0])
    same, half, apart = losses.generalised(boxes[[0, 0, 0]], boxes).tolist()
    assert same == pytest.approx(0, abs=1e-5)
    assert half == pytest.approx(2 / 3, abs=1e-5)
    assert 1 < apart < 2


def test_a_score_is_right_when_it_tells_the_overlap() -> None:
    wanted = torch.tensor([0.0, 0.7])
    right, wrong = (
        losses.quality_focal(torch.logit(torch.tensor(said)), wanted) for said in ([0.001, 0.7], [0.7, 0.01])
    )
    assert right.max() < 1e-6
    assert wrong.min() > 0.1


def test_each_box_is_answered_for_by_cells_within_it() -> None:
    cells = detector.cells(SIZE)
    wanted = torch.tensor([[8.0, 8, 40, 40], [50, 50, 94, 90], [0, 60, 10, 70]])
    sides = torch.full((len(cells.strides), 4), 2.0)
    scores = torch.zeros(len(cells.strides), 2)
    due = assign(scores, detector.boxes(sides, cells), cells, wanted, torch.tensor([0, 1, 0]))
    x, y = cells.centres[due.cells].T
    left, top, right, bottom = due.boxes.T
    assert bool(((x > left) & (x < right) & (y > top) & (y < bottom)).all())
    assert len(due.cells.unique()) == len(due.cells)
    assert {tuple(box.tolist()) for box in due.boxes} == {tuple(box.tolist()) for box in wanted}
    assert due.classes.tolist() == [1 if box[0] == 50 else 0 for box in due.boxes]


def test_a_box_between_all_centres_is_answered_for_by_none() -> None:
    cells = Cells(torch.tensor([[4.0, 4.0]]), torch.tensor([8.0]))
    far = torch.tensor([[50.0, 50, 52, 52]])
    due = assign(torch.zeros(1, 1), torch.tensor([[0.0, 0, 8, 8]]), cells, far, torch.tensor([0]))
    assert not len(due.cells)


def test_pictures_without_anything_teach_that_nothing_is_there() -> None:
    cells = detector.cells(SIZE)
    empty = learning.Picture(np.zeros((SIZE, SIZE, 3), np.uint8), np.zeros((0, 4), np.float32), np.zeros(0, np.int64))
    sure, unsure = (torch.full((1, len(cells.strides), 1), logit) for logit in (3.0, -6.0))
    sides = torch.ones(1, len(cells.strides), 4)
    assert learning.loss(sure, sides, [empty], cells) > learning.loss(unsure, sides, [empty], cells)


def test_small_things_are_looked_at_in_more_pixels() -> None:
    def marked(side: float) -> Sample:
        return Sample(Path("a.jpg"), (), (Mark("red", 0.1, 0.1, 0.1 + side, 0.1 + side),))

    assert detect.input_size([marked(0.5)] * 3) == SIZE
    assert detect.input_size([marked(0.05)] * 3) == detect.LARGE
    assert detect.input_size([Sample(Path("a.jpg"), ())]) == SIZE


def test_folds_keep_groups_together_and_spread_labels() -> None:
    def marked(number: int, group: str) -> Sample:
        label = LABELS[number % 4 == 0]
        return Sample(Path(f"{number}.jpg"), (), (Mark(label, 0, 0, 1, 1),), group=group)

    samples = [marked(number, f"pair {number // 2}" if number < 8 else "") for number in range(36)]
    fold = detect.folds(samples, 3, seed=1)
    assert all(fold[at] == fold[at + 1] for at in range(0, 8, 2))
    reds = Counter(int(one) for one, sample in zip(fold, samples, strict=True) if sample.marks[0].label == "red")
    assert max(reds.values()) - min(reds.values()) <= 1
    assert np.bincount(fold).min() >= 9


def test_a_training_is_repeated_to_the_bit(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    one, two = (trained(data, tmp_path / name) for name in ("one", "two"))
    assert same(one, two)
    assert one.thresholds == two.thresholds
    assert one.labels == LABELS
    assert one.size == SIZE
    assert len(one.curves) == learning.EPOCHS


def test_a_finished_training_is_not_done_again(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    first = trained(data, tmp_path / "out")
    told: list[str] = []
    again = detect.train(data, job(tmp_path / "out"), lambda stage, _done, _note="": told.append(stage))
    assert same(first, again)
    assert not told
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["best.pt", "detector.pt", "last.pt"]


def test_a_training_that_was_killed_goes_on_to_the_same_end(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    whole = trained(data, tmp_path / "whole")

    class Killed(BaseException): ...

    for part in (0.15, 0.4, 0.8):

        def until(stage: str, done: float, _note: str = "", limit: float = part) -> None:
            if stage == "learning" and done > limit:
                raise Killed

        with pytest.raises(Killed):
            detect.train(data, job(tmp_path / "out"), until)
    assert same(whole, trained(data, tmp_path / "out"))


def test_ctrl_c_keeps_what_there_is_and_the_next_run_goes_on(tmp_path: Path) -> None:
    data = dataset(tmp_path)
    whole = trained(data, tmp_path / "whole")
    stopped = detect.train(data, job(tmp_path / "out"), pressing_at(0.2))
    assert not same(whole, stopped)
    assert stopped.thresholds == (detect.UNKNOWN, detect.UNKNOWN)
    assert same(whole, trained(data, tmp_path / "out"))


def test_of_many_pictures_some_are_spared_for_the_thresholds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detect, "FEW", 3)
    monkeypatch.setattr(detect, "SPARED", 2)
    (turn,) = detect._turns(dataset(tmp_path).train, job(tmp_path))
    assert len(turn.learnt) == len(turn.asked) == 3
    assert not set(turn.learnt) & set(turn.asked)


def pressing_at(share: float) -> Callable[..., None]:
    pressed: list[float] = []

    def tell(stage: str, done: float, _note: str = "") -> None:
        if stage == "learning" and done > share and not pressed:
            pressed.append(done)
            os.kill(os.getpid(), signal.SIGINT)

    return tell


def job(out: Path) -> Job:
    return Job("shapes", "1", "detect", 7, out)


def trained(data: Dataset, out: Path) -> Trained:
    return detect.train(data, job(out), lambda *_: None)


def same(one: Trained, two: Trained) -> bool:
    pairs = zip(one.network.state_dict().values(), two.network.state_dict().values(), strict=True)
    return all(torch.equal(mine, theirs) for mine, theirs in pairs)


def dataset(folder: Path) -> Dataset:
    """Six pictures with a rectangle each."""
    random = np.random.default_rng(0)
    samples = []
    for number in range(6):
        image = random.integers(0, 60, (90, 120, 3)).astype(np.uint8)
        left, top = (int(value) for value in random.integers(5, 40, 2))
        image[top : top + 40, left : left + 50, 2 * (number % 2)] = 255
        pictures.write(folder / f"{number}.png", image)
        mark = Mark(LABELS[number % 2], left / 120, top / 90, (left + 50) / 120, (top + 40) / 90)
        samples.append(Sample(folder / f"{number}.png", (), (mark,)))
    return Dataset("detect", LABELS, tuple(samples), (), False, "a fingerprint")
