"""Collections as a client makes, lists and deletes them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge.api.operations.collections import (
    create_collection,
    delete_collection,
    describe_collection,
    list_collections,
)
from edge.api.operations.faces import index_faces
from edge.api.operations.users import create_user
from edge.api.tokens import LIFE
from edge.collections import once
from tests.edge.api.crowds import Counter, Person, counter


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Counter]:
    with counter(tmp_path) as at:
        yield at


def test_a_collection_is_made_once(at: Counter) -> None:
    assert at.ask(create_collection, "CreateCollection", CollectionId="people", Tags={"team": "door"}) == {
        "StatusCode": 200,
        "CollectionArn": "arn:aws:rekognition:us-east-1:000000000000:collection/people",
        "FaceModelVersion": "1.0",
    }
    assert at.people.tags("people") == {"team": "door"}
    assert at.refused(create_collection, "CreateCollection", CollectionId="people") == (
        "ResourceAlreadyExistsException",
        "The collection id: people already exists",
    )


def test_it_tells_what_it_holds(at: Counter) -> None:
    at.ask(create_collection, "CreateCollection", CollectionId="people")
    at.ask(index_faces, "IndexFaces", CollectionId="people", Image=at.crowd.picture(Person(1), Person(2)))
    at.ask(create_user, "CreateUser", CollectionId="people", UserId="ada")
    told = at.ask(describe_collection, "DescribeCollection", CollectionId="people")
    assert told.pop("CreationTimestamp") == pytest.approx(at.people.describe_collection("people").created_at)
    assert told == {
        "FaceCount": 2,
        "UserCount": 1,
        "FaceModelVersion": "1.0",
        "CollectionARN": "arn:aws:rekognition:us-east-1:000000000000:collection/people",
    }


def test_what_is_not_there_is_named_as_rekognition_names_it(at: Counter) -> None:
    assert at.refused(describe_collection, "DescribeCollection", CollectionId="pepole") == (
        "ResourceNotFoundException",
        "Collection:pepole not found!",
    )
    assert at.refused(delete_collection, "DeleteCollection", CollectionId="pepole") == (
        "ResourceNotFoundException",
        "The collection id: pepole does not exist",
    )


def test_a_deleted_collection_is_gone(at: Counter) -> None:
    at.ask(create_collection, "CreateCollection", CollectionId="people")
    assert at.ask(delete_collection, "DeleteCollection", CollectionId="people") == {"StatusCode": 200}
    assert at.ask(list_collections, "ListCollections") == {"CollectionIds": [], "FaceModelVersions": []}


class TestPages:
    @pytest.fixture
    def at(self, at: Counter) -> Counter:
        for name in ("c", "a", "b"):
            at.people.create_collection(name)
        return at

    def test_each_collection_comes_once_with_its_version(self, at: Counter) -> None:
        told = at.ask(list_collections, "ListCollections", MaxResults=2)
        assert told["CollectionIds"] == ["c", "a"]
        assert told["FaceModelVersions"] == ["1.0", "1.0"]
        rest = at.ask(list_collections, "ListCollections", MaxResults=2, NextToken=told["NextToken"])
        assert rest == {"CollectionIds": ["b"], "FaceModelVersions": ["1.0"]}

    @pytest.mark.parametrize("size", [{}, {"MaxResults": 0}, {"MaxResults": 4096}, {"MaxResults": 3}])
    def test_all_of_them_need_no_token(self, at: Counter, size: dict[str, int]) -> None:
        assert at.ask(list_collections, "ListCollections", **size)["CollectionIds"] == ["c", "a", "b"]

    def test_a_token_goes_on_even_if_where_it_was_is_gone(self, at: Counter) -> None:
        told = at.ask(list_collections, "ListCollections", MaxResults=2)
        at.people.delete_collection("a")
        at.people.create_collection("d")
        rest = at.ask(list_collections, "ListCollections", MaxResults=1, NextToken=told["NextToken"])
        assert rest["CollectionIds"] == ["b"]
        last = at.ask(list_collections, "ListCollections", NextToken=rest["NextToken"])
        assert last["CollectionIds"] == ["d"]

    @pytest.mark.parametrize("token", ["x", "", "made-up-token-of-some-length"])
    def test_a_made_up_token_is_refused(self, at: Counter, token: str) -> None:
        if not token:
            assert at.ask(list_collections, "ListCollections", NextToken=token)["CollectionIds"] == ["c", "a", "b"]
            return
        assert at.refused(list_collections, "ListCollections", NextToken=token) == (
            "InvalidPaginationTokenException",
            "Invalid Pagination Token",
        )

    def test_a_token_holds_for_a_day(self, at: Counter) -> None:
        token = at.ask(list_collections, "ListCollections", MaxResults=2)["NextToken"]
        began = at.desk.now()
        for later, fits in ((LIFE - 60, True), (LIFE + 60, False)):
            then = replace(at, desk=replace(at.desk, now=lambda seconds=began + later: seconds))
            if fits:
                assert then.ask(list_collections, "ListCollections", NextToken=token)["CollectionIds"] == ["b"]
            else:
                code, _ = then.refused(list_collections, "ListCollections", NextToken=token)
                assert code == "InvalidPaginationTokenException"


def test_without_a_model_there_is_a_version_still(at: Counter) -> None:
    at.people.create_collection("people")
    blind = replace(at, desk=replace(at.desk, abilities=replace(at.desk.abilities, faces=None)))
    assert blind.ask(list_collections, "ListCollections")["FaceModelVersions"] == ["0.0"]


def test_a_token_lives_as_long_as_an_answer_is_kept() -> None:
    assert LIFE == once.LIFE
