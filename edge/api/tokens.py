"""Pagination tokens: where a list goes on, signed, so that nobody makes one up or takes it elsewhere.

A token is of one operation and one binding (the collection and what else must stay the same), and holds for a day.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error

from edge.api import faults

LIFE = 24 * 3600.0  # seconds
LONGEST = 255  # characters, of most tokens in the service model
_MAC = 16  # bytes; 128 bits are more than anybody can guess within a token's life
_AT = 5  # bytes of the second it was given in


class Tokens:
    """Gives and takes them. The secret is the same after a restart, and so are the tokens."""

    def __init__(self, secret: bytes) -> None:
        self._secret = secret

    def give(self, operation: str, binding: str, position: str | int, now: float) -> str:
        """A token of at most LONGEST characters; raises ValueError if the position is too long for one."""
        said = int(now).to_bytes(_AT, "big") + str(position).encode()
        token = urlsafe_b64encode(self._mac(operation, binding, said) + said).decode().rstrip("=")
        if len(token) > LONGEST:
            raise ValueError(f"a token for a position of {len(str(position))} characters would be too long")
        return token

    def take(self, token: str, operation: str, binding: str, now: float) -> str:
        """The position; raises InvalidPaginationTokenException for one that is forged, another list's, or too old."""
        try:
            raw = urlsafe_b64decode(token + "=" * (-len(token) % 4))
        except (Error, ValueError) as error:  # ValueError: not ASCII
            raise faults.invalid_pagination_token() from error
        mac, said = raw[:_MAC], raw[_MAC:]
        if len(said) < _AT or not hmac.compare_digest(mac, self._mac(operation, binding, said)):
            raise faults.invalid_pagination_token()
        if now - int.from_bytes(said[:_AT], "big") > LIFE:
            raise faults.invalid_pagination_token()
        return said[_AT:].decode()

    def _mac(self, operation: str, binding: str, said: bytes) -> bytes:
        # An operation's name holds no line break, and the binding's length says where it ends.
        bound = binding.encode()
        return hmac.digest(self._secret, b"%s\n%d\n%s%s" % (operation.encode(), len(bound), bound, said), "sha256")[
            :_MAC
        ]
