"""The broker is away while the daemon is killed: afterwards a subscriber has every event, in order."""

from __future__ import annotations

import random
import time
from pathlib import Path

from edge.events.publisher import DRAIN_PER_S
from tools.scenarios.stage import Figures, Progress, Sentry, Witness, lasting, nothing_lost, opened, silent, sound, wait

KILLS = 2
ENOUGH = 100  # fewer events are through before a rate means anything


def outage(
    folder: Path,
    seconds: float = 60.0,
    rate: float = 50.0,
    daemon: type[Sentry] = Sentry,
    progress: Progress = silent,
) -> Figures:
    """The broker stopped for `seconds` at `rate` events a second, the daemon killed with -9 twice meanwhile."""
    with lasting(folder) as broker, Witness(broker.port) as witness, daemon(folder, broker.port, rate) as sentry:
        sentry.start()
        wait(lambda: len(witness.ids) > rate, "events arrive before the outage", 120)
        broker.stop()
        for number in range(KILLS + 1):
            progress(number / (KILLS + 2), f"no broker, {number} kills")
            time.sleep(seconds / (KILLS + 1) * random.uniform(0.9, 1.1))  # noqa: S311 (any point will do)
            if number < KILLS:
                sentry.kill()
                sentry.start()
        with opened(sentry.data) as log:
            wait(lambda: sentry.alive and log.standing().waiting > 0, "the daemon runs")
            first, last = log.pending(0, 1)[0].sequence, log.standing().last
            broker.start()
            back = time.monotonic()
            progress((KILLS + 1) / (KILLS + 2), f"{last - first + 1} events wait")
            wait(lambda: last in witness.ids, "the backlog arrives")
            drained = witness.at[last]
            took = drained - max(witness.at[first], back)
            sentry.stop()
            count = nothing_lost(log, witness)
    sound(sentry.data)
    backlog = last - first + 1
    speed = backlog / max(took, 1e-3)
    assert speed >= DRAIN_PER_S or backlog < ENOUGH, f"the backlog of {backlog} events left at {speed:.0f} a second"
    return {
        "events": count,
        "backlog": backlog,
        "drain_per_s": round(speed),
        "backlog_arrived_s": round(drained - back, 2),
        "sent_twice": witness.twice,
        "kills": KILLS,
    }
