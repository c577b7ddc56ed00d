"""AWS's Signature Version 4, checked by our own code: who asks, when, and for exactly this.

`claim` reads what a request says of itself and refuses all that needs neither the secret nor the body; `verify` then
compares. The operation stands in a header, so that header has to be signed, and the body's own hash is always compared.
Nothing in this scheme tells a request from its repetition within the window: that is what TLS is for.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import quote, unquote_to_bytes

from edge.api import faults

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE, TERMINATOR = "rekognition", "aws4_request"
SKEW = 900.0  # seconds
STAMP = "%Y%m%dT%H%M%SZ"
STAMPED = re.compile(r"[0-9]{8}T[0-9]{6}Z")
CLOCK_SET = datetime(2025, 1, 1, tzinfo=UTC).timestamp()  # a device without a clock of its own starts long before
REGION = re.compile(r"[a-z]{2}[a-z0-9-]{1,30}")  # which need not be ours
PARTS = ("Credential", "Signature", "SignedHeaders")
ONCE = ("authorization", "host", "x-amz-date", "x-amz-target", "x-amz-content-sha256")

Headers = Mapping[str, Sequence[str]]  # by name in lower case


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request says of itself, none of it proven before `verify`; `at` is when it was signed."""

    key_id: str
    date: str
    region: str
    headers: tuple[str, ...]  # those that were signed
    at: float
    canonical: str  # the canonical request, up to the body's hash
    stamp: str
    signature: str
    body_hash: str | None  # as the client tells it, if it does


def claim(  # noqa: PLR0913, PLR0917 - the parts of a request, and the time
    method: str, path: str, query: str, headers: Sequence[tuple[str, str]], now: float, skew: float = SKEW
) -> Claim:
    """Raises Fault. `path` and `query` are as they were sent; so are headers, their bytes decoded as Latin-1."""
    given = _by_name(headers)
    _check_kind(given, query)
    parts = _authorization(given["authorization"][0], given)
    key_id, date, region = _credential(parts["Credential"])
    signed = tuple(parts["SignedHeaders"].split(";"))
    dated = "x-amz-date" if "x-amz-date" in given else "date"
    _check_signed(signed, given, dated)
    at = _moment(given[dated][0])
    stamp = at.strftime(STAMP)
    if stamp[:8] != date:
        raise faults.invalid_signature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{date}' != '{stamp[:8]}', from '{stamp}'."
        )
    _check_time(at.timestamp(), now, skew)
    canonical = "\n".join(
        [
            method.upper(),
            canonical_path(path),
            canonical_query(query),
            *(f"{name}:{','.join(map(_trimmed, given[name]))}" for name in signed),
            "",
            ";".join(signed),
        ]
    )
    body_hash = _body_hash(given)
    return Claim(key_id, date, region, signed, at.timestamp(), canonical, stamp, parts["Signature"], body_hash)


def verify(claim: Claim, secret: str, body_hash: str) -> None:
    """`body_hash` is the SHA-256 of the body as it came, in hexadecimal. Raises InvalidSignatureException."""
    if claim.body_hash is not None and not hmac.compare_digest(claim.body_hash, body_hash):
        raise faults.invalid_signature("The provided x-amz-content-sha256 header does not match what was computed.")
    canonical = _bytes(f"{claim.canonical}\n{body_hash}")
    scope = f"{claim.date}/{claim.region}/{SERVICE}/{TERMINATOR}"
    to_sign = "\n".join([ALGORITHM, claim.stamp, scope, hashlib.sha256(canonical).hexdigest()])
    key = f"AWS4{secret}".encode()
    for text in (claim.date, claim.region, SERVICE, TERMINATOR):
        key = hmac.digest(key, text.encode(), "sha256")
    if not hmac.compare_digest(hmac.digest(key, to_sign.encode(), "sha256").hex(), claim.signature):
        raise faults.invalid_signature()


