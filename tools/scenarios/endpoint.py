"""`vedette serve` in a process of its own, with a key to ask it; it can be killed and started again."""

from __future__ import annotations

import base64
import json
from contextlib import closing
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self

from edge.database import connect
from edge.keys import Keys, open_master
from tests.brokers import free_port
from tools.scenarios.stage import Sentry, resident_mb, wait
from tools.signing import Signer

TOML = """data = "{data}"
[api]
port = {port}
{more}
"""
PATIENCE = 60.0  # seconds that no answer takes


class RefusedError(Exception):
    """What was asked was answered with an error; `code` is its name."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code


class Endpoint(Sentry):
    """`more` are lines of its [api] table, and whatever follows."""

    module, command = "edge.cli", "serve"

    def __init__(self, folder: Path, more: str = "") -> None:
        self.port, self._more = free_port(), more
        super().__init__(folder, self.port)
        self.data.mkdir(exist_ok=True)
        with closing(Keys(connect(self.data), open_master(self.data))) as keys:
            key, secret = keys.create("client")
        self.signer = Signer(f"127.0.0.1:{self.port}", key.id, secret)

    def start(self) -> Self:
        """Returns when it answers."""
        super().start()
        wait(lambda: self.healthy or not self.alive, "the server answers", PATIENCE)
        assert self.alive, f"the server ended: {self.said[-500:]}"
        return self

    @property
    def healthy(self) -> bool:
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            try:
                connection.request("GET", "/healthz")
                return connection.getresponse().status == 200
            except (OSError, HTTPException):
                return False

    def reset_peak(self) -> float:
        """Have `peak_mb` count from now on; gives the memory that it holds now."""
        Path(f"/proc/{self.pid}/clear_refs").write_text("5", "ascii")
        return resident_mb(self.pid)

    @property
    def peak_mb(self) -> float:
        """The most memory that it ever held."""
        lines = Path(f"/proc/{self.pid}/status").read_text("ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def ask(self, operation: str, **members: Any) -> dict[str, Any]:
        """The answer; pictures are given as bytes. Raises RefusedError."""
        body = json.dumps(members, default=lambda blob: base64.b64encode(blob).decode()).encode()
        with closing(HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)) as connection:
            connection.request("POST", "/", body, self.signer.headers(operation, body))
            answer = connection.getresponse()
            told: dict[str, Any] = json.loads(answer.read())
        if answer.status != 200:
            raise RefusedError(told["Code"], told["Message"])
        return told

    def _configuration(self, port: int, _rate: float, _cameras: int) -> str:
        return TOML.format(data=self.data, port=port, more=self._more)
