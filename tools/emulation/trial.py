"""What is tried on the emulated machine, each against the same on this one."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import media
import show
from emulation.root import Guest

from edge.packs.store import default_root

ROOT = Path(__file__).resolve().parents[2]
PHOTO, OTHER = "astronaut.png", "sample1.jpg"
MODELS = "/trial/models"
ANSWER_SECONDS = 600.0
# What each back end has networks for; text and face details would take many minutes.
TASKS = {"openvino": "objects,faces,labels,moderation", "tflite": "objects,labels"}
DEMO_SECONDS = 120.0
# How far two builds of int8 arithmetic may lie apart: the box's overlap, the score, the cosine of two embeddings.
OVERLAP, SCORE, COSINE = 0.9, 0.1, 0.99
Found = tuple[bool, str]


class Trial:
    """A guest with everything installed, and the folder /trial in it, which this machine reads as well."""

    def __init__(self, guest: Guest, children: bool) -> None:
        self.guest, self.children = guest, children
        self.folder = guest.root / "trial"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for photo in media.get(PHOTO, OTHER):
            shutil.copyfile(photo, self.folder / photo.name)

    def steps(self) -> Iterator[tuple[str, Any]]:
        """Each step's name and what runs it; a step gives whether it held and what to say."""
        yield "vedette --version", self.version
        yield "models built on arm64", self.models
        yield "openvino, int8", lambda: self.analysis("openvino", "/opt/vedette")
        yield "tflite (LiteRT), int8", lambda: self.analysis("tflite", "/opt/vedette")
        yield "tflite (tflite_runtime 2.14), int8", lambda: self.analysis("tflite", "/opt/tflite-runtime")
        yield "tests of the back ends, Coral's fake delegate", self.contract
        yield "faces enrolled there, searched here", self.faces
        yield "events without a broker, then with one", self.outbox
        yield "vedette doctor", self.doctor

    def version(self) -> Found:
        done = self._vedette("--version")
        return done.returncode == 0, done.stdout.strip() or done.stderr.strip()

    def models(self) -> Found:
        """Build the models from this machine's sources; int8 files must come out the same, byte by byte."""
        here, there = default_root(), self.guest.root / MODELS.lstrip("/")
        shutil.copytree(here / "blobs", there / "blobs")
        done = self._vedette("models", "pull")
        last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
        built = [path for path in sorted(there.glob("built/*/*/*/*")) if path.name != "record.json"]
        other = [path for path in built if _digest(path) != _digest(here / path.relative_to(there))]
        said = f"{last}; {len(built) - len(other)} of {len(built)} files are byte for byte those of x86"
        return done.returncode == 0 and bool(built), said

    def analysis(self, backend: str, place: str) -> Found:
        config = self._config(backend, f'[accel]\norder = ["{backend}"]\n')
        words = ["--config", config.name, "analyze", "--json", "--tasks", TASKS[backend], PHOTO]
        started = time.monotonic()
        done = self._vedette(*words, place=place)
        took = time.monotonic() - started
        if done.returncode:
            told = (done.stderr.strip().splitlines() or ["without a word"])[-1]
            return False, f"exit status {done.returncode}: {told}"
        agree, said = compare(json.loads(self._here(*words)), json.loads(done.stdout))
        return agree, f"{said}; {took:.0f} s emulated"

    def contract(self) -> Found:
        """tests/accel as they are; `gcc` there hands over the delegate that was cross-compiled here."""
        if not self.children:
            return False, "not run: without binfmt_misc in this kernel no child process starts"
        library = self.guest.root / "opt/libfake_edgetpu.so"
        source = ROOT / "tests/accel/fake_edgetpu.c"
        subprocess.run(["aarch64-linux-gnu-gcc", "-shared", "-fPIC", "-o", library, source], check=True)
        gcc = self.guest.root / "usr/local/bin/gcc"
        gcc.parent.mkdir(parents=True, exist_ok=True)
        gcc.write_text('#!/bin/sh\nwhile [ "$1" != -o ]; do shift; done\ncp /opt/libfake_edgetpu.so "$2"\n', "ascii")
        gcc.chmod(0o755)
        shutil.copytree(ROOT / "tests", self.folder / "tests")
        shutil.copyfile(ROOT / "pyproject.toml", self.folder / "pyproject.toml")
        words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/accel"]
        done = self._python(*words)
        failed = re.findall(r"^FAILED (\S+)", done.stdout, re.MULTILINE)
        last = (done.stdout.strip().splitlines() or [done.stderr.strip()])[-1]
        return done.returncode == 0, "; ".join([last, *failed])

    def faces(self) -> Found:
        config = self._config("faces")
        self._vedette("--config", config.name, "collections", "create", "people")
        done = self._vedette("--config", config.name, "faces", "index", "people", PHOTO, "--name", "eileen-collins")
        if done.returncode:
            return False, done.stderr.strip()
        found = json.loads(self._here("--config", config.name, "faces", "search", "people", PHOTO, "--json"))
        match = found["matches"][0] if found["matches"] else {"person": "nobody", "cosine": 0.0}
        held = match["person"] == "eileen-collins" and match["cosine"] >= COSINE
        return held, f"{match['person']}, cosine {match['cosine']:.4f} between x86's embedding and arm64's"

    def outbox(self) -> Found:
        """The demo: a first run finds no broker, its events wait in SQLite; a second one delivers them and its own."""
        with ExitStack() as opened:
            port, which = show.broker(opened)
            absent = self._run_daemon(show._free_port())  # noqa: SLF001 - a port where nobody listens
            heard: list[dict[str, Any]] = []
            with show.subscribed(port, "vedette/arm64/#", lambda _, payload: heard.append(json.loads(payload))):
                present = self._run_daemon(port)
            events = [event for event in heard if "sequence" in event]
        if absent.returncode or present.returncode:
            return False, (absent.stderr + present.stderr).strip().splitlines()[-1]
        with closing(sqlite3.connect(self.folder / "data/vedette.db")) as database:
            written = database.execute("select count(*) from events").fetchone()[0]
        numbers = [event["sequence"] for event in events]
        kinds = sorted({event["type"] for event in events})
        in_order = sorted(set(numbers)) == list(range(1, written + 1)) and numbers == sorted(numbers)
        return in_order and bool(events), f"{len(events)} of {written} events heard, {kinds}; {which}"

    def doctor(self) -> Found:
        done = self._vedette("--config", self._config("doctor").name, "doctor")
        # No broker runs now, and the clock is the host's.
        wrong = [line for line in done.stdout.splitlines() if line.startswith("!!")]
        faults = [line for line in wrong if line.split()[1] not in ("broker", "clock")]
        return bool(done.stdout) and not faults, "; ".join(faults) or f"{len(done.stdout.splitlines())} findings"

    def _run_daemon(self, port: int) -> subprocess.CompletedProcess[str]:
        slides = self.folder / "slides"
        slides.mkdir(exist_ok=True)
        for number, name in enumerate((PHOTO, OTHER)):
            shutil.copyfile(self.folder / name, slides / f"{number}-{name}")
        camera = '[cameras.photos]\nkind = "images"\npath = "slides"\nloop = true\nseconds = 10\nfps = 2\n'
        # Emulated, LiteRT takes half a second a frame, OpenVINO's detector half a minute; faces have only the latter.
        both = f'[mqtt]\nport = {port}\n[accel]\norder = ["tflite", "openvino"]\n'
        config = self._config("demo", f"{both}{camera}[cameras.photos.labels]\nevery = 5.0\nfloor = 0.2\n")
        return self._vedette("--config", config.name, "run", "--seconds", f"{DEMO_SECONDS:g}")

    def _config(self, name: str, more: str = "") -> Path:
        path = self.folder / f"{name}.toml"
        path.write_text(f'device = "arm64"\ndata = "data"\n{more}', "utf-8")
        return path

    def _vedette(self, *words: str, place: str = "/opt/vedette") -> subprocess.CompletedProcess[str]:
        return self._python(f"{place}/bin/vedette", *words, place=place)

    def _python(self, *words: str, place: str = "/opt/vedette") -> subprocess.CompletedProcess[str]:
        started = ["/usr/bin/env", "--chdir=/trial", f"{place}/bin/python", *words]
        if not self.children:  # env itself could start nothing
            change = f"import os, runpy, sys; os.chdir('/trial'); sys.argv = {list(words)!r}; "
            run = f"runpy.run_module({words[1]!r}, run_name='__main__')" if words[0] == "-m" else (
                f"runpy.run_path({words[0]!r}, run_name='__main__')"
            )  # fmt: skip
            started = [f"{place}/bin/python", "-c", change + run]
        return self.guest.run(started, ANSWER_SECONDS, VEDETTE_MODELS=MODELS)

    def _here(self, *words: str) -> str:
        command = [sys.executable, "-m", "edge.cli", *words]
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=True, timeout=120
        )
        return done.stdout


