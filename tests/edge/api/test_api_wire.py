"""Requests are read strictly and refused in AWS's words; answers are what botocore's own parser reads."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import cache
from importlib import import_module
from math import inf, nan
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from edge.api.faults import Fault
from edge.api.model import Shape
from edge.api.reading import MOST, MOST_COMPLAINTS
from edge.api.wire import Operation, decode, encode, operations

ROOT = Path(__file__).parents[3]
LARGEST = 5 * 2**20
PICTURE = {"Bytes": base64.b64encode(b"picture").decode()}
FACE = "11111111-2222-3333-4444-555555555555"
ALL = st.sampled_from(sorted(operations())).map(lambda name: operations()[name])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(["Image", "Tags", "FaceIds"]), inner),
)
# Strategies of deep shapes are slow to draw from at times.
slowly = settings(
    deadline=None, max_examples=200, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.fixture(scope="module")
def fuzzing() -> Iterator[Any]:
    """tools/fuzzing/requests.py, which is in no package of ours."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(ROOT / "tools"))
        yield import_module("fuzzing.requests")


def read(name: str, **members: Any) -> dict[str, Any]:
    return decode(operations()[name], json.dumps(members).encode())


def refused(name: str, **members: Any) -> Fault:
    with pytest.raises(Fault) as raised:
        read(name, **members)
    assert raised.value.status == 400
    return raised.value


def invalid(name: str, **members: Any) -> str:
    """What a ValidationException says, of one error."""
    fault = refused(name, **members)
    assert fault.code == "ValidationException"
    return fault.message.removeprefix("1 validation error detected: ")


def unreadable(name: str, **members: Any) -> str:
    fault = refused(name, **members)
    assert fault.code == "SerializationException"
    return fault.message


# What is read.


def test_members_keep_their_names_and_blobs_are_bytes() -> None:
    members = read("DetectLabels", Image=PICTURE, MaxLabels=10, MinConfidence=75, Features=["GENERAL_LABELS"])
    assert members == {
        "Image": {"Bytes": b"picture"},
        "MaxLabels": 10,
        "MinConfidence": 75.0,
        "Features": ["GENERAL_LABELS"],
    }
    assert type(members["MinConfidence"]) is float


def test_null_is_absent() -> None:
    assert read("ListCollections", NextToken=None, MaxResults=None) == {}


def test_a_whole_number_with_a_point_is_an_integer() -> None:
    assert repr(read("ListCollections", MaxResults=3.0)) == "{'MaxResults': 3}"


def test_tags_are_a_map_of_strings() -> None:
    assert read("CreateCollection", CollectionId="people", Tags={"Größe 1": ""})["Tags"] == {"Größe 1": ""}


def test_every_face_that_may_be_deleted_at_once_can_be() -> None:
    assert len(read("DeleteFaces", CollectionId="people", FaceIds=[FACE] * 4096)["FaceIds"]) == 4096


def test_a_picture_of_the_largest_size_passes() -> None:
    image = {"Bytes": base64.b64encode(bytes(LARGEST)).decode()}
    assert len(read("DetectFaces", Image=image)["Image"]["Bytes"]) == LARGEST


# What breaks a constraint: AWS's words.


def test_a_missing_member() -> None:
    said = "Value null at 'image' failed to satisfy constraint: Member must not be null"
    assert invalid("DetectLabels") == said
    assert invalid("DetectLabels", Image=None) == said


def test_a_missing_member_within() -> None:
    assert invalid("DetectProtectiveEquipment", Image=PICTURE, SummarizationAttributes={"MinConfidence": 80}) == (
        "Value null at 'summarizationAttributes.requiredEquipmentTypes' failed to satisfy constraint: "
        "Member must not be null"
    )


def test_numbers_out_of_bounds() -> None:
    assert invalid("DetectLabels", Image=PICTURE, MinConfidence=100.5) == (
        "Value '100.5' at 'minConfidence' failed to satisfy constraint: "
        "Member must have value less than or equal to 100"
    )
    assert invalid("DetectLabels", Image=PICTURE, MaxLabels=-1) == (
        "Value '-1' at 'maxLabels' failed to satisfy constraint: Member must have value greater than or equal to 0"
    )
    assert refused("ListCollections", MaxResults=4097).message == (
        "1 validation error detected: Value '4097' at 'maxResults' failed to satisfy constraint: "
        "Member must have value less than or equal to 4096"
    )


