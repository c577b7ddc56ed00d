"""What Ctrl-C does before a command has begun."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
BEGIN = "import os, signal; from edge.start import loading; interrupt = lambda: os.kill(os.getpid(), signal.SIGINT)\n"


def begun(text: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", BEGIN + text], cwd=ROOT, capture_output=True, text=True, check=False)


def test_while_a_command_is_loaded_an_interrupt_ends_it_without_a_word() -> None:
    done = begun("with loading():\n    interrupt()")
    assert (done.returncode, done.stderr) == (-signal.SIGINT, "")


def test_afterwards_it_is_raised_as_everywhere() -> None:
    done = begun("with loading():\n    pass\ntry:\n    interrupt()\nexcept KeyboardInterrupt:\n    print('heard')")
    assert (done.returncode, done.stdout) == (0, "heard\n")


@pytest.mark.parametrize("inside", ["    interrupt()", "    pass\ninterrupt()"])
def test_one_that_is_ignored_stays_ignored(inside: str) -> None:
    done = begun(f"signal.signal(signal.SIGINT, signal.SIG_IGN)\nwith loading():\n{inside}\nprint('goes on')")
    assert (done.returncode, done.stdout) == (0, "goes on\n")
