"""TensorFlow.js graphs, rewritten and read back."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.formats.protobuf import varint
from models.formats.tfjs import graph_def, read_weights
from models.manifest import ModelError


def text(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


FLOAT = {"T": {"type": "DT_FLOAT"}}
LAYOUT = {
    "strides": {"list": {"i": ["1", "1", "1", "1"]}},
    "padding": {"s": text("SAME")},
    "data_format": {"s": text("NHWC")},
    "explicit_paddings": {"list": {}},
}
SHAPE = {"shape": {"dim": [{"size": str(side)} for side in (1, 2, 2, 1)]}}


def document() -> dict[str, Any]:
    """relu(conv(image, 2) + bias) reshaped by an int64 shape."""
    fused = {"fused_ops": {"list": {"s": [text("BiasAdd"), text("Relu")]}}, "num_args": {"i": "1"}}
    nodes = [
        {"name": "image", "op": "Placeholder", "attr": {"dtype": {"type": "DT_FLOAT"}, "shape": SHAPE}},
        {"name": "kernel", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
        {"name": "bias", "op": "Const", "attr": {"dtype": {"type": "DT_FLOAT"}}},
        {"name": "row", "op": "Const", "attr": {"dtype": {"type": "DT_INT64"}}},
        {
            "name": "conv",
            "op": "_FusedConv2D",
            "input": ["image", "kernel", "bias"],
            "attr": {**FLOAT, **LAYOUT, **fused},
        },
        {"name": "flat", "op": "Reshape", "input": ["conv", "row"], "attr": {**FLOAT, "Tshape": {"type": "DT_INT64"}}},
    ]
    half = {"dtype": "float16", "original_dtype": "float32"}
    steps = {"dtype": "uint8", "scale": 0.5, "min": -4.0, "original_dtype": "float32"}
    weights = [
        {"name": "kernel", "shape": [1, 1, 1, 1], "dtype": "float32", "quantization": half},
        {"name": "bias", "shape": [1], "dtype": "float32", "quantization": steps},
        {"name": "row", "shape": [2], "dtype": "int32"},
    ]
    return {"modelTopology": {"node": nodes}, "weightsManifest": [{"paths": ["a.bin"], "weights": weights}]}


WEIGHTS = np.float16(2).tobytes() + np.uint8(2).tobytes() + np.array([1, 4], np.int32).tobytes()


def test_packed_weights_are_unpacked() -> None:
    weights = read_weights(document()["weightsManifest"], WEIGHTS)
    assert weights["kernel"].tolist() == [[[[2.0]]]]
    assert weights["bias"].tolist() == [-3.0]
    assert weights["row"].tolist() == [1, 4]


def test_openvino_reads_the_graph_and_finds_the_same_numbers(tmp_path: Path) -> None:
    openvino = pytest.importorskip("openvino", reason="openvino is not installed")
    (tmp_path / "model.pb").write_bytes(graph_def(json.dumps(document()).encode(), WEIGHTS))
    compiled = openvino.Core().compile_model(tmp_path / "model.pb", "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    image = np.array([[[[0.0], [1.0]], [[2.0], [3.0]]]], np.float32)
    assert compiled(image)[0].tolist() == [[0, 0, 1, 3]]


def test_the_same_model_gives_the_same_bytes() -> None:
    model = json.dumps(document()).encode()
    assert graph_def(model, WEIGHTS) == graph_def(model, WEIGHTS)


@pytest.mark.parametrize(
    "model", [b"", b"{}", b"[]", b"\xff", b'{"weightsManifest": [], "modelTopology": {"node": [1]}}']
)
def test_another_file_is_refused_in_a_sentence(model: bytes) -> None:
    with pytest.raises(ModelError, match="graph model"):
        graph_def(model, b"")


@pytest.mark.parametrize("weights", [WEIGHTS[:-1], WEIGHTS + b"\0"])
def test_weights_of_another_length_are_refused(weights: bytes) -> None:
    with pytest.raises(ModelError, match="graph model"):
        graph_def(json.dumps(document()).encode(), weights)


@given(st.integers(-(2**63), 2**64 - 1))
def test_varints_hold_64_bits(number: int) -> None:
    encoded = varint(number)
    assert [byte > 127 for byte in encoded] == [True] * (len(encoded) - 1) + [False]
    assert sum((byte & 127) << 7 * place for place, byte in enumerate(encoded)) == number % 2**64
