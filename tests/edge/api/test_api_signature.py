"""Signatures: botocore as the oracle, curl as a client that is not botocore, and every way to be refused."""

from __future__ import annotations

import hashlib
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given
from hypothesis import strategies as st

from edge.api import signature
from edge.api.faults import Fault

KEY_ID, SECRET = "AKIAABCDEFGHIJKLMNOP", "s3cr3t/of+botocore"
NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC).timestamp()
TARGET = "RekognitionService.DetectLabels"
BODY = b'{"MaxLabels":3}'

Pairs = list[tuple[str, str]]


def signed(  # what botocore sends, as a server receives it
    headers: Sequence[tuple[str, str]] = (("X-Amz-Target", TARGET),),
    path: str = "/",
    query: str = "",
    body: bytes = BODY,
    *,
    at: float = NOW,
    region: str = "eu-west-1",
    service: str = "rekognition",
) -> Pairs:
    request = AWSRequest(method="POST", url=f"http://box:8080{path}{f'?{query}' if query else ''}", data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    request.context["timestamp"] = datetime.fromtimestamp(at, UTC).strftime("%Y%m%dT%H%M%SZ")
    signer = SigV4Auth(Credentials(KEY_ID, SECRET), service, region)
    signer._modify_request_before_signing(request)
    to_sign = signer.string_to_sign(request, signer.canonical_request(request))
    signer._inject_signature_to_request(request, signer.signature(to_sign, request))
    sent = [(name, value.encode().decode("latin-1")) for name, value in request.headers.items()]
    return sent if any(name.lower() == "host" for name, _ in sent) else [("Host", "box:8080"), *sent]


def check(headers: Pairs, *, path: str = "/", query: str = "", body: bytes = BODY, **times: float) -> signature.Claim:
    claim = signature.claim("POST", path, query, headers, **({"now": NOW} | times))
    signature.verify(claim, SECRET, hashlib.sha256(body).hexdigest())
    return claim


def refused(headers: Pairs, **how: Any) -> str:
    with pytest.raises(Fault) as caught:
        check(headers, **how)
    assert caught.value.status == 400
    return str(caught.value)


def changed(headers: Pairs, name: str, value: str | None) -> Pairs:
    """The same request with another header, or without it."""
    rest = [(key, old) for key, old in headers if key.lower() != name.lower()]
    return rest if value is None else [*rest, (name, value)]


def authorized(headers: Pairs, pattern: str, to: str) -> Pairs:
    """The same request with another Authorization."""
    return [(name, re.sub(pattern, to, value) if name == "Authorization" else value) for name, value in headers]


def test_what_botocore_signs_is_right_and_tells_who_and_when() -> None:
    claim = check(signed())
    assert (claim.key_id, claim.region, claim.date, claim.at) == (KEY_ID, "eu-west-1", "20260304", NOW)
    assert claim.headers == ("host", "x-amz-date", "x-amz-target")


tokens = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12).map(lambda name: f"x-{name}")
values = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x17F, exclude_characters="\x7f\x85\xa0"), max_size=40)
texts = st.text(st.characters(max_codepoint=0x2FF, exclude_categories=["Cs"]), max_size=12)


@given(
    headers=st.lists(st.tuples(tokens, values), max_size=6),
    parts=st.lists(st.one_of(texts, st.sampled_from(["", ".", "..", "~", "a b", "%41"])), max_size=6),
    query=st.lists(st.tuples(texts, texts), max_size=5),
    body=st.binary(max_size=100),
    region=st.sampled_from(["us-east-1", "us-gov-west-1", "edge"]),
)
def test_any_request_that_botocore_signs_is_right(
    headers: Pairs, parts: list[str], query: Pairs, body: bytes, region: str
) -> None:
    path = "/" + "/".join(quote(part, safe="") for part in parts)
    asked = "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in query)
    if re.search("x-amz-(signature|algorithm|credential)", asked, re.IGNORECASE):
        return
    told = signed(headers, path, asked, body, region=region)
    assert check(told, path=path, query=asked, body=body).region == region
    assert "InvalidSignatureException" in refused(told, path=path, query=asked, body=body + b" ")
    assert "InvalidSignatureException" in refused(told, path=f"{path}x", query=asked, body=body)
    assert "InvalidSignatureException" in refused(told, path=path, query=f"{asked}&z=1", body=body)


