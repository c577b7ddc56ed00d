"""Reading text, against RapidOCR with the same networks: milliseconds a picture, and characters misread.

Ours is the whole `look` (detector int8, reader float, OpenVINO), the reference RapidOCR 3.10.0 on the same pictures in
the same run, turn about: on ONNX Runtime, which is its default, and on OpenVINO. A row is the mean over pictures of
the best of several calls. Pictures are drawn (tools/evaluation/rendered.py): scenes 1280x720 with ten signs, and
pages of prose. RapidOCR runs in an environment of its own (.demo/rapidocr), for it brings another OpenCV.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from evaluation import rendered
from evaluation.figures import Figure, figure
from evaluation.opening import shipped
from evaluation.text import Tally, lines_of, nearest

from edge.engine import ModelSettings
from edge.errors import UnavailableError
from edge.values import Image
from edge.vision.text import Text
from models import manifest

ROOT = Path(__file__).resolve().parents[2]
HOME = ROOT / ".demo" / "rapidocr"
PACKAGES = ("rapidocr==3.10.0", "onnxruntime", "openvino")
SIZES, ENGINES = ("tiny", "small"), ("onnxruntime", "openvino")

Picture = tuple[Image, list[str]]


def run(quick: bool) -> Iterator[Figure]:
    """Both sizes of PP-OCRv6 against both engines."""
    python = installed()
    scenes, repeats = (3, 3) if quick else (8, 7)
    drawn = {"scene": [*map(rendered.scene, range(scenes))], "page": [*map(rendered.page, range(2))]}
    for size in SIZES:
        with (
            shipped(f"ppocr-{size}-det") as boxes,
            shipped(f"ppocr-{size}-rec") as reader,
            shipped("ppocr-turn") as turn,
            tempfile.TemporaryDirectory() as folder,
        ):
            text = Text(boxes, reader, turn)
            for engine in ENGINES:
                with rival(python, engine, size, Path(folder)) as process:
                    for kind, pictures in drawn.items():
                        yield from compare(f"{size}.{kind}.{engine}", text, process, pictures, repeats)


def compare(
    name: str, text: Text, process: subprocess.Popen[str], pictures: Sequence[Picture], repeats: int
) -> Iterator[Figure]:
    ours, theirs, spent = Tally(), Tally(), []
    with tempfile.TemporaryDirectory() as folder:
        for place, (image, truth) in enumerate(pictures):
            file = Path(folder, f"{place}.png")
            cv2.imwrite(str(file), image)
            mine, other, best = [], {"lines": []}, [float("inf")] * 2
            for _ in range(repeats):
                started = time.perf_counter()
                mine = lines_of(text.look(image))
                best[0] = min(best[0], 1e3 * (time.perf_counter() - started))
                other = ask(process, file)
                best[1] = min(best[1], other["ms"])
            nearest(ours, truth, mine)
            nearest(theirs, truth, other["lines"])
            spent.append(best)
    here, there = np.mean(spent, axis=0)
    yield figure(f"ocr.{name}", here, "ms", len(pictures), there)
    yield figure(f"ocr.{name}.cer", ours.cer, "edits a character", ours.characters, theirs.cer)


def ask(process: subprocess.Popen[str], file: Path) -> dict[str, Any]:
    assert process.stdin and process.stdout  # noqa: S101, PT018 - both are pipes
    print(file, file=process.stdin, flush=True)
    answer = process.stdout.readline()
    if not answer:
        raise UnavailableError(f"rapidocr ended: remove {HOME.relative_to(ROOT)} to have it installed anew")
    found: dict[str, Any] = json.loads(answer)
    return found


@contextmanager
def rival(python: Path, engine: str, size: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """RapidOCR with our source files; it needs the list of characters where the network brings none."""
    store, words = ModelSettings().open_store(), [engine]
    for name in (f"ppocr-{size}-det", f"ppocr-{size}-rec"):
        copy = folder / f"{name}.onnx"
        copy.write_bytes(store.blob(manifest.load(name).source("weights")).read_bytes())
        words.append(str(copy))
    keys = folder / "keys.txt"
    keys.write_text("\n".join(manifest.labels(f"ppocr-{size}-rec")[:-1]), "utf-8")  # it adds the space
    script = Path(__file__).with_name("rapid.py")
    with subprocess.Popen(
        [python, script, *words, str(keys)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def installed() -> Path:
    """The interpreter that has RapidOCR, installed now if need be; raises UnavailableError."""
    python = HOME / "bin" / "python"
    if not (HOME / "made").exists():
        try:
            subprocess.run([sys.executable, "-m", "venv", "--clear", HOME], check=True)
            subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
        except (OSError, subprocess.CalledProcessError) as error:
            raise UnavailableError(f"rapidocr cannot be installed to compare with ({error}); leave ocr out") from error
        (HOME / "made").touch()
    return python
