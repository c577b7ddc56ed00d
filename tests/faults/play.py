"""Play each file named as a video and as a folder of pictures; one line of JSON tells what became of it."""

from __future__ import annotations

import json
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.cameras import Camera, FileCamera, ImagesCamera
from edge.errors import CameraError


def fate(camera: Camera) -> dict[str, object]:
    began, frames, fault = time.monotonic(), 0, ""
    try:
        for image, _ in camera.frames(threading.Event()):
            assert image.ndim == 3
            frames += 1
    except CameraError as error:
        fault = str(error)
    return {"frames": frames, "fault": fault, "seconds": time.monotonic() - began}


def folder_of(path: Path, parent: Path) -> Path:
    folder = Path(tempfile.mkdtemp(dir=parent))
    (folder / path.name).symlink_to(path)
    return folder


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        kinds: dict[str, Callable[[Path], Camera]] = {
            "file": lambda path: FileCamera(path=path, pace="fast", fps=0),
            "images": lambda path: ImagesCamera(path=folder_of(path, Path(name)), seconds=0),
        }
        for line in sys.stdin:
            path = Path(line.rstrip("\n"))
            for kind, camera in kinds.items():
                sys.stdout.write(json.dumps({"path": str(path), "kind": kind, **fate(camera(path))}) + "\n")


main()
