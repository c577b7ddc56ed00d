"""The check that all clients' tests lean on: it must find what is wrong."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.edge.api.strictly import strict, strict_fault

FACE = "b41c6f3a-3c4e-4a0b-9d2c-0a1b2c3d4e5f"


@pytest.mark.parametrize(
    ("operation", "answer", "told"),
    [
        ("CreateCollection", {"StatusCode": 200, "Cost": 1}, r"CreateCollection: unknown \['Cost'\]"),
        ("CreateCollection", {"StatusCode": "200"}, "StatusCode: '200' is no integer"),
        ("CreateCollection", {"StatusCode": True}, "StatusCode: True is no number"),
        ("CreateCollection", {"CollectionArn": None}, "CollectionArn: None is no string"),
        ("CreateUser", {"Status": "ACTIVE"}, r"CreateUser: unknown \['Status'\]"),
        ("SearchFaces", {"SearchedFaceId": "nobody"}, "SearchFaces.SearchedFaceId: 'nobody' is unlike"),
        ("SearchFaces", {"FaceMatches": [{"Similarity": 101.5}]}, r"FaceMatches\[0\].Similarity: 101.5 is not within"),
        ("DetectText", {"TextDetections": [{"Type": "VERSE"}]}, r"TextDetections\[0\].Type: 'VERSE' is none of"),
        ("DetectText", {"TextDetections": {}}, "TextDetections: {} is no list"),
        ("GetFaceLivenessSessionResults", {"SessionId": FACE}, r"lacks \['Status'\]"),
    ],
)
def test_what_no_shape_allows_is_found(operation: str, answer: dict[str, Any], told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        strict(operation, json.dumps(answer).encode())


@pytest.mark.parametrize("body", [b'{"StatusCode": 200, "StatusCode": 200}', b'{"FaceMatches": [{"Similarity": NaN}]}'])
def test_what_is_no_plain_json_is_found(body: bytes) -> None:
    with pytest.raises(AssertionError, match=r"stands twice|is no JSON"):
        strict("CreateCollection", body)


def test_an_answer_is_as_botocore_reads_it() -> None:
    answer = strict("DescribeCollection", b'{"FaceCount": 3, "CreationTimestamp": 1700000000.123}')
    assert answer["FaceCount"] == 3
    assert answer["CreationTimestamp"].timestamp() == pytest.approx(1_700_000_000.123)


def test_a_refusal_is_one_that_the_operation_has() -> None:
    fault = {"__type": "ResourceNotFoundException", "Message": "no such collection"}
    assert strict_fault("ListFaces", 400, json.dumps(fault).encode())[1] == "no such collection"
    with pytest.raises(AssertionError, match="DetectText never answers ResourceNotFoundException"):
        strict_fault("DetectText", 400, json.dumps(fault).encode())
