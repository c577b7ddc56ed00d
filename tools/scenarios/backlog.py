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
    """`count` events queued before the daemon starts, which is killed with -9 at each third of them.

    The newest is the daemon's own word that a camera is there.
    """
    with opened(Sentry(folder, 0).data) as log:
        _fill(log, count, progress)
    declared, grown = count / DRAIN_PER_S, 0.0
    with (
        lasting(folder) as broker,
        Witness(broker.port) as witness,
        Sentry(folder, broker.port, rate=1.0, cameras=1) as sentry,
        opened(sentry.data) as log,
    ):
        _start(sentry, witness)
        began, newest = time.monotonic(), log.standing().last
        for upto in (count // 3, 2 * count // 3, newest):
            if upto > count // 3:
                sentry.kill()
                wait(lambda: witness.status["state"] == "offline", "the kill is noticed")
                _start(sentry, witness)
            before = resident_mb(sentry.pid)
            while upto not in witness.ids:
                assert time.monotonic() - began < declared, f"the newest event is not there after {declared:.0f} s"
                grown = max(grown, resident_mb(sentry.pid) - before)
                progress(0.3 + 0.7 * len(witness.ids) / count, f"{len(witness.ids)} of {count} have arrived")
                time.sleep(0.05)
        took = witness.at[newest] - began
        sentry.stop()
        total = nothing_lost(log, witness)
    sound(sentry.data)
    assert grown < FLAT_MB, f"memory grew by {grown:.1f} MB while {count} events were sent"
    return {
        "events": total,
        "newest_arrived_s": round(took, 2),
        "declared_s": round(declared, 2),
        "drain_per_s": round(count / max(took, 1e-3)),
        "memory_growth_mb": round(grown, 1),
        "kills": 2,
        "sent_twice": witness.twice,
    }


def _start(sentry: Sentry, witness: Witness) -> None:
    sentry.start()
    wait(lambda: witness.status.get("state") == "online", "the daemon connects")


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