@given(st.sampled_from(range(64)), st.sampled_from("0123456789abcdef"))
def test_no_other_signature_will_do(place: int, digit: str) -> None:
    headers = signed()
    (value,) = (value for name, value in headers if name == "Authorization")
    at = value.index("Signature=") + len("Signature=") + place
    if value[at] != digit:
        forged = changed(headers, "Authorization", value[:at] + digit + value[at + 1 :])
        assert "does not match the signature you provided" in refused(forged)


@given(st.text(st.characters(max_codepoint=0xFF), max_size=200), st.text(st.characters(max_codepoint=0xFF)))
def test_garbage_is_answered_and_breaks_nothing(authorization: str, date: str) -> None:
    for headers in (
        [("Authorization", authorization), ("X-Amz-Date", date), ("Host", "box")],
        [("Authorization", f"AWS4-HMAC-SHA256 {authorization}"), ("Date", date), ("Host", "box")],
        authorized(changed(signed(), "X-Amz-Date", date), "20260304", authorization.replace("\\", "")),
        authorized(changed(changed(signed(), "X-Amz-Date", None), "Date", date), "x-amz-date", "date"),
    ):
        refused(headers)


def test_a_header_that_stands_twice_is_signed_in_the_order_it_came() -> None:
    headers = signed([("X-Amz-Target", TARGET), ("X-Colour", " red   and\tblue "), ("X-Colour", "green")])
    check(headers)
    assert "does not match" in refused([pair for pair in headers if pair[1] != "green"])


@pytest.mark.parametrize(
    ("name", "value"), [("Host", "box:9090"), ("X-Amz-Target", "RekognitionService.DeleteCollection")]
)
def test_a_signed_header_cannot_be_swapped(name: str, value: str) -> None:
    assert "does not match the signature" in refused(changed(signed(), name, value))
    assert "stands in the request more than once" in refused([*signed(), (name, value)])


def test_an_operation_that_is_not_signed_is_refused() -> None:
    headers = [*signed([]), ("X-Amz-Target", TARGET)]
    assert "InvalidSignatureException: 'x-amz-target' must be a 'SignedHeader'" in refused(headers)


@pytest.mark.parametrize("name", ["host", "x-amz-date"])
def test_host_and_date_must_be_signed(name: str) -> None:
    assert f"'{name}' must be a 'SignedHeader'" in refused(authorized(signed(), rf"\b{name};", ""))


def test_a_signed_header_must_be_there() -> None:
    assert "'x-more' is a 'SignedHeader', and not" in refused(
        authorized(signed(), "x-amz-target", "x-amz-target;x-more")
    )


def test_the_date_may_stand_in_the_date_header() -> None:
    headers = signed([("Date", "will be replaced"), ("X-Amz-Target", TARGET)])
    assert ("Date", formatdate(NOW)) in headers
    assert check(headers).at == NOW


@pytest.mark.parametrize("seconds", [-900, 0, 900])
def test_a_signature_holds_for_the_skew_both_ways(seconds: int) -> None:
    check(signed(), now=NOW + seconds)


def test_a_signature_too_old_or_of_the_future_is_refused_in_words_that_clients_know() -> None:
    assert refused(signed(), now=NOW + 1500) == (
        "InvalidSignatureException: Signature expired: 20260304T050607Z is now earlier than 20260304T051607Z "
        "(20260304T053107Z - 15 min.)"
    )
    assert refused(signed(), now=NOW - 1500) == (
        "InvalidSignatureException: Signature not yet current: 20260304T050607Z is still later than 20260304T045607Z "
        "(20260304T044107Z + 15 min.)"
    )
    assert "(20260304T050709Z - 1 min.)" in refused(signed(), now=NOW + 62, skew=60.0)


def test_a_device_whose_clock_is_not_set_says_so() -> None:
    assert refused(signed(), now=1000.0).endswith("The clock of this device is not set.")


def test_the_body_is_hashed_here_whatever_the_client_says_of_it() -> None:
    told = hashlib.sha256(BODY).hexdigest()
    headers = signed([("X-Amz-Target", TARGET), ("X-Amz-Content-SHA256", told)])
    check(headers)
    assert "x-amz-content-sha256 header does not match what was computed" in refused(headers, body=b"{}")
    assert "does not match the signature" in refused(signed(), body=b"{}")


