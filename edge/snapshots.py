"""What the cameras saw, undrawn: listed, labelled by people, and written out as a data set to train from.

A snapshot is a picture that `edge.stills` kept clean. Labelling moves it to where nothing is rotated away; the notes
beside it hold what people said. The data set is pictures and a manifest in the JSON Lines of SageMaker Ground Truth,
as Rekognition Custom Labels takes it; each `source-ref` is a path beside the manifest.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from edge import pictures
from edge.errors import InputError, MissingError
from edge.packs.store import flush, reported
from edge.stills import CLEAN, LABELLED, STAMP, Boxed, Notes

MANIFEST = "snapshots.manifest"
ATTRIBUTE = "vedette"  # what Ground Truth calls the name of a labelling job
INSTEAD = "name a folder that this user may write"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """One picture and where it came from; `at` is when the frame was taken, `type` the event it was kept for."""

    path: Path
    camera: str
    type: str
    at: float

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def beside(self) -> Path:
        """Where its notes lie."""
        return self.path.with_suffix(".json")

    @property
    def labelled(self) -> bool:
        return self.path.parent.name == LABELLED

    def notes(self) -> Notes:
        """Raises InputError if they are damaged; a picture without notes has empty ones."""
        try:
            return Notes.model_validate_json(self.beside.read_bytes())
        except FileNotFoundError:
            return Notes()
        except (OSError, ValidationError) as error:
            raise InputError(f"{self.beside}: damaged; label {self.name} again, which writes it anew") from error


@dataclass(frozen=True, slots=True)
class Selection:
    """Which snapshots are meant; what is left out does not restrict."""

    camera: str = ""
    type: str = ""
    since: float | None = None

    def has(self, snapshot: Snapshot) -> bool:
        return (
            self.camera in ("", snapshot.camera)
            and self.type in ("", snapshot.type)
            and (self.since is None or snapshot.at >= self.since)
        )


def snapshots(folder: Path) -> list[Snapshot]:
    """All under the folder of the stills, oldest first. Files of other names are nobody's snapshots."""
    files = [file for place in (CLEAN, LABELLED) for file in (folder / place).glob("*.jpg")]
    found = (_snapshot(file) for file in files)
    return sorted((one for one in found if one), key=lambda one: (one.at, one.name))


def _snapshot(file: Path) -> Snapshot | None:
    stamp, _, rest = file.stem.partition("-")
    camera, _, kind = rest.rpartition("-")
    try:
        at = datetime.strptime(stamp, STAMP).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return None
    return Snapshot(file, camera, kind, at) if camera and kind else None


def find(folder: Path, name: str) -> Snapshot:
    """By its name as `vedette snapshots list` prints it; raises MissingError."""
    wanted = Path(name).name.removesuffix(".jpg")
    for place in (LABELLED, CLEAN):
        file = folder / place / f"{wanted}.jpg"
        if (found := _snapshot(file)) and file.is_file():
            return found
    raise MissingError(f"{name}: there is no such snapshot in {folder}; 'vedette snapshots list' names them")


def proposed(snapshot: Snapshot, what: str, label: str) -> list[Boxed]:
    """The detector's own boxes of `what`, as boxes of `label`. Raises MissingError naming what it did find."""
    found = snapshot.notes().found
    taken = [one.model_copy(update={"label": label, "score": 1.0}) for one in found if one.label == what]
    if not taken:
        there = ", ".join(sorted({one.label for one in found})) or "nothing"
        raise MissingError(f"{snapshot.name}: the detector found no {what!r} in it, but {there}; draw it with --box")
    return taken


def boxed(snapshot: Snapshot, label: str, corners: Sequence[float]) -> Boxed:
    """A box of a picture from ratios, or from pixels if any number is above 1. Raises InputError."""
    x1, y1, x2, y2 = corners
    least = 0.0
    if max(corners) > 1.0:
        width, height = _size(snapshot.path, snapshot.path.read_bytes())
        x1, y1, x2, y2 = x1 / width, y1 / height, x2 / width, y2 / height
        least = 1 / max(width, height)  # less than a pixel was never meant as pixels
    if not (0.0 <= x1 < x2 <= 1.0 and 0.0 <= y1 < y2 <= 1.0 and min(x2 - x1, y2 - y1) >= least):
        told = " ".join(f"{corner:g}" for corner in corners)
        raise InputError(
            f"--box {label} {told}: no box of this picture; give left, top, right and bottom in ratios or in pixels"
        )
    return Boxed(label=label, x1=x1, y1=y1, x2=x2, y2=y2)


