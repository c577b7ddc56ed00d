"""A broker that is away, mute or taken over by another: no event is lost, and each camera's come in order."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from edge.errors import EdgeError, UnavailableError
from edge.events.mqtt import Connection, MqttSettings
from edge.events.publisher import DRAIN_PER_S
from tests.brokers import mute
from tools.scenarios.backlog import backlog
from tools.scenarios.outage import outage
from tools.scenarios.stage import Sentry, Witness, lasting, nothing_lost, opened, wait
from tools.scenarios.whole import Whole

pytestmark = pytest.mark.faults


def test_an_outage_with_two_kills_loses_nothing(tmp_path: Path) -> None:
    figures = outage(tmp_path, seconds=9.0, rate=50.0)
    assert figures["backlog"] > 100, "events were told during the outage"
    assert figures["drain_per_s"] >= DRAIN_PER_S


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_the_daemon_as_it_is_shipped_loses_nothing_either(tmp_path: Path) -> None:
    try:
        figures = outage(tmp_path, seconds=15.0, rate=3.0, daemon=Whole)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    assert figures["backlog"] > 0


def test_a_backlog_leaves_within_the_declared_time_in_flat_memory_also_with_two_kills(tmp_path: Path) -> None:
    figures = backlog(tmp_path, 60_000)
    assert figures["newest_arrived_s"] <= 60_000 / DRAIN_PER_S
    assert figures["events"] > 60_000


def test_a_broker_that_never_answers_costs_time_and_no_event(tmp_path: Path) -> None:
    with mute() as port, Sentry(tmp_path, port) as sentry, opened(sentry.data) as log:
        sentry.start()
        wait(lambda: log.standing().waiting > 50, "events wait in the outbox")
        sentry.kill()
    broker = lasting(tmp_path, port)
    with broker, Witness(port) as witness, Sentry(tmp_path, port) as sentry, opened(sentry.data) as log:
        sentry.start()
        wait(lambda: len(witness.ids) > 50, "they leave when a broker answers")
        assert sentry.stop() == 0
        nothing_lost(log, witness)


def test_a_client_with_the_same_id_is_named_and_costs_no_event(tmp_path: Path) -> None:
    with lasting(tmp_path) as broker, Witness(broker.port) as witness, Sentry(tmp_path, broker.port) as sentry:
        sentry.start()
        wait(lambda: len(witness.ids) > 20, "events arrive")
        done = threading.Event()
        thread = threading.Thread(target=_intrude, args=(MqttSettings(port=broker.port), done))
        thread.start()
        wait(lambda: "another client may use the id 'vedette-porch'" in sentry.said, "the other client is named")
        assert sentry.alive
        done.set()
        thread.join()
        heard = len(witness.ids)
        wait(lambda: len(witness.ids) > heard + 20, "events arrive again")
        assert sentry.stop() == 0
        with opened(sentry.data) as log:
            nothing_lost(log, witness)


def _intrude(settings: MqttSettings, done: threading.Event) -> None:
    """Somebody else's device with our name, which comes back as often as it is thrown out."""
    while not done.wait(0.2):
        try:
            with Connection(settings, "vedette-porch") as link:
                while not done.is_set():
                    link.step(0.1)
        except EdgeError:
            continue