@pytest.mark.parametrize("told", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "", "ab"])
def test_a_body_that_is_not_signed_is_refused(told: str) -> None:
    headers = signed([("X-Amz-Target", TARGET), ("X-Amz-Content-SHA256", told)])
    assert "unsigned and streamed bodies are not accepted" in refused(headers)


def test_a_request_without_a_signature_is_told_so() -> None:
    assert refused([("Host", "box")]) == "MissingAuthenticationTokenException: Missing Authentication Token"


@pytest.mark.parametrize("query", ["X-Amz-Signature=00", "a=1&x-amz-algorithm=AWS4-HMAC-SHA256"])
def test_a_presigned_request_is_refused(query: str) -> None:
    assert "IncompleteSignatureException: Presigned requests are not accepted" in refused(signed(), query=query)
    assert "Presigned requests" in refused([("Host", "box")], query=query)


def test_a_session_token_is_refused() -> None:
    message = refused([*signed(), ("X-Amz-Security-Token", "FwoGZXIvYXdzE...")])
    assert message.startswith("UnrecognizedClientException: The security token included in the request is invalid.")
    assert "without AWS_SESSION_TOKEN" in message


@pytest.mark.parametrize(
    ("pattern", "to", "message"),
    [
        ("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256", "Unsupported AWS 'algorithm': 'AWS4-ECDSA-P256-SHA256'"),
        (".*", "Bearer token", "Unsupported AWS 'algorithm': 'Bearer'"),
        (", Signature=.*", "", "requires 'Signature' parameter."),
        ("Credential=[^,]*, ", "", "requires 'Credential' parameter."),
        ("Signature=.*", "Signature=00", "must be 64 hexadecimal digits"),
        ("SignedHeaders", "Headers", "not a valid key=value pair"),
        ("(Credential=[^,]*), ", r"\1, \1, ", "not a valid key=value pair"),
        ("/eu-west-1", "", "must have exactly 5 slash-delimited elements"),
        ("/eu-west-1", "/", "must have exactly 5 slash-delimited elements"),
        ("eu-west-1", "EU", "should be scoped to a valid region, not 'EU'."),
        ("eu-west-1", "../../etc", "must have exactly 5 slash-delimited elements"),
        ("eu-west-1", "eu west", "should be scoped to a valid region, not 'eu west'."),
        ("rekognition", "s3", "should be scoped to correct service: 'rekognition'."),
        ("aws4_request", "aws5_request", "scoped with a valid terminator: 'aws4_request', not 'aws5_request'."),
        ("20260304", "20260305", "'20260305' != '20260304', from '20260304T050607Z'."),
        ("eu-west-1", "eu-west-2", "does not match the signature you provided"),
    ],
)
def test_an_authorization_that_is_wrong_says_where(pattern: str, to: str, message: str) -> None:
    assert message in refused(authorized(signed(), pattern, to))


def test_another_service_of_the_same_key_is_not_this_one() -> None:
    assert "correct service" in refused(signed(service="s3"))


def test_a_date_is_needed_and_must_be_one() -> None:
    assert "either a 'X-Amz-Date' or a 'Date' header" in refused(changed(signed(), "X-Amz-Date", None))
    assert "Date must be in ISO-8601 'basic format'. Got 'today'" in refused(changed(signed(), "X-Amz-Date", "today"))


@pytest.mark.skipif(not shutil.which("curl"), reason="there is no curl here")
def test_curl_signs_the_operation_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        words = ["--aws-sigv4", "aws:amz:us-east-1:rekognition", "--user", f"{KEY_ID}:{SECRET}", "--data-binary", "@-"]
        headers = ["-H", f"X-Amz-Target: {TARGET}", "-H", "Content-Type: application/x-amz-json-1.1"]
        curl = subprocess.Popen(
            ["curl", "-s", "-m", "20", f"http://127.0.0.1:{port}/", *words, *headers],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert curl.stdin
        assert curl.stdout
        with curl.stdin:
            curl.stdin.write(BODY)
        connection, _ = server.accept()
        with connection:
            received = b""
            while not received.endswith(BODY):
                received += connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        with curl.stdout:
            assert curl.stdout.read() == b""
        assert curl.wait() == 0
    lines = received.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")
    told = [(name, value.lstrip()) for name, _, value in (line.partition(":") for line in lines[1:])]
    now = signature._moment({name.lower(): value for name, value in told}["x-amz-date"]).timestamp()
    assert "x-amz-target" in check(told, now=now).headers
