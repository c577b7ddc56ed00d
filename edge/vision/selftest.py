"""Whether a custom model sees on this machine what it saw on the workstation that made it.

Its pack brings `selftest.npz`: pictures as the network takes them, and what the int8 network said of them there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from edge.values import Image
from edge.vision.custom import Custom
from models.boxes import iou
from models.manifest import Backend, Input, ModelError
from models.outputs import Boxes, Floats

FILE = "selftest.npz"
LEAD = 0.1  # by so much the best label must lead for it to have to stay the best
DRIFT = 0.15  # that a probability may differ by
SURE = 0.5  # score from which a box must be found again,
SAME = 0.5  # with so much overlap
BOX_DRIFT = 0.2  # and no other a score than that

Arrays = Mapping[str, NDArray[Any]]


def fault(custom: Custom) -> str:
    """What the model does not see as it should, in one sentence; empty if all is well.

    Raises AcceleratorError if no back end can run it now.
    """
    try:
        expected = _read(custom.installed.folder / FILE)
        return _misfit(custom) or next(_faults(custom, expected or {}), "")
    except (ModelError, ValueError, IndexError, KeyError) as error:
        return str(error) or type(error).__name__


def _read(file: Path) -> Arrays | None:
    """None if the pack brings none."""
    try:
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except FileNotFoundError:
        return None
    except (OSError, EOFError, ValueError, BadZipFile) as error:
        raise ModelError(f"{file} cannot be read: {error}; install the pack again") from error


def _input(custom: Custom) -> Input:
    """As the back end that is asked now takes it."""
    return custom.model.manifest.input_for(cast(Backend, custom.model.session.backend))


def _misfit(custom: Custom) -> str:
    """Where the network takes pictures of another size than its pack says."""
    told, (taken,) = _input(custom), custom.model.session.inputs
    frame = (1, told.height, told.width, 3) if told.layout == "NHWC" else (1, 3, told.height, told.width)
    if len(taken.shape) == len(frame) and all(side in (-1, own) for side, own in zip(taken.shape, frame, strict=True)):
        return ""
    sides = " x ".join(map(str, taken.shape))
    return f"its pack says {told.width} x {told.height} pixels, and its network takes {sides}; train it anew"


def _faults(custom: Custom, expected: Arrays) -> Iterator[str]:
    custom.answer(np.full((480, 640, 3), 114, np.uint8))  # as cameras ask it; what it says does not matter
    told = _input(custom)
    for number, image in enumerate(expected.get("images", ())):
        if image.shape[:2] != (told.height, told.width):
            yield f"picture {number + 1} of its self-test is not of {told.width} x {told.height} pixels; train it anew"
            return
        found = _seen(custom, image, SURE - BOX_DRIFT)
        if isinstance(found, Boxes):
            rows = expected["rows"] == number
            wanted = Boxes(expected["boxes"][rows], expected["scores"][rows], expected["classes"][rows])
            sentence = _missed(wanted, found, custom)
        else:
            sentence = _drifted(expected["scores"][number], found, custom)
        if sentence:
            yield f"picture {number + 1} of its self-test: {sentence}"


def _seen(custom: Custom, image: Image, floor: float) -> Boxes | Floats:
    found = custom.checked(custom.model.prepare_fitted(image, floor)().result())
    return found if isinstance(found, Boxes) else found.values


def _drifted(wanted: Floats, found: Floats, custom: Custom) -> str:
    names = custom.model.labels
    second, best = np.sort(np.append(wanted, 0.0))[-2:]
    here, there = int(found.argmax()), int(wanted.argmax())
    if best - second > LEAD and here != there:
        return f"it is {names[here]!r} here ({found[here]:.2f}), and was {names[there]!r} ({wanted[there]:.2f})"
    worst = int(np.abs(found - wanted).argmax())
    if abs(found[worst] - wanted[worst]) > DRIFT:
        return f"{names[worst]!r} scores {found[worst]:.2f} here, and was {wanted[worst]:.2f}"
    return ""


def _missed(wanted: Boxes, found: Boxes, custom: Custom) -> str:
    sure = wanted.take(wanted.scores >= SURE)
    again = (
        (iou(sure.xyxy, found.xyxy) >= SAME)
        & (sure.classes[:, None] == found.classes)
        & (np.abs(sure.scores[:, None] - found.scores) <= BOX_DRIFT)
    ).any(axis=1)
    if again.all():
        return ""
    first = int(again.argmin())
    name, box = custom.model.labels[int(sure.classes[first])], [round(float(side)) for side in sure.xyxy[first]]
    return f"{name!r} at {box} is not found here, which scored {sure.scores[first]:.2f}"