def test_a_picture_that_is_too_large() -> None:
    """Clients in the wild look for these very words."""
    image = {"Bytes": base64.b64encode(bytes(5357237)).decode()}
    fault = refused("DetectLabels", Image=image)
    assert fault.code == "ValidationException"
    assert fault.message == (
        "1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0 lim=5357237 cap=5357237]' at 'image.bytes' "
        "failed to satisfy constraint: Member must have length less than or equal to 5242880"
    )


def test_a_picture_of_nothing() -> None:
    assert invalid("DetectLabels", Image={"Bytes": ""}) == (
        "Value 'java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'image.bytes' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1"
    )


def test_a_pattern() -> None:
    assert invalid("DescribeCollection", CollectionId="no spaces") == (
        "Value 'no spaces' at 'collectionId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [a-zA-Z0-9_.\-]+"
    )


def test_an_enum_within_a_list() -> None:
    assert invalid("DetectLabels", Image=PICTURE, Features=["GENERAL_LABELS", "COLOURS"]) == (
        "Value 'COLOURS' at 'features.2.member' failed to satisfy constraint: "
        "Member must satisfy enum value set: [GENERAL_LABELS, IMAGE_PROPERTIES]"
    )


def test_null_in_a_list() -> None:
    assert invalid("DetectLabels", Image=PICTURE, Features=[None]) == (
        "Value null at 'features.1.member' failed to satisfy constraint: Member must not be null"
    )


def test_lists_and_maps_that_are_too_long_or_too_short() -> None:
    assert invalid("DeleteFaces", CollectionId="people", FaceIds=[]) == (
        "Value '[]' at 'faceIds' failed to satisfy constraint: Member must have length greater than or equal to 1"
    )
    assert invalid("DetectLabels", Image=PICTURE, Features=["A", "B", None]) == (
        "Value '[A, B, null]' at 'features' failed to satisfy constraint: "
        "Member must have length less than or equal to 2"
    )
    assert invalid("DeleteFaces", CollectionId="people", FaceIds=[FACE] * 4097) == (
        f"Value '[{FACE}, {FACE[:25]}…' at 'faceIds' failed to satisfy constraint: "
        "Member must have length less than or equal to 4096"
    )
    assert invalid("CreateCollection", CollectionId="people", Tags={f"k{i}": "" for i in range(201)}) == (
        "Value '{k0=, k1=, k2=, k3=, k4=, k5=, k6=, k7=, k8=, k9=, k10=, k11=, k…' at 'tags' "
        "failed to satisfy constraint: Member must have length less than or equal to 200"
    )


def test_keys_and_values_of_a_map() -> None:
    assert invalid("CreateCollection", CollectionId="people", Tags={"aws:owner": "me"}) == (
        "Value 'aws:owner' at 'tags' failed to satisfy constraint: Map keys must satisfy constraint: "
        r"[Member must satisfy regular expression pattern: ^(?!aws:)[\p{L}\p{Z}\p{N}_.:/=+\-@]*$]"
    )
    assert invalid("CreateCollection", CollectionId="people", Tags={"owner": "a" * 257}) == (
        f"Value '{'a' * 64}…' at 'tags.owner.member' failed to satisfy constraint: "
        "Member must have length less than or equal to 256"
    )


def test_a_member_that_the_model_does_not_know() -> None:
    assert invalid("DetectLabels", Image={**PICTURE, "bytes": "cA=="}) == (
        "Value at 'image.bytes' failed to satisfy constraint: Member is unknown, must be one of: [Bytes, S3Object]"
    )


def test_several_errors_are_counted() -> None:
    assert refused("SearchFaces", CollectionId="", MaxFaces=0, FaceId=FACE).message == (
        "3 validation errors detected: "
        "Value '' at 'collectionId' failed to satisfy constraint: Member must have length greater than or equal to 1; "
        "Value '' at 'collectionId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [a-zA-Z0-9_.\-]+; "
        "Value '0' at 'maxFaces' failed to satisfy constraint: Member must have value greater than or equal to 1"
    )


def test_nobody_reads_a_thousand_errors() -> None:
    message = refused("DeleteFaces", CollectionId="people", FaceIds=["?"] * 1000).message
    assert message.startswith(f"{MOST_COMPLAINTS} validation errors detected: ")
    assert message.count("faceIds") == MOST_COMPLAINTS


