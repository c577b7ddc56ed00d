"""What is to be trained, and how the stages of a training tell how far they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from training.datasets import Task

from edge.errors import InputError
from edge.packs.custom import file_name
from edge.packs.drafts import is_name
from edge.packs.signing import SigningKey, open_key
from edge.packs.store import default_root, reported

LONGEST = 240  # letters of a pack's name, so that a file may be called so while it is written


@dataclass(frozen=True, slots=True)
class Job:
    """One training: the same job and the same data give the same model. Raises InputError for names that are none."""

    project: str
    version: str
    task: Task
    seed: int
    out: Path
    """The work folder: what a stage has finished lies there, and a rerun goes on from it."""
    minutes: float | None = None
    """At most this long for the learning; None: until it stops getting better."""
    multi: bool = False
    tflite_io: Literal["int8", "uint8"] = "int8"
    key: Path | None = None
    """The signing key of the pack; None: the one of this machine."""
    feature: Literal["CUSTOM_LABELS", "CONTENT_MODERATION"] = "CUSTOM_LABELS"
    """What the device uses it for; CONTENT_MODERATION is an adapter."""

    def __post_init__(self) -> None:
        for name in (self.project, self.version):
            if not is_name(name):
                said = "letters, digits, '_', '.' and '-' only, and not dots alone"
                raise InputError(f"{name!r} is no name for a project or version; choose another: {said}")
        if len(file_name(self.project, self.version)) > LONGEST:
            raise InputError(f"{self.project}/{self.version}: no file can be called so; choose shorter names")


def signing_key(job: Job) -> SigningKey:
    """What signs its pack; made if it is not there. Raises InputError, MissingError or StorageError."""
    file = job.key or default_root() / "signing.key"
    if job.key is None:
        with reported(file.parent):
            file.parent.mkdir(parents=True, exist_ok=True)
    return open_key(file)[0]


class Progress(Protocol):
    """How a stage tells how far it is: `done` is 0..1 of that stage, `note` a few words such as "loss 0.31"."""

    def __call__(self, stage: str, done: float, note: str = "") -> None: ...
