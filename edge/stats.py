"""What the pipeline counts: every frame's fate by camera, every stage's milliseconds."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from threading import Lock

FATES = ("captured", "idle", "replaced", "analysed")


@dataclass(slots=True)
class Stage:
    count: int = 0
    total: float = 0.0
    most: float = 0.0

    def add(self, ms: float) -> None:
        self.count += 1
        self.total += ms
        self.most = max(self.most, ms)


class Stats:
    """Counters since the start. Thread-safe.

    Of a camera's frames, captured = idle + replaced + analysed + those still waiting or in flight: idle ones
    the motion gate passed over, replaced ones gave way to a newer frame.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._frames: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._events: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._stages: defaultdict[str, Stage] = defaultdict(Stage)

    def frame(self, camera: str, fate: str) -> None:
        with self._lock:
            self._frames[camera][fate] += 1

    def event(self, camera: str, kind: str) -> None:
        with self._lock:
            self._events[camera][kind] += 1

    def stages(self, milliseconds: Mapping[str, float]) -> None:
        with self._lock:
            for name, ms in milliseconds.items():
                self._stages[name].add(ms)

    def frames(self, camera: str) -> dict[str, int]:
        with self._lock:
            return {fate: self._frames[camera][fate] for fate in FATES}

    def events(self, camera: str) -> dict[str, int]:
        with self._lock:
            return dict(self._events[camera])

    def milliseconds(self) -> dict[str, dict[str, float]]:
        """By stage: how often, mean and most."""
        with self._lock:
            return {
                name: {"count": stage.count, "mean": round(stage.total / stage.count, 3), "most": round(stage.most, 3)}
                for name, stage in self._stages.items()
            }
