"""A TensorFlow.js graph model rewritten as the TensorFlow GraphDef it once was.

The JSON topology is GraphDef in protobuf's JSON spelling, so most of it is copied field by field
(https://github.com/tensorflow/tensorflow/blob/master/tensorflow/core/framework/graph.proto). Three things
differ: constants live in a weights file, often as float16 or uint8; convolutions carry their bias and
activation as one fused operation, which readers of GraphDef do not know; and 64-bit integers became 32-bit.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.formats.protobuf import block, integer, real
from models.manifest import ModelError

Json = dict[str, Any]
Weights = dict[str, NDArray[Any]]

# Numbers of TensorFlow's enum DataType.
TYPES = {
    "DT_FLOAT": 1, "DT_DOUBLE": 2, "DT_INT32": 3, "DT_UINT8": 4, "DT_INT16": 5, "DT_INT8": 6,
    "DT_STRING": 7, "DT_INT64": 9, "DT_BOOL": 10, "DT_HALF": 19,
}  # fmt: skip
WIDE = ("DT_INT64", TYPES["DT_INT64"])
STORED = {"float32": np.float32, "int32": np.int32, "bool": np.bool_, "uint8": np.uint8}
PACKED = {"float16": np.float16, "uint8": np.uint8, "uint16": np.uint16}

# Fused operation -> the plain one, and which of its attributes that one has.
WINDOW = ("T", "strides", "padding", "data_format", "dilations", "explicit_paddings")
FUSED = {
    "_FusedConv2D": ("Conv2D", WINDOW),
    "FusedDepthwiseConv2dNative": ("DepthwiseConv2dNative", WINDOW),
    "_FusedMatMul": ("MatMul", ("T", "transpose_a", "transpose_b")),
}


def graph_def(model: bytes, weights: bytes) -> bytes:
    """The serialized GraphDef of a model.json and its concatenated weight files; raises ModelError."""
    try:
        document = json.loads(model)
        constants = read_weights(document["weightsManifest"], weights)
        nodes = [_plain(node, constants) for node in document["modelTopology"]["node"]]
        return b"".join(block(1, _node(part)) for node in nodes for part in _unfused(node))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ModelError(f"not a TensorFlow.js graph model: {type(error).__name__} {error}; pull it again") from error


def read_weights(manifest: list[Json], data: bytes) -> Weights:
    """Every constant by its name, unpacked to the type the graph computes in."""
    weights: Weights = {}
    at = 0
    for entry in (entry for group in manifest for entry in group["weights"]):
        packing = entry.get("quantization")
        kind = np.dtype(PACKED[packing["dtype"]] if packing else STORED[entry["dtype"]])
        count = int(np.prod(entry["shape"], dtype=np.int64))
        array: NDArray[Any] = np.frombuffer(data, kind, count, at) if count else np.zeros(0, kind)
        at += count * kind.itemsize
        if packing:
            array = array.astype(np.float32)
            if "scale" in packing:
                array = array * np.float32(packing["scale"]) + np.float32(packing["min"])
        weights[entry["name"]] = array.astype(STORED[entry["dtype"]]).reshape(entry["shape"])
    if at != len(data):
        raise ValueError(f"weights have {len(data)} bytes, the manifest describes {at}")
    return weights


def _plain(node: Json, constants: Weights) -> Json:
    """A node with its constant inside and its integers narrowed as the weights are."""
    value = constants[node["name"]] if node["op"] == "Const" else _filled(node, constants)
    if value is not None:
        return {"name": node["name"], "op": "Const", "value": value}
    attributes = {
        name: {"type": "DT_INT32"} if attribute.get("type") in WIDE else attribute
        for name, attribute in node.get("attr", {}).items()
    }
    return {**node, "attr": attributes}


def _filled(node: Json, constants: Weights) -> NDArray[Any] | None:
    """What SparseToDense without any entry makes: an array of its default (a leftover of ONNX conversion)."""
    if node["op"] != "SparseToDense":
        return None
    places, shape, _, default = (constants.get(name.split(":")[0]) for name in node["input"])
    if places is None or places.size or shape is None or default is None:
        return None
    filled = np.full([int(side) for side in shape], default.reshape(-1)[0], default.dtype)
    constants[node["name"]] = filled
    return filled


def _unfused(node: Json) -> Iterator[Json]:
    """A fused operation as the chain it stands for; the last link keeps the name that others refer to."""
    if node["op"] not in FUSED:
        yield node
        return
    plain, kept = FUSED[node["op"]]
    attributes = {name: value for name, value in node["attr"].items() if name in kept}
    if not attributes.get("explicit_paddings", {}).get("list", {}).get("i"):
        attributes.pop("explicit_paddings", None)
    links = [_bytes(link).decode() for link in node["attr"]["fused_ops"]["list"].get("s", [])]
    names = [f"{node['name']}/{plain}", *(f"{node['name']}/{link}" for link in links)]
    names[-1] = node["name"]
    extra = iter(node["input"][2:])
    yield {"name": names[0], "op": plain, "input": node["input"][:2], "attr": attributes}
    for link, before, name in zip(links, names, names[1:], strict=False):
        attributes = {"T": node["attr"]["T"]}
        if link == "LeakyRelu":
            attributes["alpha"] = node["attr"].get("leakyrelu_alpha", {"f": 0.2})
        elif link == "Prelu":
            raise ValueError(f"{node['name']}: Prelu is not a TensorFlow operation")
        inputs = [before, next(extra)] if link == "BiasAdd" else [before]
        yield {"name": name, "op": link, "input": inputs, "attr": attributes}


def _node(node: Json) -> bytes:
    content = block(1, node["name"].encode()) + block(2, node["op"].encode())
    content += b"".join(block(3, source.encode()) for source in node.get("input", []))
    if "value" in node:
        value: NDArray[Any] = node["value"]
        kind = _type_of(value)
        return content + _attribute("dtype", integer(6, kind)) + _attribute("value", block(8, _tensor(value, kind)))
    return content + b"".join(_attribute(name, _value(attr)) for name, attr in node.get("attr", {}).items())


def _attribute(name: str, value: bytes) -> bytes:
    return block(5, block(1, name.encode()) + block(2, value))


def _value(value: Mapping[str, Any]) -> bytes:
    if "list" in value:
        items = ((kind, item) for kind, items in value["list"].items() for item in items)
        return block(1, b"".join(ATTRIBUTES[kind](item) for kind, item in items))
    return b"".join(ATTRIBUTES[kind](item) for kind, item in value.items())


def _type_of(array: NDArray[Any]) -> int:
    return TYPES[{"f": "DT_FLOAT", "i": "DT_INT32", "b": "DT_BOOL", "u": "DT_UINT8"}[array.dtype.kind]]


def _tensor(array: NDArray[Any], kind: int) -> bytes:
    return integer(1, kind) + block(2, _sizes(array.shape)) + block(4, np.ascontiguousarray(array).tobytes())


def _sizes(shape: tuple[int, ...]) -> bytes:
    return b"".join(block(2, integer(1, side)) for side in shape)


def _shape(shape: Json) -> bytes:
    if shape.get("unknownRank"):
        return integer(3, 1)
    return _sizes(tuple(int(side.get("size") or 0) for side in shape.get("dim", [])))


def _bytes(text: str | list[int]) -> bytes:
    return base64.b64decode(text) if isinstance(text, str) else bytes(text)


# Fields of AttrValue; those of its ListValue have the same numbers.
ATTRIBUTES: dict[str, Callable[[Any], bytes]] = {
    "s": lambda value: block(2, _bytes(value)),
    "i": lambda value: integer(3, int(value)),
    "f": lambda value: real(4, float(value)),
    "b": lambda value: integer(5, int(value)),
    "type": lambda value: integer(6, TYPES[value] if isinstance(value, str) else int(value)),
    "shape": lambda value: block(7, _shape(value)),
    "func": lambda value: block(10, block(1, value["name"].encode())),
}
