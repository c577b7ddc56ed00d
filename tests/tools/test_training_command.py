"""The command line of the trainer, up to where torch is needed, and what its work folder keeps."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from rich.console import Console

from edge.errors import InputError, StorageError, UnavailableError

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import command, datasets, doubts, stages, state
from training.datasets import Dataset
from training.display import Display
from training.findings import Findings
from training.settings import Job
from training.stages import Outcome
from training.trained import Trained

ROOT = Path(__file__).parents[2]


def folder(root: Path, counts: dict[str, int]) -> Path:
    for number, (label, count) in enumerate(counts.items()):
        (root / label).mkdir(parents=True)
        for place in range(count):
            blots = np.random.default_rng(1000 * number + place).integers(0, 256, (9, 12, 3), np.uint8)
            cv2.imwrite(str(root / label / f"{place}.jpg"), cv2.resize(blots, (96, 72)))
    return root


def job(out: Path, **changes: Any) -> Job:
    return replace(Job("fruit", "1", "classify", 1, out), **changes)


@pytest.fixture
def undoubted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the pulled backbone: blots have no features anyway."""
    monkeypatch.setattr(doubts, "features", lambda samples, _: np.eye(len(samples)))


def run(monkeypatch: pytest.MonkeyPatch, *words: object) -> int:
    monkeypatch.setattr(sys, "argv", ["train", *map(str, words)])
    return command.main()


@pytest.mark.usefixtures("undoubted")
def test_a_check_says_what_is_wrong_and_writes_it_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = folder(tmp_path / "data", {"apple": 16, "bread": 16})
    (data / "apple/3.jpg").write_bytes(b"")
    assert run(monkeypatch, data, "--project", "fruit", "--out", tmp_path / "out", "--check") == 0
    said = capsys.readouterr()
    assert said.out == (
        "32 pictures, 31 to go on with\n"
        "unreadable: 1, 1 left out\n"
        "  apple/3.jpg: not a picture that can be read; save it as JPEG, PNG, WebP, BMP or GIF\n"
    )
    assert "checking the pictures: done" in said.err
    told = json.loads((tmp_path / "out/check.json").read_text("utf-8"))
    assert (told["pictures"], told["used"], told["labels"]) == (32, 31, {"apple": 15, "bread": 16})
    assert [one["name"] for one in told["findings"]] == ["apple/3.jpg"]


@pytest.mark.usefixtures("undoubted")
@pytest.mark.parametrize("checking", [True, False])
def test_too_little_data_is_a_sentence(
    checking: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    data = folder(tmp_path / "data", {"apple": 16, "bread": 2})
    words = [data, "--project", "fruit", "--out", tmp_path / "out", *["--check"] * checking]
    assert run(monkeypatch, *words) == (1 if checking else InputError.exit_code)
    sentence = "bread: has 2 pictures to learn from; add some: 5 are the least"
    said = capsys.readouterr()
    assert f"  {sentence}\n" in said.out if checking else f"train: {sentence}\n" in said.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["data"], "a DATASET and --project are needed"),
        (["data", "--project", "a/b"], "'a/b': letters, digits"),
        (["data", "--project", "a", "--task", "guess"], "invalid choice: 'guess'"),
        (["data", "--project", "a", "--seed", "-1"], "'-1' is no whole number from 0 to 4294967295"),
        (["data", "--project", "a", "--seed", "9" * 5000], "is no whole number from 0 to 4294967295"),
        (["data", "--project", "a", "--minutes", "abc"], "'abc' is no length of time above 0"),
        (["data", "--project", ".."], "'..': letters, digits, '_', '.' and '-' only, and not dots alone"),
        (["data", "--project", "a", "--version", "."], "'.': letters, digits"),
        (["--example", "photos", "--check"], "--check has no effect with --example; drop it"),
        (["data", "--example", "photos"], "DATASET has no effect with --example; drop it"),
        (["--serve-device", "http://a", "--task", "detect"], "--task has no effect with --serve-device; drop it"),
        (["data", "--project", "a", "--key-id", "b"], "--key-id has no effect without --serve-device; drop it"),
        (["data", "--project", "a", "--minutes", "nan"], "'nan' is no length of time above 0"),
    ],
)
def test_a_wrong_command_line_is_told(
    words: list[str], complaint: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run(monkeypatch, *words)
    assert stopped.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("names", [("..", "1"), ("fruit", "."), ("a/b", "1"), ("", "1")])
def test_no_job_leaves_its_folder(names: tuple[str, str], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no name for a project or version; choose another"):
        Job(*names, "classify", 1, tmp_path)


def test_names_too_long_for_a_file_are_told_before_any_work(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file can be called so; choose shorter names"):
        Job("a" * 200, "b" * 40, "classify", 1, tmp_path)


def evaluated(*scores: float) -> dict[str, Any]:
    rows = [
        {"Label": f"label-{place}", "NumberOfTestingImages": 3, "Metrics": {"F1Score": score}}
        for place, score in enumerate(scores)
    ]
    return {"LabelEvaluationResults": rows, "AggregatedEvaluationResults": {"F1Score": sum(scores) / len(scores)}}


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ((1.0, 0.4), ""),
        ((1.0, 0.0), "the model never finds label-1 in the test pictures; give it more pictures of that, or time"),
        ((0.0, 0.0), "the model finds nothing of what it was to learn, so do not install it; give it more pictures"),
    ],
)
def test_a_model_that_finds_nothing_is_not_called_ready(
    scores: tuple[float, ...], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluated(*scores)), "utf-8")
    (tmp_path / "pack").touch()
    monkeypatch.setattr(command.custom.KIND.__class__, "open", lambda *_: SimpleNamespace(signer="me"))
    dataset = Dataset("classify", (), (), (), multi=False, fingerprint="")
    findings = Findings((), (), 0, tmp_path)
    command._say(
        Outcome(tmp_path / "pack", tmp_path, tmp_path / "evaluation.json", findings, dataset, fresh=True)
    )  # fmt: skip
    told = capsys.readouterr().out
    assert (f"warning: {said}" in told) == bool(said)
    assert (": ready;" in told) == (not said)


