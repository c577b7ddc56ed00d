"""Manifests of SageMaker and Rekognition: a JSON object a line, with `source-ref` and labels with their metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from training.datasets import Mark, Note, Sample, Samples
from training.reading.places import first_of, in_test, side, size
from training.reading.values import number, text

from edge.errors import InputError

SUFFIXES = {".manifest", ".jsonl", ".ndjson"}
META = "-metadata"
SIDES = ("left", "top", "width", "height")


def files_in(root: Path) -> list[Path]:
    return sorted(file for file in root.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def read(files: list[Path]) -> Samples:
    """What is wrong with a line is noted, and the others are taken."""
    sides = {file: side(file.name) for file in files}
    return Samples(one for file in files for one in _read(file, in_test(sides.values(), sides[file])))


def _read(file: Path, test: bool | None) -> Iterator[Sample | Note]:
    try:
        lines = file.read_text("utf-8-sig").split("\n")
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as UTF-8 text; export the manifest again") from error
    for place, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield sample(_entry(line), file.parent, test)
        except (ValueError, KeyError) as error:
            reason = f"{error.args[0]!r} is not there" if isinstance(error, KeyError) else str(error)
            yield Note(file, f"no entry of a manifest ({reason})", "correct it", f"line {place}")


def _entry(line: str) -> dict[str, Any]:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ValueError("it is no JSON") from error
    return _object(entry, "it")


def sample(entry: dict[str, Any], folder: Path, test: bool | None = None) -> Sample:
    """One line of a manifest; raises ValueError or KeyError where it is none."""
    path = _path(entry["source-ref"], folder)
    labels: list[str] = []
    marks: list[Mark] = []
    for key, metadata in entry.items():
        name = key.removesuffix(META)
        if name == key or name not in entry or not isinstance(metadata, dict):
            continue
        if isinstance(entry[name], dict) and "annotations" in entry[name]:
            marks += _marks(entry[name], metadata, path, name)
        else:
            labels += _labels(entry[name], metadata, name)
    return Sample(path, tuple(sorted(set(labels))), tuple(marks), test)


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{what} is no JSON object")  # noqa: TRY004 - a fault of the data
    return value


def _list(value: Any, what: str) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{what} is no list")  # noqa: TRY004 - a fault of the data
    return value


def _labels(value: Any, metadata: dict[str, Any], name: str) -> list[str]:
    """Of one attribute: a name, or the class ids of several."""
    if isinstance(value, list):
        return [_named(one, metadata, f"{name!r}") for one in value]
    if "class-name" in metadata:
        return [text(metadata["class-name"])]
    names = _object(metadata.get("class-map", {}), f"the class-map of {name!r}")
    return [text(names[str(value)])] if str(value) in names else []


def _named(which: Any, metadata: dict[str, Any], what: str) -> str:
    """The label of a class id."""
    names = _object(metadata.get("class-map"), f"the class-map of {what}")
    if str(which) not in names:
        raise ValueError(f"{what} is of class {which!r}, which its class-map does not name")
    return text(names[str(which)])


def _marks(value: dict[str, Any], metadata: dict[str, Any], path: Path, name: str) -> Iterator[Mark]:
    boxes = _list(value["annotations"], f"the annotations of {name!r}")
    if not boxes:
        return
    told = _object((_list(value.get("image_size") or [], f"the image_size of {name!r}") or [{}])[0], "the image_size")
    width, height = (number(told.get(key) or 0, "the image_size") for key in ("width", "height"))
    if not width or not height:
        width, height = size(path) or (1, 1)
    for place, box in enumerate(boxes, 1):
        what = f"annotation {place} of {name!r}"
        for key in ("class_id", *SIDES):
            if key not in _object(box, what):
                raise ValueError(f"{what} has no {key!r}")
        left, top, wide, high = (number(box[key], what) for key in SIDES)
        yield Mark(
            _named(box["class_id"], metadata, what),
            left / width, top / height, (left + wide) / width, (top + high) / height,
        )  # fmt: skip


def _path(source: Any, folder: Path) -> Path:
    """A path or `file:` URL; of `s3://bucket/key`, the copy that lies beside the manifest."""
    if not isinstance(source, str) or not source.strip():
        raise ValueError(f"its source-ref is {json.dumps(source)}, and no path")
    if "://" not in source:
        return folder / source
    try:
        parts = urlsplit(source)
    except ValueError as error:
        raise ValueError(f"its source-ref {source} is no address") from error
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme != "s3":
        raise ValueError(f"{source} is not fetched: put the picture beside the manifest, and write its file name")
    key = parts.path.lstrip("/")
    names = [folder / key, folder / parts.netloc / key, folder / "images" / key, folder / Path(key).name]
    return first_of(names)
