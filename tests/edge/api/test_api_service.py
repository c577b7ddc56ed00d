"""One request's way without a transport: who is let in, what each error means to the client, and what is told of it."""

from __future__ import annotations

import errno
import gc
import json
import os
import threading
import weakref
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from accel.session import AcceleratorError
from edge.api import audit, faults
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.api.messages import Answer, Head
from edge.collections import Collections
from edge.database import connect
from edge.errors import DiskError, InputError, MissingError, StorageError, UnavailableError
from edge.keys import Keys, open_master, policy
from edge.stats import Histograms
from edge.turns import Turns
from tests.edge.api.doors import Door, code, door, message, sign, through

PEOPLE = b'{"CollectionId":"people"}'


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Door]:
    with door(tmp_path) as opened:
        yield opened


def raising(error: Exception) -> Any:
    def operate(_: Desk, __: Mapping[str, Any]) -> Mapping[str, Any]:
        raise error

    return operate


def test_a_signed_request_is_answered(front: Door) -> None:
    answer = front.ask("CreateCollection", PEOPLE)
    assert answer.status == 200
    assert json.loads(answer.body) == {"StatusCode": 6, "CollectionArn": "arn", "FaceModelVersion": "1"}
    headers = dict(answer.headers)
    assert headers["content-type"] == "application/x-amz-json-1.1"
    assert len(headers["x-amzn-requestid"]) == 36


def test_an_error_has_the_id_of_its_request(front: Door) -> None:
    answer = front.ask("CreateCollection")
    assert code(answer) == "ValidationException"
    assert json.loads(answer.body)["Logref"] == dict(answer.headers)["x-amzn-requestid"]


def test_what_a_refused_request_held_is_let_go_at_once(front: Door) -> None:
    class Picture:
        """Large."""

    held: list[weakref.ref[Picture]] = []

    def operate(_: Desk, __: Mapping[str, Any]) -> Mapping[str, Any]:
        picture = Picture()
        held.append(weakref.ref(picture))
        raise faults.no_faces()

    front.operations["CreateCollection"] = operate
    gc.disable()
    try:
        assert message(front.ask("CreateCollection", PEOPLE)) == faults.NO_FACES
        assert held[0]() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("target", ["", "CreateCollection", "RekognitionService.MakeCoffee", "DynamoDB.GetItem"])
def test_what_is_no_operation_is_unknown(front: Door, target: str) -> None:
    headers = [(name, value) for name, value in front.sign("ListFaces") if name != "X-Amz-Target"]
    answer = front.ask("", headers=(*headers, ("X-Amz-Target", target)))
    assert (answer.status, code(answer)) == (400, "UnknownOperationException")


@pytest.mark.parametrize(
    "kind",
    [
        "application/x-amz-json-1.0",
        "application/json",
        "application/x-www-form-urlencoded",
        "text/plain; charset=utf-8",
    ],
)
def test_a_body_of_another_kind_is_refused_by_name(front: Door, kind: str) -> None:
    answer = front.ask("", PEOPLE, headers=front.sign("CreateCollection", PEOPLE, kind=kind))
    assert code(answer) == "SerializationException"
    assert message(answer) == (
        f"The content type is '{kind.partition(';')[0]}', and must be application/x-amz-json-1.1"
    )


@pytest.mark.parametrize("kind", ["application/x-amz-json-1.1; charset=utf-8", "Application/X-AMZ-JSON-1.1", "", None])
def test_a_kind_may_be_told_in_other_letters_or_not_at_all(front: Door, kind: str | None) -> None:
    assert code(front.ask("", PEOPLE, headers=front.sign("CreateCollection", PEOPLE, kind=kind))) == "ok"


def test_a_query_is_refused_even_where_it_is_signed(front: Door) -> None:
    answer = front.ask("", PEOPLE, headers=front.sign("CreateCollection", PEOPLE, query="?a=1"), query="a=1")
    assert code(answer) == "SerializationException"
    assert message(answer) == "The request has a query string, and no operation reads one"


def test_who_cannot_sign_is_refused_before_the_body_is_read(front: Door) -> None:
    def refused(headers: tuple[tuple[str, str], ...]) -> str:
        answer = front.service.admit(front.service.begin(Head("POST", "/", "", headers, "192.0.2.7")))
        assert isinstance(answer, Answer)
        return code(answer)

    target = ("X-Amz-Target", "RekognitionService.ListFaces")
    assert refused((target,)) == "MissingAuthenticationTokenException"
    assert refused(sign("AKIANOBODYATALL23456", front.secret, "ListFaces")) == "UnrecognizedClientException"
    front.keys.disable("tester")
    assert refused(front.sign("ListFaces")) == "UnrecognizedClientException"


