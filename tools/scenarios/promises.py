"""`kill -9` right after an answer of the API: what was acknowledged is there after a start, what was deleted is not.

Each life of the server ends with another change, in turn.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path
from typing import Any

from edge.errors import EdgeError, UnavailableError
from tools.media import get
from tools.scenarios.endpoint import Endpoint
from tools.scenarios.stage import ROOT, Figures, Progress, silent, sound

PEOPLE = "people"
OTHER_TASKS = ("objects", "labels", "moderation", "mesh", "blendshapes", "traits", "expression", "nudity", "keypoints",
               "text_boxes", "text_lines", "text_turn")  # fmt: skip
# Whoever only remembers faces starts the sooner.
FACES_ALONE = "[models]\n" + "".join(f"{task} = []\n" for task in OTHER_TASKS)


@dataclass
class Kept:
    """What a client was promised, and how it changes it; the last thing each change does is to be answered."""

    server: Endpoint
    photo: bytes
    faces: dict[str, str] = field(default_factory=dict)  # who each is of, or nobody
    users: set[str] = field(default_factory=set)
    collections: set[str] = field(default_factory=set)
    promises: int = 0

    def ask(self, operation: str, collection: str = PEOPLE, /, **members: Any) -> dict[str, Any]:
        self.promises += 1
        return self.server.ask(operation, CollectionId=collection, **members)

    def index_faces(self) -> str:
        image = {"Bytes": self.photo}
        (record,) = self.ask("IndexFaces", Image=image, ExternalImageId=f"view-{self.promises}")["FaceRecords"]
        face: str = record["Face"]["FaceId"]
        self.faces[face] = ""
        return face

    def create_user(self) -> str:
        name = f"user-{self.promises}"
        self.ask("CreateUser", UserId=name)
        self.users.add(name)
        return name

    def associate_faces(self) -> str:
        name, face = self.create_user(), self.index_faces()
        self.ask("AssociateFaces", UserId=name, FaceIds=[face])
        self.faces[face] = name
        return face

    def disassociate_faces(self) -> None:
        face = self.associate_faces()
        self.ask("DisassociateFaces", UserId=self.faces[face], FaceIds=[face])
        self.faces[face] = ""

    def delete_faces(self) -> None:
        face = self.index_faces()
        self.ask("DeleteFaces", FaceIds=[face])
        del self.faces[face]

    def delete_user(self) -> None:
        face = self.associate_faces()
        self.ask("DeleteUser", UserId=self.faces[face])
        self.users.remove(self.faces[face])
        self.faces[face] = ""

    def create_collection(self) -> str:
        name = f"collection-{self.promises}"
        self.ask("CreateCollection", name)
        self.collections.add(name)
        return name

    def delete_collection(self) -> None:
        name = self.create_collection()
        self.ask("DeleteCollection", name)
        self.collections.remove(name)

    @property
    def changes(self) -> tuple[Callable[[], object], ...]:
        return (
            self.index_faces,
            self.create_user,
            self.associate_faces,
            self.delete_faces,
            self.disassociate_faces,
            self.create_collection,
            self.delete_user,
            self.delete_collection,
        )

    def hold(self) -> None:
        """Raises AssertionError for what is not as promised."""
        listed = self.server.ask("ListFaces", CollectionId=PEOPLE, MaxResults=4096)["Faces"]
        assert {face["FaceId"]: face.get("UserId", "") for face in listed} == self.faces, "faces are not as promised"
        named = self.server.ask("ListUsers", CollectionId=PEOPLE, MaxResults=500)["Users"]
        assert {user["UserId"] for user in named} == self.users, "users are not as promised"
        there = self.server.ask("ListCollections", MaxResults=4096)["CollectionIds"]
        assert set(there) == self.collections | {PEOPLE}, "collections are not as promised"
        for face in list(self.faces)[-2:]:  # found by its vector, and so are the others
            found = self.server.ask("SearchFaces", CollectionId=PEOPLE, FaceId=face, MaxFaces=4096)["FaceMatches"]
            assert {match["Face"]["FaceId"] for match in found} == {*self.faces} - {face}, "a vector is lost"


def promises(folder: Path, count: int = 200, progress: Progress = silent) -> Figures:
    """`count` lives of a server, each killed at once after a change was acknowledged."""
    try:
        (photo,) = get("astronaut.png")
    except EdgeError as error:
        raise UnavailableError(f"no photos: {error}") from error
    with Endpoint(folder, FACES_ALONE) as server:
        server.start().ask("CreateCollection", CollectionId=PEOPLE)
        kept = Kept(server, photo.read_bytes())
        for number, change in zip(range(count), cycle(kept.changes), strict=False):
            progress(number / count, f"{number} kills, {kept.promises} promises")
            change()
            server.kill()
            server.start()
            kept.hold()
        assert server.stop() == 0, "the server did not stop in peace"
        assert "Traceback" not in server.said, server.said
    sound(server.data)
    records = _audited(server)
    assert records > kept.promises, f"{records} requests stand in the audit, {kept.promises} were acknowledged"
    return {"kills": count, "promises": kept.promises, "faces": len(kept.faces), "audit_records": records}


def _audited(server: Endpoint) -> int:
    """How many records the audit has; raises AssertionError if they are not whole."""
    words = [sys.executable, "-m", "edge.cli", "--config", str(server.toml), "audit", "verify", "--json"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"the audit is broken: {done.stdout}{done.stderr}"
    return sum(json.loads(line)["records"] for line in done.stdout.splitlines())
