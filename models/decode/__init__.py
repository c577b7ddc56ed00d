"""From named output arrays to values: one file per kind of output.

A decoder is a pure function. `outputs` holds float32 arrays under the names and in the order of the
variant's `outputs`; `how` holds the constants of this model; results below `floor` are left out where
the kind has any. Boxes come out in pixels of the network's input, best first.

A new kind of output: one file here, and its line in DECODERS.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import NDArray

from models.decode import (
    aizoo,
    blendshapes,
    classify,
    ctc,
    embed,
    expression,
    liveness,
    mesh,
    movenet,
    nanodet,
    ocr_db,
    points,
    ssd,
    traits,
    turn,
    yunet,
)
from models.manifest import Decode
from models.outputs import Result

Decoder = Callable[[dict[str, NDArray[Any]], Decode, float], Result]

DECODERS: dict[str, Decoder] = {
    "aizoo": aizoo.decode,
    "blendshapes": blendshapes.decode,
    "classify": classify.decode,
    "ctc": ctc.decode,
    "embed": embed.decode,
    "expression": expression.decode,
    "liveness": liveness.decode,
    "mesh": mesh.decode,
    "movenet": movenet.decode,
    "nanodet": nanodet.decode,
    "ocr_db": ocr_db.decode,
    "points": points.decode,
    "ssd": ssd.decode,
    "traits": traits.decode,
    "turn": turn.decode,
    "yunet": yunet.decode,
}
