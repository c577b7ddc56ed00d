"""One retained message: sent, and acknowledged by the broker."""

from __future__ import annotations

import os
import time

from edge.errors import DeniedError, UnavailableError
from edge.events.mqtt import Connection, MqttSettings


def keep(settings: MqttSettings, device: str, topic: str, payload: str) -> None:
    """Have the broker keep a message for whoever listens, now or later. Raises DeniedError or UnavailableError."""
    own = settings.client_id or f"vedette-{device}"
    with Connection(settings, f"{own}-announce-{os.getpid()}") as link:
        link.publish(topic, payload, retain=True)
        deadline = time.monotonic() + settings.timeout
        while not link.acks:
            if time.monotonic() > deadline:
                raise UnavailableError(f"mqtt {settings.place}: did not acknowledge {topic}; look into its log")
            link.step(0.1)
        _, code = link.acks.popleft()
    if code >= 0x80:
        raise DeniedError(
            f"mqtt {settings.place}: refuses {topic} (reason code 0x{code:02x}); let this user publish there"
        )
