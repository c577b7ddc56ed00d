"""Commits events, enrols faces and publishes as fast as it can; prints what has been promised, and waits for kill -9.

usage: python -m tools.scenarios.writer DATA PORT
"""

from __future__ import annotations

import itertools
import os
import random
import sys
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np

from edge.collections import Collections
from edge.collections.records import DuplicateError, NewFace
from edge.database import connect
from edge.events import publisher as module
from edge.events.log import EventLog, EventSettings
from edge.events.mqtt import MqttSettings
from edge.events.pages import examples
from edge.values import Box, Event

PEOPLE = "people"
DIGEST = "d" * 64
CAMERAS = ("door", "yard", "hall")


def say(kind: str, identity: str) -> None:
    """One write of one line, which the pipe takes whole or not at all."""
    os.write(1, f"{kind} {identity}\n".encode())


def enrol(people: Collections, noise: np.random.Generator) -> None:
    face = NewFace(noise.standard_normal(128).astype(np.float32), Box(0.1, 0.1, 0.5, 0.5), 0.9)
    for enrolled in people.add_faces(PEOPLE, [face], DIGEST):
        say("face", enrolled.face_id)


def main(data: Path, port: int) -> None:
    log = EventLog(connect(data), "porch", EventSettings(cap_mb=4096))
    people = Collections(connect(data))
    with suppress(DuplicateError):
        people.create_collection(PEOPLE)
    module.CHECKPOINT_S = 0.05  # so that a kill may hit one
    publisher = module.Publisher(MqttSettings(port=port), "porch", log)
    threading.Thread(target=publisher.run, args=(threading.Event(),), daemon=True).start()
    pattern, noise = examples()["face_matched"], np.random.default_rng()
    for turn, camera in enumerate(itertools.cycle(CAMERAS)):
        event = Event(pattern.type, camera, pattern.captured_at, pattern.values)
        for stored in log.append([event] * random.randint(1, 5)):  # noqa: S311 (any number will do)
            say("event", stored.id)
        publisher.wake()
        if turn % 5 == 0:
            enrol(people, noise)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