def test_a_key_that_another_master_key_sealed_is_as_good_as_none(front: Door, tmp_path: Path) -> None:
    with closing(Keys(connect(tmp_path), open_master(tmp_path / "elsewhere"))) as keys:
        keys.delete("tester")
        key, secret = keys.create("other")
    told = sign(key.id, secret, "CreateCollection", PEOPLE)
    assert code(front.ask("", PEOPLE, headers=told)) == "UnrecognizedClientException"


def test_a_key_that_goes_while_its_request_comes_is_as_good_as_none(front: Door) -> None:
    admitted = front.service.admit(front.service.begin(Head("POST", "/", "", front.sign("ListFaces"), "192.0.2.7")))
    assert not isinstance(admitted, Answer)
    front.keys.delete("tester")
    assert code(front.service.answer(admitted, b"{}")) == "UnrecognizedClientException"


def test_a_wrong_secret_and_another_body_are_refused(front: Door) -> None:
    assert code(front.ask("CreateCollection", headers=sign(front.key_id, "x" * 40, "CreateCollection"))) == (
        "InvalidSignatureException"
    )
    assert code(front.ask("CreateCollection", PEOPLE, headers=front.sign("CreateCollection", b"{}"))) == (
        "InvalidSignatureException"
    )


def test_what_is_not_allowed_is_refused_by_name(tmp_path: Path) -> None:
    statement = {"Effect": "Allow", "Action": "rekognition:Search*", "Resource": "*"}
    narrow = policy.parse("narrow", json.dumps({"Statement": statement}))
    with door(tmp_path, policies=[narrow]) as front:
        answer = front.ask("CreateCollection", PEOPLE)
    assert (answer.status, code(answer)) == (400, "AccessDeniedException")
    assert message(answer) == (
        "User: arn:aws:iam::123456789012:user/tester is not authorized to perform: rekognition:CreateCollection"
        " on resource: *"
    )


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ({"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, "ok"),
        ({"IpAddress": {"aws:SourceIp": "198.51.100.0/24"}}, "AccessDeniedException"),
        ({"Bool": {"aws:SecureTransport": "true"}}, "AccessDeniedException"),
        ({"StringEquals": {"aws:username": "tester", "aws:RequestedRegion": "eu-west-1"}}, "ok"),
        ({"DateGreaterThan": {"aws:CurrentTime": "2020-01-01T00:00:00Z"}}, "ok"),
        ({"StringEquals": {"aws:RequestTag/owner": "me"}}, "ok"),
        ({"StringEquals": {"aws:RequestTag/owner": "you"}}, "AccessDeniedException"),
        ({"ForAllValues:StringEquals": {"aws:TagKeys": ["owner"]}}, "ok"),
        ({"StringLike": {"aws:UserAgent": "Boto3/*"}}, "AccessDeniedException"),
    ],
)
def test_conditions_know_the_request(tmp_path: Path, condition: dict[str, Any], said: str) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    with door(tmp_path, policies=[policy.parse("one", json.dumps({"Statement": statement}))]) as front:
        assert code(front.ask("CreateCollection", b'{"CollectionId":"people","Tags":{"owner":"me"}}')) == said


