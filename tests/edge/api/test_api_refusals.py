"""Those who were refused unproven: counted by reason, and told of once a minute."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from edge.api import trail
from edge.api.messages import Head
from edge.api.refusals import EVERY, FEW, Refusals

UNKNOWN, STALE = "UnrecognizedClientException", "InvalidSignatureException"


def head(address: str, credential: str = "") -> Head:
    told = f"AWS4-HMAC-SHA256 Credential={credential}/20260304/us-east-1/rekognition/aws4_request, Signature=0"
    return Head("POST", "/", "", (("Authorization", told),) if credential else (), address)


def test_the_first_of_a_reason_is_told_at_once_and_the_rest_once_a_minute() -> None:
    refusals = Refusals()
    refusals.count(UNKNOWN, head("192.0.2.7", "AKIAONE"), 1000.0)
    (one,) = refusals.due(0.0)
    assert (one.code, one.since, one.count) == (UNKNOWN, 1000.0, 1)
    assert str(one) == "1 request was refused with UnrecognizedClientException, from 192.0.2.7"
    for number in range(100):
        refusals.count(UNKNOWN, head("192.0.2.7", f"AKIA{number}"), 1001.0 + number)
    assert refusals.due(EVERY - 1) == []
    refusals.count(STALE, head("192.0.2.8"), 1200.0)
    assert [one.code for one in refusals.due(EVERY - 1)] == [STALE]
    (one,) = refusals.due(EVERY)
    assert (one.since, one.count, one.key_ids) == (1001.0, 100, [f"AKIA{number}" for number in range(FEW)])
    assert refusals.due(10 * EVERY) == []


def test_at_the_end_all_is_told() -> None:
    refusals = Refusals()
    for moment in (0.0, 1.0):
        refusals.count(UNKNOWN, head("192.0.2.7"), 1000.0)
        assert len(refusals.due(moment, 0.0)) == 1


def test_a_flood_takes_no_more_room_than_a_few_names() -> None:
    refusals = Refusals()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda at: refusals.count(UNKNOWN, head(f"2001:db8::{at:x}", "A" * 9999), 0.0), range(1000)))
    (one,) = refusals.due(0.0)
    assert (one.count, len(one.addresses), one.key_ids) == (1000, FEW, ["A" * 128])
    assert str(one).endswith(" and maybe others")


def test_who_cannot_be_named_is_counted() -> None:
    refusals = Refusals()
    refusals.count("RequestTimeoutException", head(""), 0.0)
    (one,) = refusals.due(0.0)
    assert (one.addresses, one.key_ids) == ([], [])
    assert str(one).endswith("from somewhere")


def test_the_record_has_the_shape_of_the_others() -> None:
    refusals = Refusals()
    for address in ("192.0.2.7", "192.0.2.7", "192.0.2.9"):
        refusals.count(UNKNOWN, head(address, "AKIAONE"), 1772600700.0)
    told = trail.unproven(refusals.due(0.0)[0], 1772600767.0)
    assert told.pop("eventID")
    assert told == {
        "eventVersion": "1.11",
        "userIdentity": {"type": "Unknown"},
        "eventTime": "2026-03-04T05:06:07Z",
        "eventSource": "rekognition.amazonaws.com",
        "eventName": "RequestsRefused",
        "readOnly": True,
        "eventType": "AwsServiceEvent",
        "sourceIPAddress": "192.0.2.7",
        "errorCode": UNKNOWN,
        "errorMessage": "3 requests were refused with UnrecognizedClientException, from 192.0.2.7, 192.0.2.9",
        "serviceEventDetails": {
            "count": 3,
            "since": "2026-03-04T05:05:00Z",
            "sourceIPAddresses": ["192.0.2.7", "192.0.2.9"],
            "accessKeyIds": ["AKIAONE"],
        },
    }
