"""What is shot at a server: requests that obey the model, break it, are forged, odd or large; and mere bytes."""

from __future__ import annotations

import json
import time
from base64 import b64encode
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from hypothesis import strategies as st

from edge.api.model import Operation
from tools.fuzzing import pictures
from tools.fuzzing.requests import Known, body, broken, requests
from tools.signing import Signer, request

SHARES = {"valid": 10, "broken": 4, "forged": 1, "odd": 2, "garbage": 4}  # what is rarer is below
RARE = 60  # one large body, or picture, in so many shots
MB = 1 << 20
PATHS = ("/", "/healthz", "/capabilities", "/x", "//", "/%00", "/?Action=ListFaces", "*", "http://x/", "/" + "a" * 9000)
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE")
ODD_HEADERS: Sequence[dict[str, str]] = (
    {"expect": "100-continue"},
    {"expect": "200-ok"},
    {"upgrade": "websocket", "connection": "upgrade", "sec-websocket-key": "eA==", "sec-websocket-version": "13"},
    {"upgrade": "h2c", "connection": "upgrade, http2-settings", "http2-settings": "AAMAAABk"},
    {"content-encoding": "gzip"},
    {"content-type": "text/plain; charset=\xff"},
    {"accept-encoding": "br;q=nan", "range": "bytes=5-2", "if-none-match": "*"},
    {"x-forwarded-for": "::1", "forwarded": "for=x", "host ": "y"},
    {"cookie": "a=" + "b" * 8000},
    {"connection": "close"},
    {"x-amz-target": "RekognitionService.DetectFaces"},
    {"x-amz-target": "DynamoDB_20120810.ListTables"},
)


@dataclass(frozen=True, slots=True)
class Shot:
    """Bytes of a connection. `answers` are due; with none due the server may hang up instead of answering.

    `then` is what the client does when it has sent them: "wait", "half" (it has no more to say) or "leave".
    """

    kind: str
    operation: str
    data: bytes
    answers: int = 1
    then: str = "wait"


def shots(operation: Operation, signer: Signer, known: Known) -> st.SearchStrategy[Shot]:
    """Most of them ask for this operation."""
    kinds: dict[str, Callable[[st.DrawFn, Operation, Signer, Known], Shot]] = {
        "valid": _valid,
        "broken": _broken,
        "forged": _forged,
        "odd": _odd,
        "garbage": _garbage,
    }
    choices = [kind for kind, share in SHARES.items() for _ in range(share)]

    @st.composite
    def shot(draw: st.DrawFn) -> Shot:
        if draw(st.integers(1, RARE)) == RARE:
            return _large(draw, signer)
        return kinds[draw(st.sampled_from(choices))](draw, operation, signer, known)

    return shot()


def _valid(draw: st.DrawFn, operation: Operation, signer: Signer, known: Known) -> Shot:
    return Shot("valid", operation.name, signer.request(operation.name, body(draw(requests(operation, known)))))


def _broken(draw: st.DrawFn, operation: Operation, signer: Signer, known: Known) -> Shot:
    return Shot("broken", operation.name, signer.request(operation.name, draw(broken(operation, known))))


def _forged(draw: st.DrawFn, operation: Operation, signer: Signer, known: Known) -> Shot:
    """Something about the signature is not right."""
    said = body(draw(requests(operation, known)))
    flaw = draw(st.sampled_from(("secret", "key", "time", "body", "token", "header", "cut")))
    at = time.time() + draw(st.sampled_from((-1e9, -960, 960, 1e9))) if flaw == "time" else None
    used = replace(signer, secret="x") if flaw == "secret" else signer  # noqa: S106 - one that is wrong
    used = replace(used, key_id="AKIA" + "A" * 16) if flaw == "key" else used
    headers = used.headers(operation.name, said, at)
    if flaw == "header":
        del headers[draw(st.sampled_from(("x-amz-date", "authorization")))]
    if flaw == "cut":
        headers["authorization"] = headers["authorization"][: draw(st.integers(0, 200))]
    if flaw == "token":
        headers["x-amz-security-token"] = "x"
    said = said + b" " if flaw == "body" else said
    return Shot("forged", operation.name, request(headers | {"content-length": str(len(said))}, said))


