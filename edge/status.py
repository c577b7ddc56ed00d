"""What the daemon says of itself: whether it is well, and the small form that is kept retained at the broker."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.events.schema import iso
from edge.stats import quantile

TIMES = ("started_at", "oldest_at", "since")
NUMBERS = ("fps", "analysed_fps", "age")

Document = Mapping[str, Any]


def fault(picture: Document) -> str:
    """Why the daemon does not do its work, in one sentence; empty if it does."""
    for thread in picture["silent"]:
        return f"the {thread} thread is stuck; look into the log, or restart the daemon"
    if picture["disk"]["fault"]:
        return f"events wait in memory: {picture['disk']['fault']}"
    if picture["outbox"].get("crowded"):
        return "undelivered events fill the disk's share and the oldest will be given up; bring the broker back"
    cameras = picture["cameras"]
    if not any(camera["state"] == "online" for camera in cameras.values()):
        reasons = [f"{name}: {camera['reason']}" for name, camera in cameras.items() if camera.get("reason")]
        return f"no camera delivers frames; {'; '.join(reasons) or 'they are being opened'}"
    return _without_models(picture)


def unfit(picture: Document) -> str:
    """Why requests of the API cannot be answered, in one sentence; empty if they can. Cameras do not matter to them."""
    refused = picture.get("disk", {}).get("fault")
    return f"the disk refuses writes: {refused}" if refused else _without_models(picture)


def _without_models(picture: Document) -> str:
    models = picture["models"].values()
    if models and not any(model["name"] for model in models):
        reasons = [f"{failed['backend']}: {failed['reason']}" for model in models for failed in model["failed"]]
        return f"no back end works; {'; '.join(dict.fromkeys(reasons)) or 'they are being opened'}"
    return ""


def summary(picture: Document) -> str:
    """How things stand, in one line."""
    cameras = picture["cameras"].values()
    online = sum(camera["state"] == "online" for camera in cameras)
    broker = "connected" if picture["broker"]["connected"] else "away"
    waiting = picture["outbox"].get("waiting", "unknown")
    return f"{online} of {len(cameras)} cameras online, broker {broker}, events waiting: {waiting}"


def small(picture: Document) -> dict[str, Any]:
    """The picture as the retained status message: ISO times, milliseconds, the hottest sensor only."""
    kept = ("version", "fault", "models", "missing", "skipped", "outbox", "disk", "memory")
    return {
        **_timed({"started_at": picture["at"] - picture["up"]} | {name: picture[name] for name in kept}),
        "cameras": {name: _camera(camera) for name, camera in picture["cameras"].items()},
        "stages": {stage: milliseconds(spent) for stage, spent in picture["stages"].items()},
        "delivery": milliseconds(picture["delivery"]),
        "board": {
            "temperature": max(picture["board"]["temperatures"].values(), default=None),
            "throttled": picture["board"]["throttled"],
            "throttled_since_boot": picture["board"]["throttled_since_boot"],
            "memory": picture["board"]["memory"].get("available"),
            "disk": picture["board"]["disk"].get("available"),
        },
    }


def _timed(value: Any, name: str = "") -> Any:
    """Epoch seconds as on the wire, wherever they are."""
    if isinstance(value, Mapping):
        return {key: _timed(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_timed(inner) for inner in value]
    return iso(value) if name in TIMES and value is not None else value


def milliseconds(spent: Mapping[str, Any]) -> dict[str, float | None]:
    """A histogram as count, mean, median and the 99th percentile in milliseconds; None if nothing was counted."""
    count = spent["count"]
    return {
        "count": count,
        "mean": round(spent["sum"] / count * 1e3, 3) if count else None,
        "p50": _ms(quantile(spent["buckets"], 0.5)),
        "p99": _ms(quantile(spent["buckets"], 0.99)),
    }


def _ms(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds * 1e3, 3)


def _camera(camera: Mapping[str, Any]) -> dict[str, Any]:
    said = {name: camera[name] for name in ("state", "reason", "opened", "frames", "events") if name in camera}
    numbers = {name: None if (value := camera[name]) is None else round(value, 3) for name in NUMBERS}
    return said | numbers
