"""What passes between a transport and the service: the head of a request, and an answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

CONTENT_TYPE = "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Head:
    """What a request says before its body. Path, query and headers are as they were sent, bytes as Latin-1."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[str, str], ...]
    address: str  # of the client, without its port
    tls: Mapping[str, str] = field(default_factory=dict)  # its version and cipher; empty without

    def get(self, name: str) -> str:
        """The first header of this lower-case name; empty without one."""
        return next((value for known, value in self.headers if known.lower() == name), "")


@dataclass(frozen=True, slots=True)
class Answer:
    """A status, headers and a body; the transport adds their length and the date."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
