"""The CSV that a celebrity pack is built from: who is who, and which photos show them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from edge.errors import InputError, MissingError
from edge.packs.celebrities import ID, MOST_FACES, Gender

NEEDED, KNOWN = {"id", "name", "photos"}, {"id", "name", "urls", "gender", "photos"}
MOST_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Entry:
    """One row; `place` is where it stands, for messages."""

    place: str
    id: str
    name: str
    urls: tuple[str, ...]
    gender: Gender
    photos: tuple[Path, ...]


def read(file: Path, folder: Path) -> list[Entry]:
    """The rows of a CSV with the columns id, name, photos and, if wanted, urls and gender; `;` parts several values.

    Photos are paths inside `folder`. Raises InputError or MissingError that names the line.
    """
    if not folder.is_dir():
        raise MissingError(f"{folder}: no such folder; name the one where the photos lie")
    try:
        size = file.stat().st_size
        if not file.is_file():
            raise InputError(f"{file}: not a file; name a CSV with the columns id, name, photos")
        if size > MOST_BYTES:
            raise InputError(f"{file}: larger than {MOST_BYTES >> 20} MiB; part it into several packs")
        with file.open(encoding="utf-8-sig", newline="") as stream:
            entries = list(_entries(file, csv.DictReader(stream, strict=True), folder.resolve()))
    except FileNotFoundError as error:
        raise MissingError(f"{file}: no such file; name a CSV with the columns id, name, photos") from error
    except OSError as error:
        raise InputError(f"{file}: {error.strerror}; name a CSV that this user may read") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{file}: no CSV in UTF-8 ({error}); export it again") from error
    if not entries:
        raise InputError(f"{file}: names nobody; write a line for each person")
    return entries


def _entries(file: Path, rows: csv.DictReader[str], folder: Path) -> Iterator[Entry]:
    names = rows.fieldnames or []
    columns = set(names)
    if not NEEDED <= columns <= KNOWN or len(columns) < len(names):
        raise InputError(
            f"{file}: its first line must name the columns id, name, photos and may name urls, gender, each once"
        )
    seen: dict[str, int] = {}
    shown: dict[Path, int] = {}
    for row in rows:
        place = f"{file}:{rows.line_num}"
        if None in row or None in row.values():
            raise InputError(f"{place}: not {len(columns)} values, as the first line has; quote those with commas")
        entry = _entry(place, {column: value.strip() for column, value in row.items()}, folder)
        if before := seen.get(entry.id):
            raise InputError(f"{place}: the id {entry.id!r} stands in line {before} already; give each person one line")
        for photo in entry.photos:
            if before := shown.get(photo):
                raise InputError(
                    f"{place}: {photo.name} stands in line {before} already, and one face would be two people; "
                    "give each photo to the person it shows"
                )
        seen[entry.id] = rows.line_num
        shown.update(dict.fromkeys(entry.photos, rows.line_num))
        yield entry


def _entry(place: str, row: dict[str, str], folder: Path) -> Entry:
    gender = next((known for known in get_args(Gender) if known.lower() == row.get("gender", "").lower()), None)
    if gender is None:
        raise InputError(f"{place}: gender {row['gender']!r}: use Male, Female, Nonbinary, Unlisted or nothing")
    if odd := [column for column, value in row.items() if not value.isprintable()]:
        raise InputError(f"{place}: {odd[0]} holds a character that cannot be printed; take it out")
    photos = tuple(folder / name for name in _several(row["photos"]))
    if not photos:
        raise InputError(f"{place}: names no photo of {row['name']!r}")
    if len(photos) > MOST_FACES:
        raise InputError(f"{place}: names {len(photos)} photos, {MOST_FACES} at most; take the best")
    if not re.fullmatch(ID, row["id"]):
        raise InputError(f"{place}: id {row['id']!r}: use 1 to 64 letters and digits")
    for photo in photos:
        if not photo.resolve().is_relative_to(folder):
            raise InputError(f"{place}: {photo.name}: lies outside {folder}; photos are named as they lie in it")
    return Entry(place, row["id"], row["name"], _several(row.get("urls", "")), gender, photos)


def _several(text: str) -> tuple[str, ...]:
    return tuple(filter(None, (part.strip() for part in text.split(";"))))
