"""boto3 against `vedette serve`: every operation, every refusal as its own exception, and its paginators."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import botocore.auth
import pytest
from boto3.session import Session
from botocore import xform_name
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.edge.api.meddling import meddling
from tests.edge.api.serving import REGION, Key, Site
from tests.edge.api.story import (
    PEOPLE,
    REFUSALS,
    THROTTLED,
    Pictures,
    Refusal,
    Refused,
    look,
    persistently,
    refused,
    remember,
)
from tests.edge.api.strictly import modelled, strict, strict_fault

pytestmark = [pytest.mark.models, pytest.mark.usefixtures("pulled")]


class Boto3:
    """Calls operations by their names on the wire, and holds every answer against the model."""

    def __init__(self, url: str, key: Key, verify: str | None = None) -> None:
        config = Config(retries={"total_max_attempts": 1}, proxies={})
        session = Session(key.id, key.secret, region_name=REGION)
        self.client = session.client("rekognition", endpoint_url=url, verify=verify, config=config)
        self.client.meta.events.register("before-parse.rekognition.*", self._hear)
        self._heard: dict[str, Any] = {}

    def __call__(self, operation: str, **members: Any) -> dict[str, Any]:
        try:
            values: dict[str, Any] = getattr(self.client, xform_name(operation))(**members)
        except ClientError as error:
            told = error.response["Error"]
            heard = strict_fault(operation, self._heard["status_code"], self._heard["body"])
            assert heard == (told["Code"], told["Message"])
            raise Refused(*heard, typed=type(error) is self._typed(operation, told["Code"])) from error
        strict(operation, self._heard["body"])
        assert values["ResponseMetadata"]["RequestId"]
        return values

    def _typed(self, operation: str, code: str) -> type:
        """The class that a program catches; what stands in no model is a ClientError."""
        found: type = getattr(self.client.exceptions, code) if code in modelled(operation) else ClientError
        return found

    def _hear(self, response_dict: dict[str, Any], **_: Any) -> None:
        self._heard = response_dict


Calling = Callable[..., Boto3]


@pytest.fixture
def calling() -> Iterator[Calling]:
    """Makes clients, and closes them afterwards."""
    with ExitStack() as opened:

        def calling(*words: Any) -> Boto3:
            made = Boto3(*words)
            opened.callback(made.client.close)
            return made

        yield calling


@pytest.fixture
def call(calling: Calling, site: Site) -> Boto3:
    return calling(site.servers["http"].url, site.full)


@pytest.fixture(params=["http", "https"])
def each(request: pytest.FixtureRequest, calling: Calling, site: Site) -> Boto3:
    return calling(site.servers[request.param].url, site.full, str(site.certificate))


def test_it_looks_at_pictures(each: Boto3, pictures: Pictures) -> None:
    look(each, pictures)


def test_it_remembers_people(each: Boto3, pictures: Pictures) -> None:
    remember(each, pictures)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: case.name)
def test_a_refusal_is_an_exception_of_its_own(call: Boto3, pictures: Pictures, case: Refusal) -> None:
    told = refused(call, case.operation, **case.members(pictures))
    assert (told.code, told.typed) == (case.code, True)
    assert case.words in told.message


def test_a_policy_denies_what_it_does_not_allow(calling: Calling, site: Site) -> None:
    call = calling(site.servers["http"].url, site.narrow)
    assert PEOPLE in call("ListCollections")["CollectionIds"]
    told = refused(call, "DescribeCollection", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("AccessDeniedException", True)
    assert told.message == site.denial("rekognition:DescribeCollection", f"collection/{PEOPLE}")


def test_a_wrong_secret_and_an_unknown_key_are_refused(calling: Calling, site: Site) -> None:
    url = site.servers["http"].url
    wrong = refused(calling(url, Key(site.full.id, site.narrow.secret)), "ListCollections")
    assert (wrong.code, wrong.typed) == ("InvalidSignatureException", True)
    assert "Check your AWS Secret Access Key" in wrong.message
    unknown = refused(calling(url, Key("AKIA" + "A" * 16, site.full.secret)), "ListCollections")
    assert (unknown.code, unknown.typed) == ("UnrecognizedClientException", True)
    assert unknown.message == "The security token included in the request is invalid."


def test_a_clock_that_is_wrong_is_told_so(call: Boto3, monkeypatch: pytest.MonkeyPatch) -> None:
    now = botocore.auth.get_current_datetime
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda: now() - timedelta(minutes=20))
    told = refused(call, "ListCollections")
    assert (told.code, told.typed) == ("InvalidSignatureException", True)
    assert "Signature expired" in told.message


def test_what_was_not_signed_is_refused(calling: Calling, site: Site) -> None:
    with meddling(site.servers["http"].url) as url:
        told = refused(calling(url, site.full), "ListFaces", CollectionId=PEOPLE)
    assert (told.code, told.typed) == ("InvalidSignatureException", True)


def test_a_key_that_asks_too_often_is_slowed_down(calling: Calling, site: Site) -> None:
    told = persistently(calling(site.servers["http"].url, site.rare), "ListCollections")
    assert (told.code, told.typed) == ("ProvisionedThroughputExceededException", True)


@pytest.mark.usefixtures("flooded")
def test_a_full_queue_throttles(call: Boto3) -> None:
    told = persistently(call, "ListCollections")
    assert (told.code, told.typed) == ("ThrottlingException", True)
    assert told.message == THROTTLED


def test_what_else_is_offered_answers_as_the_model_says(call: Boto3, pictures: Pictures) -> None:
    name, image = "rest", {"Bytes": pictures.astronaut}
    arn = call("CreateCollection", CollectionId=name, Tags={"site": "gate"})["CollectionArn"]
    call("TagResource", ResourceArn=arn, Tags={"floor": "2"})
    call("UntagResource", ResourceArn=arn, TagKeys=["site"])
    assert call("ListTagsForResource", ResourceArn=arn)["Tags"] == {"floor": "2"}
    indexed = call("IndexFaces", CollectionId=name, Image=image, DetectionAttributes=["ALL"])
    face = indexed["FaceRecords"][0]["Face"]["FaceId"]
    call("CreateUser", CollectionId=name, UserId="collins")
    call("AssociateFaces", CollectionId=name, UserId="collins", FaceIds=[face])
    described = call("DescribeCollection", CollectionId=name)
    assert (described["FaceCount"], described["UserCount"]) == (1, 1)
    assert abs(described["CreationTimestamp"].timestamp() - time.time()) < 600
    (found,) = call("SearchUsers", CollectionId=name, FaceId=face)["UserMatches"]
    assert found["User"] == {"UserId": "collins", "UserStatus": "ACTIVE"}
    gone = call("DisassociateFaces", CollectionId=name, UserId="collins", FaceIds=[face])["DisassociatedFaces"]
    assert gone == [{"FaceId": face}]
    call("DeleteUser", CollectionId=name, UserId="collins")
    seen = call("DetectLabels", Image=image, Features=["GENERAL_LABELS", "IMAGE_PROPERTIES"])
    assert seen["ImageProperties"]["DominantColors"]
    told = refused(call, "ListStreamProcessors")
    assert (told.code, told.typed) == ("InvalidParameterException", True)
    assert "not offered by this device" in told.message


def test_paginators_come_to_an_end_with_everything(call: Boto3, pictures: Pictures) -> None:
    faces = [
        call("IndexFaces", CollectionId=PEOPLE, Image={"Bytes": image}, MaxFaces=1)["FaceRecords"][0]["Face"]["FaceId"]
        for image in (pictures.astronaut, pictures.again, pictures.admiral)
    ]
    users = [f"user-{number}" for number in range(5)]
    for user in users:
        call("CreateUser", CollectionId=PEOPLE, UserId=user)
    more = [f"more-{number}" for number in range(4)]
    for name in more:
        call("CreateCollection", CollectionId=name)
    pages = _pages(call, "list_collections", 2)
    assert {name for page in pages for name in page["CollectionIds"]} >= {PEOPLE, *more}
    assert {len(page["CollectionIds"]) for page in pages[:-1]} == {2}
    pages = _pages(call, "list_faces", 1, CollectionId=PEOPLE)
    assert {face["FaceId"] for page in pages for face in page["Faces"]} == {*faces}
    pages = _pages(call, "list_users", 2, CollectionId=PEOPLE)
    assert sorted(user["UserId"] for page in pages for user in page["Users"]) == users


def test_a_token_of_another_list_is_forged(call: Boto3) -> None:
    call("CreateCollection", CollectionId="one-more")
    token = call("ListCollections", MaxResults=1)["NextToken"]
    told = refused(call, "ListFaces", CollectionId=PEOPLE, NextToken=token)
    assert (told.code, told.typed) == ("InvalidPaginationTokenException", True)


def _pages(call: Boto3, operation: str, size: int, **members: Any) -> list[dict[str, Any]]:
    return list(call.client.get_paginator(operation).paginate(PaginationConfig={"PageSize": size}, **members))