def test_names_of_files_in_no_encoding_can_be_written_down(tmp_path: Path) -> None:
    state.write(tmp_path / "check.json", {"name": "caf\udce9.jpg"})
    assert json.loads((tmp_path / "check.json").read_text("utf-8")) == {"name": "caf\udce9.jpg"}


def test_an_absent_data_set_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, tmp_path / "absent", "--project", "fruit") == 66
    assert capsys.readouterr().err == f"train: {tmp_path / 'absent'}: no such folder or file; check the path\n"


def test_a_file_that_is_no_key_is_told_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "key").write_text("no key", "utf-8")
    assert run(monkeypatch, tmp_path, "--project", "fruit", "--key", tmp_path / "key") == 65
    assert "no signing key; name another file" in capsys.readouterr().err


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), RuntimeError("basic_ios::clear: iostream error")]
)
def test_a_full_disk_is_a_sentence(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> int:
        raise error

    monkeypatch.setattr(command, "_do", fail)
    assert run(monkeypatch, tmp_path, "--project", "fruit", "--out", tmp_path) == 74
    said = capsys.readouterr().err
    assert said.startswith(f"train: {tmp_path}: the disk is full (")
    assert said.endswith("free some space, and the same command goes on from here\n")


def test_a_path_that_no_disk_takes_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    name = 300 * "a"
    assert run(monkeypatch, name, "--project", "fruit", "--out", tmp_path) == 74
    assert capsys.readouterr().err == f"train: {name}: File name too long; check the path, its owner and the disk\n"


def test_a_reader_who_leaves_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def say(*_: object) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    monkeypatch.setattr(command, "_do", say)
    assert run(monkeypatch, tmp_path, "--project", "fruit", "--out", tmp_path) == 0


def test_another_error_is_not_taken_for_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("a defect")

    monkeypatch.setattr(command, "_do", fail)
    with pytest.raises(RuntimeError, match="a defect"):
        run(monkeypatch, tmp_path, "--project", "fruit", "--out", tmp_path)


@pytest.mark.usefixtures("undoubted")
def test_what_is_finished_is_not_done_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, out = folder(tmp_path / "data", {"apple": 16, "bread": 16}), tmp_path / "out"
    done: list[str] = []
    trained = Trained("classify", ("apple", "bread"), False, None, 224, (0.5, 0.5), [], 1.0)

    def leave(_: object, dataset: Dataset, job: Job, *__: object) -> None:
        done.append(dataset.fingerprint)
        for name in ("fruit-1.vedette", "report.html", "evaluation.json"):
            (job.out / name).write_text(f"{job.seed}", "utf-8")

    monkeypatch.setattr(stages, "learn", lambda *_: trained)
    monkeypatch.setattr(stages, "leave", leave)

    def again(**changes: Any) -> bool:
        return stages.run(datasets.read(data), data, job(out, **changes), lambda *_: None).fresh

    assert [again(), again()] == [True, False]
    (out / "fruit-1.vedette").write_text("altered", "utf-8")
    assert [again(), again()] == [True, False]
    assert [again(seed=2), again(seed=2), again()] == [True, False, True]
    (data / "bread/7.jpg").unlink()
    assert [again(), again()] == [True, False]
    assert len(done) == 5
    trained.whole = False  # Ctrl-C
    assert [again(seed=3), again(seed=3)] == [True, True]


def test_a_damaged_state_is_none(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("a", "utf-8")
    state.finish(tmp_path, "order", "packed", [tmp_path / "file"])
    assert state.finished(tmp_path, "order", "packed")
    assert not state.finished(tmp_path, "another", "packed")
    (tmp_path / state.FILE).write_text('{"order": ', "utf-8")
    assert not state.finished(tmp_path, "order", "packed")


def test_too_little_room_is_told_beforehand(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="MB are free, and 1048576 are needed; free some space, or name another"):
        state.room(tmp_path, 1 << 40)


def test_settings_and_data_decide_the_order(tmp_path: Path) -> None:
    jobs = (job(tmp_path), job(tmp_path, seed=2))
    orders = {state.order(one, data, signer) for one in jobs for data in ("a", "b") for signer in ("us", "them")}
    assert len(orders) == 8
    assert state.order(job(tmp_path), "a", "us") == state.order(job(tmp_path / "moved"), "a", "us")


def test_two_runs_in_one_folder_are_refused(tmp_path: Path) -> None:
    with (
        state.locked(tmp_path),
        pytest.raises(UnavailableError, match="another training works there"),
        state.locked(tmp_path),
    ):
        pass
    with state.locked(tmp_path):
        pass


def test_a_kill_leaves_the_old_file_or_the_new_one(tmp_path: Path) -> None:
    """Whatever moment it comes at: a process that writes again and again is killed again and again."""
    file = tmp_path / "state.json"
    code = (
        "import itertools, sys; from pathlib import Path; from training import state\n"
        "for number in itertools.count(): state.write(Path(sys.argv[1]), ['x' * 20000, number])"
    )
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"}
    for _ in range(5):
        file.unlink(missing_ok=True)
        process = subprocess.Popen([sys.executable, "-c", code, file], env=environment, cwd=ROOT)
        while not file.exists():
            time.sleep(0.01)
        time.sleep(0.013)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert json.loads(file.read_text("utf-8"))[0] == "x" * 20000


def test_the_bar_of_all_only_grows(tmp_path: Path) -> None:
    with (tmp_path / "terminal").open("w") as terminal:
        display = Display("classify", Console(file=terminal, force_terminal=True, width=120))
        shares = []
        with display:
            for stage, done in (
                ("features", 0.5),
                ("features", 1.0),
                ("unheard of", 0.3),
                ("head", 0.0),
                ("pack", 1.0),
            ):
                display(stage, done, "a [note]")
                shares.append(display._bars.tasks[0].completed)
    assert shares == sorted(shares)
    assert shares[-1] == 1.0
    assert "a [note]" in (tmp_path / "terminal").read_text("utf-8")


def test_a_long_stage_is_a_line_each_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.display.SILENT", 0.0)
    with (tmp_path / "log").open("w") as log, Display("detect", Console(file=log, soft_wrap=True)) as display:
        display("learning", 0.25, "loss 0.5")
    assert (tmp_path / "log").read_text("utf-8") == "learning …\nlearning: 25%, loss 0.5\n"


def test_where_nobody_watches_each_stage_is_two_lines(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as log, Display("classify", Console(file=log, soft_wrap=True)) as display:
        for done in (0.0, 0.5, 1.0, 1.0):
            display("head", done, "score 0.9")
    assert (tmp_path / "log").read_text("utf-8") == "head …\nhead: score 0.9\n"
