"""Tags as a client ties them to collections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.api.operations.tags import list_tags_for_resource, tag_resource, untag_resource
from tests.edge.api.crowds import Counter, counter

PEOPLE = "arn:aws:rekognition:us-east-1:000000000000:collection/people"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Counter]:
    with counter(tmp_path) as at:
        at.people.create_collection("people", {"team": "door"})
        yield at


def test_tags_are_put_on_listed_and_taken_off(at: Counter) -> None:
    assert at.ask(tag_resource, "TagResource", ResourceArn=PEOPLE, Tags={"team": "yard", "größe": "3 m"}) == {}
    told = at.ask(list_tags_for_resource, "ListTagsForResource", ResourceArn=PEOPLE)
    assert told == {"Tags": {"größe": "3 m", "team": "yard"}}
    assert at.ask(untag_resource, "UntagResource", ResourceArn=PEOPLE, TagKeys=["team", "never"]) == {}
    told = at.ask(list_tags_for_resource, "ListTagsForResource", ResourceArn=PEOPLE)
    assert told == {"Tags": {"größe": "3 m"}}


@pytest.mark.parametrize("where", ["aws:rekognition:eu-west-1", "aws-cn:rekognition:cn-north-1"])
def test_an_arn_may_name_the_region_that_the_client_believes_in(at: Counter, where: str) -> None:
    told = at.ask(
        list_tags_for_resource, "ListTagsForResource", ResourceArn=PEOPLE.replace("aws:rekognition:us-east-1", where)
    )
    assert told == {"Tags": {"team": "door"}}


def test_two_hundred_are_enough(at: Counter) -> None:
    at.ask(tag_resource, "TagResource", ResourceArn=PEOPLE, Tags={f"t{place}": "" for place in range(199)})
    code, message = at.refused(tag_resource, "TagResource", ResourceArn=PEOPLE, Tags={"more": ""})
    assert code == "ServiceQuotaExceededException"
    assert "200 at most" in message


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        (
            "arn:aws:rekognition:us-east-1:000000000000:collection/pepole",
            "ResourceNotFoundException",
            "The collection id: pepole does not exist",
        ),
        (
            "arn:aws:rekognition:us-east-1:111111111111:collection/people",
            "ResourceNotFoundException",
            "Resource arn:aws:rekognition:us-east-1:111111111111:collection/people does not exist",
        ),
        (
            "arn:aws:rekognition:us-east-1:000000000000:streamprocessor/door",
            "ResourceNotFoundException",
            "Resource arn:aws:rekognition:us-east-1:000000000000:streamprocessor/door does not exist",
        ),
        (
            "arn:aws:rekognition:somewhere else:000000000000:collection/people",
            "ResourceNotFoundException",
            "Resource arn:aws:rekognition:somewhere else:000000000000:collection/people does not exist",
        ),
        (
            "people, please, and quickly",
            "InvalidParameterException",
            "Request has invalid parameters: people, please, and quickly is no ARN",
        ),
    ],
)
def test_only_what_is_there_has_tags(at: Counter, arn: str, code: str, message: str) -> None:
    assert at.refused(tag_resource, "TagResource", ResourceArn=arn, Tags={"a": "b"}) == (code, message)
    assert at.refused(untag_resource, "UntagResource", ResourceArn=arn, TagKeys=["a"]) == (code, message)
    assert at.refused(list_tags_for_resource, "ListTagsForResource", ResourceArn=arn) == (code, message)
