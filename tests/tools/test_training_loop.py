"""A training that is killed goes on as if it had not been; one that is stopped gives its best so far."""

from __future__ import annotations

import errno
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from edge.errors import StorageError

torch = pytest.importorskip("torch", reason="PyTorch is the workstation's: tools/train installs it")
from training import loop  # noqa: E402
from training.loop import Average, Course, Plan  # noqa: E402


def silent(stage: str, done: float, note: str = "") -> None:
    pass


def course() -> Course:
    random = loop.seed_everything(3)
    network = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.BatchNorm1d(8), torch.nn.Linear(8, 1))
    optimiser = torch.optim.AdamW(network.parameters(), 0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.02, total_steps=100)
    return Course(network, optimiser, random, Average(network), schedule)


def learn(one: Course, tell: Callable[[float], None]) -> float:
    """Ten steps towards the sum of what goes in, with both kinds of random numbers."""
    for step in range(10):
        rows = torch.from_numpy(one.random.normal(size=(16, 4))).float() + 0.1 * torch.rand(16, 4)
        loss = (one.network(rows)[:, 0] - rows.sum(1)).square().mean()
        one.optimiser.zero_grad()
        loss.backward()
        one.optimiser.step()
        if one.schedule:
            one.schedule.step()
        one.average.follow(one.network)
        tell((step + 1) / 10)
    return float(loss.detach())


def judge(network: torch.nn.Module) -> float:
    rows = torch.linspace(-1, 1, 40).reshape(10, 4)
    with torch.no_grad():
        return -float((network(rows)[:, 0] - rows.sum(1)).square().mean())


def test_a_training_killed_in_an_epoch_ends_as_one_that_was_not(tmp_path: Path) -> None:
    whole = loop.run(course(), Plan("a", tmp_path / "whole", 6, 6), learn, judge, silent)

    class Killed(BaseException):
        pass

    def killed(one: Course, tell: Callable[[float], None]) -> float:
        if one.epoch == 3:
            learn(one, tell)
            raise Killed
        return learn(one, tell)

    plan = Plan("a", tmp_path / "killed", 6, 6)
    with pytest.raises(Killed):
        loop.run(course(), plan, killed, judge, silent)
    resumed = course()
    torch.rand(50)  # whatever was drawn meanwhile
    ended = loop.run(resumed, plan, learn, judge, silent)
    assert whole is not None
    assert ended is not None
    assert all(torch.equal(whole[name], ended[name]) for name in whole)
    assert [round(point["step"]) for point in resumed.curves] == list(range(6))


def test_a_checkpoint_of_other_data_is_not_gone_on_with(tmp_path: Path) -> None:
    loop.run(course(), Plan("a", tmp_path, 2, 6), learn, judge, silent)
    other = course()
    loop.run(other, Plan("b", tmp_path, 1, 6), learn, judge, silent)
    assert other.epoch == 1


def test_a_damaged_checkpoint_is_none(tmp_path: Path) -> None:
    loop.save(tmp_path / "last.pt", {"order": "a", "x": torch.zeros(1000)})
    assert loop.load(tmp_path / "last.pt", "a") is not None
    data = (tmp_path / "last.pt").read_bytes()
    (tmp_path / "last.pt").write_bytes(data[: len(data) // 2])
    assert loop.load(tmp_path / "last.pt", "a") is None
    assert loop.load(tmp_path / "absent.pt", "a") is None


def test_a_full_disk_leaves_the_checkpoint_before_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loop.save(tmp_path / "last.pt", {"order": "a", "epoch": 1})

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StorageError, match=r"last\.pt: No space left on device; free some space"):
        loop.save(tmp_path / "last.pt", {"order": "a", "epoch": 2})
    found = loop.load(tmp_path / "last.pt", "a")
    assert found is not None
    assert found["epoch"] == 1
    assert [file.name for file in tmp_path.iterdir()] == ["last.pt"]


def test_ctrl_c_ends_it_with_the_best_so_far(tmp_path: Path) -> None:
    def pressed(one: Course, tell: Callable[[float], None]) -> float:
        if one.epoch == 2:
            signal.raise_signal(signal.SIGINT)
        return learn(one, tell)

    one = course()
    best = loop.run(one, Plan("a", tmp_path, 50, 50), pressed, judge, silent)
    assert (one.epoch, one.stopped) == (2, True)
    assert best is not None
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_ctrl_c_before_the_first_epoch_is_over_gives_nothing(tmp_path: Path) -> None:
    def pressed(one: Course, tell: Callable[[float], None]) -> float:
        signal.raise_signal(signal.SIGINT)
        return learn(one, tell)

    assert loop.run(course(), Plan("a", tmp_path, 50, 50), pressed, judge, silent) is None


def test_the_second_ctrl_c_ends_the_program() -> None:
    with loop.interruptible() as stop:
        signal.raise_signal(signal.SIGINT)
        assert stop.asked
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_it_ends_when_nothing_gets_better(tmp_path: Path) -> None:
    one = course()
    scores = iter([0.1, 0.5, 0.4, 0.3, 0.2, 0.9])
    loop.run(one, Plan("a", tmp_path, 20, 3), learn, lambda _: next(scores), silent)
    assert (one.epoch, one.best, one.best_epoch) == (5, 0.5, 1)


def test_it_ends_when_its_minutes_are_over(tmp_path: Path) -> None:
    one = course()
    loop.run(one, Plan("a", tmp_path, 20, 20, minutes=0.0), learn, judge, silent)
    assert one.epoch == 0


def test_the_average_follows_slowly() -> None:
    network = torch.nn.Linear(1, 1)
    average = Average(network, 0.9)
    with torch.no_grad():
        before = float(network.weight)
        network.weight += 1
    average.follow(network)
    assert before < float(average.network.weight) < before + 1
    for _ in range(200):
        average.follow(network)
    assert float(average.network.weight) == pytest.approx(before + 1, abs=1e-3)
