"""What runs on a device stays there: OpenVINO's import writes no client number and calls nobody."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IMPORT = """
import socket
def nobody(*address, **_):
    raise SystemExit(f"asked for {address}")
socket.getaddrinfo = nobody
import accel, openvino, threading
for thread in threading.enumerate():
    thread is threading.current_thread() or thread.join(5)
"""


@pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
def test_openvino_is_imported_without_its_telemetry(tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "CI"}
    environment |= {"HOME": str(tmp_path), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", IMPORT], env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []
