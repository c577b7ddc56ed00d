"""A night of events waits when the broker comes back: they leave within the declared time, in flat memory."""

from __future__ import annotations

import time
from pathlib import Path

from edge.events.log import EventLog
from edge.events.pages import examples
from edge.events.publisher import DRAIN_PER_S
from edge.values import Event
from tools.scenarios.stage import (
    Figures,
    Progress,
    Sentry,
    Witness,
    lasting,
    nothing_lost,
    opened,
    resident_mb,
    silent,
    sound,
    wait,
)

BATCH = 500
FLAT_MB = 24.0  # what the daemon may gain while it drains: its own start is still settling
CAMERAS = ("door", "yard", "hall")


def backlog(folder: Path, count: int = 300_000, progress: Progress = silent) -> Figures:
    """`count` events queued before the daemon starts; the newest is the daemon's own word that a camera is there."""
    sentry = Sentry(folder, 0, rate=1.0, cameras=1)
    with opened(sentry.data) as log:
        _fill(log, count, progress)
    with (
        lasting(folder) as broker,
        Witness(broker.port) as witness,
        Sentry(folder, broker.port, rate=1.0, cameras=1) as sentry,
        opened(sentry.data) as log,
    ):
        sentry.start()
        wait(lambda: witness.status.get("state") == "online", "the daemon connects")
        began, newest = time.monotonic(), log.standing().last
        before = most = resident_mb(sentry.pid)
        declared = count / DRAIN_PER_S
        while newest not in witness.ids:
            assert time.monotonic() - began < declared, f"the newest event is not there after {declared:.0f} s"
            most = max(most, resident_mb(sentry.pid))
            progress(0.3 + 0.7 * len(witness.ids) / count, f"{len(witness.ids)} of {count} have arrived")
            time.sleep(0.1)
        took = witness.at[newest] - began
        sentry.stop()
        total = nothing_lost(log, witness)
    sound(sentry.data)
    assert most - before < FLAT_MB, f"memory grew by {most - before:.1f} MB while {count} events were sent"
    return {
        "events": total,
        "newest_arrived_s": round(took, 2),
        "declared_s": round(declared, 2),
        "drain_per_s": round(count / max(took, 1e-3)),
        "memory_mb": round(before, 1),
        "memory_growth_mb": round(most - before, 1),
    }


def _fill(log: EventLog, count: int, progress: Progress) -> None:
    pattern = examples()["face_matched"]
    for start in range(0, count, BATCH):
        progress(0.3 * start / count, f"{start} of {count} queued")
        log.append(
            [
                Event(pattern.type, CAMERAS[number % 3], pattern.captured_at + number, pattern.values, pattern.models)
                for number in range(start, min(start + BATCH, count))
            ]
        )