@pytest.mark.parametrize(
    ("collection", "said"),
    [("theirs", "AccessDeniedException"), ("ours", "ok"), ("untagged", "AccessDeniedException"),
     ("absent", "AccessDeniedException")],
)  # fmt: skip
def test_conditions_know_the_tags_of_a_collection(tmp_path: Path, collection: str, said: str) -> None:
    condition = {"StringEquals": {"aws:ResourceTag/owner": "me"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    with (
        door(tmp_path, policies=[policy.parse("one", json.dumps({"Statement": statement}))]) as front,
        closing(Collections(connect(tmp_path))) as people,
    ):
        for name, tags in {"ours": {"owner": "me"}, "theirs": {"owner": "you"}, "untagged": {}}.items():
            people.create_collection(name, tags)
        front.service.desk = replace(front.service.desk, collections=people)
        front.operations["DeleteCollection"] = lambda _, __: {"StatusCode": 200}
        assert code(front.ask("DeleteCollection", json.dumps({"CollectionId": collection}).encode())) == said


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_another_region_in_an_arn_opens_no_door(tmp_path: Path, region: str) -> None:
    secret = "arn:aws:rekognition:us-east-1:123456789012:collection/secret"
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    deny = {"Effect": "Deny", "Action": "*", "Resource": secret}
    chosen = policy.parse("one", json.dumps({"Statement": [allow, deny]}))
    with door(tmp_path, policies=[chosen]) as front:
        front.operations["ListTagsForResource"] = lambda _, __: {}
        for name, said in {"secret": "AccessDeniedException", "open": "ok"}.items():
            arn = f"arn:aws:rekognition:{region}:123456789012:collection/{name}"
            assert code(front.ask("ListTagsForResource", json.dumps({"ResourceArn": arn}).encode())) == said
        assert front.told()[0]["resources"][0]["ARN"] == secret


def test_a_key_that_asks_too_often_is_told_so(tmp_path: Path) -> None:
    with door(tmp_path, quota=0.001) as front:
        assert code(front.ask("CreateCollection", PEOPLE)) == "ok"
        assert code(front.ask("CreateCollection", PEOPLE)) == "ProvisionedThroughputExceededException"


def test_who_asks_for_what_is_not_allowed_spends_no_quota(tmp_path: Path) -> None:
    deny = {"Effect": "Deny", "Action": "*:ListFaces", "Resource": "*"}
    allow = {"Effect": "Allow", "Action": "*", "Resource": "*"}
    chosen = policy.parse("no lists", json.dumps({"Statement": [allow, deny]}))
    with door(tmp_path, policies=[chosen], quota=0.001) as front:
        assert code(front.ask("ListFaces", PEOPLE)) == "AccessDeniedException"
        assert code(front.ask("CreateCollection", PEOPLE)) == "ok"


def test_an_operation_that_is_not_offered_says_where_to_look(front: Door) -> None:
    answer = front.ask("ListStreamProcessors")
    assert code(answer) == "InvalidParameterException"
    assert message(answer) == ("ListStreamProcessors is not offered by this device; GET /capabilities lists what is")


@pytest.mark.parametrize(
    ("error", "status", "said"),
    [
        (faults.no_faces(), 400, "InvalidParameterException"),
        (MissingError("no such collection"), 400, "ResourceNotFoundException"),
        (InputError("not so"), 400, "InvalidParameterException"),
        (AcceleratorError("the device is gone"), 400, "ThrottlingException"),
        (UnavailableError("nobody there"), 400, "ThrottlingException"),
        (DiskError("/secret/place: full"), 500, "InternalServerError"),
        (StorageError("/secret/place: damaged"), 500, "InternalServerError"),
        (ZeroDivisionError("a defect"), 500, "InternalServerError"),
    ],
)
def test_each_error_means_something_to_the_client(front: Door, error: Exception, status: int, said: str) -> None:
    front.operations["CreateCollection"] = raising(error)
    answer = front.ask("CreateCollection", PEOPLE)
    assert (answer.status, code(answer)) == (status, said)
    assert b"secret" not in answer.body


def test_a_defect_is_logged_with_the_id_that_the_client_has(front: Door, caplog: pytest.LogCaptureFixture) -> None:
    front.operations["CreateCollection"] = lambda _, __: {"Nonsense": 1}
    answer = front.ask("CreateCollection", PEOPLE)
    assert code(answer) == "InternalServerError"
    (record,) = caplog.records
    assert dict(answer.headers)["x-amzn-requestid"] in record.getMessage()
    assert record.exc_info


def test_the_line_is_as_long_as_it_is_said_to_be(tmp_path: Path) -> None:
    with door(tmp_path, workers=1, queue=1) as front:
        with front.service.line.joined(), front.service.line.joined():
            with pytest.raises(Fault, match="Slow down; sudden increase in rate of requests") as caught:
                front.service.line.joined().__enter__()
            assert caught.value.code == "ThrottlingException"
        with front.service.line.joined():
            pass


def test_operations_give_way_to_cameras_and_the_door_does_not(front: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    turns = Turns(60.0)
    monkeypatch.setattr("edge.api.service.TURNS", turns)
    turns.take_up()
    entered = threading.Event()

    def patient(_: Desk, __: Mapping[str, Any]) -> Mapping[str, Any]:
        entered.set()
        turns.wait()
        return {}

    front.operations["CreateCollection"] = patient
    assert code(front.ask("CreateCollection")) == "ValidationException"  # a frame in work keeps nobody out
    answers: list[Answer] = []
    asking = threading.Thread(target=lambda: answers.append(front.ask("CreateCollection", PEOPLE)))
    asking.start()
    assert entered.wait(10)
    assert not answers
    turns.finish()
    asking.join()
    assert code(answers[0]) == "ok"


def test_the_audit_has_each_request_that_was_proven(front: Door) -> None:
    front.ask("CreateCollection", PEOPLE)
    front.ask("DescribeCollection", PEOPLE)
    front.ask("CreateCollection", b"no JSON")
    first, second, third = front.told()
    assert first["eventName"] == "CreateCollection"
    assert first["userIdentity"]["userName"] == "tester"
    assert first["requestParameters"] == {"collectionId": "people"}
    assert first["responseElements"]["statusCode"] == 6
    assert first["sourceIPAddress"] == "192.0.2.7"
    assert "errorCode" not in first
    assert second["errorCode"] == "InvalidParameterException"
    assert second["resources"][0]["ARN"] == "arn:aws:rekognition:us-east-1:123456789012:collection/people"
    assert (third["errorCode"], third["requestParameters"]) == ("SerializationException", None)


def test_a_flood_of_wrong_signatures_does_not_fill_the_audit(front: Door, caplog: pytest.LogCaptureFixture) -> None:
    forged = sign(front.key_id, "x" * 40, "CreateCollection", PEOPLE)
    with caplog.at_level("INFO"):
        for _ in range(5):
            front.ask("CreateCollection", PEOPLE, headers=forged)
            front.service.tend()
        front.service.close()
    first, rest = front.told()
    assert (first["eventName"], first["errorCode"]) == ("RequestsRefused", "InvalidSignatureException")
    assert first["serviceEventDetails"]["accessKeyIds"] == [front.key_id]
    assert [one["serviceEventDetails"]["count"] for one in (first, rest)] == [1, 4]
    assert caplog.messages[-1] == "api: 4 requests were refused with InvalidSignatureException, from 192.0.2.7"


def test_who_is_refused_by_the_head_alone_is_told_of_by_reason(front: Door) -> None:
    for number in range(3):
        front.ask("", headers=sign(f"AKIAGUESS{number}", front.secret, "ListFaces"))
    front.ask("", headers=())
    front.ask("", headers=(("X-Amz-Target", "RekognitionService.ListFaces"),))
    front.service.tend()
    told = {one["errorCode"]: one["serviceEventDetails"] for one in front.told()}
    assert {code: one["count"] for code, one in told.items()} == {
        "UnrecognizedClientException": 3,
        "UnknownOperationException": 1,
        "MissingAuthenticationTokenException": 1,
    }
    assert told["UnrecognizedClientException"]["accessKeyIds"] == ["AKIAGUESS0", "AKIAGUESS1", "AKIAGUESS2"]
    assert told["UnrecognizedClientException"]["sourceIPAddresses"] == ["192.0.2.7"]


@pytest.mark.parametrize("when", ["check", "write"])
def test_what_the_audit_cannot_take_is_not_told(front: Door, monkeypatch: pytest.MonkeyPatch, when: str) -> None:
    def full(*_: object) -> None:
        raise DiskError("the disk is full")

    monkeypatch.setattr(front.service._audit, when, full)
    answer = front.ask("CreateCollection", PEOPLE)
    assert (answer.status, code(answer)) == (500, "InternalServerError")
    assert message(answer) == "The audit of this device cannot be written, and without it no request is answered"


def test_who_was_refused_while_the_audit_could_not_be_written_stands_in_it_afterwards(
    front: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    front.ask("CreateCollection", PEOPLE)
    with monkeypatch.context() as patch:
        patch.setattr("edge.api.audit.os.write", full)
        assert code(front.ask("CreateCollection", PEOPLE)) == "InternalServerError"  # done already, and not told
        front.operations["CreateCollection"] = raising(AssertionError("asked, though nobody would know"))
        for _ in range(audit.OWED + 1):
            assert code(front.ask("CreateCollection", PEOPLE)) == "InternalServerError"
        front.ask("", headers=())
        front.service.tend()
        assert "No space left on device; make room there" in front.service.fault
    front.service.tend()
    assert front.service.fault == ""
    told = front.told()
    assert [one["eventName"] for one in told] == ["CreateCollection"] * (audit.OWED + 1) + ["AuditLost"]
    assert told[2]["errorMessage"].startswith("The audit of this device cannot be written")
    assert told[-1]["serviceEventDetails"]["told"] == ["3 records were lost while the audit could not be written"]
    told_of_the_audit = [one for one in caplog.records if one.name == "edge.api.audit"]
    assert [one.levelname for one in told_of_the_audit] == ["ERROR", "WARNING"]


def test_tending_a_full_audit_is_no_defect(front: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def full() -> None:
        raise DiskError("the disk is full")

    front.service.tend()
    monkeypatch.setattr(front.service._audit, "sync", full)
    front.service.tend()


def test_requests_are_counted_by_operation_and_outcome(front: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    counted = Histograms("operation", "outcome")
    monkeypatch.setattr("edge.api.service.REQUESTS", counted)
    front.ask("CreateCollection", PEOPLE)
    front.ask("CreateCollection")
    front.ask("MakeCoffee")
    through(front.service, Head("POST", "/", "", (), "192.0.2.7"), b"")
    told = {(one["operation"], one["outcome"]): one["count"] for one in counted.state()}
    assert told == {
        ("CreateCollection", "ok"): 1,
        ("CreateCollection", "ValidationException"): 1,
        ("-", "UnknownOperationException"): 2,
    }
