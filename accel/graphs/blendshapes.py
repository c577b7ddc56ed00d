"""MediaPipe's blendshape network with a free batch axis: as it is published, it knows one face at a time."""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import opset13 as ops

from accel.session import AcceleratorError

# The operations whose constants hold the batch of one, and how many there are; the middle two slices leave it alone.
KINDS = {"Reshape": 2, "StridedSlice": 4, "Concat": 1}


def open_batch(model: ov.Model) -> ov.Model:
    """The network for [N,146,2] points, with [N,52] out; raises AcceleratorError if it is another network.

    Three places hold the batch of one: the reshape before the first convolution with the slice behind it, which takes
    all; the learned token put in front of the 96 others; the reshape and slice of the result.
    """
    named = {kind: [node for node in model.get_ordered_ops() if node.get_type_name() == kind] for kind in KINDS}
    if {kind: len(nodes) for kind, nodes in named.items()} != KINDS:
        raise AcceleratorError("this is not the blendshape network that is known here; pull the model again")
    (first, last), slices, (join,) = named.values()
    rows = ops.unsqueeze(first.input_value(0), _integers(1))
    slices[0].output(0).replace(rows.output(0))
    batch = ops.gather(ops.shape_of(model.inputs[0].get_node()), _integers(0), ops.constant(np.int64(0)))
    token = join.input_value(0)
    join.input(0).replace_source_output(
        ops.broadcast(token, ops.concat([batch, _integers(*list(token.get_shape())[1:])], 0)).output(0)
    )
    slices[-1].output(0).replace(ops.reshape(last.input_value(0), _integers(-1, 52), special_zero=False).output(0))
    model.reshape([-1, *list(model.input().get_partial_shape().to_shape())[1:]])
    return model


def _integers(*values: int) -> ov.Node:
    return ops.constant(np.array(values, np.int64))
