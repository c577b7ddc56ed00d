"""The lines of a manifest, as Rekognition takes them: where a picture lies, and what is on it.

A line that is no good is kept with what is wrong with it, under the codes of Rekognition: who labelled the pictures
finds it by these, and training goes on without it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["", "classify", "detect", "moderate"]

LONGEST = 99_000  # characters of a line: with its errors it must fit into 100,000
LONGEST_LABEL = 255
DEEPEST = 64  # lists and objects in one another
ABOUT = "cl-metadata"  # what is told of a line beside itself
MODERATION = "content-moderation-groundtruth"
UNREAD = "invalid-line"  # holds the text of a line that is no JSON
SLACK = 1.0  # pixels that a box may leave its picture by rounding
PREFIX = "s3://"
UNFIT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")  # in the place of a picture


@dataclass(frozen=True, slots=True)
class Problem:
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One picture of a data set. `labels` has the number of boxes of each, 0 where it is of the whole picture.

    `kind` is what it can be trained for: nothing, where it has no sound labels at all. `source` is empty where the
    line does not tell where its picture lies.
    """

    line: str
    source: str
    kind: Kind
    labels: Mapping[str, int]
    problems: tuple[Problem, ...] = ()


class _Wrong(Exception):  # noqa: N818 - a Problem on its way
    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.problem = Problem(code, message)


def read(data: bytes) -> Iterator[Entry]:
    """Every line that is not blank, in their order."""
    for line in data.decode("utf-8-sig", "replace").split("\n"):
        if line.strip():
            yield entry(line.strip())


