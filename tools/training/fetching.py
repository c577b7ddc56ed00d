"""The pictures of an order, got from its device, as a data set that can be trained on."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from training import state
from training.orders import Claim, Entry, LostError
from training.settings import Progress

from edge.errors import InputError, MissingError
from edge.packs.store import flush, reported

MODERATION = "content-moderation-groundtruth"
IMAGES = re.compile(r"images/[0-9]{7,}-[A-Za-z0-9_.-]*")


def fetch(claim: Claim, folder: Path, progress: Progress) -> dict[str, str]:
    """The order's pictures and manifests, as a data set; pictures that are there already are not asked for again.

    Gives where each picture came from. Those that the device cannot get itself are left out here, and named by the
    check. Raises StorageError, and InputError if there is none to train or to test with.
    """
    with reported(folder, state.ELSEWHERE):
        (folder / "images").mkdir(parents=True, exist_ok=True)
        lines: dict[bool, list[str]] = {False: [], True: []}
        absent: dict[bool, list[str]] = {False: [], True: []}
        sources: dict[str, str] = {}
        entries = list(claim.entries())
        for number, entry in enumerate(entries):
            name = f"images/{entry.id:07d}-{_plain(entry.source)}"
            sources[name] = entry.source
            lines[bool(entry.test)].append(json.dumps(_line(entry, name)))
            try:
                if not (folder / name).exists():
                    _write(folder / name, claim.picture(entry))
            except MissingError as error:
                absent[bool(entry.test)].append(f"{entry.source}: {str(error).removeprefix('GetImage: ')}")
            progress("getting the pictures", (number + 1) / len(entries), f"{number + 1} of {len(entries)}")
        for test, data in ((False, "train"), (True, "test")):
            if lines[test] and len(absent[test]) == len(lines[test]):
                raise InputError(_none(len(lines[test]), f"{data}ing", absent[test][0]))
            if lines[test]:
                _write(folder / f"{data}.manifest", "".join(f"{line}\n" for line in lines[test]).encode())
    return sources


def _none(count: int, data: str, such: str) -> str:
    return f"none of the {count} pictures of the {data} data could be read: {such}"


def _line(entry: Entry, name: str) -> dict[str, Any]:
    try:
        return local(json.loads(entry.line), name)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"{entry.source}: its line is no entry of a manifest; correct it") from error


def local(line: dict[str, Any], name: str) -> dict[str, Any]:
    """A line of a manifest, with its picture here; labels of moderation as those of a picture."""
    told = {**line, "source-ref": name}
    moderated = told.pop(MODERATION, None)
    if moderated is not None:
        names = [one["Name"] for one in moderated["ModerationLabels"]]
        told["moderation"] = list(range(len(names)))
        told["moderation-metadata"] = {
            "class-map": {str(number): one for number, one in enumerate(names)},
            "type": "groundtruth/image-classification-multilabel",
        }
    return told


@contextmanager
def named(sources: dict[str, str]) -> Iterator[None]:
    """What is wrong with a picture is told under the name that it has in the bucket."""
    try:
        yield
    except LostError:
        raise
    except InputError as error:
        raise InputError(IMAGES.sub(lambda name: sources.get(name[0], name[0]), str(error))) from error


def _plain(source: str) -> str:
    """The end of a picture's place, as a name that people know it by."""
    return re.sub(r"[^A-Za-z0-9_.-]", "_", source.rpartition("/")[2])[-80:]


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all."""
    part = path.with_name(f".{path.name}.part")
    part.write_bytes(data)
    flush(part)
    part.replace(path)
