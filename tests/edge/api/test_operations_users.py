"""Users as a client makes them, gives them faces, and searches for them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.api.operations.faces import index_faces
from edge.api.operations.users import (
    associate_faces,
    create_user,
    delete_user,
    disassociate_faces,
    list_users,
    search_users,
    search_users_by_image,
)
from edge.errors import InputError
from tests.edge.api.crowds import Counter, Person, counter, face_ids
from tests.edge.api.desks import USE

NOBODY = "00000000-0000-4000-8000-000000000000"
PEOPLE = {"CollectionId": "people"}
ADA = PEOPLE | {"UserId": "ada"}


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Counter]:
    with counter(tmp_path) as at:
        at.people.create_collection("people")
        at.ask(create_user, "CreateUser", **ADA)
        yield at


def enrol(at: Counter, *people: Person) -> list[str]:
    """Each from a picture of its own."""
    told = [at.ask(index_faces, "IndexFaces", **PEOPLE, Image=at.crowd.picture(one)) for one in people]
    return [face_id for one in told for face_id in face_ids(one["FaceRecords"])]


def given(at: Counter, user: str, faces: list[str], **members: Any) -> dict[str, Any]:
    return at.ask(associate_faces, "AssociateFaces", **PEOPLE, UserId=user, FaceIds=faces, **members)


class TestMaking:
    def test_a_user_is_made_once(self, at: Counter) -> None:
        code, message = at.refused(create_user, "CreateUser", **ADA)
        assert code == "ConflictException"
        assert message.startswith("A User with the same Id already exists within the collection")

    def test_a_token_makes_a_repetition_harmless(self, at: Counter) -> None:
        bob = PEOPLE | {"UserId": "bob", "ClientRequestToken": "t-1"}
        assert at.ask(create_user, "CreateUser", **bob) == {}
        assert at.ask(create_user, "CreateUser", **bob) == {}
        assert at.refused(create_user, "CreateUser", **bob | {"UserId": "eve"}) == (
            "IdempotentParameterMismatchException",
            "The ClientRequestToken: t-1 you have supplied is already in use.",
        )
        for _ in range(2):
            assert at.ask(delete_user, "DeleteUser", **bob) == {}

    def test_who_is_missing_is_named(self, at: Counter) -> None:
        missing = {"CollectionId": "pepole", "UserId": "ada"}
        absent = ("ResourceNotFoundException", "The collection id: pepole does not exist")
        assert at.refused(create_user, "CreateUser", **missing) == absent
        assert at.refused(delete_user, "DeleteUser", **missing) == absent
        assert at.refused(list_users, "ListUsers", CollectionId="pepole") == absent
        assert at.refused(associate_faces, "AssociateFaces", **missing, FaceIds=[NOBODY]) == absent
        absent = ("ResourceNotFoundException", "The user id: bob does not exist")
        bob = PEOPLE | {"UserId": "bob"}
        assert at.refused(delete_user, "DeleteUser", **bob) == absent
        for handler, operation in ((associate_faces, "AssociateFaces"), (disassociate_faces, "DisassociateFaces")):
            assert at.refused(handler, operation, **bob, FaceIds=[NOBODY]) == absent

    def test_a_deleted_user_leaves_the_faces(self, at: Counter) -> None:
        given(at, "ada", enrol(at, Person(1), Person(1, mood=1)))
        at.ask(delete_user, "DeleteUser", **ADA)
        assert [face.user_id for face in at.people.list_faces("people")] == ["", ""]

    def test_users_are_listed_with_their_state(self, at: Counter) -> None:
        at.ask(create_user, "CreateUser", **PEOPLE, UserId="Bob:7")
        given(at, "ada", enrol(at, Person(1)))
        told = at.ask(list_users, "ListUsers", **PEOPLE, MaxResults=1)
        assert told["Users"] == [{"UserId": "ada", "UserStatus": "ACTIVE"}]
        rest = at.ask(list_users, "ListUsers", **PEOPLE, NextToken=told["NextToken"])
        assert rest == {"Users": [{"UserId": "Bob:7", "UserStatus": "CREATED"}]}
        at.people.create_collection("others")
        code, _ = at.refused(list_users, "ListUsers", CollectionId="others", NextToken=told["NextToken"])
        assert code == "InvalidPaginationTokenException"


class TestGiving:
    def test_faces_become_the_user_s(self, at: Counter) -> None:
        first, second = enrol(at, Person(1), Person(1, mood=1))
        assert given(at, "ada", [first]) == {
            "AssociatedFaces": [{"FaceId": first}],
            "UnsuccessfulFaceAssociations": [],
            "UserStatus": "ACTIVE",
        }
        assert given(at, "ada", [first, second])["AssociatedFaces"] == [{"FaceId": second}]

    def test_each_face_that_is_not_says_why(self, at: Counter) -> None:
        first, wrong, theirs = enrol(at, Person(1), Person(2), Person(3))
        at.ask(create_user, "CreateUser", **PEOPLE, UserId="grace")
        given(at, "ada", [first])
        given(at, "grace", [theirs])
        told = given(at, "ada", [wrong, NOBODY, theirs])
        unlike = told["UnsuccessfulFaceAssociations"][0].pop("Confidence")
        assert 0 < unlike < 75
        assert told == {
            "AssociatedFaces": [],
            "UnsuccessfulFaceAssociations": [
                {"FaceId": wrong, "Reasons": ["LOW_MATCH_CONFIDENCE"]},
                {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
                {"FaceId": theirs, "UserId": "grace", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]},
            ],
            "UserStatus": "ACTIVE",
        }
        told = given(at, "ada", [wrong], UserMatchThreshold=max(unlike - 1, 0))
        assert told["AssociatedFaces"] == [{"FaceId": wrong}]

    def test_three_people_in_one_call_are_not_one_user(self, at: Counter) -> None:
        first, *others = enrol(at, Person(1), Person(2), Person(3))
        told = given(at, "ada", [first, *others])
        assert len(told["AssociatedFaces"]) == 1
        assert [one["Reasons"] for one in told["UnsuccessfulFaceAssociations"]] == [["LOW_MATCH_CONFIDENCE"]] * 2
        assert len(given(at, "ada", [first, *others], UserMatchThreshold=0)["AssociatedFaces"]) == 2

    def test_a_token_gets_the_same_answer(self, at: Counter) -> None:
        (face,) = enrol(at, Person(1))
        told = given(at, "ada", [face], ClientRequestToken="t")
        assert given(at, "ada", [face], ClientRequestToken="t") == told
        assert given(at, "ada", [face])["AssociatedFaces"] == []
        asked = ADA | {"FaceIds": [face, NOBODY], "ClientRequestToken": "t"}
        code, _ = at.refused(associate_faces, "AssociateFaces", **asked)
        assert code == "IdempotentParameterMismatchException"

    def test_a_hundred_faces_are_enough(self, at: Counter) -> None:
        faces = enrol(at, *(Person(1, mood=mood) for mood in range(101)))
        assert len(given(at, "ada", faces[:100])["AssociatedFaces"]) == 100
        code, message = at.refused(associate_faces, "AssociateFaces", **ADA, FaceIds=faces[100:])
        assert code == "ServiceQuotaExceededException"
        assert "a user has 100 at most" in message

    def test_faces_are_taken_back(self, at: Counter) -> None:
        first, second, free, theirs = enrol(at, Person(1), Person(1, mood=1), Person(3), Person(4))
        at.ask(create_user, "CreateUser", **PEOPLE, UserId="grace")
        given(at, "ada", [first, second])
        given(at, "grace", [theirs])
        take = ADA | {"FaceIds": [first, free, NOBODY, theirs]}
        assert at.ask(disassociate_faces, "DisassociateFaces", **take) == {
            "DisassociatedFaces": [{"FaceId": first}],
            "UnsuccessfulFaceDisassociations": [
                {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
                {"FaceId": theirs, "UserId": "grace", "Reasons": ["ASSOCIATED_TO_A_DIFFERENT_USER"]},
            ],
            "UserStatus": "ACTIVE",
        }
        told = at.ask(disassociate_faces, "DisassociateFaces", **ADA, FaceIds=[second], ClientRequestToken="t")
        assert told["UserStatus"] == "CREATED"
        assert at.ask(disassociate_faces, "DisassociateFaces", **ADA, FaceIds=[second], ClientRequestToken="t") == told


class TestSearching:
    @pytest.fixture
    def faces(self, at: Counter) -> list[str]:
        """Two users of two faces each, and faces of both persons that belong to nobody."""
        people = [Person(who, mood=mood) for who in (1, 2) for mood in range(3)]
        faces = enrol(at, *people)
        at.ask(create_user, "CreateUser", **PEOPLE, UserId="grace")
        given(at, "ada", faces[:2])
        given(at, "grace", faces[3:5])
        return faces

    def test_by_a_face(self, at: Counter, faces: list[str]) -> None:
        for face in (faces[2], faces[0]):
            told = at.ask(search_users, "SearchUsers", **PEOPLE, FaceId=face)
            (match,) = told["UserMatches"]
            assert match["User"] == {"UserId": "ada", "UserStatus": "ACTIVE"}
            assert match["Similarity"] > 99
            assert (told["SearchedFace"], told["FaceModelVersion"]) == ({"FaceId": face}, "1.0")
            assert "SearchedUser" not in told

    def test_by_a_user_who_is_not_among_the_matches(self, at: Counter, faces: list[str]) -> None:
        assert faces
        told = at.ask(search_users, "SearchUsers", **ADA)
        assert (told["UserMatches"], told["SearchedUser"]) == ([], {"UserId": "ada"})
        told = at.ask(search_users, "SearchUsers", **ADA, UserMatchThreshold=0, MaxUsers=5)
        assert [match["User"]["UserId"] for match in told["UserMatches"]] == ["grace"]

    def test_by_one_of_them(self, at: Counter, faces: list[str]) -> None:
        for asked in ({}, {"FaceId": faces[0], "UserId": "ada"}):
            code, message = at.refused(search_users, "SearchUsers", **PEOPLE, **asked)
            assert code == "InvalidParameterException"
            assert message.startswith("Request has invalid parameters")

    def test_who_is_missing_is_named(self, at: Counter, faces: list[str]) -> None:
        assert at.refused(search_users, "SearchUsers", **PEOPLE, FaceId=NOBODY) == (
            "InvalidParameterException",
            "faceId was not found in the collection.",
        )
        code, _ = at.refused(search_users, "SearchUsers", **PEOPLE, UserId="bob")
        assert code == "ResourceNotFoundException"
        code, _ = at.refused(search_users, "SearchUsers", CollectionId="pepole", FaceId=faces[0])
        assert code == "ResourceNotFoundException"

    def test_by_the_largest_face_of_a_picture_and_the_others_are_told_of(self, at: Counter, faces: list[str]) -> None:
        assert faces
        people = (Person(2, mood=9, width=60), Person(1, mood=9), Person(3, width=90, sharp=False))
        asked = PEOPLE | {"Image": at.crowd.picture(*people)}
        told = at.ask(search_users_by_image, "SearchUsersByImage", **asked)
        assert [match["User"]["UserId"] for match in told["UserMatches"]] == ["ada"]
        searched = told["SearchedFace"]["FaceDetail"]
        assert searched.keys() == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
        others = told["UnsearchedFaces"]
        assert [one["Reasons"] for one in others] == [["FACE_NOT_LARGEST"], ["FACE_NOT_LARGEST"]]
        heights = [face["BoundingBox"]["Height"] for face in (searched, *(one["FaceDetails"] for one in others))]
        assert heights == sorted(heights, reverse=True)
        told = at.ask(search_users_by_image, "SearchUsersByImage", QualityFilter="AUTO", **asked)
        assert [one["Reasons"] for one in told["UnsearchedFaces"]] == [["LOW_SHARPNESS"], ["FACE_NOT_LARGEST"]]
        assert told["FaceModelVersion"] == "1.0"

    def test_a_picture_without_a_fit_face_is_no_error(self, at: Counter, faces: list[str]) -> None:
        assert faces
        told = at.ask(search_users_by_image, "SearchUsersByImage", **PEOPLE, Image=at.crowd.picture())
        assert told == {"UserMatches": [], "UnsearchedFaces": [], "FaceModelVersion": "1.0"}
        blurred = at.crowd.picture(Person(1, sharp=False))
        told = at.ask(search_users_by_image, "SearchUsersByImage", **PEOPLE, Image=blurred, QualityFilter="AUTO")
        assert told["UserMatches"] == []
        assert "SearchedFace" not in told
        assert [one["Reasons"] for one in told["UnsearchedFaces"]] == [["LOW_SHARPNESS"]]

    def test_who_resembles_no_user_has_no_match(self, at: Counter, faces: list[str]) -> None:
        assert faces
        told = at.ask(search_users_by_image, "SearchUsersByImage", **PEOPLE, Image=at.crowd.picture(Person(7)))
        assert told["UserMatches"] == []
        asked = {"CollectionId": "pepole", "Image": at.crowd.picture(Person(1))}
        code, _ = at.refused(search_users_by_image, "SearchUsersByImage", **asked)
        assert code == "ResourceNotFoundException"

    def test_without_the_models_it_says_why(self, at: Counter) -> None:
        blind = replace(at, desk=replace(at.desk, abilities=replace(at.desk.abilities, faces=None)))
        asked = PEOPLE | {"Image": at.crowd.picture()}
        code, message = blind.refused(search_users_by_image, "SearchUsersByImage", **asked)
        assert code == "InvalidParameterException"
        assert message.startswith("SearchUsersByImage is not available on this device")

    def test_another_model_s_users_are_not_compared(
        self, at: Counter, faces: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert faces
        monkeypatch.setattr(type(at.crowd.embedder), "use", replace(USE, digest="another"))
        with pytest.raises(InputError, match="another embedding model"):
            at.ask(search_users_by_image, "SearchUsersByImage", **PEOPLE, Image=at.crowd.picture(Person(1)))
