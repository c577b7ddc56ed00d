"""What a configuration asks for is opened once; what cannot be had is told, and the rest goes on."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from accel.session import AcceleratorError
from edge.abilities import open_abilities
from edge.engine import AccelSettings, ModelSettings
from edge.errors import UnavailableError
from edge.packs.store import Store
from tests.edge.stores import FakeBackend, classifier, install, put

EVERYTHING = frozenset({"objects", "faces", "labels", "moderation"})


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def settings(store: Store, **tasks: tuple[str, ...]) -> Any:
    return SimpleNamespace(models=ModelSettings(store=store.root, **tasks), accel=AccelSettings())


def test_only_the_tasks_that_are_wanted_are_opened(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = classifier()
    backend = put(monkeypatch, "openvino", FakeBackend(session))
    for name in ("efficientnet-lite0", "yunet", "sface"):
        install(store, name, "openvino")
    abilities = open_abilities(settings(store), frozenset({"labels"}))
    assert [model.use.name for model in abilities.models()] == ["efficientnet-lite0"]
    assert len(backend.opened) == 1
    assert (abilities.missing, abilities.skipped) == ({}, {})
    abilities.close()
    assert session.closed


def test_a_task_that_is_turned_off_is_not_missing(store: Store) -> None:
    abilities = open_abilities(settings(store, objects=(), faces=(), labels=(), moderation=()), EVERYTHING)
    assert abilities.models() == []
    assert abilities.missing == {}


def test_the_rest_goes_on_without_what_cannot_be_had(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    install(store, "efficientnet-lite0", "openvino")
    with caplog.at_level(logging.WARNING):
        abilities = open_abilities(settings(store), EVERYTHING)
    assert abilities.labels
    assert abilities.missing.keys() == {"objects", "faces", "moderation"}
    assert "run 'vedette models pull yunet --backend openvino'" in abilities.missing["faces"]
    assert [record.message.split(":")[0] for record in caplog.records] == ["no objects", "no faces", "no moderation"]


def test_if_nothing_can_be_had_the_reason_is_told_once(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(UnavailableError) as caught:
        open_abilities(settings(store), EVERYTHING)
    assert str(caught.value) == f"no model is installed in {store.root}: run 'vedette models pull'"
    assert caplog.records == []


def test_back_ends_that_do_not_work_are_the_reason_that_counts(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "openvino", FakeBackend(refusal="openvino is not installed: pip install openvino"))
    put(monkeypatch, "tflite", FakeBackend(refusal="ai_edge_litert is not installed"))
    with pytest.raises(AcceleratorError) as caught:
        open_abilities(settings(store), EVERYTHING)
    assert "openvino: openvino is not installed: pip install openvino; tflite: ai_edge_litert" in str(caught.value)


def test_back_ends_that_were_passed_over_are_known_by_task(
    store: Store, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(monkeypatch, "openvino", FakeBackend(refusal="no plug-in"))
    put(monkeypatch, "tflite", FakeBackend(classifier()))
    for backend in ("openvino", "tflite"):
        install(store, "efficientnet-lite0", backend)
    abilities = open_abilities(settings(store), frozenset({"labels"}))
    assert abilities.skipped == {"labels": ["openvino: no plug-in"]}
    assert "labels: passed over openvino: no plug-in" in caplog.text


def test_a_face_detector_without_an_embedding_is_closed_again(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    session = classifier()
    session.outputs *= 6  # as many as YuNet's
    put(monkeypatch, "openvino", FakeBackend(session))
    install(store, "yunet", "openvino")
    with pytest.raises(UnavailableError, match="sface is not installed"):
        open_abilities(settings(store), frozenset({"faces"}))
    assert session.closed


def test_what_no_back_end_runs_yet_comes_later_to_those_who_last(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    tflite = put(monkeypatch, "tflite", FakeBackend(classifier(), refusal="it was plugged out"))
    install(store, "open-nsfw", "openvino")
    install(store, "efficientnet-lite0", "tflite")
    tasks = frozenset({"labels", "moderation"})
    assert open_abilities(settings(store), tasks).labels is None
    abilities = open_abilities(settings(store), tasks, lasting=True)
    assert abilities.standing()["labels"]["name"] is None
    assert abilities.standing()["labels"]["failed"][0]["reason"] == "it was plugged out"
    assert abilities.standing()["moderation"]["name"] == "open-nsfw"
    tflite.refusal = ""
    monkeypatch.setattr("edge.failover.time.monotonic", lambda: 1e9)
    abilities.tend()
    assert abilities.standing()["labels"]["backend"] == "tflite"
    (event,) = abilities.changes()
    assert (event.type, event.camera) == ("accelerator_restored", "-")
    assert event.values == {"task": "labels", "model": "efficientnet-lite0", "backend": "tflite"}
    abilities.close()
