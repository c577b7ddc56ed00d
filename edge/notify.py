"""Tells the service manager how things stand: the protocol of sd_notify(3), silent where no manager listens."""

from __future__ import annotations

import logging
import os
import socket
import time
from collections.abc import Mapping
from typing import Any

log = logging.getLogger(__name__)

# How long a thread of the pipeline may be silent, in seconds, before the watchdog is fed no more. The publisher may
# wait for a name server and then for each of a broker's addresses; vision may have to open another back end.
LIMITS = {"vision": 30.0, "publisher": 180.0}


def tell(**values: str | int) -> None:
    """Send assignments such as READY=1 in one datagram to the socket that $NOTIFY_SOCKET names, if it does."""
    address = os.environ.get("NOTIFY_SOCKET", "")
    if address[:1] not in ("/", "@"):
        return
    message = "\n".join(f"{name}={value}" for name, value in values.items())
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as wire:
            wire.settimeout(1.0)  # a manager that is busy is awaited, one that hangs is not
            wire.sendto(message.encode(), "\0" + address[1:] if address[0] == "@" else address)
    except OSError as error:
        log.debug("the service manager cannot be told: %s", error)  # it is gone or restarts; our work goes on


def watchdog_period() -> float | None:
    """Seconds within which the manager wants to hear WATCHDOG=1, or None if it does not ask this process."""
    asked, of = os.environ.get("WATCHDOG_USEC", ""), os.environ.get("WATCHDOG_PID", "")
    if not asked.isdecimal() or int(asked) == 0 or (of and of != str(os.getpid())):
        return None
    return int(asked) / 1e6


def status(status: Mapping[str, Any]) -> None:
    """The line that `systemctl status` shows, from the status message of a pipeline."""
    cameras = status["cameras"].values()
    online = sum(camera["state"] == "online" for camera in cameras)
    rate = sum(camera.get("analysed_fps") or 0.0 for camera in cameras)
    waiting = status["outbox"].get("waiting", "?")  # unknown while the disk refuses to say
    tell(STATUS=f"{online} of {len(cameras)} cameras online, {rate:.1f} frames/s, {waiting} events waiting")


class Watchdog:
    """Tells the manager that a process lives, as long as each of its threads does."""

    def __init__(self) -> None:
        self._period = watchdog_period()
        self._fed = float("-inf")
        self._silent: set[str] = set()

    def look(self, signs: Mapping[str, float]) -> None:
        """Feed it unless a thread has been silent for too long; `signs` are their last ones, in monotonic time."""
        now = time.monotonic()
        silent = {name for name, at in signs.items() if now - at > LIMITS[name]}
        for name in silent - self._silent:
            log.error("the %s thread has shown no life for %.0f s; the watchdog is not fed", name, LIMITS[name])
        self._silent = silent
        if not silent and self._period and now - self._fed >= self._period / 4:
            self._fed = now
            tell(WATCHDOG=1)
