"""What the broker tells this device: topics that are listened to, and the messages that come in on them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from paho.mqtt.client import Client

log = logging.getLogger(__name__)

LARGEST = 1 << 16  # bytes of a message; MQTT 5 brokers are asked to send none that is larger


@dataclass(frozen=True, slots=True)
class Message:
    """`retained`: the broker had kept it, and tells it because of the subscription; else somebody sent it just now."""

    topic: str
    payload: bytes
    retained: bool


class Inbox:
    """Subscribes to `topics` on every connection that it is given, and hands what comes in to `heard`.

    `heard` is called by the thread that drives the connection, and must come back at once.
    """

    def __init__(self, topics: Sequence[str], heard: Callable[[Message], None]) -> None:
        self._topics = tuple(topics)
        self._heard = heard
        self._refused = False

    def attach(self, client: Client) -> None:
        client.on_message = self._take
        client.on_subscribe = self._answered
        client.subscribe([(topic, 1) for topic in self._topics])

    def _take(self, _client: Client, _data: Any, message: Any) -> None:
        if len(message.payload) <= LARGEST:
            self._heard(Message(message.topic, message.payload, message.retain))

    def _answered(self, _client: Client, _data: Any, _mid: int, reasons: Sequence[Any], _properties: Any) -> None:
        refused = [topic for topic, reason in zip(self._topics, reasons, strict=False) if reason.is_failure]
        if refused and not self._refused:  # once: the next connection is told the same
            log.warning("mqtt: refuses to tell of %s; let this device's user read there", " and ".join(refused))
        self._refused = bool(refused)
