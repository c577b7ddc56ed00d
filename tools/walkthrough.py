"""Runs the commands of docs/CUSTOM_LABELS.md in an empty folder, and writes what they print into the page.

A block that names a file is written to it; of a block of the console each command runs, in one shell, in its order. A
broker runs beside it. What one command prints beyond LONGEST lines is left out in its middle.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from edge.packs.store import default_root

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "CUSTOM_LABELS.md"
BLOCK = re.compile(r"^```(?P<kind>\w+)(?: (?P<name>\S+))?\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
LONGEST = 60


class Command(NamedTuple):
    """A command and what it printed, as a block shows them."""

    line: str
    said: str


def commands(block: str) -> Iterator[Command]:
    """Those of a block of the console; one goes on in the next line after a backslash."""
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        lines = part.splitlines()
        length = next(at for at, line in enumerate(lines, 1) if not line.endswith("\\"))
        yield Command("\n".join(lines[:length]), "\n".join(lines[length:]))


class Shell:
    """One shell in which commands run one after the other."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self._process = subprocess.Popen(
            ["bash"], cwd=folder, env=environment, text=True, start_new_session=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, line: str) -> str:
        """What the command prints until it ends, or goes into the background."""
        assert self._process.stdin  # noqa: S101 - a pipe, as asked for
        assert self._process.stdout  # noqa: S101 - as well
        end = f"end-{uuid.uuid4().hex}"
        self._process.stdin.write(f"{line}\necho; echo {end} $?\n")
        self._process.stdin.flush()
        said: list[str] = []
        for text in self._process.stdout:
            if text.startswith(end):
                print(f"$ {line}\n{''.join(said)}", end="", flush=True)
                if text.split()[1] != "0":
                    print(f"exit status {text.split()[1]}", flush=True)
                return "".join(said).strip("\n")
            said.append(text)
        raise RuntimeError(f"the shell ended in: {line}")

    def close(self) -> None:
        os.killpg(self._process.pid, signal.SIGTERM)
        self._process.communicate()


def shown(command: Command, said: str) -> str:
    lines = [line.rstrip() for line in said.splitlines()]
    if len(lines) > LONGEST:
        lines = [*lines[: LONGEST - 4], "…", *lines[-3:]]
    return "\n".join([f"$ {command.line}", *lines]) + "\n"


def walk(page: str, folder: Path, environment: dict[str, str]) -> str:
    """The page with what its commands print now."""
    shell = Shell(folder, environment)

    def again(block: re.Match[str]) -> str:
        if block["name"]:
            (folder / block["name"]).write_text(block["text"])
        if block["kind"] != "console":
            return block[0]
        text = "".join(shown(command, shell.run(command.line)) for command in commands(block["text"]))
        return f"```console\n{text}```"

    try:
        return BLOCK.sub(again, page)
    finally:
        shell.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as name, ExitStack() as opened:
        process = opened.enter_context(subprocess.Popen(["mosquitto", "-p", "1883"], stderr=subprocess.DEVNULL))
        opened.callback(process.terminate)
        home = Path(name) / "home"
        (home / "tools").mkdir(parents=True)
        (home / "tools" / "train").write_text(f'#!/bin/sh\nexec {ROOT / "tools" / "train"} "$@"\n')
        (home / "tools" / "train").chmod(0o755)
        models = home.parent / "models"
        shutil.copytree(default_root(), models, ignore=lambda *_: {"custom"})
        # Its environment and the photos, which are made and fetched once, are not what the page is about.
        subprocess.run([ROOT / "tools" / "train", "--example", home.parent / "before"], check=True)
        environment = os.environ | {
            "PATH": f"{ROOT / '.venv/bin'}:{os.environ['PATH']}:/usr/sbin",
            "VEDETTE_MODELS": str(models),
            "COLUMNS": "120",
        }
        page = walk(PAGE.read_text("utf-8"), home, environment)
        PAGE.write_text(page.replace(f"{home}/", ""), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
