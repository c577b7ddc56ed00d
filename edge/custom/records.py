"""What a project holds, as values, and which names it accepts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import Generic, TypeVar

from edge.errors import InputError, MissingError
from edge.packs.custom import Feature, Index
from edge.packs.drafts import is_name

Item = TypeVar("Item")


class TakenError(InputError):
    """A project or version of that name exists already."""


class InUseError(InputError):
    """What is asked for cannot be done in this status."""


class FullError(InputError):
    """There are as many as there may be."""


class NoProjectError(MissingError):
    pass


class NoVersionError(MissingError):
    pass


class Status(StrEnum):
    """Of a version, in Rekognition's words."""

    TRAINING_IN_PROGRESS = "TRAINING_IN_PROGRESS"
    TRAINING_COMPLETED = "TRAINING_COMPLETED"
    TRAINING_FAILED = "TRAINING_FAILED"
    COPYING_IN_PROGRESS = "COPYING_IN_PROGRESS"
    COPYING_COMPLETED = "COPYING_COMPLETED"
    COPYING_FAILED = "COPYING_FAILED"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    FAILED = "FAILED"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    DELETING = "DELETING"


# From which it may be started; in which it is open, or about to be; in which it cannot be deleted.
STARTABLE = (Status.TRAINING_COMPLETED, Status.COPYING_COMPLETED, Status.STOPPED, Status.FAILED)
LIVE = (Status.STARTING, Status.RUNNING, Status.STOPPING)
BUSY = (*LIVE, Status.TRAINING_IN_PROGRESS, Status.COPYING_IN_PROGRESS)


@dataclass(frozen=True, slots=True)
class Project:
    id: int
    name: str
    feature: Feature
    auto_update: str
    created_at: float
    status: str


@dataclass(frozen=True, slots=True)
class NewVersion:
    """What a version begins with; `output` and `training` are JSON, `source_arn` is whose copy it is."""

    project: str
    name: str
    status: Status = Status.TRAINING_IN_PROGRESS
    description: str = ""
    output: str = ""
    training: str = ""
    source_arn: str = ""
    kms: str = ""
    tags: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class Version:
    """`project` is the project's name. `digest` is of its pack, whose index is `pack`: empty until there is one.

    `evaluation`, `output` and `training` are JSON, or empty.
    """

    id: int
    project: str
    feature: Feature
    name: str
    description: str
    created_at: float
    status: Status
    message: str
    min_units: int | None
    max_units: int | None
    digest: str
    pack: str
    evaluation: str
    output: str
    training: str
    seconds: float | None
    ended_at: float | None
    source_arn: str
    kms: str

    @property
    def place(self) -> str:
        """PROJECT/VERSION, as people name it."""
        return f"{self.project}/{self.name}"

    @property
    def index(self) -> Index | None:
        return Index.model_validate_json(self.pack) if self.pack else None


@dataclass(frozen=True, slots=True)
class Serving:
    """Of a project, by the versions' keys: which one is asked, which one was before, whose answers are only logged."""

    current: int | None = None
    previous: int | None = None
    shadow: int | None = None


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """A part of a list; `after` is where the next one begins, None for the last."""

    items: list[Item]
    after: int | None


def check_name(what: str, name: str) -> str:
    """The name, or InputError if it is none."""
    if not is_name(name):
        raise InputError(f"{what} {name!r}: use letters, digits and _ . - (at most 255), and not dots alone")
    return name


def place_of(place: str) -> tuple[str, str]:
    """PROJECT/VERSION, or PROJECT and nothing. Raises InputError for what is neither."""
    project, slash, name = place.partition("/")
    if not is_name(project) or (slash and not is_name(name)):
        raise InputError(
            f"{place!r}: names no version; write PROJECT or PROJECT/VERSION, as 'vedette custom list' does"
        )
    return project, name
