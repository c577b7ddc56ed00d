"""Tags of collections."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.collections import Collections, DuplicateError, FullError, NoCollectionError
from edge.collections.tags import MOST
from edge.database import connect


@pytest.fixture
def people(tmp_path: Path) -> Iterator[Collections]:
    people = Collections(connect(tmp_path))
    people.create_collection("people", {"team": "door", "age": "1"})
    yield people
    people.close()


def test_a_collection_is_made_with_its_tags(people: Collections) -> None:
    assert list(people.tags("people").items()) == [("age", "1"), ("team", "door")]
    with pytest.raises(DuplicateError):
        people.create_collection("people", {"more": ""})
    assert "more" not in people.tags("people")
    people.create_collection("plain")
    assert people.tags("plain") == {}


def test_tags_are_put_on_replaced_and_taken_off(people: Collections) -> None:
    people.tag("people", {"team": "yard", "empty": ""})
    assert people.tags("people") == {"age": "1", "empty": "", "team": "yard"}
    people.untag("people", ["age", "empty", "never"])
    assert people.tags("people") == {"team": "yard"}


def test_two_hundred_and_not_one_more(people: Collections) -> None:
    people.tag("people", {f"t{place}": "" for place in range(MOST - 2)})
    with pytest.raises(FullError, match="201"):
        people.tag("people", {"team": "yard", "more": ""})
    assert people.tags("people")["team"] == "door", "all or none"
    people.tag("people", {"team": "yard"})
    with pytest.raises(FullError):
        people.create_collection("large", {f"t{place}": "" for place in range(MOST + 1)})
    assert people.page_collections().items == ["people"]


def test_tags_go_with_their_collection(people: Collections) -> None:
    people.delete_collection("people")
    people.create_collection("people")
    assert people.tags("people") == {}


def test_nobody_tags_what_is_not_there(people: Collections) -> None:
    for call in (
        lambda: people.tag("pepole", {}),
        lambda: people.untag("pepole", []),
        lambda: people.tags("pepole"),
    ):
        with pytest.raises(NoCollectionError):
            call()
