"""Faces as a client indexes, lists, deletes and searches them."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.api.operations.faces import delete_faces, index_faces, list_faces, search_faces, search_faces_by_image
from edge.errors import InputError
from edge.findings import FaceDetails, Gaze, Landmark, Pose, Trait
from edge.values import Box, Face
from models.faces.mesh import NAMED
from tests.edge.api.crowds import Counter, Person, counter, face_ids
from tests.edge.api.desks import USE, Told

NOBODY = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Counter]:
    with counter(tmp_path) as at:
        at.people.create_collection("people")
        yield at


def index(at: Counter, *people: Person, **members: Any) -> dict[str, Any]:
    image = members.pop("Image", None) or at.crowd.picture(*people)
    return at.ask(index_faces, "IndexFaces", CollectionId="people", Image=image, **members)


class TestIndexing:
    def test_a_face_is_told_as_it_is_kept(self, at: Counter) -> None:
        told = index(at, Person(1), ExternalImageId="ada")
        (record,) = told["FaceRecords"]
        (kept,) = at.people.list_faces("people")
        assert record["Face"] == {
            "FaceId": kept.face_id,
            "ImageId": kept.image_id,
            "ExternalImageId": "ada",
            "Confidence": 93.75,
            "BoundingBox": pytest.approx(
                {"Left": 10 / 222, "Top": 20 / 300, "Width": 112 / 222, "Height": 112 / 300}, abs=1e-6
            ),
            "IndexFacesModelVersion": "1.0",
        }
        detail = record["FaceDetail"]
        assert detail.keys() == {"BoundingBox", "Confidence", "Landmarks", "Pose", "Quality"}
        assert [point["Type"] for point in detail["Landmarks"]] == [
            "eyeLeft",
            "eyeRight",
            "nose",
            "mouthLeft",
            "mouthRight",
        ]
        assert detail["Quality"]["Sharpness"] > 90
        assert (told["FaceModelVersion"], told["UnindexedFaces"]) == ("1.0", [])

    def test_the_faces_of_a_picture_are_one_image_the_largest_first(self, at: Counter) -> None:
        told = index(at, Person(1, width=60), Person(2, width=120), Person(3, width=90))
        heights = [record["Face"]["BoundingBox"]["Height"] for record in told["FaceRecords"]]
        assert heights == sorted(heights, reverse=True)
        assert len({record["Face"]["ImageId"] for record in told["FaceRecords"]}) == 1
        assert "ExternalImageId" not in told["FaceRecords"][0]["Face"]

    def test_the_same_picture_is_kept_once_for_each_name(self, at: Counter) -> None:
        image = at.crowd.picture(Person(1), Person(2))
        first = index(at, Image=image, ExternalImageId="ada")
        assert index(at, Image=image, ExternalImageId="ada") == first
        assert len(at.people.list_faces("people")) == 2
        index(at, Image=image, ExternalImageId="grace")
        index(at, Image=image)
        index(at, Image=image)
        assert len(at.people.list_faces("people")) == 6

    def test_a_picture_of_nobody_is_no_error(self, at: Counter) -> None:
        assert index(at) == {"FaceRecords": [], "UnindexedFaces": [], "FaceModelVersion": "1.0"}
        assert at.people.list_faces("people") == []

    def test_poor_faces_are_left_out_with_their_reasons(self, at: Counter) -> None:
        told = index(at, Person(1), Person(2, width=100, sharp=False), Person(3, width=90, light=8))
        assert len(told["FaceRecords"]) == 1
        assert [face["Reasons"] for face in told["UnindexedFaces"]] == [["LOW_SHARPNESS"], ["LOW_BRIGHTNESS"]]
        assert told["UnindexedFaces"][0]["FaceDetail"]["Quality"]["Sharpness"] < 20

    @pytest.mark.parametrize(("level", "count"), [("NONE", 3), ("LOW", 2), ("AUTO", 1), ("HIGH", 1)])
    def test_how_poor_is_the_client_s_choice(self, at: Counter, level: str, count: int) -> None:
        people = (Person(1), Person(2, width=100, light=3), Person(3, width=90, light=10))
        assert len(index(at, *people, QualityFilter=level)["FaceRecords"]) == count

    def test_of_too_many_faces_the_smallest_are_left_out(self, at: Counter) -> None:
        told = index(at, Person(1, width=60), Person(2, width=120), Person(3, width=90), MaxFaces=2)
        assert len(told["FaceRecords"]) == 2
        (left,) = told["UnindexedFaces"]
        assert left["Reasons"] == ["EXCEEDS_MAX_FACES"]
        assert left["FaceDetail"]["BoundingBox"]["Height"] < told["FaceRecords"][1]["Face"]["BoundingBox"]["Height"]

    def test_but_before_these_the_poor(self, at: Counter) -> None:
        people = (Person(1, sharp=False), Person(2, width=60), Person(3, width=90))
        told = index(at, *people, MaxFaces=2, QualityFilter="NONE")
        (left,) = told["UnindexedFaces"]
        assert left["FaceDetail"]["Quality"]["Sharpness"] < 20
        assert left["Reasons"] == ["EXCEEDS_MAX_FACES"]
        told = index(at, *people, MaxFaces=1, QualityFilter="NONE")
        heights = [one["FaceDetail"]["BoundingBox"]["Height"] for one in told["UnindexedFaces"]]
        assert heights == sorted(heights, reverse=True)
        assert len(heights) == 2

    def test_a_hundred_faces_are_no_limit_to_ask_for_more(self, at: Counter) -> None:
        assert len(index(at, Person(1), MaxFaces=4096)["FaceRecords"]) == 1

    def test_a_collection_must_be_there_before_a_picture_is_looked_at(self, at: Counter) -> None:
        assert at.refused(index_faces, "IndexFaces", CollectionId="pepole", Image={"Bytes": b"none"}) == (
            "ResourceNotFoundException",
            "The collection id: pepole does not exist",
        )
        code, _ = at.refused(index_faces, "IndexFaces", CollectionId="people", Image={"Bytes": b"none"})
        assert code == "InvalidImageFormatException"

    def test_another_model_s_collection_is_told_what_to_do(self, at: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
        index(at, Person(1))
        monkeypatch.setattr(type(at.crowd.embedder), "use", replace(USE, digest="another"))
        with pytest.raises(InputError, match="re-index their pictures into a new collection"):
            index(at, Person(2))

    def test_without_the_models_it_says_why(self, at: Counter) -> None:
        blind = replace(at, desk=replace(at.desk, abilities=replace(at.desk.abilities, faces=None)))
        for handler, operation in ((index_faces, "IndexFaces"), (search_faces_by_image, "SearchFacesByImage")):
            code, message = blind.refused(handler, operation, CollectionId="people", Image=at.crowd.picture())
            assert code == "InvalidParameterException"
            assert message.startswith(f"{operation} is not available on this device")


def details(face: Face) -> FaceDetails:
    yes, no = Trait(True, 0.9), Trait(False, 0.8)
    return FaceDetails(
        face, tuple(Landmark(name, 0.5, 0.5) for name in NAMED), Pose(1, 2, 3), 50.0, 60.0, (20, 30),
        Trait("Female", 0.9), (Trait("HAPPY", 1.0),), yes, no, no, no, no, yes, no, no, Gaze(1, 2, 0.5),
    )  # fmt: skip


class TestAttributes:
    @pytest.fixture
    def at(self, at: Counter) -> Counter:
        told = Told([details(Face(Box(0, 0, 1, 1), 0.9, ((0.1, 0.1),) * 5)) for _ in range(2)])
        return replace(at, desk=replace(at.desk, abilities=replace(at.desk.abilities, attributes=told)))

    def test_what_is_asked_for_is_told_of_every_face(self, at: Counter) -> None:
        told = index(at, Person(1), Person(2, sharp=False), DetectionAttributes=["AGE_RANGE", "DEFAULT"])
        for one in (*told["FaceRecords"], *told["UnindexedFaces"]):
            assert one["FaceDetail"]["AgeRange"] == {"Low": 20, "High": 30}
            assert "Smile" not in one["FaceDetail"]

    def test_all_is_everything(self, at: Counter) -> None:
        told = index(at, Person(1), Person(2), DetectionAttributes=["ALL"])
        detail = told["FaceRecords"][0]["FaceDetail"]
        assert len(detail["Landmarks"]) == 30
        assert detail["EyeDirection"]["Confidence"] == 50

    def test_nobody_is_asked_for_what_is_not_wanted(self, at: Counter) -> None:
        index(at, Person(1), DetectionAttributes=["DEFAULT"])
        attributes: Any = at.desk.abilities.attributes
        assert attributes.asked == []

    def test_what_cannot_be_told_indexes_nothing(self, at: Counter) -> None:
        blind = replace(at, desk=replace(at.desk, abilities=replace(at.desk.abilities, attributes=None)))
        image = at.crowd.picture(Person(1))
        code, message = blind.refused(
            index_faces, "IndexFaces", CollectionId="people", Image=image, DetectionAttributes=["ALL"]
        )
        assert code == "InvalidParameterException"
        assert "DetectionAttributes ALL" in message
        assert at.people.list_faces("people") == []


class TestListing:
    def test_pages_hold_every_face_once(self, at: Counter) -> None:
        for who in range(5):
            index(at, Person(who), ExternalImageId=f"p{who}")
        names, token = [], {}
        while True:
            told = at.ask(list_faces, "ListFaces", CollectionId="people", MaxResults=2, **token)
            names += [face["ExternalImageId"] for face in told["Faces"]]
            assert told["FaceModelVersion"] == "1.0"
            if "NextToken" not in told:
                break
            token = {"NextToken": told["NextToken"]}
        assert names == ["p0", "p1", "p2", "p3", "p4"]

    def test_a_token_is_of_one_list(self, at: Counter) -> None:
        at.people.create_collection("others")
        at.people.create_user("people", "ada")
        for who in range(2):
            index(at, Person(who))
        token = at.ask(list_faces, "ListFaces", CollectionId="people", MaxResults=1)["NextToken"]
        for other in ({"CollectionId": "others"}, {"CollectionId": "people", "UserId": "ada"}):
            code, _ = at.refused(list_faces, "ListFaces", NextToken=token, **other)
            assert code == "InvalidPaginationTokenException"
        assert len(at.ask(list_faces, "ListFaces", CollectionId="people", MaxResults=9, NextToken=token)["Faces"]) == 1

    def test_faces_of_a_user_and_certain_faces(self, at: Counter) -> None:
        ids = [face_ids(index(at, Person(who))["FaceRecords"])[0] for who in range(3)]
        at.people.create_user("people", "ada")
        at.people.associate("people", "ada", [ids[1]])
        told = at.ask(list_faces, "ListFaces", CollectionId="people", UserId="ada")
        assert [(face["FaceId"], face["UserId"]) for face in told["Faces"]] == [(ids[1], "ada")]
        told = at.ask(list_faces, "ListFaces", CollectionId="people", FaceIds=[ids[2], NOBODY, ids[0]])
        assert [face["FaceId"] for face in told["Faces"]] == [ids[0], ids[2]]

    def test_who_is_missing_is_named(self, at: Counter) -> None:
        assert at.refused(list_faces, "ListFaces", CollectionId="pepole") == (
            "ResourceNotFoundException",
            "The collection id: pepole does not exist",
        )
        assert at.refused(list_faces, "ListFaces", CollectionId="people", UserId="bob") == (
            "ResourceNotFoundException",
            "The user id: bob does not exist",
        )


class TestDeleting:
    def test_each_face_that_stays_says_why(self, at: Counter) -> None:
        free, owned = face_ids(index(at, Person(1), Person(2))["FaceRecords"])
        at.people.create_user("people", "ada")
        at.people.associate("people", "ada", [owned])
        told = at.ask(delete_faces, "DeleteFaces", CollectionId="people", FaceIds=[free, owned, NOBODY, free])
        assert told == {
            "DeletedFaces": [free],
            "UnsuccessfulFaceDeletions": [
                {"FaceId": owned, "UserId": "ada", "Reasons": ["ASSOCIATED_TO_AN_EXISTING_USER"]},
                {"FaceId": NOBODY, "Reasons": ["FACE_NOT_FOUND"]},
            ],
        }
        assert [face.face_id for face in at.people.list_faces("people")] == [owned]

    def test_a_collection_must_be_there(self, at: Counter) -> None:
        code, _ = at.refused(delete_faces, "DeleteFaces", CollectionId="pepole", FaceIds=[NOBODY])
        assert code == "ResourceNotFoundException"


class TestSearching:
    @pytest.fixture
    def ids(self, at: Counter) -> list[str]:
        """Three pictures of one person, one of another."""
        people = [Person(1), Person(1, mood=1), Person(1, mood=2, width=80), Person(2)]
        return [face_ids(index(at, one, ExternalImageId=f"w{one.who}")["FaceRecords"])[0] for one in people]

    def test_a_face_finds_those_like_it_and_not_itself(self, at: Counter, ids: list[str]) -> None:
        told = at.ask(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[0])
        assert (told["SearchedFaceId"], told["FaceModelVersion"]) == (ids[0], "1.0")
        assert set(face_ids(told["FaceMatches"])) == {ids[1], ids[2]}
        similar = [match["Similarity"] for match in told["FaceMatches"]]
        assert similar == sorted(similar, reverse=True)
        assert min(similar) >= 80
        face = told["FaceMatches"][0]["Face"]
        assert (face["ExternalImageId"], face["Confidence"], face["IndexFacesModelVersion"]) == ("w1", 93.75, "1.0")
        assert face["BoundingBox"]["Width"] > 0

    def test_how_similar_and_how_many_are_the_client_s_choice(self, at: Counter, ids: list[str]) -> None:
        told = at.ask(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[0], FaceMatchThreshold=0)
        assert set(face_ids(told["FaceMatches"])) == set(ids[1:])
        told = at.ask(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[0], MaxFaces=1)
        assert len(told["FaceMatches"]) == 1
        told = at.ask(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[3])
        assert told["FaceMatches"] == []

    def test_a_face_that_is_not_there_has_the_words_that_clients_retry_on(self, at: Counter, ids: list[str]) -> None:
        at.people.delete_faces("people", [ids[0]])
        assert at.refused(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[0]) == (
            "InvalidParameterException",
            "faceId was not found in the collection.",
        )
        code, _ = at.refused(search_faces, "SearchFaces", CollectionId="pepole", FaceId=ids[1])
        assert code == "ResourceNotFoundException"

    def test_a_picture_is_searched_for_by_its_largest_face(self, at: Counter, ids: list[str]) -> None:
        image = at.crowd.picture(Person(2, width=60), Person(1, mood=9))
        told = at.ask(search_faces_by_image, "SearchFacesByImage", CollectionId="people", Image=image)
        assert set(face_ids(told["FaceMatches"])) == set(ids[:3])
        assert told["SearchedFaceBoundingBox"]["Left"] == pytest.approx(80 / 292, abs=1e-6)
        assert (told["SearchedFaceConfidence"], told["FaceModelVersion"]) == (93.75, "1.0")
        told = at.ask(search_faces_by_image, "SearchFacesByImage", CollectionId="people", Image=image, MaxFaces=1)
        assert len(told["FaceMatches"]) == 1

    def test_with_a_filter_by_the_largest_that_passes(self, at: Counter, ids: list[str]) -> None:
        image = at.crowd.picture(Person(2, sharp=False), Person(1, mood=9, width=60))
        asked = {"CollectionId": "people", "Image": image, "FaceMatchThreshold": 30.0}
        told = at.ask(search_faces_by_image, "SearchFacesByImage", **asked)
        assert face_ids(told["FaceMatches"]) == [ids[3]], "there is none unless it is asked for"
        told = at.ask(search_faces_by_image, "SearchFacesByImage", QualityFilter="AUTO", **asked)
        assert set(face_ids(told["FaceMatches"])) == set(ids[:3])

    def test_a_picture_of_nobody_is_an_error_here(self, at: Counter) -> None:
        nobody = ("InvalidParameterException", "There are no faces in the image. Should be at least 1.")
        asked = {"CollectionId": "people", "Image": at.crowd.picture()}
        assert at.refused(search_faces_by_image, "SearchFacesByImage", **asked) == nobody
        asked["Image"] = at.crowd.picture(Person(1, sharp=False))
        assert at.refused(search_faces_by_image, "SearchFacesByImage", QualityFilter="AUTO", **asked) == nobody

    def test_an_empty_collection_has_no_match(self, at: Counter) -> None:
        image = at.crowd.picture(Person(1))
        told = at.ask(search_faces_by_image, "SearchFacesByImage", CollectionId="people", Image=image)
        assert told["FaceMatches"] == []
        code, _ = at.refused(search_faces_by_image, "SearchFacesByImage", CollectionId="pepole", Image=image)
        assert code == "ResourceNotFoundException"

    def test_a_face_that_goes_while_it_is_found_is_left_out(
        self, at: Counter, ids: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = at.people.search_by_face

        def search(*asked: Any) -> Any:
            found = real(*asked)
            at.people.delete_faces("people", [ids[1]])
            return found

        monkeypatch.setattr(at.people, "search_by_face", search)
        told = at.ask(search_faces, "SearchFaces", CollectionId="people", FaceId=ids[0])
        assert face_ids(told["FaceMatches"]) == [ids[2]]
