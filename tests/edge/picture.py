"""A daemon's picture as the pipeline makes it, for tests of those who read it."""

from __future__ import annotations

from typing import Any

from edge import status
from edge.stats import INFERENCES, REQUESTS, Histograms, Stats


def picture(**changes: Any) -> dict[str, Any]:
    """Two cameras, one of them offline, an hour after the start; the broker is away."""
    stats, inferences, requests = Stats(), Histograms(*INFERENCES.labels), Histograms(*REQUESTS.labels)
    requests.of("DetectFaces", "ok").add(0.045)
    requests.of("DetectFaces", "InvalidImageFormatException").add(0.0004)
    for _ in range(9):
        stats.captured("door")
    stats.dropped("door", "replaced")
    for _ in range(8):
        stats.analysed("door", 0.03, {"infer": 9.0, "track": 0.4})
        inferences.of("nanodet-g", "openvino", "CPU").add(0.009)
    stats.event("door", "track_started", 3550.0)
    stats.opened("door")
    stats.delivered(0.012)
    told = {
        "version": "1.2.3",
        "device": "porch",
        "at": 3600.0,
        "up": 3600.0,
        "silent": [],
        "cameras": {
            "door": {"state": "online", **stats.camera("door")},
            "yard": {"state": "offline", "reason": "rtsp://yard: no answer [2 s]", **stats.camera("yard")},
        },
        "events": {"accelerator_failed": 2},
        "models": {"objects": {"name": "nanodet-g", "backend": "openvino", "device": "CPU", "failed": []}},
        "missing": {"faces": "sface is not installed"},
        "skipped": {},
        "stages": stats.stages(),
        "inferences": inferences.state(),
        "requests": requests.state(),
        "delivery": stats.delivery(),
        "broker": {"connected": False, "state": "mqtt 127.0.0.1:1883: connection refused"},
        "outbox": {"waiting": 7, "oldest_at": 3480.0, "crowded": False},
        "disk": {"fault": "", "held": 0, "dropped": 0},
        "board": {
            "temperatures": {"cpu-thermal": 61.8, "rp1_adc": 50.0},
            "throttled": [],
            "throttled_since_boot": ["under_voltage"],
            "memory": {"total": 4 << 30, "available": 2 << 30},
            "disk": {"total": 32 << 30, "available": 9 << 30},
        },
        "memory": 300 << 20,
    } | changes
    return told | {"fault": status.fault(told), "summary": status.summary(told)}
