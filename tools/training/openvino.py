"""The trained network as OpenVINO's int8 file, which takes frames as cameras give them."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from training.images import MEAN, STD, normalised
from training.network import Network, silenced

from accel.graphs.files import save
from accel.graphs.frames import accept_frames
from accel.graphs.tidy import name_outputs, renumber
from edge.values import Image

INPUT = "image"
WEIGHTED = ("Convolution", "GroupConvolution", "MatMul")


def write(
    network: Network, pictures: Sequence[Image], file: Path, *, thorough: bool = False, float_ends: bool = False
) -> None:
    """Quantize the network with fitted training pictures (uint8 [size,size,3] BGR) and save it.

    `thorough` corrects the biases layer after layer, which takes minutes; `float_ends` leaves the last layer of each
    output in float.
    """
    import nncf
    import openvino as ov
    import torch

    with _quiet(), torch.no_grad():
        side = network.size
        example = torch.zeros(1, 3, side, side)
        model = ov.convert_model(network.module, example_input=example, input=[1, 3, side, side])
        data = nncf.Dataset(list(pictures), lambda image: normalised([image]))
        model = nncf.quantize(
            model,
            data,
            preset=nncf.QuantizationPreset.MIXED,
            subset_size=len(pictures),
            fast_bias_correction=not thorough,
            ignored_scope=nncf.IgnoredScope(names=ends(model)) if float_ends else None,
        )
    model = accept_frames(model, colour="RGB", layout="NCHW", mean=MEAN, std=STD)
    name_outputs(model, network.outputs)
    renumber(model)
    model.input().get_tensor().set_names({INPUT})
    model.set_friendly_name(INPUT)  # in place of a number counted over the whole process
    save(model, file)


def ends(model: Any) -> list[str]:
    """The names of the operations with weights that are nearest to the outputs."""
    found, seen = set(), set()
    waiting = [result.input_value(0).get_node() for result in model.get_results()]
    while waiting:
        node = waiting.pop()
        name = node.get_friendly_name()
        if name in seen:
            continue
        seen.add(name)
        if node.get_type_name() in WEIGHTED:
            found.add(name)
        else:
            waiting += [value.get_node() for value in node.input_values()]
    return sorted(found)


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and advice of converter and quantizer: this program shows its own."""
    import nncf

    logger = logging.getLogger("nncf")
    before = logger.level
    nncf.set_log_level(logging.ERROR)
    with silenced(), np.errstate(all="ignore"):
        yield
    logger.setLevel(before)