def canonical_path(path: str) -> str:
    """Without dots and doubled slashes, and encoded once more, as every service but S3 wants it."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part and part != ".":
            parts.append(part)
    plain = f"/{'/'.join(parts)}{'/' if parts and path.endswith('/') else ''}"
    return quote(_bytes(plain), safe="/-_.~")


def canonical_query(query: str) -> str:
    """Sorted, each name and value encoded in the one way that the specification has."""
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return "&".join(
        f"{name}={value}" for name, value in sorted((_encoded(name), _encoded(to)) for name, _, to in pairs)
    )


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(_bytes(text)), safe="-_.~")


def _bytes(text: str) -> bytes:
    """As it was sent, and signed, whatever it means; a letter that cannot have been sent makes no signature right."""
    return text.encode("latin-1", "replace")


def _by_name(headers: Sequence[tuple[str, str]]) -> Headers:
    """Raises Fault for one that stands twice and must not: readers would differ in which of them counts."""
    given: dict[str, list[str]] = {}
    for name, value in headers:
        given.setdefault(name.lower(), []).append(value)
    for name in ONCE:
        if len(given.get(name, ())) > 1:
            raise faults.incomplete_signature(f"The header '{name}' stands in the request more than once.")
    return given


def _check_kind(given: Headers, query: str) -> None:
    """Raises Fault unless the request is signed in its header, with a key of this device."""
    if re.search(r"(^|&)x-amz-(signature|algorithm|credential)=", query, re.IGNORECASE):
        raise faults.incomplete_signature(
            "Presigned requests are not accepted: sign in the Authorization header, as AWS's clients do."
        )
    if "authorization" not in given:
        raise faults.missing_authentication_token()
    if "x-amz-security-token" in given:
        raise faults.unrecognized_client(
            "The security token included in the request is invalid. This device gives out no session tokens: use an"
            " access key of 'vedette keys create' without AWS_SESSION_TOKEN."
        )


def _authorization(header: str, given: Headers) -> dict[str, str]:
    """The parts of the header; raises Fault in AWS's words."""
    algorithm, _, rest = header.strip().partition(" ")
    if algorithm != ALGORITHM:
        raise faults.incomplete_signature(f"Unsupported AWS 'algorithm': {_quoted(algorithm)}; sign with {ALGORITHM}.")
    parts: dict[str, str] = {}
    for part in rest.split(","):
        name, equals, value = part.strip().partition("=")
        if not equals or name not in PARTS or name in parts:
            raise faults.incomplete_signature(
                f"{_quoted(part.strip())} not a valid key=value pair (missing equal-sign) in Authorization header."
            )
        parts[name] = value.strip()
    missing = [f"Authorization header requires '{name}' parameter." for name in PARTS if not parts.get(name)]
    if not {"x-amz-date", "date"} & set(given):
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if missing:
        raise faults.incomplete_signature(" ".join(missing))
    if not re.fullmatch(r"[0-9a-f]{64}", parts["Signature"]):
        raise faults.incomplete_signature("Signature must be 64 hexadecimal digits in lower case.")
    return parts


def _credential(credential: str) -> tuple[str, str, str]:
    """The key's id, the date and the region that a signature is for."""
    parts = credential.split("/")
    if len(parts) != 5 or not all(parts):
        raise faults.incomplete_signature(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
            f"got {_quoted(credential)}"
        )
    key_id, date, region, service, terminator = parts
    if not REGION.fullmatch(region):
        raise faults.invalid_signature(f"Credential should be scoped to a valid region, not {_quoted(region)}.")
    if service != SERVICE:
        raise faults.invalid_signature(f"Credential should be scoped to correct service: '{SERVICE}'.")
    if terminator != TERMINATOR:
        raise faults.invalid_signature(
            f"Credential should be scoped with a valid terminator: '{TERMINATOR}', not {_quoted(terminator)}."
        )
    return key_id, date, region


def _check_signed(signed: Sequence[str], given: Headers, dated: str) -> None:
    """Raises Fault if what the request means could be changed without its signature telling."""
    needed = ["host", dated, *(["x-amz-target"] if "x-amz-target" in given else [])]
    for name in needed:
        if name not in signed:
            raise faults.invalid_signature(f"'{name}' must be a 'SignedHeader' in the AWS Authorization.")
    for name in signed:
        if name not in given:
            raise faults.invalid_signature(f"{_quoted(name)} is a 'SignedHeader', and not a header of the request.")


def _moment(text: str) -> datetime:
    """Of `X-Amz-Date`, or of `Date`, which may be as HTTP has it."""
    text = text.strip()
    if STAMPED.fullmatch(text):
        with suppress(ValueError):  # the thirteenth month
            return datetime.fromisoformat(text)
    try:
        at = parsedate_to_datetime(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise faults.incomplete_signature(
            f"Date must be in ISO-8601 'basic format'. Got {_quoted(text)}. See http://en.wikipedia.org/wiki/ISO_8601"
        ) from error


def _check_time(at: float, now: float, skew: float) -> None:
    """Raises Fault in AWS's words; a device that does not know the time says so."""
    if abs(now - at) <= skew:
        return
    late = at < now
    word, compared, sign = ("expired", "now earlier", "-") if late else ("not yet current", "still later", "+")
    edge = now - skew if late else now + skew
    unset = "" if now >= CLOCK_SET else " The clock of this device is not set."
    raise faults.invalid_signature(
        f"Signature {word}: {_stamp(at)} is {compared} than {_stamp(edge)} "
        f"({_stamp(now)} {sign} {skew / 60:g} min.){unset}"
    )


def _body_hash(given: Headers) -> str | None:
    """Raises Fault for a body that is not signed as a whole."""
    if "x-amz-content-sha256" not in given:
        return None
    text = given["x-amz-content-sha256"][0].strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise faults.invalid_signature(
            f"x-amz-content-sha256 must be the SHA-256 of the body, not {_quoted(text)}: unsigned and streamed bodies"
            " are not accepted."
        )
    return text


def _trimmed(value: str) -> str:
    return re.sub(r"[ \t\r\n\f\v]+", " ", value).strip(" ")


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(max(at, 0.0), UTC).strftime(STAMP)


def _quoted(text: str) -> str:
    """What a client sent, short and harmless enough to be told back."""
    return repr(text[:100])
