"""A .tflite file as its operators: what each reads and writes, without the weights."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.graphs.tflite_file import IDENTIFIER, stored
from edge.errors import InputError


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value of the graph as the rules see it: sizes of -1 are free."""

    name: str
    kind: str
    shape: tuple[int, ...]
    scales: int
    """How many scales it is quantized with: none, one, or one for each slice."""
    constant: bool
    values: tuple[int, ...]
    """Of constants of 32-bit integers: axes, shapes, widths of padding."""


@dataclass(frozen=True, slots=True)
class Step:
    """One operator with what it reads and writes."""

    kind: str
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    options: dict[str, Any]


def steps(file: Path) -> list[Step]:
    """The operators in the order in which they run."""
    from ai_edge_litert import schema_py_generated as schema

    content = file.read_bytes()
    if content[4:8] != IDENTIFIER:
        raise InputError(f"{file}: no TFLite file; name one that an export wrote")
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
        graphs = model.subgraphs
        if len(graphs) != 1:
            raise InputError(f"{file}: {len(graphs)} graphs, and the Edge TPU takes one; export it again")
        codes, types = _names(schema.BuiltinOperator), _names(schema.TensorType)
        tensors = [
            _tensor(tensor, stored(model.buffers[tensor.buffer], content), types) for tensor in graphs[0].tensors
        ]
        return [_step(operator, model.operatorCodes, codes, tensors) for operator in graphs[0].operators]
    except (struct.error, IndexError, TypeError, KeyError) as error:
        raise InputError(f"{file}: the TFLite file is damaged ({error}); export it again") from error


def _names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


def _tensor(tensor: Any, data: NDArray[np.uint8] | None, types: dict[int, str]) -> Tensor:
    kind = types[tensor.type]
    values = data.view("<i4").tolist() if data is not None and kind == "INT32" else []
    free = tensor.shapeSignature if tensor.shapeSignature is not None else tensor.shape
    quantization = tensor.quantization
    scales = 0 if quantization is None or quantization.scale is None else len(quantization.scale)
    shape = () if free is None else tuple(map(int, free))
    return Tensor(tensor.name.decode(), kind, shape, scales, data is not None, tuple(values))


def _step(operator: Any, codes: list[Any], names: dict[int, str], tensors: list[Tensor]) -> Step:
    code = codes[operator.opcodeIndex]
    custom = code.customCode.decode() if code.customCode else ""
    options = vars(operator.builtinOptions) if operator.builtinOptions else {}
    read = tuple(tensors[index] for index in operator.inputs if index >= 0)
    return Step(
        custom or names[max(code.builtinCode, code.deprecatedBuiltinCode)],
        read,
        tuple(tensors[index] for index in operator.outputs),
        dict(options),
    )
