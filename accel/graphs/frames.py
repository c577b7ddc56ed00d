"""Pre-processing inside the graph: uint8 NHWC BGR in, as cameras give it."""

from __future__ import annotations

from typing import Literal

import openvino as ov
from openvino.preprocess import ColorFormat, PrePostProcessor


def accept_frames(
    model: ov.Model,
    *,
    colour: Literal["BGR", "RGB"],
    layout: Literal["NHWC", "NCHW"],
    mean: tuple[float, float, float] | None = None,
    std: tuple[float, float, float] | None = None,
) -> ov.Model:
    """The model behind a uint8 [N,H,W,3] BGR input; what is open in the model stays so.

    The arguments say what the model wants now; `mean` and `std` are in its colour order. Quantize first:
    the colour swap adds operations that would shift the numbering a recipe relies on.
    """
    shape = model.input().get_partial_shape()
    batch, height, width = (shape[layout.index(axis)] for axis in "NHW")
    wanted = model.input().get_element_type()
    builder = PrePostProcessor(model)
    tensor = builder.input().tensor()
    tensor.set_element_type(ov.Type.u8).set_layout(ov.Layout("NHWC"))
    tensor.set_color_format(ColorFormat.BGR).set_shape(ov.PartialShape([batch, height, width, 3]))
    builder.input().model().set_layout(ov.Layout(layout))
    steps = builder.input().preprocess()
    if colour == "RGB":
        steps.convert_color(ColorFormat.RGB)
    if wanted != ov.Type.u8:
        steps.convert_element_type(wanted)
    if mean:
        steps.mean(list(mean))
    if std:
        steps.scale(list(std))
    return builder.build()
