"""Which thread reads which camera: one whose read hangs is abandoned, and a fresh one opens the camera anew.

A call into OpenCV, a driver or a camera's library cannot be interrupted. So the thread that made it is left to
itself: told to end as soon as its call returns, and whatever it still delivers is thrown away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from edge.cameras.base import Source, State

MOST_HUNG = 3  # threads of one camera that may hang before it is left alone until one comes back
OPENING = 2.5  # times its patience that a source may take to open: connecting, asking, the first picture
STRIDE = 0.5  # seconds at most that count between two looks: a process that was stopped is no camera's fault

Told = Callable[[str, State, str], None]


class Pulse(threading.Event):
    """What a source is given as `stop`. To look at it is a sign of life: who looks can be stopped, who hangs cannot."""

    def __init__(self) -> None:
        super().__init__()
        self.abandoned = False
        self.reading = False  # frames have come since the source was last opened
        self.opening = 0  # how often the source has failed and is opened again
        self._resting = False
        self._looks = self._seen = 0
        self._silent = 0.0

    def is_set(self) -> bool:
        self._looks += 1
        return super().is_set()

    def wait(self, timeout: float | None = None) -> bool:
        self._resting = True
        try:
            return super().wait(timeout)
        finally:
            self._looks += 1
            self._resting = False

    def silent(self, passed: float) -> float:
        """Seconds without a sign of life, `passed` more than at the last call."""
        alive = self._resting or self._looks != self._seen
        self._seen = self._looks
        self._silent = 0.0 if alive else self._silent + passed
        return self._silent


@dataclass(slots=True)
class _Post:
    """A camera, the thread that reads it now, and those that hang in an earlier read."""

    source: Source
    pulse: Pulse = field(default_factory=Pulse)
    thread: threading.Thread | None = None
    hung: list[threading.Thread] = field(default_factory=list)

    def limit(self) -> float:
        return self.source.patience if self.pulse.reading else self.source.patience * OPENING


class Attendance:
    """`spawn` starts the thread that reads a camera until its pulse is set; `told` hears how the camera stands."""

    def __init__(
        self, sources: Mapping[str, Source], spawn: Callable[[str, Pulse], threading.Thread], told: Told
    ) -> None:
        self._posts = {name: _Post(source) for name, source in sources.items()}
        self._spawn = spawn
        self._told = told
        self._telling = threading.Lock()
        self._looked = time.monotonic()

    def begin(self) -> None:
        for name, post in self._posts.items():
            post.thread = self._spawn(name, post.pulse)

    @property
    def over(self) -> bool:
        """Whether every source has come to its end."""
        return not any(post.thread.is_alive() if post.thread else True for post in self._posts.values())

    def changed(self, name: str, pulse: Pulse, state: State, reason: str) -> None:
        """What the thread with this pulse says of its camera."""
        post = self._posts[name]
        with self._telling:
            if pulse.abandoned:
                return
            pulse.reading = state == "online"
            pulse.opening += not pulse.reading
            # While a read hangs it holds the device, and "busy" would hide the reason that was told.
            if pulse.reading or not any(thread.is_alive() for thread in post.hung):
                self._told(name, state, reason)

    def look(self) -> None:
        """Abandon what hangs; to be called a few times a second."""
        now = time.monotonic()
        passed, self._looked = min(now - self._looked, STRIDE), now
        for name, post in self._posts.items():
            post.hung = [thread for thread in post.hung if thread.is_alive()]
            if post.thread is None:
                if len(post.hung) < MOST_HUNG:
                    self._relieve(name, post)
            elif post.source.live and post.thread.is_alive() and post.pulse.silent(passed) >= post.limit():
                self._abandon(name, post, post.thread)

    def end(self, within: float) -> None:
        """Have every thread end; those that hang are not waited for, the others `within` seconds in all."""
        for post in self._posts.values():
            post.pulse.set()
        deadline = time.monotonic() + within
        for post in self._posts.values():
            if post.thread:
                post.thread.join(max(deadline - time.monotonic(), 0.0))

    def _abandon(self, name: str, post: _Post, thread: threading.Thread) -> None:
        what = "a read" if post.pulse.reading else "its opening"
        reason = f"{post.source.place}: {what} hangs for {post.limit():.1f} s"
        post.hung.append(thread)
        post.thread = None
        if len(post.hung) >= MOST_HUNG:
            reason += f" and so do {len(post.hung) - 1} before it, so it is left alone until one returns"
        with self._telling:
            post.pulse.abandoned = True
            self._told(name, "offline", f"{reason}; power-cycle the camera, or check its driver and cable")
        post.pulse.set()
        if len(post.hung) < MOST_HUNG:
            self._relieve(name, post)

    def _relieve(self, name: str, post: _Post) -> None:
        post.pulse = Pulse()
        post.thread = self._spawn(name, post.pulse)
