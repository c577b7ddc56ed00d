"""The first step of decoding, inside the graph: of many thousand numbers keep the few that count."""

from __future__ import annotations

import numpy as np
import openvino as ov
from openvino import opset13 as ops


def keep_best_cells(model: ov.Model, count: int) -> ov.Model:
    """The model with three outputs instead of one pair for each stride.

    Its outputs must be scores [1,n,classes] for each stride, then bins [1,n,m] for each. The new ones are `cells`
    [1,count], places in all strides' cells joined, and the `scores` and `bins` of these cells. A camera frame has a
    few dozen cells worth decoding: handing out the other thousands costs more than finding the few.
    """
    levels = len(model.outputs) // 2
    ends = [result.input_value(0) for result in model.get_results()]
    scores, bins = ops.concat(ends[:levels], axis=1), ops.concat(ends[levels:], axis=1)
    best = ops.reduce_max(scores, ops.constant(np.array([2])), keep_dims=False)
    chosen = ops.topk(best, ops.constant(np.int64(count)), axis=1, mode="max", sort="none", index_element_type="i32")
    cells = chosen.output(1)
    # Without batch_dims, whose kernel crashes on short rows (OpenVINO 2026.4).
    flat = ops.squeeze(cells, ops.constant(np.array([0])))
    outputs = [ops.result(cells)]
    outputs += [ops.result(ops.gather(whole, flat, ops.constant(np.int64(1)))) for whole in (scores, bins)]
    return ov.Model(outputs, model.get_parameters(), model.get_friendly_name())


def keep_best_class(model: ov.Model) -> ov.Model:
    """The model with `classes`, their `scores` and the score of the last class, a space; each [N,T].

    Its output must be scores [N,T,classes]: a line of text has a hundred steps, and each a score for thousands of
    characters. Spaces are often only second to nothing at all.
    """
    scores = model.get_results()[0].input_value(0)
    last, one = ops.constant(np.array([2])), ops.constant(np.int64(1))
    best = ops.topk(scores, one, axis=2, mode="max", sort="none", index_element_type="i32")
    outputs = [ops.result(ops.squeeze(best.output(place), last)) for place in (1, 0)]
    count = scores.get_partial_shape()[2].get_length()
    outputs.append(ops.result(ops.gather(scores, ops.constant(np.int64(count - 1)), ops.constant(np.int64(2)))))
    return ov.Model(outputs, model.get_parameters(), model.get_friendly_name())