def label(snapshot: Snapshot, labels: Iterable[str], boxes: Iterable[Boxed], at: float) -> Snapshot:
    """Set what a picture shows in the place of what was said before; gives it where nothing rotates it away.

    The picture moves first: whoever is interrupted after that has lost nothing but what was about to be said.
    """
    try:
        found = snapshot.notes().found
    except InputError:
        found = ()
    notes = Notes(found=found, labels=tuple(dict.fromkeys(labels)), boxes=tuple(boxes), labelled_at=at)
    kept = snapshot if snapshot.labelled else _move(snapshot)
    with reported(kept.beside, INSTEAD):
        _write(kept.beside, notes.model_dump_json(exclude_defaults=True).encode())
    if kept.beside != snapshot.beside:
        snapshot.beside.unlink(missing_ok=True)
    return kept


def _move(snapshot: Snapshot) -> Snapshot:
    place = snapshot.path.parents[1] / LABELLED / snapshot.path.name
    with reported(place, INSTEAD):
        place.parent.mkdir(exist_ok=True)
        try:
            snapshot.path.rename(place)
        except FileNotFoundError as error:
            raise MissingError(f"{snapshot.name}: was just removed for a newer one; raise stills.keep") from error
    return Snapshot(place, snapshot.camera, snapshot.type, snapshot.at)


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(data)
        flush(part)
        part.replace(path)
        flush(path.parent)
    finally:
        part.unlink(missing_ok=True)


def export(chosen: Sequence[Snapshot], out: Path) -> Path:
    """Write labelled snapshots as pictures and a manifest; gives the manifest. Into the same folder it may be repeated.

    Raises InputError for damaged notes or a damaged picture, StorageError for a folder that cannot be written.
    """
    lines = []
    with reported(out, INSTEAD):
        (out / "images").mkdir(parents=True, exist_ok=True)
        for snapshot in chosen:
            data, notes = snapshot.path.read_bytes(), snapshot.notes()
            size = _size(snapshot.path, data)
            file = out / "images" / snapshot.path.name
            if not file.is_file() or file.stat().st_size != len(data):
                _write(file, data)
            lines.append(json.dumps(line(file.relative_to(out), size, notes), ensure_ascii=False))
        _write(out / MANIFEST, "".join(f"{one}\n" for one in lines).encode())
    return out / MANIFEST


def _size(path: Path, data: bytes) -> tuple[int, int]:
    found = pictures.header(data)
    if found is None:
        raise InputError(f"{path}: no picture any more; remove it")
    return found.width, found.height


def line(source: Path, size: tuple[int, int], notes: Notes) -> dict[str, Any]:
    """One line of the manifest; a picture that shows nothing has a list of boxes, which is empty."""
    made = datetime.fromtimestamp(notes.labelled_at or 0.0, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    told = {"human-annotated": "yes", "creation-date": made}
    entry: dict[str, Any] = {"source-ref": source.as_posix()}
    for name in notes.labels or ():
        key = f"{ATTRIBUTE}_{name}"
        entry[key] = 1
        entry[f"{key}-metadata"] = {
            "confidence": 1,
            "job-name": f"labeling-job/{key}",
            "class-name": name,
            "type": "groundtruth/image-classification",
            **told,
        }
    if notes.boxes or not notes.labels:
        names = sorted({box.label for box in notes.boxes})
        entry["bounding-box"] = {
            "image_size": [{"width": size[0], "height": size[1], "depth": 3}],
            "annotations": [_annotation(box, size, names) for box in notes.boxes],
        }
        entry["bounding-box-metadata"] = {
            "objects": [{"confidence": 1} for _ in notes.boxes],
            "class-map": {str(number): name for number, name in enumerate(names)},
            "type": "groundtruth/object-detection",
            "job-name": f"labeling-job/{ATTRIBUTE}",
            **told,
        }
    return entry


def _annotation(box: Boxed, size: tuple[int, int], names: Sequence[str]) -> dict[str, int]:
    left, top = round(box.x1 * size[0]), round(box.y1 * size[1])
    right, bottom = max(round(box.x2 * size[0]), left + 1), max(round(box.y2 * size[1]), top + 1)
    corner = {"left": left, "top": top, "width": right - left, "height": bottom - top}
    return {"class_id": names.index(box.label), **corner}
