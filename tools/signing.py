"""Requests signed with Signature Version 4, for tools that time, kill or confuse the server."""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass

REGION, SERVICE, KIND = "us-east-1", "rekognition", "application/x-amz-json-1.1"


@dataclass(frozen=True, slots=True)
class Signer:
    """An access key, and the host that it asks for what `service` offers."""

    host: str
    key_id: str
    secret: str
    service: str = "RekognitionService"

    def headers(self, operation: str, body: bytes, at: float | None = None) -> dict[str, str]:
        """Of a request that is signed now, or at another time."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(at))
        given = {"host": self.host, "x-amz-date": stamp, "x-amz-target": f"{self.service}.{operation}"}
        scope = f"{stamp[:8]}/{REGION}/{SERVICE}/aws4_request"
        names = ";".join(given)
        lines = ["POST", "/", "", *(f"{name}:{value}" for name, value in given.items()), "", names, _hash(body)]
        to_sign = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, _hash("\n".join(lines).encode())])
        key = f"AWS4{self.secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.digest(key, to_sign.encode(), "sha256").hex()
        signed = f"Credential={self.key_id}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**given, "content-type": KIND, "authorization": f"AWS4-HMAC-SHA256 {signed}"}

    def request(self, operation: str, body: bytes) -> bytes:
        """Head and body."""
        return request({**self.headers(operation, body), "content-length": str(len(body))}, body)


def request(headers: Mapping[str, str], body: bytes, line: str = "POST / HTTP/1.1") -> bytes:
    return "\r\n".join([line, *(f"{name}: {value}" for name, value in headers.items()), "", ""]).encode() + body


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
