"""Prometheus reads what is rendered, and docs/METRICS.md names each metric as it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from edge import config
from edge.metrics import render
from edge.stats import FATES
from tests.edge.picture import picture

PAGE = (Path(__file__).parents[2] / "docs" / "METRICS.md").read_text("utf-8")


def read(text: bytes) -> dict[str, Metric]:
    """By the name of its family as Prometheus' own reader finds it."""
    return {family.name: family for family in text_string_to_metric_families(text.decode())}


def values(family: Metric, suffix: str = "") -> dict[tuple[str, ...], float]:
    found = [sample for sample in family.samples if sample.name == family.name + suffix]
    return {tuple(sample.labels.values()): sample.value for sample in found}


def test_what_prometheus_reads() -> None:
    found = read(render(picture()))
    assert values(found["vedette_camera_up"]) == {("door",): 1.0, ("yard",): 0.0}
    assert values(found["vedette_task_up"]) == {("objects",): 1.0, ("faces",): 0.0}
    assert values(found["vedette_frames"], "_total")["door", "replaced"] == 1.0
    assert values(found["vedette_frames_captured"], "_total")["door",] == 9.0
    assert values(found["vedette_events"], "_total") == {
        ("door", "track_started"): 1.0,
        ("-", "accelerator_failed"): 2.0,
    }
    assert values(found["vedette_outbox_oldest_seconds"]) == {(): 120.0}
    assert values(found["vedette_board_temperature_celsius"])["cpu-thermal",] == 61.8
    assert values(found["vedette_board_throttled_since_boot"]) == {("under_voltage",): 1.0}
    assert values(found["vedette_healthy"]) == {(): 1.0}


def test_a_histogram_adds_up_from_bucket_to_bucket() -> None:
    family = read(render(picture()))["vedette_inference_seconds"]
    buckets = [sample for sample in family.samples if sample.name.endswith("_bucket")]
    counts = {float(sample.labels["le"]): sample.value for sample in buckets}
    assert list(counts) == sorted(counts)
    assert (counts[0.005], counts[0.01], counts[float("inf")]) == (0.0, 8.0, 8.0)
    assert {(sample.labels["model"], sample.labels["backend"], sample.labels["device"]) for sample in buckets} == {
        ("nanodet-g", "openvino", "CPU")
    }
    assert sum(values(family, "_sum").values()) == pytest.approx(0.072)


def test_requests_are_told_by_operation_and_outcome() -> None:
    family = read(render(picture()))["vedette_api_request_seconds"]
    assert values(family, "_count") == {("DetectFaces", "ok"): 1.0, ("DetectFaces", "InvalidImageFormatException"): 1.0}


def test_what_is_unknown_is_absent() -> None:
    board = picture()["board"] | {"throttled": None, "throttled_since_boot": None, "memory": {}, "temperatures": {}}
    found = read(render(picture(board=board, outbox={})))
    assert "vedette_board_throttled" not in found
    assert "vedette_board_memory_total_bytes" not in found
    assert "vedette_outbox_events" not in found
    assert not found["vedette_board_temperature_celsius"].samples


def test_odd_names_are_quoted() -> None:
    board = picture()["board"] | {"temperatures": {'a "b"\n\\c': 1.0}}
    assert values(read(render(picture(board=board)))["vedette_board_temperature_celsius"]) == {('a "b"\n\\c',): 1.0}


def test_the_page_names_each_metric_with_its_type_and_labels() -> None:
    told = {}
    for family in read(render(picture())).values():
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        name = family.name + ("_total" if family.type == "counter" else "")
        told[name] = (family.type, frozenset(labels))
    rows = re.findall(r"^\| `((?:vedette|process)_\w+)` \| (\w+) \|([\w, ]*)\|", PAGE, re.MULTILINE)
    written = {name: (kind, frozenset(re.findall(r"\w+", labels))) for name, kind, labels in rows}
    assert written == told


def test_the_page_names_each_fate() -> None:
    assert set(re.findall(r"^\| `(\w+)` \| [^|]+ \|$", PAGE, re.MULTILINE)) == set(FATES)


def test_the_alerts_use_metrics_that_there_are() -> None:
    alerts = PAGE.partition("```yaml")[2]
    samples = {sample.name for family in read(render(picture())).values() for sample in family.samples}
    used = set(re.findall(r"\b(?:vedette|process)_\w+", alerts))
    assert used
    assert used <= samples


def test_the_toml_of_the_page_loads(tmp_path: Path) -> None:
    (tmp_path / "vedette.toml").write_text(PAGE.partition("```toml")[2].partition("```")[0])
    assert config.load(tmp_path / "vedette.toml").metrics.port == 9182
    assert config.load(None).metrics.port == 0
