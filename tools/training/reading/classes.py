"""The names of YOLO's classes: a list of lines, or `names` in a YAML, which is refused where it is not understood."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path

from edge.errors import InputError

WAYS = "write 'names: [first, second]', or lines '- first' or '0: first', with quotes around what is not plain"

_KEY = r"""(?:(?P<quote>["']?)(?P<key>\d+)(?P=quote)\s*:\s*)"""
_QUOTED = r""""(?:[^"\\]|\\.)*"|'(?:[^']|'')*\'"""
_FIRST = r"""(?:[^\s,\[\]{}#'"&*!|>%@`:?-]|-(?=\S))"""
_GAP = r"(?:\s|#[^\n]*(?:\n|$))*"
_FLOW = re.compile(rf"{_GAP}{_KEY}?(?P<name>{_QUOTED}|{_FIRST}[^,\[\]{{}}\n#:]*){_GAP}(?P<after>[,\]}}])")
_END = re.compile(rf"{_GAP}[\]}}]")
_BLOCK = re.compile(rf"\s*(?:-\s+|{_KEY})(?P<name>{_QUOTED}|{_FIRST}(?:(?!\s#|:\s).)*?)\s*(?:\s#.*)?")


def of_lines(file: Path, lines: Iterable[str]) -> dict[int, str]:
    return _checked(file, enumerate(line.strip() for line in lines if line.strip()))


def of_yaml(file: Path, lines: list[str]) -> dict[int, str]:
    """The three ways of writing them: `[a, b]` or `{0: a, 1: b}`, lines of `- a`, lines of `0: a`."""
    after = re.split(r"^names:", "\n".join(lines), maxsplit=1, flags=re.MULTILINE)[1]
    start = re.match(rf"{_GAP}([\[{{])", after)
    found = list(_flow(file, after[start.end() :]) if start else _block(file, after))
    if not found:
        raise InputError(f"{file}: 'names' is empty; list the classes there")
    return _checked(file, ((place if key is None else int(key), name) for place, (key, name) in enumerate(found)))


def _flow(file: Path, text: str) -> Iterator[tuple[str | None, str]]:
    at = 0
    while not (end := _END.match(text, at)):
        match = _FLOW.match(text, at)
        if not match:
            raise _unreadable(file, text[at:].strip().partition("\n")[0])
        yield match["key"], _plain(file, match["name"])
        at = match.end("after") - (match["after"] != ",")
    if rest := re.sub(r"\s#.*", "", text[end.end() :].partition("\n")[0]).strip():
        raise _unreadable(file, rest)


def _block(file: Path, text: str) -> Iterator[tuple[str | None, str]]:
    first, *others = text.splitlines() or [""]
    if not re.fullmatch(_GAP, first):
        raise _unreadable(file, first.strip())
    for line in takewhile(lambda line: not re.match(r"[^\s#-]", line), others):
        if re.fullmatch(_GAP, line):
            continue
        match = _BLOCK.fullmatch(line)
        if not match:
            raise _unreadable(file, line.strip())
        yield match["key"], _plain(file, match["name"])


def _plain(file: Path, written: str) -> str:
    """Without its quotes."""
    if written.startswith("'"):
        return written[1:-1].replace("''", "'").strip()
    if not written.startswith('"'):
        return written.strip()
    try:
        return str(json.loads(written)).strip()
    except ValueError as error:
        raise _unreadable(file, written) from error


def _unreadable(file: Path, written: str) -> InputError:
    return InputError(f"{file}: 'names' cannot be read at {written[:40]!r}; {WAYS}")


def _checked(file: Path, numbered: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Each number and each name once: boxes of two classes would else become those of one."""
    pairs = list(numbered)
    for what, values in (("number", [key for key, _ in pairs]), ("name", [name for _, name in pairs])):
        twice = [value for value, count in Counter(map(str, values)).items() if count > 1]
        if twice:
            raise InputError(f"{file}: two classes have the {what} {twice[0]!r}; give each one its own")
    return dict(pairs)
