"""The API when its process is killed right after an answer, and what a deletion leaves on disk while others search."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.database import connect
from edge.errors import UnavailableError
from tools.scenarios.endpoint import Endpoint
from tools.scenarios.promises import FACES_ALONE, promises

pytestmark = [pytest.mark.faults, pytest.mark.models, pytest.mark.usefixtures("pulled")]

STRETCH = 32  # bytes of a vector by which it is known again
OURS, OTHERS = ("astronaut.png", "grace_hopper.jpg", "sample2.jpg"), "sample1.jpg"
TABLES = ("vectors", "centres")


def test_what_was_acknowledged_before_a_kill_is_there_after_it(tmp_path: Path) -> None:
    try:
        figures = promises(tmp_path, 8)
    except UnavailableError as reason:
        pytest.skip(str(reason))
    assert figures["promises"] > 8


def stretches(data: Path) -> set[bytes]:
    """Of every vector, pieces from all over it."""
    with closing(connect(data)) as database:
        vectors = [row[0] for table in TABLES for row in database.execute(f"SELECT vector FROM {table}")]  # noqa: S608
    return {vector[at : at + STRETCH] for vector in vectors for at in range(0, len(vector) - STRETCH + 1, STRETCH)}


def on_disk(data: Path) -> bytes:
    """Everything that SQLite keeps."""
    return b"".join(path.read_bytes() for path in sorted(data.glob("vedette.db*")))


@contextmanager
def searching(server: Endpoint, collection: str, face: str) -> Iterator[list[int]]:
    """Somebody searches without a pause; gives a list that grows by what was found."""
    done, found = threading.Event(), list[int]()

    def search() -> None:
        while not done.is_set():
            matches = server.ask("SearchFaces", CollectionId=collection, FaceId=face, FaceMatchThreshold=0)
            found.append(len(matches["FaceMatches"]))

    threads = [threading.Thread(target=search) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield found
    finally:
        done.set()
        for thread in threads:
            thread.join()


def test_a_deleted_collection_leaves_nothing_of_its_vectors_on_disk_while_others_search(
    tmp_path: Path, photos: Callable[..., list[Path]]
) -> None:
    *ours, others = (path.read_bytes() for path in photos(*OURS, OTHERS))
    with Endpoint(tmp_path, FACES_ALONE) as server:
        server.start()
        faces = {}
        for collection, pictures in (("ours", ours), ("others", [others])):
            server.ask("CreateCollection", CollectionId=collection)
            for view, picture in enumerate(pictures * 5):
                image = {"Image": {"Bytes": picture}, "ExternalImageId": f"view-{view}"}
                told = server.ask("IndexFaces", CollectionId=collection, **image)
            faces[collection] = [record["Face"]["FaceId"] for record in told["FaceRecords"]]
            server.ask("CreateUser", CollectionId=collection, UserId="somebody")
            user = {"CollectionId": collection, "UserId": "somebody"}
            server.ask("AssociateFaces", **user, FaceIds=faces[collection][:1])
            server.ask("SearchUsers", **user)
        before = stretches(server.data)
        with searching(server, "others", faces["others"][0]) as found:
            server.ask("DeleteCollection", CollectionId="ours")
            kept, left = stretches(server.data), on_disk(server.data)
        assert min(found) > 0, "they were found all the while"
        gone = before - kept
        assert len(gone) > 3 * 16
        assert [stretch for stretch in gone if stretch in left] == []
        assert all(stretch in left for stretch in kept)
        assert server.stop() == 0
