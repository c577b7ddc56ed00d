"""`vedette serve` in a process of its own, in a folder with all that it needs: keys, pictures, certificate."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from edge.packs.store import default_root
from tests.brokers import free_port

ROOT = Path(__file__).parents[3]
PATIENCE = 90.0  # seconds for models to open on a machine that does much else
REGION, ACCOUNT = "us-east-1", "0" * 12
TOML = """data = "data"
[api]
port = {port}
{more}
[api.audit]
folder = "audit-{port}"
[api.buckets]
my-bucket = "bucket"
"""
TLS = """tls_certificate = "tls/certificate.pem"
tls_key = "tls/certificate.key"
"""


@dataclass(frozen=True, slots=True)
class Key:
    id: str
    secret: str


class Home:
    """Where servers live: their data, a bucket, a certificate, and a model store that borrows the user's models."""

    def __init__(self, folder: Path, media: Path) -> None:
        self.folder = folder
        self.bucket = folder / "bucket"
        self.certificate = folder / "tls" / "certificate.pem"
        self._environment = os.environ | {
            "PYTHONPATH": str(ROOT),
            "VEDETTE_MODELS": str(folder / "models"),
            "VEDETTE_MEDIA": str(media),
        }
        self.bucket.mkdir()
        (folder / "models").mkdir()
        for borrowed in ("built", "compiled"):
            (folder / "models" / borrowed).symlink_to(default_root() / borrowed)
        (folder / "vedette.toml").write_text(TOML.format(port=free_port(), more=""))

    def vedette(self, *words: object) -> str:
        return self.run(sys.executable, "-m", "edge.cli", "--config", "vedette.toml", *words)

    def run(self, *command: object) -> str:
        done = subprocess.run(
            [*map(str, command)], cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def key(self, name: str, *words: object) -> Key:
        """A new access key; one that may do everything unless the words say other."""
        made = json.loads(self.vedette("keys", "create", name, "--json", *words))
        return Key(made["access_key_id"], made["secret_access_key"])

    def serve(self, name: str, more: str = "") -> subprocess.Popen[bytes]:
        (self.folder / f"{name}.toml").write_text(more)
        with (self.folder / f"{name}.log").open("wb") as log:
            command = [sys.executable, "-m", "edge.cli", "--config", f"{name}.toml", "serve"]
            return subprocess.Popen(command, cwd=self.folder, env=self._environment, stdout=log, stderr=log)


class Server:
    """A running server; leaving it asserts that it stopped in peace and never told a traceback."""

    def __init__(self, home: Home, scheme: str, more: str = "") -> None:
        self.home = home
        self.scheme = scheme
        port = free_port()
        self.url = f"{scheme}://127.0.0.1:{port}"
        self._name = f"{scheme}-{port}"
        lines = more + (TLS if scheme == "https" else "")
        self._process = home.serve(self._name, TOML.format(port=port, more=lines))

    def __enter__(self) -> Self:
        try:
            self._wait()
        except BaseException:
            self._process.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            status = self._process.wait(PATIENCE)
        finally:
            self._process.kill()
        assert status == 0, self.log
        assert "Traceback" not in self.log, self.log

    @property
    def log(self) -> str:
        return (self.home.folder / f"{self._name}.log").read_text()

    def _wait(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while not self._healthy():
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)

    def _healthy(self) -> bool:
        trust = ssl.create_default_context(cafile=self.home.certificate) if self.scheme == "https" else None
        direct = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), *([urllib.request.HTTPSHandler(context=trust)] if trust else [])
        )
        try:
            with direct.open(f"{self.url}/healthz", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:  # not there yet, or too busy with opening models
            return False


@dataclass(frozen=True, slots=True)
class Site:
    """Both servers, and who may ask them: anything, for lists only, or hardly ever."""

    servers: dict[str, Server]
    full: Key
    narrow: Key
    rare: Key

    @property
    def certificate(self) -> Path:
        return self.servers["https"].home.certificate

    def denial(self, action: str, resource: str) -> str:
        """What the narrow key is told."""
        user, asked = f"arn:aws:iam::{ACCOUNT}:user/narrow", f"arn:aws:rekognition:{REGION}:{ACCOUNT}:{resource}"
        return f"User: {user} is not authorized to perform: {action} on resource: {asked}"


def policy(*actions: str) -> str:
    """A document that allows these operations and no other."""
    wanted: Sequence[Mapping[str, Any]] = [
        {"Effect": "Allow", "Action": [f"rekognition:{action}" for action in actions], "Resource": "*"}
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": wanted})
