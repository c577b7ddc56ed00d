"""Arguments that several commands share: what they take, and what they refuse."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from edge.quality import LEVELS


def filtered(parser: argparse.ArgumentParser, default: str) -> None:
    """The option of the quality filter."""
    parser.add_argument(
        "--quality", choices=LEVELS, default=default, help=f"which faces are too poor to be recognised ({default})"
    )


def tiled(parser: argparse.ArgumentParser) -> None:
    """The option that finds small faces."""
    parser.add_argument("--small", action="store_true", help="find faces of 20 pixels in large pictures too; slower")


def place(text: str) -> Path:
    """A file or folder; an empty word, which an unset variable of the shell leaves, would name this folder."""
    return Path(word(text))


def word(text: str) -> str:
    if not text:
        raise argparse.ArgumentTypeError("is empty; name one, or leave the option out")
    return text


def count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{text}: give 1 or more")
    return value


def upto(most: float) -> Any:
    def number(text: str) -> float:
        value = float(text)
        if not 0.0 <= value <= most:
            raise argparse.ArgumentTypeError(f"{text}: give 0 to {most:g}")
        return value

    return number
