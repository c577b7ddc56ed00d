"""Manifests: where a version's pack lies, as somebody tells devices over MQTT; and which of them were followed.

A manifest only says where to look. Whose packs are installed is decided by the keys that this device trusts.
"""

from __future__ import annotations

import hashlib
import re
import sqlite3
import time
from dataclasses import dataclass
from posixpath import normpath
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StringConstraints, ValidationError, model_validator
from sqlite_utils import Database

from edge.database import migrate, reading
from edge.errors import InputError
from edge.packs.drafts import MOST_BYTES, Name
from edge.packs.records import Sha256
from edge.settings import Flag, LocalPath, Section, Whole

ROOM = "custom manifests"
KEPT = 1000  # manifests that are remembered: the newest
STEPS = (
    """
    CREATE TABLE manifests (
        topic TEXT PRIMARY KEY,
        seal TEXT NOT NULL,
        project TEXT NOT NULL,
        version TEXT NOT NULL,
        state TEXT NOT NULL,
        at REAL NOT NULL
    )
    """,
)
MB = 1 << 20
State = Literal["installed", "starting", "running", "failed", "refused"]
TEXT = re.compile(r"[^\x00-\x20\x7f]{1,2048}")
Text = Annotated[str, StringConstraints(min_length=1, max_length=2048, pattern=r"^[^\x00-\x20\x7f]+$")]
IS_NOT = {
    "project": "is no name of letters, digits and _ . -",
    "version": "is no name of letters, digits and _ . -",
    "url": "is no address of 1 to 2048 characters without spaces",
    "file": "is no name of 1 to 2048 characters without spaces",
    "sha256": "is not 64 hexadecimal digits",
    "bytes": "is no whole number from 1",
    "start": "is neither true nor false",
}


class CustomSettings(Section):
    """Custom models that the broker announces; `manifests` listens for them.

    `folder` is where a manifest's `file` lies, such as a mounted stick; without it only URLs are fetched. A pack of
    more than `max_mb` is not fetched.
    """

    manifests: Flag = False
    folder: LocalPath | None = None
    max_mb: Annotated[Whole, Field(ge=1, le=MOST_BYTES // MB)] = 256


class Manifest(BaseModel):
    """One version's pack: its size and digest, and a URL or the name of a file to have it from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    project: Name
    version: Name
    url: Text | None = None
    file: Text | None = None
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]
    start: StrictBool = False

    @model_validator(mode="after")
    def _one_place(self) -> Self:
        if (self.url is None) == (self.file is None):
            raise ValueError("names either a url or a file")
        if self.url is not None and (reason := no_url(self.url)):
            raise ValueError(f"the url {reason}")
        return self


def no_url(url: str) -> str:
    """Why nothing is fetched from there; empty if it may be."""
    if not TEXT.fullmatch(url):
        return IS_NOT["url"]
    try:
        parts = urlsplit(url)
        sound = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0 and "@" not in parts.netloc
    except ValueError:  # a host or port that is none
        sound = False
    return "" if sound else "is none of http:// or https://, without a user in it"


def no_file(name: str) -> str:
    """Why it is no place within a device's custom.folder; empty if it may be one."""
    if not TEXT.fullmatch(name):
        return IS_NOT["file"]
    within = normpath(name)
    return "leads out of the devices' custom.folder" if within.split("/")[0] in ("", "..") else ""


def topics(prefix: str, device: str) -> tuple[str, str]:
    """Where all devices are told of a project's packs, and this one alone; a project's name follows each."""
    return f"{prefix}/custom", f"{prefix}/{device}/custom"


def read(project: str, payload: bytes) -> Manifest:
    """Raises InputError for what is none, or of another project."""
    try:
        manifest = Manifest.model_validate_json(payload)
    except ValidationError as error:
        raise InputError(f"no manifest ({_plain(error)}); announce it anew") from error
    if manifest.project != project:
        raise InputError(f"a manifest of project {manifest.project!r}; announce it on that project's topic")
    return manifest


def _plain(error: ValidationError) -> str:
    """What is wrong first, in plain words."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(map(str, fault["loc"]))
    match fault["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is none of its keys"
        case "value_error" if not place:
            return str(fault["ctx"]["error"])
        case _:
            return f"{place} {IS_NOT[place]}" if place in IS_NOT else "it is no JSON object"


def seal(payload: bytes) -> str:
    """What a manifest is remembered by."""
    return hashlib.sha256(payload).hexdigest()


@dataclass(frozen=True, slots=True)
class Trace:
    """What is remembered of a manifest: where it was told, what by, and how it ended."""

    topic: str
    seal: str
    project: str
    version: str
    state: State


class Followed:
    """The manifests that were followed. It only reads: what is to be remembered goes into the commits of others."""

    def __init__(self, database: Database) -> None:
        migrate(database, ROOM, STEPS)
        self._database = database

    def close(self) -> None:
        self._database.close()

    def knows(self, topic: str, payload: bytes) -> bool:
        """Whether this very manifest was followed to its end."""
        return any(one.topic == topic and one.seal == seal(payload) for one in self._traces("topic = ?", [topic]))

    def starting(self) -> list[Trace]:
        """Whose versions were to be started, and were neither seen running nor failed."""
        return self._traces("state = 'starting'", [])

    def _traces(self, where: str, values: list[str]) -> list[Trace]:
        with reading(self._database) as connection:
            rows = connection.execute(
                f"SELECT topic, seal, project, version, state FROM manifests WHERE {where} ORDER BY at",  # noqa: S608
                values,
            ).fetchall()
        return [Trace(*row) for row in rows]


def remember(connection: sqlite3.Connection, trace: Trace) -> None:
    """Within the caller's transaction; the oldest beyond KEPT are forgotten."""
    connection.execute(
        "INSERT OR REPLACE INTO manifests (topic, seal, project, version, state, at) VALUES (?, ?, ?, ?, ?, ?)",
        [trace.topic, trace.seal, trace.project, trace.version, trace.state, time.time()],
    )
    connection.execute(
        "DELETE FROM manifests WHERE topic IN (SELECT topic FROM manifests ORDER BY at DESC LIMIT -1 OFFSET ?)", [KEPT]
    )
