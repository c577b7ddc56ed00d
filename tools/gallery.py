"""Makes the pictures and answers that README shows: one of each ability, by commands that anyone can type.

usage: .venv/bin/python tools/gallery.py        writes docs/ and README.md

The photos are in the public domain (NASA, U.S. Navy); the notice is drawn here.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tempfile
from pathlib import Path

import cv2
import media
import numpy as np

from edge import cli
from edge.packs.store import default_root

README = media.ROOT / "README.md"
DOCS = media.ROOT / "docs"
BEGIN, END = "<!-- seen: generated -->", "<!-- seen: end -->"
# What is typed, and which picture it makes.
SHOWN = (
    ("analyze astronaut.png --draw seen-astronaut.jpg", "seen-astronaut.jpg"),
    ("analyze grace_hopper.jpg --tasks ppe,celebrities --draw seen-hopper.jpg", "seen-hopper.jpg"),
    ("analyze notice.png --tasks text --draw seen-notice.jpg", "seen-notice.jpg"),
    ("compare astronaut.png grace_hopper.jpg", ""),
)

PEOPLE = """\
id,name,gender,photos,urls
collins,Eileen Collins,Female,astronaut.png,en.wikipedia.org/wiki/Eileen_Collins
hopper,Grace Hopper,Female,grace_hopper.jpg,en.wikipedia.org/wiki/Grace_Hopper
"""


def make(folder: Path) -> list[tuple[str, str]]:
    """Run every command in `folder`; gives what was typed and what came back."""
    for photo in media.get("astronaut.png", "grace_hopper.jpg"):
        (folder / photo.name).write_bytes(photo.read_bytes())
    cv2.imwrite(str(folder / "notice.png"), notice())
    _use_a_store_of_its_own(folder)
    (folder / "people.csv").write_text(PEOPLE, "utf-8")
    with contextlib.chdir(folder):
        signed = told(["celebrities", "build", ".", "--csv", "people.csv", "--out", "known.celebrities"])
        told(["celebrities", "install", "known.celebrities", "--trust", signed.split()[-1]])
        return [(words, told(words.split())) for words, _ in SHOWN]


def _use_a_store_of_its_own(folder: Path) -> None:
    """The models of this machine, but not its celebrities."""
    (folder / "store").mkdir()
    for part in ("blobs", "built", "compiled"):
        (folder / "store" / part).symlink_to(default_root() / part)
    (folder / "vedette.toml").write_text('[models]\nstore = "store"\n', "utf-8")


def told(words: list[str]) -> str:
    """What a command prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        cli.main(["--config", "vedette.toml", *words])
    return out.getvalue().rstrip()


def notice() -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """A sign on a wall, a little askew: uint8 [360,640,3] BGR."""
    wall = np.full((360, 640, 3), (150, 165, 170), np.uint8)
    sign = np.full((200, 480, 3), (110, 60, 20), np.uint8)
    for row, text in enumerate(("MIND THE STEP", "Deliveries: door 4", "Open 9:30 - 17:45")):
        place = (24, 60 + 55 * row)
        cv2.putText(sign, text, place, cv2.FONT_HERSHEY_SIMPLEX, 1.3, (245, 245, 245), 3, cv2.LINE_AA)
    turn = cv2.getRotationMatrix2D((240, 100), 8.0, 1.0)
    turn[:, 2] += (80, 80)
    cv2.warpAffine(sign, turn, (640, 360), dst=wall, borderMode=cv2.BORDER_TRANSPARENT)
    return wall


def page(answers: list[tuple[str, str]]) -> str:
    """The generated part of README."""
    parts = []
    for (words, picture), (_, answer) in zip(SHOWN, answers, strict=True):
        if picture:
            parts.append(f'<img src="docs/{picture}" width="420" alt="vedette {words}">')
        parts.append(f"```console\n$ vedette {words}\n{answer}\n```")
    return "\n\n".join(parts)


def skeleton(text: str) -> list[str]:
    """What stays the same on another processor: everything but figures, faint labels and mixtures of colours."""
    lines = [line for line in text.splitlines() if not re.match(r"  (label   0\.[0-8]|picture|front|back)", line)]
    return [re.sub(r"[-+]?\d+(\.\d+)?", "#", line) for line in lines]


def generated(text: str) -> str:
    """What README holds between the marks."""
    return text.partition(BEGIN)[2].partition(END)[0]


def put(readme: str, text: str) -> str:
    """README with `text` between the marks."""
    head, _, rest = readme.partition(BEGIN)
    return f"{head}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}"


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        text = page(make(Path(folder)))
        for _, picture in SHOWN:
            if picture:
                (DOCS / picture).write_bytes(Path(folder, picture).read_bytes())
    README.write_text(put(README.read_text("utf-8"), text), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
