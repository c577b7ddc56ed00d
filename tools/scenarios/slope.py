"""Half an hour of looking at pictures: memory, file descriptors and threads stay where they were."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tools.scenarios.stage import Figures, Progress, Sentry, Witness, lasting, resident_mb, silent, wait
from tools.scenarios.whole import Whole

EVERY = 2.0  # seconds between two looks
WARM = 0.2  # the share of the time in which caches may still fill
NOISE_MB = 6.0  # what the resident memory of a steady process moves by, between one look and the next


@dataclass(frozen=True, slots=True)
class Look:
    at: float
    memory_mb: float
    files: int
    threads: int


def look(pid: int) -> Look:
    """What a process holds now."""
    proc = Path(f"/proc/{pid}")
    files, threads = (sum(1 for _ in (proc / kind).iterdir()) for kind in ("fd", "task"))
    return Look(time.monotonic(), resident_mb(pid), files, threads)


def judge(looks: Sequence[Look]) -> Figures:
    """Raises AssertionError if the second half holds more than the first, beyond noise."""
    looks = looks[int(WARM * len(looks)) :]
    at, memory = np.array([one.at for one in looks]), np.array([one.memory_mb for one in looks])
    per_hour = float(np.polyfit(at - at[0], memory, 1)[0]) * 3600
    half = len(looks) // 2
    grown = float(np.median(memory[half:]) - np.median(memory[:half]))
    assert grown < NOISE_MB, f"memory grew by {grown:.1f} MB from one half to the other, {per_hour:.1f} MB an hour"
    files, threads = _highest([one.files for one in looks]), _highest([one.threads for one in looks])
    assert files[1] <= files[0] + 1, f"file descriptors grew from {files[0]} to {files[1]}"
    assert threads[1] <= threads[0], f"threads grew from {threads[0]} to {threads[1]}"
    return {
        "minutes": round((at[-1] - at[0]) / 60, 1),
        "memory_mb": round(float(np.median(memory)), 1),
        "half_to_half_mb": round(grown, 2),
        "slope_mb_per_hour": round(per_hour, 2),
        "files": files[1],
        "threads": threads[1],
    }


def slope(folder: Path, minutes: float = 30.0, progress: Progress = silent) -> Figures:
    """`vedette run` with every model, on a loop of photos."""
    with lasting(folder) as broker, Witness(broker.port) as witness, Whole(folder, broker.port) as daemon:
        daemon.start()
        wait(lambda: witness.ids or not daemon.alive, "the first event", 120)
        looks = _watch(daemon, minutes, progress)
        return judge(looks) | {"events": len(witness.ids)}


def _watch(daemon: Sentry, minutes: float, progress: Progress) -> list[Look]:
    began, looks = time.monotonic(), []
    while (passed := time.monotonic() - began) < minutes * 60:
        assert daemon.alive, f"the daemon ended: {daemon.said[-500:]}"
        looks.append(look(daemon.pid))
        progress(passed / (minutes * 60), f"{looks[-1].memory_mb:.0f} MB, {looks[-1].files} files")
        time.sleep(EVERY)
    return looks


def _highest(counts: Sequence[int]) -> tuple[int, int]:
    half = len(counts) // 2
    return max(counts[:half]), max(counts[half:])