def test_a_message_repeats_no_more_than_is_sane() -> None:
    message = invalid("DescribeCollection", CollectionId="a\n\x1b[31m" + "b" * 10_000)
    assert message.startswith("Value 'a??[31mbbb")
    assert message.isprintable()
    assert len(message) < 250
    assert len(invalid("DescribeCollection", CollectionId="a", **{"c" * 10_000: 1})) < 250
    for much in (["d" * 10_000], [["e"] * 1000, 1], [{"f" * 10_000: 1}]):
        assert len(invalid("DetectLabels", Image=PICTURE, Features=much * 3)) < 250


def test_no_pattern_is_tried_on_what_is_too_long() -> None:
    channel = {"SNSTopicArn": "arn:aws:sns" + ":" * 1_000_000, "RoleArn": "arn:aws:iam::123456789012:role/r"}
    video = {"S3Object": {"Bucket": "films", "Name": "a.mp4"}}
    assert invalid("StartFaceDetection", Video=video, NotificationChannel=channel).endswith(
        "at 'notificationChannel.sNSTopicArn' failed to satisfy constraint: "
        "Member must have length less than or equal to 2048"
    )


# What cannot be read at all.


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"MaxLabels": "3"}, "STRING_VALUE can not be converted to an Integer at 'maxLabels'"),
        ({"MaxLabels": 3.5}, "NUMBER_VALUE can not be converted to an Integer at 'maxLabels'"),
        ({"MaxLabels": True}, "TRUE_VALUE can not be converted to an Integer at 'maxLabels'"),
        ({"MaxLabels": 2**31}, "NUMBER_VALUE can not be converted to an Integer at 'maxLabels'"),
        ({"MaxLabels": 10**4000}, "NUMBER_VALUE can not be converted to an Integer at 'maxLabels'"),
        ({"MinConfidence": False}, "FALSE_VALUE can not be converted to a Float at 'minConfidence'"),
        ({"MinConfidence": 10**400}, "NUMBER_VALUE can not be converted to a Float at 'minConfidence'"),
        ({"Image": 1}, "NUMBER_VALUE can not be converted to a Structure at 'image'"),
        ({"Image": []}, "Start of list found where not expected at 'image'"),
        ({"Image": {"Bytes": {}}}, "Start of structure or map found where not expected at 'image.bytes'"),
        (
            {"Image": {"S3Object": {"Name": 1}}},
            "NUMBER_VALUE can not be converted to a String at 'image.s3Object.name'",
        ),
        ({"Features": "GENERAL_LABELS"}, "STRING_VALUE can not be converted to a List at 'features'"),
        (
            {"Image": {"S3Object": {"Name": "a\ud800"}}},
            "STRING_VALUE can not be converted to a String at 'image.s3Object.name': half of a surrogate pair",
        ),
    ],
)
def test_a_member_of_another_type(members: dict[str, Any], said: str) -> None:
    assert unreadable("DetectLabels", **members) == said


@pytest.mark.parametrize("text", ["QQ", "QQ=", "QQ==\n", " QQ==", "Q", "=QQ=", "QQ==QQ==", "-_-_", "é", "data:,"])
def test_base64_is_strict(text: str) -> None:
    said = unreadable("DetectLabels", Image={"Bytes": text})
    assert said.startswith("STRING_VALUE can not be converted to a Blob at 'image.bytes': ")


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "The request body is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"null", "NULL_VALUE can not be converted to a Structure"),
        (b"[]", "Start of list found where not expected"),
        (b'"{}"', "STRING_VALUE can not be converted to a Structure"),
        (b'{"MinConfidence":NaN}', "The request body is not JSON: NaN is no JSON"),
        (b'{"MinConfidence":-Infinity}', "The request body is not JSON: -Infinity is no JSON"),
        (b'{"MinConfidence":1e999}', "NUMBER_VALUE can not be converted to a Float at 'minConfidence'"),
        (b"[" * 100_000, "The request body has too many parts"),
        (b'{"Image":' * 100_000, "The request body has too many parts"),
        (b'{"Features":["' + b"A," * 100_000, "The request body has too many parts"),
    ],
    ids=lambda given: repr(given[:30]),
)
def test_a_body_that_is_no_request(body: bytes, said: str) -> None:
    with pytest.raises(Fault) as raised:
        decode(operations()["DetectLabels"], body)
    assert raised.value.code == "SerializationException"
    assert raised.value.message == said


