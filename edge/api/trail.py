"""One request as a record in CloudTrail's shape: who asked for what, from where, and what became of it.

Pictures are never in it: their size and hash stand for them.
"""

from __future__ import annotations

import hashlib
import json
import math
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from edge.api.refusals import Refused
from edge.keys.resources import TRAINING, reads

VERSION = "1.11"  # of CloudTrail's records
SOURCE = "rekognition.amazonaws.com"
TRAINERS = "training.vedette"  # the source of what a workstation asks
LONGEST_TEXT = 256  # characters of what a client says of itself, or that it is told
LONGEST_PART = 16_384  # of the parameters or of the answer, as JSON; the rest is told by its hash
AS_WRITTEN = "Tags"  # whose keys are the client's own


@dataclass(frozen=True, slots=True)
class Call:
    """What is known of a request when it has been answered; `user` stays empty while a signature is not proven."""

    request_id: str
    at: float
    source: str  # address
    region: str
    account: str
    operation: str = ""
    agent: str = ""
    key_id: str = ""
    user: str = ""
    members: Mapping[str, Any] | None = None
    answer: Mapping[str, Any] | None = None
    error: str = ""
    message: str = ""
    resources: Sequence[str] = ()
    tls: Mapping[str, str] = field(default_factory=dict)  # version, cipher, host; empty without TLS


def record(call: Call) -> dict[str, Any]:
    """The record, ready to be written."""
    reading = reads(call.operation)
    told: dict[str, Any] = {
        "eventVersion": VERSION,
        "userIdentity": _identity(call),
        "eventTime": moment(call.at),
        "eventSource": TRAINERS if call.operation in TRAINING else SOURCE,
        "eventName": call.operation[:LONGEST_TEXT],
        "awsRegion": call.region,
        "sourceIPAddress": call.source,
        "userAgent": call.agent[:LONGEST_TEXT],
    }
    if call.error:
        told |= {"errorCode": call.error, "errorMessage": call.message[:LONGEST_TEXT]}
    told |= {
        "requestParameters": None if call.members is None else _part(call.members),
        "responseElements": None if reading or call.error or not call.answer else _part(call.answer),
        "requestID": call.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": reading,
    }
    if call.resources:
        told["resources"] = [{"accountId": call.account, "ARN": arn} for arn in call.resources]
    told |= {
        "eventType": "AwsApiCall",
        "managementEvent": True,
        "recipientAccountId": call.account,
        "eventCategory": "Management",
    }
    if call.tls:
        told["tlsDetails"] = {
            "tlsVersion": call.tls.get("version", ""),
            "cipherSuite": call.tls.get("cipher", ""),
            "clientProvidedHostHeader": call.tls.get("host", "")[:LONGEST_TEXT],
        }
    return told


def own(name: str, sentences: Sequence[str], at: float) -> dict[str, Any]:
    """What the audit says of itself."""
    return {
        "eventVersion": VERSION,
        "userIdentity": {"type": "AWSService", "invokedBy": "vedette"},
        "eventTime": moment(at),
        "eventSource": SOURCE,
        "eventName": name,
        "eventID": str(uuid.uuid4()),
        "readOnly": False,
        "eventType": "AwsServiceEvent",
        "serviceEventDetails": {"told": list(sentences)},
    }


def unproven(refused: Refused, at: float) -> dict[str, Any]:
    """Those who were refused before anybody knew who they are, in one record."""
    return {
        **own("RequestsRefused", [], at),
        "userIdentity": {"type": "Unknown"},
        "sourceIPAddress": refused.addresses[0] if refused.addresses else "",
        "errorCode": refused.code,
        "errorMessage": str(refused),
        "readOnly": True,
        "serviceEventDetails": {
            "count": refused.count,
            "since": moment(refused.since),
            "sourceIPAddresses": refused.addresses,
            "accessKeyIds": refused.key_ids,
        },
    }


def moment(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _identity(call: Call) -> dict[str, str]:
    if not call.user:
        return {"type": "Unknown", "accessKeyId": call.key_id[:LONGEST_TEXT]}
    return {
        "type": "IAMUser",
        "principalId": call.key_id,
        "arn": f"arn:aws:iam::{call.account}:user/{call.user}",
        "accountId": call.account,
        "accessKeyId": call.key_id,
        "userName": call.user,
    }


def _part(members: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = plain(members)
    text = json.dumps(told).encode()
    return told if len(text) <= LONGEST_PART else {"omitted": _digest(text)}


def plain(value: Any) -> Any:
    """As CloudTrail has it: names begin in lower case, and bytes are told by size and hash."""
    if isinstance(value, Mapping):
        return {
            f"{name[:1].lower()}{name[1:]}": dict(part) if name == AS_WRITTEN and part else plain(part)
            for name, part in value.items()
        }
    if isinstance(value, bytes):
        return _digest(value)
    if isinstance(value, list | tuple):
        return [plain(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, str | int | float) else str(value)


def _digest(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