def entry(line: str) -> Entry:
    """Whatever the line holds."""
    told = _parsed(line)
    if told is not None and list(told) == [UNREAD] and isinstance(told[UNREAD], str):
        line, told = told[UNREAD], None  # out of another data set
    if told is None:
        text = json.dumps({UNREAD: line[: LONGEST // 2]})
        problem = Problem("ERROR_INVALID_JSON_LINE", f"The line is no JSON object of at most {LONGEST} characters.")
        return Entry(text if len(text) <= LONGEST else json.dumps({UNREAD: ""}), "", "", {}, (problem,))
    text = _text(told)
    try:
        source = _source(told)
    except _Wrong as wrong:
        return Entry(text, "", "", {}, (wrong.problem,))
    return _labelled(text, source, told)


def _parsed(line: str) -> dict[str, Any] | None:
    """The object of a line, less what is told beside it; None where whoever reads it next could not."""
    try:
        told = json.loads(line)
        if not isinstance(told, dict) or len(line) > LONGEST or _deeper(told, DEEPEST):
            return None
        told.pop(ABOUT, None)
        return told if len(_text(told)) <= LONGEST else None
    except (ValueError, RecursionError):  # no JSON, or nothing that JSON has, such as NaN and 1e999
        return None


def _text(told: Mapping[str, Any]) -> str:
    return json.dumps(told, separators=(",", ":"), allow_nan=False)


def _deeper(value: Any, most: int) -> bool:
    """Whether it goes down more steps than that."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return bool(parts) and (not most or any(_deeper(part, most - 1) for part in parts))


def shown(line: str, *, labeled: bool, problems: str) -> str:
    """A line as it is listed; `problems` is the JSON of a list (`told`)."""
    about: dict[str, Any] = {"is_labeled": labeled}
    if errors := json.loads(problems or "[]"):
        about["errors"] = errors
    return f"{line[:-1]}{',' if len(line) > 2 else ''}{json.dumps({ABOUT: about}, separators=(',', ':'))[1:]}"


def told(problems: tuple[Problem, ...]) -> str:
    """As JSON; empty if there are none."""
    return json.dumps([{"code": one.code, "message": one.message} for one in problems[:10]]) if problems else ""


def bucket_of(source: str) -> tuple[str, str]:
    """The bucket and key in an `s3://bucket/key`; both empty for anything else."""
    if not source.startswith(PREFIX):
        return "", ""
    bucket, _, key = source.removeprefix(PREFIX).partition("/")
    return (bucket, key) if bucket and key else ("", "")


def _source(told: Mapping[str, Any]) -> str:
    source = told.get("source-ref")
    if source is None:
        raise _Wrong("ERROR_MISSING_SOURCE_REF", "The source-ref key is missing.")
    if not isinstance(source, str) or not all(bucket_of(source)) or len(source) > 2048 or UNFIT.search(source):
        raise _Wrong(
            "ERROR_INVALID_SOURCE_REF_FORMAT", "The format of the source-ref value is invalid: s3://bucket/key."
        )
    return source


def _labelled(text: str, source: str, told: Mapping[str, Any]) -> Entry:
    kinds: set[Kind] = set()
    labels: dict[str, int] = {}
    problems: list[Problem] = []
    for name, value in told.items():
        if name == "source-ref" or name.endswith("-metadata"):
            continue
        try:
            kind, found = _attribute(name, value, told.get(f"{name}-metadata"), problems)
        except _Wrong as wrong:
            problems.append(wrong.problem)
            continue
        if kind:
            kinds.add(kind)
            for label, boxes in found.items():
                labels[label] = labels.get(label, 0) + boxes
    if len(kinds) > 1:
        problems.append(Problem("ERROR_UNSUPPORTED_USE_CASE_TYPE", "The line mixes labels of pictures and of boxes."))
        return Entry(text, source, "", {}, tuple(problems))
    return Entry(text, source, kinds.pop() if kinds else "", labels, tuple(problems))


def _attribute(name: str, value: Any, about: Any, problems: list[Problem]) -> tuple[Kind, dict[str, int]]:
    """What one attribute says; nothing, if it is none of labels. Boxes that are no good are left out, and told of."""
    if name == MODERATION:
        return "moderate", _moderated(value)
    if about is None:
        return "", {}
    if not isinstance(about, Mapping):
        raise _Wrong("ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", f"{name}-metadata is no object.")
    kind = str(about.get("type", "")).removeprefix("groundtruth/")
    if kind == "image-classification":
        return "classify", {_name(about.get("class-name")): 0}
    if kind == "image-classification-multilabel":
        if not isinstance(value, list):
            raise _Wrong("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", f"{name} is no list of class ids.")
        return "classify", {_class(about, one): 0 for one in value}
    if kind == "object-detection":
        return "detect", _boxes(name, value, about, problems)
    if "type" in about:
        raise _Wrong("ERROR_UNSUPPORTED_USE_CASE_TYPE", f"{name}-metadata: the type {kind[:80]!r} is not supported.")
    return "", {}


def _moderated(value: Any) -> dict[str, int]:
    listed = value.get("ModerationLabels") if isinstance(value, Mapping) else None
    if not isinstance(listed, list) or not all(isinstance(one, Mapping) for one in listed):
        raise _Wrong("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", f"{MODERATION} has no list ModerationLabels.")
    return {_name(one.get("Name")): 0 for one in listed}


def _boxes(name: str, value: Any, about: Mapping[str, Any], problems: list[Problem]) -> dict[str, int]:
    listed = value.get("annotations") if isinstance(value, Mapping) else None
    if not isinstance(listed, list):
        raise _Wrong("ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", f"{name} has no list of annotations.")
    width, height = _size(value)
    labels: dict[str, int] = {}
    for one in listed:
        try:
            label = _class(about, one.get("class_id") if isinstance(one, Mapping) else None)
            _check_box(one, width, height)
        except _Wrong as wrong:
            problems.append(wrong.problem)
            continue
        labels[label] = labels.get(label, 0) + 1
    if listed and not labels:
        raise _Wrong("ERROR_NO_VALID_ANNOTATIONS", f"{name}: none of the annotations has a valid bounding box.")
    return labels


def _size(value: Mapping[str, Any]) -> tuple[float, float]:
    sizes = value.get("image_size")
    size = sizes[0] if isinstance(sizes, list) and sizes else None
    width, height = (size.get("width"), size.get("height")) if isinstance(size, Mapping) else (None, None)
    if not (_number(width) and _number(height) and width > 0 and height > 0):  # type: ignore[operator]
        raise _Wrong("ERROR_INVALID_IMAGE_DIMENSION", "image_size has no width and height of the picture.")
    return float(width), float(height)  # type: ignore[arg-type]


def _check_box(box: Mapping[str, Any], width: float, height: float) -> None:
    sides = [box.get(side) for side in ("left", "top", "width", "height")]
    if not all(_number(side) for side in sides):
        raise _Wrong("ERROR_INVALID_BOUNDING_BOX", "A bounding box lacks left, top, width or height.")
    left, top, wide, high = (float(side) for side in sides)  # type: ignore[arg-type]
    if wide <= 0 or high <= 0:
        raise _Wrong("ERROR_BOUNDING_BOX_TOO_SMALL", "A bounding box is empty.")
    if min(left, top) < -SLACK or left + wide > width + SLACK or top + high > height + SLACK:
        raise _Wrong("ERROR_INVALID_BOUNDING_BOX", "A bounding box has off frame values.")


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e6


def _class(about: Mapping[str, Any], number: Any) -> str:
    classes = about.get("class-map")
    if not isinstance(classes, Mapping) or str(number) not in classes:
        raise _Wrong("ERROR_MISSING_CLASS_MAP_ID", f"The class map has no class id {str(number)[:40]}.")
    return _name(classes[str(number)])


def _name(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or len(value) > LONGEST_LABEL or not value.isprintable():
        raise _Wrong("ERROR_INVALID_LABEL_NAME_LENGTH", f"A label's name is 1 to {LONGEST_LABEL} characters.")
    return value
