"""Manifests of SageMaker and Rekognition: a JSON object a line, with `source-ref` and labels with their metadata."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from training.datasets import Mark, Sample
from training.reading.places import in_test, side, size

from edge.errors import InputError

SUFFIXES = {".manifest", ".jsonl", ".ndjson"}
META = "-metadata"


def files_in(root: Path) -> list[Path]:
    return sorted(file for file in root.iterdir() if file.suffix.lower() in SUFFIXES and file.is_file())


def read(files: list[Path]) -> list[Sample]:
    sides = {file: side(file.name) for file in files}
    return [sample for file in files for sample in _read(file, in_test(sides.values(), sides[file]))]


def _read(file: Path, test: bool | None) -> Iterator[Sample]:
    try:
        lines = file.read_text("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as UTF-8 text; export the manifest again") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            yield sample(json.loads(line), file.parent, test)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
            reason = f"{error.args[0]!r} is not there" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{file}: line {number}: no entry of a manifest ({reason}); correct it") from error


def sample(entry: dict[str, Any], folder: Path, test: bool | None = None) -> Sample:
    """One line of a manifest; raises ValueError, TypeError or KeyError where it is none."""
    path = _path(str(entry["source-ref"]), folder)
    labels: list[str] = []
    marks: list[Mark] = []
    for key, metadata in entry.items():
        name = key.removesuffix(META)
        if name == key or name not in entry or not isinstance(metadata, dict):
            continue
        if isinstance(entry[name], dict) and "annotations" in entry[name]:
            marks += _marks(entry[name], metadata, path)
        else:
            labels += _labels(entry[name], metadata)
    return Sample(path, tuple(sorted(set(labels))), tuple(marks), test)


def _labels(value: Any, metadata: dict[str, Any]) -> list[str]:
    """Of one attribute: a name, or the class ids of several."""
    if isinstance(value, list):
        names = metadata["class-map"]
        return [str(names[str(one)]) for one in value]
    if "class-name" in metadata:
        return [str(metadata["class-name"])]
    names = metadata.get("class-map", {})
    return [str(names[str(value)])] if str(value) in names else []


def _marks(value: dict[str, Any], metadata: dict[str, Any], path: Path) -> Iterator[Mark]:
    names, boxes = metadata["class-map"], value["annotations"]
    if not boxes:
        return
    told = (value.get("image_size") or [{}])[0]
    width, height = told.get("width"), told.get("height")
    if not width or not height:
        width, height = size(path) or (1, 1)
    for box in boxes:
        left, top = box["left"], box["top"]
        yield Mark(
            str(names[str(box["class_id"])]),
            left / width, top / height, (left + box["width"]) / width, (top + box["height"]) / height,
        )  # fmt: skip


def _path(source: str, folder: Path) -> Path:
    """A path or `file:` URL; of `s3://bucket/key`, the copy that lies beside the manifest."""
    parts = urlsplit(source)
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    if parts.scheme != "s3":
        return folder / source
    key = parts.path.lstrip("/")
    names = [folder / key, folder / parts.netloc / key, folder / "images" / key, folder / Path(key).name]
    return next((path for path in names if path.is_file()), names[0])