def _odd(draw: st.DrawFn, operation: Operation, signer: Signer, known: Known) -> Shot:
    """HTTP that is right, but not what clients of this API send."""
    said = body(draw(requests(operation, known)))
    headers = signer.headers(operation.name, said)
    match draw(st.sampled_from(("line", "headers", "dented", "chunked", "twice"))):
        case "line":
            line = f"{draw(st.sampled_from(METHODS))} {draw(st.sampled_from(PATHS))} HTTP/1.{draw(st.integers(0, 1))}"
            return Shot("odd", "", request(headers | {"content-length": str(len(said))}, said, line))
        case "headers":
            more = draw(st.sampled_from(ODD_HEADERS))
            return Shot("odd", "", request(headers | more | {"content-length": str(len(said))}, said))
        case "dented":
            name = draw(st.sampled_from(sorted(headers)))
            dented = headers | {name: _dented(draw, headers[name]), "content-length": str(len(said))}
            return Shot("odd", "", request(dented, said))
        case "chunked":
            size = draw(st.integers(1, 5000))
            parts = [said[start : start + size] for start in range(0, len(said), size)]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            return Shot("odd", operation.name, request(headers | {"transfer-encoding": "chunked"}, chunks))
        case _:
            return Shot("odd", operation.name, signer.request(operation.name, said) * 2, answers=2)


def _large(draw: st.DrawFn, signer: Signer) -> Shot:
    """More than most send: bodies up to and past what is taken, and a picture of as many pixels as may be."""
    size = draw(st.sampled_from((5 * MB - 1, 5 * MB + 1, 7 * MB, 9 * MB)))
    said = draw(
        st.sampled_from(
            (
                {"Image": {"Bytes": b64encode(pictures.largest()).decode()}},
                {"Image": {"Bytes": b64encode(bytes(size * 3 // 4)).decode()}},
                {"Image": {"S3Object": {"Bucket": "b" * size}}},
                {"Attributes": ["ALL"] * (size // 8)},
                {"\u00e9" * (size // 6): 1},
            )
        )
    )
    operation = draw(st.sampled_from(("DetectFaces", "DetectLabels", "DetectText", "DetectModerationLabels")))
    return Shot("large", operation, signer.request(operation, json.dumps(said).encode()))


def _garbage(draw: st.DrawFn, _: Operation, signer: Signer, __: Known) -> Shot:
    """Bytes of any kind, and requests with such in them."""
    whole = signer.request("ListCollections", b"{}")
    head = b"POST / HTTP/1.1\r\nhost: x\r\n"
    match draw(st.sampled_from(("noise", "cut", "dented", "vast", "chunks", "length", "other"))):
        case "noise":
            data = draw(st.binary(min_size=1, max_size=3000))
        case "cut":
            data = whole[: draw(st.integers(1, len(whole) - 1))]
        case "dented":
            data = _dented(draw, whole.decode("latin-1")).encode("latin-1")
        case "vast":
            data = head + draw(st.sampled_from((b"x: " + b"y" * 70_000, b"x: y\r\n" * 20_000, b"x" * 70_000 + b": y")))
        case "chunks":
            size = draw(st.sampled_from((b"-1", b"ffffffffffffffffff", b"1;x=" + b"y" * 20_000, b"z", b"", b"5\n")))
            data = head + b"transfer-encoding: chunked\r\n\r\n" + size + b"\r\n" + draw(st.binary(max_size=200))
        case "length":
            length = draw(st.sampled_from((b"-1", b"9" * 30, b"1e3", b"0x10", b"+5", b"5, 6", b"", b"99999")))
            data = head + b"content-length: " + length + b"\r\n\r\n{}"
        case _:
            data = draw(st.sampled_from(OTHER_TONGUES))
    then = draw(st.sampled_from(("wait", "half", "half", "half", "half", "leave", "leave")))
    return Shot("garbage", "", data + draw(st.sampled_from((b"", b"\r\n\r\n"))), answers=0, then=then)


OTHER_TONGUES = (
    b"GET /\r\n",
    b"POST / HTTP/9.9\r\n\r\n",
    b"POST / HTTP/1.1\nhost: x\n\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(24),
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(500),
    b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\n{}",
    b"POST / HTTP/1.1\r\nhost: x\r\n folded: y\r\n\r\n",
    b"POST / HTTP/1.1\r\nhost: \0\r\nx\0y: z\r\n\r\n",
    b"\r\n" * 40_000,
    b"CONNECT x:443 HTTP/1.1\r\n\r\n",
    b"BREW /pot HTCPCP/1.0\r\n\r\n",
    b"HELO x\r\n",
)


def _dented(draw: st.DrawFn, text: str) -> str:
    """With some letters others that may be in a line."""
    letters = list(text)
    for place, code in draw(st.lists(st.tuples(st.integers(0, 999), st.integers(32, 126)), min_size=1, max_size=4)):
        letters[place % len(letters)] = chr(code)
    return "".join(letters)
