"""Damaged, hostile and odd files, all of them: through `vedette analyze`, as a camera, and as cameras of one daemon."""

from __future__ import annotations

import csv
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest

from edge import pictures

ROOT = Path(__file__).parents[2]
CORPUS = ROOT / "../shared/data/badinput"
MEMORY = 4 << 30  # bytes of address space: a bomb that goes off shall not take the machine with it

pytestmark = pytest.mark.faults


class Ran(NamedTuple):
    status: int
    out: list[str]
    err: list[str]
    peak: int  # MiB


def run(command: list[object], said: str = "", seconds: float = 300.0, folder: Path = ROOT) -> Ran:
    """Run Python with these words within a time and a space, and say what it used."""
    with (
        tempfile.TemporaryFile("w+") as given,
        tempfile.TemporaryFile("w+") as out,
        tempfile.TemporaryFile("w+") as err,
    ):
        given.write(said)
        given.seek(0)
        process = subprocess.Popen(
            [sys.executable, *map(str, command)],
            stdin=given,
            stdout=out,
            stderr=err,
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
        resource.prlimit(process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        late = threading.Timer(seconds, process.kill)
        late.start()
        peak = _peak(process)
        late.cancel()
        out.seek(0)
        err.seek(0)
        return Ran(process.returncode, out.read().splitlines(), err.read().splitlines(), peak)


def _peak(process: subprocess.Popen[bytes]) -> int:
    """Wait for its end; gives MiB. What the kernel tells then may be of this process, which forked it."""
    peak, status = 0, Path(f"/proc/{process.pid}/status")
    while process.poll() is None:
        with suppress(OSError):  # it may end at any moment
            peak = max(peak, *(int(found) for found in re.findall(r"VmHWM:\s*(\d+)", status.read_text())), 0)
        time.sleep(0.01)
    return peak >> 10


def expected() -> dict[Path, str]:
    if not (CORPUS / "gt.csv").exists():
        pytest.skip("no corpus of bad input on this machine")
    with (CORPUS / "gt.csv").open() as rows:
        return {CORPUS.resolve() / row["file"]: row["expect"] for row in csv.DictReader(rows)}


def is_video(path: Path) -> bool:
    return path.parent.name == "video"


def analyze(*words: object) -> Ran:
    return run(["-m", "edge.cli", "analyze", "--json", *words])


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_analyze_answers_for_every_file_with_a_description_or_a_sentence(photos: Callable[..., list[Path]]) -> None:
    files = expected()
    usual = analyze(*photos("astronaut.png"))
    done = analyze(*files)
    read = {Path(document["image"]) for document in map(json.loads, done.out)}
    refused = {Path(line.removeprefix("vedette: ").split(": ")[0]) for line in done.err}
    assert all(line.startswith(f"vedette: {CORPUS.resolve()}/") for line in done.err), done.err
    assert len(done.out) + len(done.err) == len(files)
    assert read | refused == files.keys()
    assert not [path for path in read if files[path] == "reject" and not is_video(path)]  # one is a JPEG by content
    assert not [path for path in refused if files[path] == "ok"]
    assert done.status == 65
    assert done.peak < usual.peak + 256, f"{done.peak} MiB, an ordinary photo takes {usual.peak}"


def test_the_exit_status_says_what_became_of_one_file() -> None:
    files = expected()
    quick = ["--tasks", "labels"]
    for verdict, status in (("ok", 0), ("reject", 65)):
        for path in [path for path, expect in files.items() if expect == verdict and not is_video(path)][::24]:
            done = analyze(*quick, path)
            assert done.status == status, path
            assert len(done.out) == (status == 0)
            assert len(done.err) == (status != 0)
    assert analyze(*quick, CORPUS / "there-is-none.jpg").status == 66


def test_every_file_as_a_camera_is_played_or_refused_with_a_sentence() -> None:
    files = expected()
    usual = run([Path(__file__).with_name("play.py")])
    done = run([Path(__file__).with_name("play.py")], "".join(f"{path}\n" for path in files))
    assert done.status == 0, done.err[-3:]
    assert all(line.startswith("skipped: ") for line in done.err), "a library wrote to the terminal"
    fates = [json.loads(line) for line in done.out]
    assert {(one["path"], one["kind"]) for one in fates} == {
        (str(path), kind) for path in files for kind in ("file", "images")
    }
    for one in fates:
        path = Path(one["path"])
        assert bool(one["frames"]) != bool(one["fault"]), one
        assert "\n" not in one["fault"]
        assert one["seconds"] < 20, one
        fits = is_video(path) if one["kind"] == "file" else not is_video(path)
        known = one["kind"] == "file" or path.suffix.lower() in pictures.SUFFIXES
        if files[path] == "reject" or (files[path] == "ok" and fits and known):
            assert bool(one["frames"]) == (files[path] == "ok"), one
    assert done.peak < usual.peak + 512, f"{done.peak} MiB, to start takes {usual.peak}"


def test_a_daemon_with_every_damaged_video_and_folder_plays_what_can_be_played(tmp_path: Path) -> None:
    files = [path for path in expected() if is_video(path)]
    folders = sorted({path.parent for path in expected() if not is_video(path)})
    off = "".join(f"{task}.enabled = false\n" for task in ("objects", "faces", "labels", "moderation"))
    cameras = [f'kind = "file"\npath = "{path}"\npace = "fast"\nfps = 0\n' for path in files]
    cameras += [f'kind = "images"\npath = "{path}"\nseconds = 0\n' for path in folders]
    text = "".join(f"[cameras.camera{number}]\n{one}{off}" for number, one in enumerate(cameras))
    (tmp_path / "vedette.toml").write_text(f'data = "data"\n[mqtt]\nport = 1\n{text}')
    done = run(["-m", "edge.cli", "--config", "vedette.toml", "run"], folder=tmp_path)
    assert done.status == 0, done.err
    told = [line for line in done.err if "camera camera" in line]
    for number in range(len(cameras)):
        assert [line for line in told if f"camera{number}: " in line], f"nothing was said of {cameras[number]}"
    assert not [line for line in done.err if "Traceback" in line]
    assert done.peak < 1024