def compare(here: dict[str, Any], there: dict[str, Any]) -> Found:
    """Whether two answers of `vedette analyze --json` tell the same of a picture, and how far they lie apart."""
    said, agree = [], True
    for task in ("objects", "faces", "labels"):
        ours, theirs = here.get(task), there.get(task)
        if ours is None and theirs is None:
            continue
        if not ours or not theirs:
            agree = agree and ours == theirs
            said.append(f"{task}: x86 {len(ours or ())}, arm64 {len(theirs or ())}")
            continue
        one, other = ours[0], theirs[0]
        name = "label" if task == "objects" else "name"  # faces have none
        agree = agree and one.get(name) == other.get(name) and abs(one["score"] - other["score"]) <= SCORE
        overlap = ""
        if "box" in one:
            share = _overlap(one["box"], other["box"])
            agree, overlap = agree and share >= OVERLAP, f", boxes overlap by {share:.3f}"
        said.append(f"{task}: {other.get(name, 'face')} {one['score']:.3f} → {other['score']:.3f}{overlap}")
    if "moderation" in here or "moderation" in there:
        ours, theirs = ([flag["name"] for flag in answer["moderation"]["flags"]] for answer in (here, there))
        agree = agree and ours == theirs
        said.append(f"moderation: {', '.join(theirs) or 'nothing'}")
    return agree and here.get("missing", {}).keys() == there.get("missing", {}).keys(), "; ".join(said)


def _overlap(one: dict[str, float], other: dict[str, float]) -> float:
    """Intersection over union."""
    width = min(one["x2"], other["x2"]) - max(one["x1"], other["x1"])
    height = min(one["y2"], other["y2"]) - max(one["y1"], other["y1"])
    shared = max(width, 0.0) * max(height, 0.0)
    areas = [(box["x2"] - box["x1"]) * (box["y2"] - box["y1"]) for box in (one, other)]
    return shared / (sum(areas) - shared)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
