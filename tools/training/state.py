"""What a work folder has finished: state.json, which appears whole or not at all, and a lock against a second run."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from training.settings import Job

from edge import __version__
from edge.errors import StorageError, UnavailableError
from edge.packs.records import file_digest
from edge.packs.store import flush, reported

FILE, LOCK = "state.json", ".lock"
ELSEWHERE = "name another folder with --out"
FULL = 1 << 20  # bytes left on a disk that has none


def order(job: Job, data: str, signer: str) -> str:
    """A digest of all that decides what comes out: the data, the settings, who signs it, and this program."""
    settings = asdict(job) | {"out": "", "key": signer, "data": data, "program": __version__}
    return hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()


def finished(out: Path, of: str, stage: str) -> bool:
    """Whether this stage of this very order was finished, and every file of it is what it was then."""
    known = _read(out)
    files = known["stages"].get(stage) if known["order"] == of else None
    return files is not None and all(
        (out / name).is_file() and file_digest(out / name) == digest for name, digest in files.items()
    )


def finish(out: Path, of: str, stage: str, files: Sequence[Path]) -> None:
    """Note that a stage is finished and left these files. What another order had finished is forgotten."""
    known = _read(out)
    stages = known["stages"] if known["order"] == of else {}
    stages[stage] = {file.relative_to(out).as_posix(): file_digest(file) for file in files}
    write(out / FILE, {"order": of, "stages": stages})


def write(file: Path, content: Any) -> None:
    """JSON in one step. Raises StorageError where the disk refuses."""
    part = file.with_name(f".{file.name}.part")
    with reported(file, ELSEWHERE):
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            text = json.dumps(content, indent=1, ensure_ascii=False) + "\n"
            part.write_text(
                text, "utf-8", "backslashreplace"
            )  # names of files may be in no encoding; JSON's \\udcff is
            flush(part)
            part.replace(file)
            flush(file.parent)
        finally:
            part.unlink(missing_ok=True)


def free(folder: Path) -> int:
    """Bytes where a folder is, or will be."""
    return shutil.disk_usage(next(place for place in (folder, *folder.resolve().parents) if place.exists())).free


def room(folder: Path, needed: int = 64 << 20) -> None:
    """Raises StorageError where fewer bytes are free: some of what writes there ends the program when they run out."""
    left = free(folder)
    if left < needed:
        raise StorageError(
            f"{folder}: {left >> 20} MB are free, and {needed >> 20} are needed; free some space, or {ELSEWHERE}"
        )


@contextmanager
def locked(out: Path) -> Iterator[None]:
    """One run a folder. Raises UnavailableError if there is another."""
    with reported(out, ELSEWHERE):
        out.mkdir(parents=True, exist_ok=True)
        file = (out / LOCK).open("w")
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UnavailableError(f"{out}: another training works there; wait, or name another --out") from error
        except OSError as error:
            raise StorageError(f"{out}: {error.strerror}; {ELSEWHERE}") from error
        yield


def _read(out: Path) -> dict[str, Any]:
    try:
        known = json.loads((out / FILE).read_text("utf-8"))
        return {"order": str(known["order"]), "stages": dict(known["stages"])}
    except (OSError, ValueError, KeyError, TypeError):
        return {"order": "", "stages": {}}
