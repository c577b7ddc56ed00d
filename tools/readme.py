"""Makes the picture and the event that README shows: a photo of public domain, watched as a camera would be."""

from __future__ import annotations

import json
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import cv2
import media
from show import broker, protocol, subscribed

from edge import config, daemon
from edge.collections import Collections, NewFace, picture_id
from edge.database import connect
from edge.vision.faces import open_faces

STILL = media.ROOT / "docs" / "still.jpg"
WHO = "eileen-collins"


def make(folder: Path) -> tuple[Path, dict[str, Any]]:
    """The still, and the event it belongs to, of a few seconds' watch in an empty folder."""
    (photo,) = media.get("astronaut.png")
    (folder / "photos").mkdir()
    image = cv2.imread(str(photo))
    # The camera sees her mirrored, smaller and darker than the enrolled photo does.
    seen = cv2.convertScaleAbs(cv2.resize(image[:, ::-1], None, fx=0.8, fy=0.8), alpha=0.8)
    cv2.imwrite(str(folder / "photos" / "door.png"), seen)
    with ExitStack() as opened:
        return _watch(folder, photo, broker(opened)[0])


def _watch(folder: Path, photo: Path, port: int) -> tuple[Path, dict[str, Any]]:
    settings = config.parse(
        {
            "device": "porch",
            "data": "data",
            "mqtt": {"port": port, "protocol": protocol()},
            "stills": {"folder": "stills"},
            "cameras": {"door": {"kind": "images", "path": "photos", "seconds": 3.0}},
        },
        folder / "vedette.toml",
    )
    _enrol(settings, photo)
    heard: SimpleQueue[bytes] = SimpleQueue()
    with subscribed(port, "vedette/porch/door/face_matched", lambda _, payload: heard.put(payload)):
        daemon.watch(settings, 4.0)
        event = json.loads(heard.get(timeout=10))
    return Path(event["still"]), event


def _enrol(settings: config.Config, photo: Path) -> None:
    analyzer, collections = open_faces(settings), Collections(connect(settings.data))
    try:
        (view,) = analyzer.analyze(cv2.imread(str(photo)))
        collections.create_collection("people")
        face = NewFace(view.vector, view.face.box, view.face.score, view.quality)
        identity = picture_id(photo.read_bytes())
        collections.add_faces("people", [face], view.embedding.digest, image_id=identity, external_image_id=WHO)
    finally:
        analyzer.close()
        collections.close()


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        still, event = make(Path(folder))
        STILL.write_bytes(still.read_bytes())
    event["still"] = "stills/" + still.name
    print(json.dumps(event, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
