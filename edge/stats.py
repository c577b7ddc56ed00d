"""What the pipeline counts: every frame's fate by camera, and how long everything takes, in fixed buckets."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

# Of a camera's frames, captured = all of these + those still waiting or in flight.
FATES = (
    "idle",  # the motion gate saw nothing move
    "replaced",  # a newer frame of the same camera took its place
    "abandoned",  # the thread that read it hung, and another one reads the camera now
    "stopped",  # the daemon ended before its turn
    "unseen",  # no accelerator was left to look for its objects
    "analysed",
)
# Upper bounds of the buckets in seconds; a last bucket takes what lies above.
SECONDS = (
    *(0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05),
    *(0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0),
)
STEADY = 0.1  # weight of the newest interval in a pace


class Histogram:
    """How often what took how long. Thread-safe; adding costs well under a microsecond."""

    __slots__ = ("_buckets", "_lock", "_sum")

    def __init__(self) -> None:
        self._buckets = [0] * (len(SECONDS) + 1)
        self._sum = 0.0
        self._lock = Lock()

    def add(self, seconds: float) -> None:
        place = bisect_left(SECONDS, seconds)
        with self._lock:
            self._buckets[place] += 1
            self._sum += seconds

    def state(self) -> dict[str, Any]:
        """`count`, `sum` in seconds, and `buckets`: how many fell into each, the last above every bound."""
        with self._lock:
            return {"count": sum(self._buckets), "sum": self._sum, "buckets": self._buckets.copy()}


def quantile(buckets: Sequence[int], share: float) -> float | None:
    """The seconds that `share` (0..1) of what was counted did not exceed, interpolated as Prometheus does.

    None if nothing was counted. What lies above the highest bound counts as that bound.
    """
    wanted, passed = share * sum(buckets), 0
    for place, count in enumerate(buckets):
        if count and passed + count >= wanted:
            if place == len(SECONDS):
                break
            low = SECONDS[place - 1] if place else 0.0
            return low + (SECONDS[place] - low) * (wanted - passed) / count
        passed += count
    return SECONDS[-1] if passed or any(buckets) else None


class Histograms:
    """One for each tuple of `labels`; they outlive whoever adds to them. Thread-safe."""

    def __init__(self, *labels: str) -> None:
        self.labels = labels
        self._lock = Lock()
        self._spent: dict[tuple[str, ...], Histogram] = {}

    def of(self, *values: str) -> Histogram:
        with self._lock:
            return self._spent.setdefault(values, Histogram())

    def state(self) -> list[dict[str, Any]]:
        """The labels and a histogram's state, of all that were ever used."""
        with self._lock:
            spent = dict(self._spent)
        return [dict(zip(self.labels, values, strict=True)) | histogram.state() for values, histogram in spent.items()]


# Of this process: a back end that failed and its stand-in are counted side by side.
INFERENCES = Histograms("model", "backend", "device")
REQUESTS = Histograms("operation", "outcome")  # of the API; `outcome` is "ok" or the name of the exception


@dataclass(slots=True)
class Pace:
    """How many a second, lately. Not thread-safe."""

    interval: float = 0.0
    at: float | None = None

    def tick(self, now: float) -> None:
        if self.at is not None:
            gone = now - self.at
            self.interval += (gone - self.interval) * (STEADY if self.interval else 1.0)
        self.at = now

    def rate(self, now: float) -> float:
        """Falls towards 0 when nothing comes any more."""
        if self.at is None or not self.interval:
            return 0.0
        return 1.0 / max(self.interval, now - self.at)


@dataclass(slots=True)
class CameraCounts:
    """One camera since the start. `opened` is how often it began to deliver frames."""

    captured: int = 0
    fates: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FATES, 0))
    events: Counter[str] = field(default_factory=Counter)
    last_event: tuple[str, float] | None = None
    opened: int = 0
    pace: Pace = field(default_factory=Pace)
    analysed_pace: Pace = field(default_factory=Pace)
    age: float | None = None
    ages: Histogram = field(default_factory=Histogram)

    def state(self) -> dict[str, Any]:
        now = time.monotonic()
        last = {"type": self.last_event[0], "at": self.last_event[1]} if self.last_event else None
        return {
            "opened": self.opened,
            "fps": self.pace.rate(now),
            "analysed_fps": self.analysed_pace.rate(now),
            "age": self.age,
            "frames": {"captured": self.captured, **self.fates},
            "events": dict(self.events),
            "last_event": last,
            "ages": self.ages.state(),
        }


class Stats:
    """Counters since the start. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cameras: defaultdict[str, CameraCounts] = defaultdict(CameraCounts)
        self._stages: defaultdict[str, Histogram] = defaultdict(Histogram)
        self._delivery = Histogram()

    def captured(self, camera: str) -> None:
        """A camera gave a frame; its fate is told later."""
        with self._lock:
            counts = self._cameras[camera]
            counts.captured += 1
            counts.pace.tick(time.monotonic())

    def dropped(self, camera: str, fate: str) -> None:
        """A captured frame will not be analysed; `fate` is one of FATES."""
        with self._lock:
            self._cameras[camera].fates[fate] += 1

    def analysed(self, camera: str, age: float, milliseconds: Mapping[str, float]) -> None:
        """A frame is done with, `age` seconds after its capture; `milliseconds` by stage."""
        with self._lock:
            counts = self._cameras[camera]
            counts.fates["analysed"] += 1
            counts.analysed_pace.tick(time.monotonic())
            counts.age = age
        counts.ages.add(age)
        for stage, spent in milliseconds.items():
            self._stages[stage].add(spent * 1e-3)

    def event(self, camera: str, kind: str, at: float) -> None:
        """An event was committed, captured at epoch seconds `at`."""
        with self._lock:
            counts = self._cameras[camera]
            counts.events[kind] += 1
            counts.last_event = (kind, at)

    def opened(self, camera: str) -> None:
        """A camera began to deliver frames."""
        with self._lock:
            self._cameras[camera].opened += 1

    def delivered(self, seconds: float) -> None:
        """The broker acknowledged an event, so long after its capture."""
        self._delivery.add(max(seconds, 0.0))

    def frames(self, camera: str) -> dict[str, int]:
        """Frames by fate, and `captured`."""
        with self._lock:
            counts = self._cameras[camera]
            return {"captured": counts.captured, **counts.fates}

    def camera(self, camera: str) -> dict[str, Any]:
        """Everything about one camera."""
        with self._lock:
            return self._cameras[camera].state()

    def stages(self) -> dict[str, dict[str, Any]]:
        """A histogram by stage."""
        return {stage: spent.state() for stage, spent in self._stages.copy().items()}

    def delivery(self) -> dict[str, Any]:
        """The histogram of capture to the broker's acknowledgement."""
        return self._delivery.state()