@pytest.mark.parametrize("around", [(b"[", b"]"), (b'{"Image":', b"}")])
def test_nothing_is_nested_so_deeply_that_a_small_stack_would_not_do(around: tuple[bytes, bytes]) -> None:
    told: list[Fault] = []

    def read_it() -> None:
        try:
            decode(operations()["DetectLabels"], around[0] * MOST[b"["] + b"1" + around[1] * MOST[b"["])
        except Fault as fault:
            told.append(fault)

    usual = threading.stack_size(1 << 20)
    reader = threading.Thread(target=read_it)
    reader.start()
    reader.join()
    threading.stack_size(usual)
    assert [fault.code for fault in told] in (["SerializationException"], ["ValidationException"])


@pytest.mark.parametrize("body", [b"\xff", "{}".encode("utf-16"), b"\xef\xbb\xbf{}", b"{}{}", b'{"a":1', b"{'a':1}"])
def test_only_json_in_utf_8_is_read(body: bytes) -> None:
    with pytest.raises(Fault, match="SerializationException: The request body is not JSON: "):
        decode(operations()["ListCollections"], body)


# The same for anything that may come.


@given(ALL, st.binary())
def test_nothing_but_a_fault_comes_of_garbage(operation: Operation, body: bytes) -> None:
    with pytest.raises(Fault):
        decode(operation, body)


@given(JSON, st.lists(st.tuples(st.integers(0, 200), st.sampled_from(b'{}[]",:\\x0e+-.19 \xff'))))
def test_the_quick_reader_takes_nothing_that_pythons_own_would_not_and_nothing_for_another(
    value: Any, dents: list[tuple[int, int]]
) -> None:
    body = bytearray(json.dumps(value).encode())
    for place, byte in dents:
        body[place % len(body)] = byte
    with suppress(ValueError):
        read_quickly = from_json(bytes(body), allow_inf_nan=False)
        assert json.dumps(read_quickly) == json.dumps(json.loads(body.decode()))


@given(ALL, JSON)
def test_nothing_but_a_fault_comes_of_any_json(operation: Operation, value: Any) -> None:
    body = json.dumps(value).encode()
    with suppress(Fault):
        decode(operation, body)


@slowly
@given(st.data())
def test_what_obeys_the_model_is_read_as_it_was_meant(fuzzing: Any, data: st.DataObject) -> None:
    operation = data.draw(ALL)
    members = data.draw(fuzzing.requests(operation))
    assert decode(operation, fuzzing.body(members)) == members


@slowly
@given(st.data())
def test_what_breaks_the_model_in_one_place_is_refused(fuzzing: Any, data: st.DataObject) -> None:
    operation = data.draw(ALL)
    body = data.draw(fuzzing.broken(operation))
    with pytest.raises(Fault) as raised:
        decode(operation, body)
    assert raised.value.code in ("SerializationException", "ValidationException")
    assert raised.value.message.isprintable()
    assert len(raised.value.message) < 10_000


@slowly
@given(st.data())
def test_a_damaged_request_is_refused_or_another(fuzzing: Any, data: st.DataObject) -> None:
    operation = data.draw(ALL)
    body = bytearray(fuzzing.body(data.draw(fuzzing.requests(operation))))
    for place in data.draw(st.lists(st.integers(0, len(body) - 1), min_size=1, max_size=4)):
        body[place] = data.draw(st.integers(0, 255))
    with suppress(Fault):
        decode(operation, bytes(body))


@slowly
@given(st.data())
def test_botocore_itself_would_send_what_is_drawn(fuzzing: Any, data: st.DataObject) -> None:
    shape_of = described().operation_model
    from botocore.validate import ParamValidator

    operation = data.draw(ALL)
    members = data.draw(fuzzing.requests(operation))
    report = ParamValidator().validate(members, shape_of(operation.name).input_shape)
    assert not report.has_errors(), report.generate_report()


# What is answered.


@cache
def described() -> Any:
    """Rekognition as botocore knows it."""
    pytest.importorskip("botocore", reason="botocore is not installed")
    from botocore.loaders import Loader
    from botocore.model import ServiceModel

    return ServiceModel(Loader().load_service_model("rekognition", "service-2"), "rekognition")


def told(shape: Shape, sent: Any) -> Any:
    """What a client ought to see of a value."""
    if shape.kind == "structure":
        return {name: told(shape.parts[name], part) for name, part in sent.items()}
    if shape.kind == "list":
        return [told(shape.parts["member"], part) for part in sent]
    if shape.kind == "float":
        return round(sent, 6)
    return round(sent, 3) if shape.kind == "timestamp" else sent


