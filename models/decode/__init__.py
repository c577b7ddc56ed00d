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

from models.decode import aizoo, classify, embed, movenet, nanodet, ssd, yunet
from models.manifest import Decode
from models.outputs import Result

Decoder = Callable[[dict[str, NDArray[Any]], Decode, float], Result]

DECODERS: dict[str, Decoder] = {
    "aizoo": aizoo.decode,
    "classify": classify.decode,
    "embed": embed.decode,
    "movenet": movenet.decode,
    "nanodet": nanodet.decode,
    "ssd": ssd.decode,
    "yunet": yunet.decode,
}
