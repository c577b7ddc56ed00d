"""Memory with everything loaded: millions of bytes that a process of its own has in memory.

`peak` is the most it had while every task looked at one photo of 1920 x 1080, one after the other, and then again;
`idle` is what is left a minute after the last use, when the models rest, and `again` the first look after that in
milliseconds, over the same look when all are awake. `jpeg` is what opening a JPEG of 10,000 x 10,000 pixels adds, which
is refused, and one of 8,000 x 8,000, which is read. The references are what is promised.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from benchmarks import tasks
from evaluation.figures import Figure, figure

from edge import pictures
from edge.errors import InputError
from edge.failover import Failover

PEAK, IDLE, EXTRA = 700.0, 350.0, 400.0  # promised, in MB
REST = 60.0  # seconds
SIDES = (10_000, 8_000)
OURS = Path("/proc/self")


def run(quick: bool) -> Iterator[Figure]:
    """Needs Linux's /proc; elsewhere there are no figures."""
    if not (OURS / "clear_refs").exists():
        return
    command = [sys.executable, "-m", "benchmarks.memory", *(["--quick"] if quick else [])]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    yield from map(json.loads, done.stdout.splitlines())


def measure(quick: bool) -> Iterator[Figure]:
    """In this process, which should have done nothing before."""
    with tasks.opened(idle=2.0 if quick else REST, without=(tasks.ALONE,)) as abilities:
        image = tasks.photo(1920, 1080)
        looks = tasks.looks(abilities)
        tasks.everything(looks, image)
        awake = _milliseconds(lambda: tasks.everything(looks, image))
        yield figure("memory.peak", _mb("VmHWM"), "MB", 1, PEAK)
        models = [model for model in tasks.models(abilities) if isinstance(model, Failover)]
        until = time.monotonic() + (3.0 if quick else REST + 1.0)
        while time.monotonic() < until:
            time.sleep(0.2)
            for model in models:
                model.tend()
        yield figure("memory.idle", _mb("VmRSS"), "MB", 1, IDLE)
        again = _milliseconds(lambda: tasks.everything(looks, image))
        yield figure("memory.again", again, "ms", 1, awake)
    for side in SIDES:
        data = _jpeg(side)
        before = _mb("VmRSS")
        (OURS / "clear_refs").write_text("5", "ascii")  # forgets the peak
        try:
            pictures.read(data)
        except InputError as error:
            print(f"  {error}", file=sys.stderr)
        yield figure(f"memory.jpeg.{side}", _mb("VmHWM") - before, "MB", 1, EXTRA)


def _milliseconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1e3 * (time.perf_counter() - began)


def _mb(name: str) -> float:
    (line,) = (line for line in (OURS / "status").read_text("ascii").splitlines() if line.startswith(name))
    return int(line.split()[1]) * 1.024e-3


def _jpeg(side: int) -> bytes:
    """Of one colour: what it holds makes no difference to the memory it takes."""
    return bytes(cv2.imencode(".jpg", np.full((side, side, 3), 90, np.uint8))[1])


if __name__ == "__main__":
    for found in measure("--quick" in sys.argv):
        print(json.dumps(found), flush=True)
