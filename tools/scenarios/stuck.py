"""`vedette` whose network cameras hang in a read for as long as its working folder holds a file named "stuck"."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import cv2

from edge import cli
from edge.cameras import capture, rtsp

STUCK = Path("stuck").absolute()


def grab(source: cv2.VideoCapture) -> bool:
    while STUCK.exists():
        time.sleep(0.05)
    return capture.grab(source)


if __name__ == "__main__":
    rtsp.grab = grab  # type: ignore[attr-defined]
    sys.exit(cli.main())
