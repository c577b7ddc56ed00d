"""Why a device does not answer, in a sentence; and how often that is said."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Callable

AGAIN = 60.0  # seconds until the same is said once more

Say = Callable[[str], None]


class Trouble:
    """Said at once; then when it changes, or is still the same a minute later. May be shared between threads."""

    def __init__(self, say: Say, clock: Callable[[], float] = time.monotonic) -> None:
        self._say = say
        self._clock = clock
        self._said = ""
        self._due = 0.0

    def __call__(self, reason: str) -> None:
        now = self._clock()
        if reason != self._said or now >= self._due:
            self._said, self._due = reason, now + AGAIN
            self._say(f"{reason} (trying again)")

    def over(self) -> None:
        if self._said:
            self._said = ""
            self._say("it answers again")


def why(error: Exception) -> str:
    """With the remedy, where there is one to be had."""
    reason = getattr(error, "reason", error) if not isinstance(error, ssl.SSLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        told = reason.verify_message
        return f"its certificate is not trusted ({told}); name the file of who signed it in AWS_CA_BUNDLE"
    if isinstance(reason, ssl.SSLError):
        return f"it does not speak HTTPS ({reason.reason or reason}); check the address, which may begin with http://"
    if isinstance(reason, ConnectionResetError | http.client.BadStatusLine):
        return "it breaks off the connection; is its API served there, and does the address begin with https://?"
    said = (reason.strerror if isinstance(reason, OSError) else "") or str(reason) or type(reason).__name__
    return f"{said}; is the device on, and its API served?"
