"""`kill -9` at random points of commit, enrolment, publication and checkpoint: what was promised is there."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

from edge.collections import Collections
from edge.database import connect
from tools.scenarios.stage import (
    ROOT,
    Figures,
    Progress,
    Sentry,
    Witness,
    every,
    lasting,
    nothing_lost,
    opened,
    silent,
    sound,
    wait,
)
from tools.scenarios.writer import PEOPLE

SEARCHED = 200  # promised faces whose vectors are searched with
LONGEST = 0.4  # seconds a writer lives after its first promise, at most


def kills(folder: Path, count: int = 200, progress: Progress = silent) -> Figures:
    """`count` writers, each killed at a random moment; then every promise is looked up."""
    promised: dict[str, set[str]] = {"event": set(), "face": set()}
    with (
        lasting(folder) as broker,
        Witness(broker.port) as witness,
        Sentry(folder, broker.port, rate=1.0, cameras=1) as sentry,
    ):
        for number in range(count):
            progress(number / count, f"{number} kills, {len(promised['event'])} events promised")
            for line in _life(sentry.data, broker.port):
                kind, identity = line.split()
                promised[kind].add(identity)
        sound(sentry.data)
        sentry.start()
        wait(lambda: witness.status.get("state") == "online", "the daemon starts with what they left")
        with opened(sentry.data) as log:
            wait(lambda: log.standing().waiting <= 1, "the outbox drains", 120)
            sentry.stop()
            events = nothing_lost(log, witness)
            kept = {event.id for event in every(log)}
    assert promised["event"] <= kept, f"{len(promised['event'] - kept)} promised events are lost"
    with closing(Collections(connect(sentry.data))) as people:
        faces = {face.face_id for face in people.list_faces(PEOPLE)}
        assert promised["face"] <= faces, f"{len(promised['face'] - faces)} promised faces are lost"
        for face in list(promised["face"])[:SEARCHED]:
            people.search_by_face(PEOPLE, face)  # raises if its vector is gone
    return {
        "kills": count,
        "events": events,
        "events_promised": len(promised["event"]),
        "faces": len(faces),
        "faces_promised": len(promised["face"]),
        "sent_twice": witness.twice,
    }


def _life(data: Path, port: int) -> list[str]:
    """What one writer promised before it was killed."""
    words = [sys.executable, "-m", "tools.scenarios.writer", str(data), str(port)]
    with subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout
        first = writer.stdout.readline()
        time.sleep(random.uniform(0.0, LONGEST))  # noqa: S311 (any moment will do)
        writer.kill()
        lines = [first, *writer.stdout]
    assert writer.returncode == -signal.SIGKILL, "a writer ended by itself: is the database damaged?"
    return lines
