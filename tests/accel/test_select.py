"""A graph hands out the cells that score best, whatever stride they belong to."""

from __future__ import annotations

import numpy as np
import pytest

ov = pytest.importorskip("openvino")


def test_the_best_cells_leave_the_graph_with_their_places() -> None:
    from openvino import opset13 as ops

    from accel.graphs.select import keep_best_cells

    sides = (6, 4)
    ports = [ops.parameter([1, side, 3], ov.Type.f32) for side in sides]
    ports += [ops.parameter([1, side, 2], ov.Type.f32) for side in sides]
    model = keep_best_cells(ov.Model([ops.result(ops.relu(port)) for port in ports], ports), 3)
    dice = np.random.default_rng(0)
    fed = [dice.random(port.shape, np.float32) for port in ports]
    compiled = ov.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    cells, scores, bins = (np.array(output) for output in compiled(fed).values())
    whole, tails = np.concatenate(fed[:2], axis=1)[0], np.concatenate(fed[2:], axis=1)[0]
    assert set(cells[0].tolist()) == set(np.argsort(-whole.max(axis=1))[:3].tolist())
    np.testing.assert_allclose(scores[0], whole[cells[0]], rtol=1e-6)
    np.testing.assert_allclose(bins[0], tails[cells[0]], rtol=1e-6)
