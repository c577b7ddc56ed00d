"""The daemon's picture in Prometheus' words; docs/METRICS.md says what each means, and a test compares the two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from edge.settings import Section, Whole
from edge.stats import FATES, INFERENCES, REQUESTS, SECONDS

if TYPE_CHECKING:
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Rows = Iterable[tuple[tuple[str, ...], float]]


class MetricsSettings(Section):
    """Where Prometheus finds `/metrics` and `/healthz`; `port` 0 turns both off. There is no password."""

    host: Annotated[str, Field(min_length=1)] = "127.0.0.1"
    port: Annotated[Whole, Field(ge=0, le=65535)] = 0


def render(picture: Mapping[str, Any]) -> bytes:
    """The picture in Prometheus' text format."""
    from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
    from prometheus_client.registry import Collector

    class Collected(Collector):
        def collect(self) -> Iterator[Metric]:
            yield from _service(picture)
            yield from _cameras(picture["cameras"])
            yield from _events(picture)
            yield from _times(picture)
            yield from _outbox(picture)
            yield from _board(picture["board"])

    registry = CollectorRegistry()
    registry.register(Collected())
    ProcessCollector(registry=registry)
    return generate_latest(registry)


def _service(picture: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("vedette_build_info", "1; the version is a label", [((picture["version"],), 1.0)], "version")
    yield _gauge("vedette_healthy", "1 if /healthz says 200", [((), float(not picture["fault"]))])
    up = {task: bool(model["name"]) for task, model in picture["models"].items()}
    tasks = [((task,), works) for task, works in (up | dict.fromkeys(picture["missing"], False)).items()]
    yield _gauge("vedette_task_up", "1 while a model serves the task", tasks, "task")


def _cameras(cameras: Mapping[str, Mapping[str, Any]]) -> Iterator[Metric]:
    up = [((name,), camera["state"] == "online") for name, camera in cameras.items()]
    yield _gauge("vedette_camera_up", "1 while the camera delivers frames", up, "camera")
    opened = [((name,), camera["opened"]) for name, camera in cameras.items()]
    yield _counter("vedette_camera_opens", "How often the camera began to deliver frames", opened, "camera")
    captured = [((name,), camera["frames"]["captured"]) for name, camera in cameras.items()]
    yield _counter("vedette_frames_captured", "Frames taken from the camera", captured, "camera")
    fates = [((name, fate), camera["frames"][fate]) for name, camera in cameras.items() for fate in FATES]
    yield _counter("vedette_frames", "What became of them", fates, "camera", "fate")
    ages = [((name,), camera["ages"]) for name, camera in cameras.items()]
    yield _histogram("vedette_frame_age_seconds", "Capture to the end of analysis", ages, "camera")


def _events(picture: Mapping[str, Any]) -> Iterator[Metric]:
    sources = {name: camera["events"] for name, camera in picture["cameras"].items()} | {"-": picture["events"]}
    rows = [((name, kind), count) for name, events in sources.items() for kind, count in events.items()]
    yield _counter("vedette_events", "Events noticed", rows, "camera", "type")


def _times(picture: Mapping[str, Any]) -> Iterator[Metric]:
    stages = [((stage,), spent) for stage, spent in picture["stages"].items()]
    yield _histogram("vedette_stage_seconds", "Time a frame spends in a stage", stages, "stage")
    yield _labelled("vedette_inference_seconds", "Time of one inference", picture["inferences"], INFERENCES.labels)
    yield _labelled("vedette_api_request_seconds", "Time of one request", picture["requests"], REQUESTS.labels)
    delivery = [((), picture["delivery"])]
    yield _histogram("vedette_event_delivery_seconds", "Capture to the broker's acknowledgement", delivery)


def _outbox(picture: Mapping[str, Any]) -> Iterator[Metric]:
    yield _gauge("vedette_broker_up", "1 while the broker is connected", [((), picture["broker"]["connected"])])
    outbox, disk = picture["outbox"], picture["disk"]
    if outbox:
        oldest = outbox["oldest_at"]
        age = max(picture["at"] - oldest, 0.0) if oldest else 0.0
        yield _gauge("vedette_outbox_events", "Events that wait for the broker", [((), outbox["waiting"])])
        yield _gauge("vedette_outbox_oldest_seconds", "Age of the oldest of them", [((), age)])
        yield _gauge("vedette_outbox_crowded", "1 if they fill the disk's share", [((), outbox["crowded"])])
    yield _gauge("vedette_storage_up", "0 while the disk refuses events", [((), not disk["fault"])])
    yield _gauge("vedette_storage_held_events", "Events that wait for the disk", [((), disk["held"])])
    yield _counter("vedette_storage_dropped_events", "Events that no memory was left for", [((), disk["dropped"])])


def _board(board: Mapping[str, Any]) -> Iterator[Metric]:
    heat = [((sensor,), degrees) for sensor, degrees in board["temperatures"].items()]
    yield _gauge("vedette_board_temperature_celsius", "What the sensors tell", heat, "sensor")
    if board["throttled"] is not None:
        now = [((), bool(board["throttled"]))]
        yield _gauge("vedette_board_throttled", "1 while the processor is held back", now)
        causes = [((cause,), 1.0) for cause in board["throttled_since_boot"]]
        yield _gauge("vedette_board_throttled_since_boot", "1 for each cause so far", causes, "cause")
    for what in ("memory", "disk"):
        for share, value in board[what].items():
            name = f"vedette_board_{what}_{share}_bytes"
            yield _gauge(name, f"{share.capitalize()} {what}", [((), value)])


def _gauge(name: str, text: str, rows: Rows, *labels: str) -> Metric:
    from prometheus_client.core import GaugeMetricFamily

    family = GaugeMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _counter(name: str, text: str, rows: Rows, *labels: str) -> Metric:
    from prometheus_client.core import CounterMetricFamily

    family = CounterMetricFamily(name, text, labels=labels)
    for values, value in rows:
        family.add_metric(values, float(value))
    return family


def _labelled(name: str, text: str, rows: Iterable[Mapping[str, Any]], labels: tuple[str, ...]) -> Metric:
    """Of what a picture lists as Histograms tell it."""
    return _histogram(name, text, [(tuple(one[label] for label in labels), one) for one in rows], *labels)


def _histogram(name: str, text: str, rows: Iterable[tuple[tuple[str, ...], Any]], *labels: str) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    bounds = [*(f"{bound:g}" for bound in SECONDS), "+Inf"]
    family = HistogramMetricFamily(name, text, labels=labels)
    for values, spent in rows:
        buckets = list(zip(bounds, accumulate(spent["buckets"]), strict=True))
        family.add_metric(values, buckets=buckets, sum_value=spent["sum"])
    return family
