"""A training that is killed at any stage goes on from there, and leaves nothing half-written that is believed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.packs import custom, signing

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import cuts, stages, state

pytest.importorskip("torch", reason="PyTorch is the workstation's: tools/train installs it")

ROOT = Path(__file__).parents[2]
# Killed so many seconds into each.
KILLS = (("checking the pictures", 0.1), ("features", 1.0), ("export", 1.0), ("export", 6.0), ("report", 0.2),
         ("pack", 0.02))  # fmt: skip
PACK = "cuts-1.vedette"

pytestmark = [pytest.mark.models, pytest.mark.faults, pytest.mark.usefixtures("pulled")]


@pytest.fixture
def data(tmp_path: Path, photos: Callable[..., list[Path]], monkeypatch: pytest.MonkeyPatch) -> Path:
    photos(*cuts.PHOTOS.values())
    monkeypatch.setattr(cuts, "EACH", {"train": 8, "test": 4})
    monkeypatch.setattr(cuts, "SCENES", {"train": 16, "test": 8})
    cuts.write(tmp_path / "data")
    return tmp_path / "data"


def begin(data: Path, folder: Path) -> subprocess.Popen[str]:
    words = ["-P", "-m", "training", data, "--project", "cuts", "--out", folder / "out", "--key", folder / "key"]
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'tools'}:{ROOT}"}
    return subprocess.Popen(
        [sys.executable, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def reach(process: subprocess.Popen[str], stage: str) -> None:
    """Wait until it says that it has begun this stage."""
    assert process.stderr is not None
    for line in process.stderr:
        if line == f"{stage} …\n":
            return
    raise AssertionError(f"ended before '{stage}'")


def believed(out: Path, key: Path) -> bool:
    """Whether state.json takes the folder for finished; what lies there as a pack is one in any case."""
    if (out / PACK).exists():
        custom.read(out / PACK, {signing.fingerprint(signing.open_key(key)[0].public)})
    return (out / state.FILE).exists() and stages.PACKED in json.loads((out / state.FILE).read_text("utf-8"))["stages"]


def finished(out: Path) -> dict[str, float]:
    """When the network was learnt, and how long each file that the export noted took to make."""
    learnt = {file.name: file.stat().st_mtime for file in out.glob("best.pt")}
    record = out / "export" / "export.json"
    files = json.loads(record.read_text("utf-8"))["files"] if record.exists() else {}
    return learnt | {name: known["seconds"] for name, known in files.items()}


def test_a_kill_in_each_stage_costs_no_more_than_that_stage(data: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    made: dict[str, float] = {}
    for stage, seconds in KILLS:
        process = begin(data / "labels", tmp_path)
        reach(process, stage)
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert not believed(out, key)
        kept = finished(out)
        assert made.items() <= kept.items(), "what was finished was made again"
        made = kept
    process = begin(data / "labels", tmp_path)
    said, complained = process.communicate()
    assert process.returncode == 0, complained
    assert "ready; on a device" in said
    assert believed(out, key)
    assert not list(out.rglob("*.part"))


def test_ctrl_c_while_learning_packs_the_best_so_far_and_the_same_command_learns_on(data: Path, tmp_path: Path) -> None:
    out, key = tmp_path / "out", tmp_path / "key"
    process = begin(data / "boxes", tmp_path)
    reach(process, "learning")
    while not (out / "last.pt").exists() and process.poll() is None:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, complained = process.communicate()
    assert process.returncode in (0, 65), complained  # 65: so little was learnt that int8 loses more than a point
    assert not believed(out, key)
    if process.returncode == 0:
        assert "; on a device" in said  # "finished" where it is poor
