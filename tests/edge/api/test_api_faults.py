"""Errors carry AWS's codes, statuses and words, and botocore reads them."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable

import pytest

from edge.api import faults
from edge.api.faults import Fault
from edge.api.wire import fault_body, operations

ARN = "arn:aws:rekognition:eu-west-1:123456789012:collection/people"
USER = "arn:aws:iam::123456789012:user/door"
# As documented; clients compare some of them letter for letter.
WORDS = [
    (faults.invalid_parameter(), "Request has invalid parameters"),
    (faults.invalid_parameter("MaxLabels needs GENERAL_LABELS"), "MaxLabels needs GENERAL_LABELS"),
    (faults.no_faces(), "There are no faces in the image. Should be at least 1."),
    (
        faults.access_denied(USER, "rekognition:IndexFaces", ARN),
        f"User: {USER} is not authorized to perform: rekognition:IndexFaces on resource: {ARN}",
    ),
    (faults.throttling(), "Slow down; sudden increase in rate of requests"),
    (faults.service_unavailable(), "Service Unavailable"),
    (faults.provisioned_throughput_exceeded(), "Provisioned Rate exceeded."),
    (faults.collection_already_exists("people"), "The collection id: people already exists"),
    (faults.idempotent_parameter_mismatch("t1"), "The ClientRequestToken: t1 you have supplied is already in use."),
    (faults.invalid_pagination_token(), "Invalid Pagination Token"),
    (faults.invalid_image_format(), "Request has invalid image format"),
    (faults.image_too_large(), "Image size is too large"),
    (
        faults.image_dimensions_too_large(10800, 5400, 10000),
        "Input image dimensions 10800 x 5400 exceed maximum dimension size of 10000 pixels",
    ),
    (
        faults.invalid_s3_object(),
        "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    ),
    (faults.unrecognized_client(), "The security token included in the request is invalid."),
]
FRONT_DOOR = {
    "UnrecognizedClientException",
    "InvalidSignatureException",
    "IncompleteSignatureException",
    "MissingAuthenticationTokenException",
    "UnknownOperationException",
    "SerializationException",
    "ValidationException",
}
# Those whose names say more than their codes.
SPECIAL = {"no_faces", "service_unavailable", "image_dimensions_too_large", "collection_already_exists"}


def made() -> dict[str, Fault]:
    """One of each."""
    functions: list[tuple[str, Callable[..., Fault]]] = [
        (name, one) for name, one in inspect.getmembers(faults, inspect.isfunction) if one.__module__ == faults.__name__
    ]
    return {
        name: one(*("x" for wanted in inspect.signature(one).parameters.values() if wanted.default is wanted.empty))
        for name, one in functions
    }


@pytest.mark.parametrize(("fault", "words"), WORDS, ids=lambda given: getattr(given, "code", ""))
def test_the_words_are_as_documented(fault: Fault, words: str) -> None:
    assert fault.message == words
    assert str(fault) == f"{fault.code}: {words}"


def test_each_is_named_as_aws_names_it() -> None:
    for name, fault in made().items():
        snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", fault.code.removesuffix("Exception")).lower()
        assert name in {snake, *SPECIAL}


def test_each_code_is_modelled_or_of_the_front_door() -> None:
    modelled = {code for operation in operations().values() for code in operation.errors}
    codes = {fault.code for fault in made().values()}
    assert codes <= modelled | FRONT_DOOR
    assert codes >= FRONT_DOOR


def test_only_our_own_fault_is_answered_with_500() -> None:
    assert {name for name, fault in made().items() if fault.status == 500} == {
        "internal_server_error",
    }
    assert {fault.status for fault in made().values()} == {400, 500}


def test_a_body_has_the_shape_of_aws_sample() -> None:
    body = fault_body(faults.invalid_s3_object(), "d8a5b1a2")
    assert json.loads(body) == {
        "__type": "InvalidS3ObjectException",
        "Code": "InvalidS3ObjectException",
        "Logref": "d8a5b1a2",
        "Message": "Unable to get object metadata from S3. Check object key, region and/or access permissions.",
    }


def test_botocore_reads_each() -> None:
    parsers = pytest.importorskip("botocore.parsers", reason="botocore is not installed")
    for fault in made().values():
        answer = {"status_code": fault.status, "headers": {}, "body": fault_body(fault, "1")}
        error = parsers.create_parser("json").parse(answer, None)["Error"]
        assert error == {"Code": fault.code, "Message": fault.message}


def test_whatever_a_message_repeats_can_be_sent() -> None:
    fault = faults.invalid_parameter("no half pairs: \ud800")
    assert json.loads(fault_body(fault, "1"))["Message"] == fault.message
