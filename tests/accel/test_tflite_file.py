"""TFLite files as plain values, also those whose constants lie behind everything else."""

from __future__ import annotations

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from accel.graphs.tflite_file import IDENTIFIER, Graph, Grid, Operator, read, write

WEIGHTS = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)


def dense() -> Graph:
    graph = Graph()
    pixels, out = graph.value("pixels", (1, 4), "int8"), graph.value("out", (1, 3), "int8")
    graph.tensors[pixels].grid = graph.tensors[out].grid = Grid.of(0.5, 3)
    weights = graph.constant("weights", WEIGHTS, Grid.of(0.25, 0))
    graph.operators = [Operator("FULLY_CONNECTED", [pixels, weights, -1], [out])]
    graph.inputs, graph.outputs = [pixels], [out]
    return graph


def spread(content: bytes) -> bytes:
    """The same model with its constants after the flatbuffer, as quantizers write large ones."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    outside = [bytes(buffer.data) if buffer.data is not None else b"" for buffer in model.buffers]
    packed = b""
    for _ in range(2):  # the offsets are known once the size is
        start = len(packed)
        for buffer, data in zip(model.buffers, outside, strict=True):
            buffer.data = None
            buffer.offset, buffer.size = (max(start, 2), len(data)) if data else (0, 0)
            start += len(data)
        builder = flatbuffers.Builder(0)
        builder.Finish(model.Pack(builder), IDENTIFIER)
        packed = bytes(builder.Output())
    return packed + b"".join(outside)


def test_what_is_written_is_read_again() -> None:
    graph = read(write(dense()))
    assert [(tensor.name, tensor.shape) for tensor in graph.tensors] == [
        ("pixels", (1, 4)), ("out", (1, 3)), ("weights", (3, 4)),
    ]  # fmt: skip
    assert np.array_equal(graph.tensors[2].data, WEIGHTS)


def test_constants_are_found_behind_the_rest_of_the_file() -> None:
    content = spread(write(dense()))
    assert schema.ModelT.InitFromPackedBuf(content, 0).buffers[1].data is None
    weights = read(content).tensors[2]
    assert np.array_equal(weights.data, WEIGHTS)
    assert weights.grid is not None
    assert weights.grid.scale.tolist() == [0.25]
