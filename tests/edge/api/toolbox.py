"""Clients of other makers, each in an environment of its own: made when first needed, kept in the user's cache."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

CLI = "awscli>=1.40,<2"
SDK = "@aws-sdk/client-rekognition@3"
NODE = 20  # the oldest that this SDK runs on


def command_line() -> list[str]:
    """The words that start `aws`; skips where it cannot be had."""

    def make(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", CLI)

    python = f"{sys.version_info.major}.{sys.version_info.minor}"
    return [str(_kept(f"awscli-1-python-{python}", make) / "bin" / "python"), "-m", "awscli"]


def javascript() -> Path:
    """The folder whose node_modules holds the SDK; skips where it or a fit Node.js cannot be had."""
    if shutil.which("node") is None or shutil.which("npm") is None:
        pytest.skip("Node.js or npm is not installed: apt-get install npm")
    version = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    if int(version.strip().lstrip("v").split(".")[0]) < NODE:
        pytest.skip(f"the JavaScript SDK needs Node.js {NODE}, this is {version.strip()}")
    flags = ("--silent", "--no-audit", "--no-fund", "--ignore-scripts")
    return _kept("javascript-3", lambda folder: _run("npm", "install", "--prefix", str(folder), *flags, SDK))


def curl() -> str:
    """Where curl is; skips if it cannot sign, or signs without the body as the first ones that could did."""
    found = shutil.which("curl")
    if found is None:
        pytest.skip("curl is not installed: apt-get install curl")
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout
    version = re.match(r"curl (\d+)\.(\d+)", told)
    assert version, told
    if tuple(map(int, version.groups())) < (7, 86):
        pytest.skip(f"this curl is too old to sign: {version[0]}")
    return found


def _kept(name: str, make: Callable[[Path], None]) -> Path:
    """A folder that appears whole or not at all."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vedette" / "clients"
    folder, part = cache / name, cache / f"{name}.part"
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(part, ignore_errors=True)
            part.mkdir()
            make(part)
            part.rename(folder)
    return folder


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines() or ["no reason given"]
        pytest.skip(f"{' '.join(command[-1:])} cannot be had: {said[-1]}")