def seen(value: Any) -> Any:
    """What botocore parsed, with its dates as they were sent."""
    if isinstance(value, dict):
        return {name: seen(part) for name, part in value.items() if name != "ResponseMetadata"}
    if isinstance(value, list):
        return [seen(part) for part in value]
    return round(value.timestamp(), 3) if isinstance(value, datetime) else value


@pytest.mark.parametrize("name", sorted(operations()))
@settings(slowly, max_examples=10)
@given(data=st.data())
def test_botocore_parses_every_answer(fuzzing: Any, name: str, data: st.DataObject) -> None:
    output = described().operation_model(name).output_shape
    from botocore.parsers import create_parser

    operation = operations()[name]
    answer = data.draw(fuzzing.values(operation.output, {}))
    sent = {"status_code": 200, "headers": {}, "body": encode(operation, answer)}
    parsed = create_parser("json").parse(sent, output)
    assert seen(parsed) == told(operation.output, answer)


def test_an_answer_of_nothing_is_an_empty_object() -> None:
    assert encode(operations()["DeleteUser"], {}) == b"{}"


def test_members_that_are_none_are_left_out() -> None:
    answer = {"Labels": [{"Name": "Car", "Confidence": None}], "OrientationCorrection": None}
    assert encode(operations()["DetectLabels"], answer) == b'{"Labels":[{"Name":"Car"}]}'


def test_numbers_and_bytes_on_the_wire() -> None:
    label = {"Confidence": 98.87654321, "Instances": [{"BoundingBox": {"Left": -0.1, "Top": 0}}]}
    assert encode(operations()["DetectLabels"], {"Labels": [label]}) == (
        b'{"Labels":[{"Confidence":98.876543,"Instances":[{"BoundingBox":{"Left":-0.1,"Top":0.0}}]}]}'
    )
    assert encode(operations()["DescribeCollection"], {"CreationTimestamp": 1700000000.1234}) == (
        b'{"CreationTimestamp":1700000000.123}'
    )
    results = {"SessionId": FACE, "Status": "CREATED", "ReferenceImage": {"Bytes": b"\xff\xd8"}}
    assert b'"Bytes":"/9g="' in encode(operations()["GetFaceLivenessSessionResults"], results)


@pytest.mark.parametrize(
    ("name", "answer", "said"),
    [
        ("DetectLabels", {"Label": []}, "DetectLabels.Label: DetectLabelsResponse has no such member"),
        ("DetectLabels", {"Labels": [{}, {"Nmae": ""}]}, "DetectLabels.Labels[1].Nmae: Label has no such member"),
        ("DetectLabels", {"Labels": [{"Name": 5}]}, "DetectLabels.Labels[0].Name: 5 is no String (string)"),
        ("DetectLabels", {"Labels": [None]}, "DetectLabels.Labels[0]: None is no Label (structure)"),
        ("DetectLabels", {"Labels": {}}, "DetectLabels.Labels: {} is no Labels (list)"),
        (
            "DetectLabels",
            {"Labels": [{"Confidence": nan}]},
            "DetectLabels.Labels[0].Confidence: nan is no Percent (float)",
        ),
        (
            "DetectLabels",
            {"Labels": [{"Confidence": -inf}]},
            "DetectLabels.Labels[0].Confidence: -inf is no Percent (float)",
        ),
        (
            "DetectLabels",
            {"Labels": [{"Confidence": True}]},
            "DetectLabels.Labels[0].Confidence: True is no Percent (float)",
        ),
        ("DescribeCollection", {"FaceCount": 1.0}, "DescribeCollection.FaceCount: 1.0 is no ULong (long)"),
        (
            "DescribeCollection",
            {"CreationTimestamp": "now"},
            "DescribeCollection.CreationTimestamp: 'now' is no DateTime",
        ),
        ("AssociateFaces", {"UserStatus": "HAPPY"}, "AssociateFaces.UserStatus: 'HAPPY' is no UserStatus (string)"),
        ("ListTagsForResource", {"Tags": {"a": 1}}, "ListTagsForResource.Tags: 1 is no TagValue (string)"),
        ("StartMediaAnalysisJob", {}, "StartMediaAnalysisJob.JobId: is missing"),
        ("StartMediaAnalysisJob", {"JobId": None}, "StartMediaAnalysisJob.JobId: is missing"),
    ],
)
def test_an_answer_that_the_model_does_not_know_is_a_defect(name: str, answer: dict[str, Any], said: str) -> None:
    with pytest.raises(TypeError) as raised:
        encode(operations()[name], answer)
    assert str(raised.value).startswith(said)
