"""TFLite files as plain values: one graph of tensors and operators, read and written with LiteRT's own schema."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel.session import AcceleratorError

Array = NDArray[Any]
Float = NDArray[np.float32]

IDENTIFIER = b"TFL3"
SAME_PADDING = 0
RELU6 = 3
NO_OPERAND = -1

# The operators we write, with the table that holds their options.
OPTIONS = {
    "ADD": "AddOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "CONCATENATION": "ConcatenationOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "DEQUANTIZE": "DequantizeOptions",
    "FULLY_CONNECTED": "FullyConnectedOptions",
    "LOGISTIC": "",
    "MEAN": "ReducerOptions",
    "PAD": "PadOptions",
    "QUANTIZE": "QuantizeOptions",
    "RELU": "",
    "RESHAPE": "ReshapeOptions",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighborOptions",
    "SOFTMAX": "SoftmaxOptions",
    "TRANSPOSE": "TransposeOptions",
}
# Kernels are versioned: int8 came later than float. What is not listed is version 1 for both.
INT8_VERSIONS = {
    "ADD": 2,
    "AVERAGE_POOL_2D": 2,
    "CONCATENATION": 2,
    "CONV_2D": 3,
    "DEPTHWISE_CONV_2D": 3,
    "FULLY_CONNECTED": 4,
    "LOGISTIC": 2,
    "MEAN": 2,
    "PAD": 2,
    "QUANTIZE": 2,
    "RELU": 2,
    "RESIZE_NEAREST_NEIGHBOR": 2,
    "SOFTMAX": 2,
    "TRANSPOSE": 2,
}
FLOAT16_VERSIONS = {"DEQUANTIZE": 3}
DTYPES: dict[str, np.dtype[Any]] = {
    "FLOAT32": np.dtype(np.float32),
    "FLOAT16": np.dtype(np.float16),
    "INT32": np.dtype(np.int32),
    "INT8": np.dtype(np.int8),
    "UINT8": np.dtype(np.uint8),
}


@dataclass(frozen=True, slots=True)
class Grid:
    """Where quantized values stand: real = (stored - zero_point) * scale, one scale for each slice along `axis`."""

    scale: Float
    zero_point: int = 0
    axis: int = 0

    @classmethod
    def of(cls, scale: float, zero_point: int) -> Grid:
        return cls(np.array([scale], np.float32), zero_point)


@dataclass(slots=True)
class Tensor:
    """A value of the graph; `data` is there for constants."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    data: Array | None = None
    grid: Grid | None = None


@dataclass(slots=True)
class Operator:
    """One step; inputs and outputs are tensor numbers, NO_OPERAND where one is left out."""

    kind: str
    inputs: list[int]
    outputs: list[int]
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Graph:
    """A model. Operators stand in the order in which they run."""

    tensors: list[Tensor] = field(default_factory=list)
    operators: list[Operator] = field(default_factory=list)
    inputs: list[int] = field(default_factory=list)
    outputs: list[int] = field(default_factory=list)

    def add(self, tensor: Tensor) -> int:
        self.tensors.append(tensor)
        return len(self.tensors) - 1

    def constant(self, name: str, data: Array, grid: Grid | None = None) -> int:
        return self.add(Tensor(name, data.shape, data.dtype, np.ascontiguousarray(data), grid))

    def value(self, name: str, shape: tuple[int, ...], dtype: str = "float32") -> int:
        return self.add(Tensor(name, shape, np.dtype(dtype)))


def read(content: bytes) -> Graph:
    """The first graph of a TFLite file; raises ValueError if it is damaged or holds a type that we do not know."""
    schema = _schema()
    if content[4:8] != IDENTIFIER:
        raise ValueError("not a TFLite file")
    try:
        model = schema.ModelT.InitFromPackedBuf(content, 0)
    except (struct.error, IndexError, TypeError) as error:
        raise ValueError(f"the TFLite file is damaged: {error}") from error
    if not model.subgraphs or not model.subgraphs[0].tensors:
        raise ValueError("the TFLite file holds no graph")
    kinds = _names(schema.BuiltinOperator)
    codes = [kinds[max(code.builtinCode, code.deprecatedBuiltinCode)] for code in model.operatorCodes or ()]
    main = model.subgraphs[0]
    return Graph(
        [
            _read_tensor(tensor, stored(model.buffers[tensor.buffer], content), _names(schema.TensorType))
            for tensor in main.tensors
        ],
        [
            Operator(
                codes[operator.opcodeIndex],
                _numbers(operator.inputs),
                _numbers(operator.outputs),
                dict(vars(operator.builtinOptions)) if operator.builtinOptions else {},
            )
            for operator in main.operators or ()
        ],
        _numbers(main.inputs),
        _numbers(main.outputs),
    )


def write(graph: Graph) -> bytes:
    """The TFLite file of a graph; tensors that nothing refers to are left out."""
    schema = _schema()
    import flatbuffers

    graph = _pruned(graph)
    model = schema.ModelT()
    model.version = 3
    model.description = "vedette"
    keys = [(operator.kind, _version(graph, operator)) for operator in graph.operators]
    codes = sorted(set(keys))
    model.operatorCodes = [_code(schema, kind, version) for kind, version in codes]
    main = schema.SubGraphT()
    main.name = "main"
    main.inputs, main.outputs = graph.inputs, graph.outputs
    main.operators = [
        _operator(schema, operator, codes.index(key)) for operator, key in zip(graph.operators, keys, strict=True)
    ]
    constants = [tensor.data for tensor in graph.tensors if tensor.data is not None]
    model.buffers = [_buffer(schema, data) for data in (np.empty(0, np.uint8), *constants)]
    main.tensors, used = [], 0
    for tensor in graph.tensors:
        used += tensor.data is not None
        main.tensors.append(_tensor(schema, tensor, used if tensor.data is not None else 0))
    model.subgraphs = [main]
    builder = flatbuffers.Builder(sum(data.nbytes for data in constants) + 65536)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def _schema() -> Any:
    try:
        from ai_edge_litert import schema_py_generated
    except ImportError as error:
        raise AcceleratorError(
            f"ai_edge_litert, whose schema TFLite models are built with, cannot be imported ({error}):"
            " pip install ai-edge-litert, or bring built models over with 'vedette models pack' and 'install'"
        ) from error
    return schema_py_generated


def _names(enum: type) -> dict[int, str]:
    return {value: name for name, value in vars(enum).items() if isinstance(value, int)}


def _numbers(vector: Iterable[Any] | None) -> list[int]:
    return [] if vector is None else [int(number) for number in vector]


def stored(buffer: Any, content: bytes) -> NDArray[np.uint8] | None:
    """A constant's bytes, which some writers put behind everything else in the file; None if the buffer is empty."""
    if buffer.data is not None and len(buffer.data):
        return np.asarray(buffer.data, np.uint8)
    if buffer.offset > 1:  # 0 and 1 stand for none
        return np.frombuffer(content, np.uint8, buffer.size, buffer.offset)
    return None


def _read_tensor(tensor: Any, raw: NDArray[np.uint8] | None, types: dict[int, str]) -> Tensor:
    name, kind = tensor.name.decode(), types[tensor.type]
    if kind not in DTYPES:
        raise ValueError(f"tensor {name!r} is of type {kind}, which is not supported")
    shape = tuple(_numbers(tensor.shape))
    data: Array | None = None if raw is None else raw.view(DTYPES[kind]).reshape(shape)
    quantization, grid = tensor.quantization, None
    if quantization is not None and quantization.scale is not None and len(quantization.scale):
        zero_point = int(quantization.zeroPoint[0])
        grid = Grid(np.asarray(quantization.scale, np.float32), zero_point, quantization.quantizedDimension)
    return Tensor(name, shape, DTYPES[kind], data, grid)


def _pruned(graph: Graph) -> Graph:
    used = set(graph.inputs) | set(graph.outputs)
    for operator in graph.operators:
        used |= {*operator.inputs, *operator.outputs} - {NO_OPERAND}
    number = {old: new for new, old in enumerate(sorted(used))} | {NO_OPERAND: NO_OPERAND}
    return Graph(
        [graph.tensors[index] for index in sorted(used)],
        [
            Operator(step.kind, [number[i] for i in step.inputs], [number[i] for i in step.outputs], step.options)
            for step in graph.operators
        ],
        [number[index] for index in graph.inputs],
        [number[index] for index in graph.outputs],
    )


def _version(graph: Graph, operator: Operator) -> int:
    dtypes = {graph.tensors[index].dtype for index in operator.inputs if index != NO_OPERAND}
    if np.dtype(np.float16) in dtypes:
        return FLOAT16_VERSIONS.get(operator.kind, 1)
    return INT8_VERSIONS.get(operator.kind, 1) if np.dtype(np.int8) in dtypes else 1


def _code(schema: Any, kind: str, version: int) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(schema.BuiltinOperator, kind)
    code.version = version
    return code


def _operator(schema: Any, operator: Operator, code: int) -> Any:
    if operator.kind not in OPTIONS:
        raise ValueError(f"operator {operator.kind} is not supported: there is {', '.join(OPTIONS)}")
    packed = schema.OperatorT()
    packed.opcodeIndex = code
    packed.inputs, packed.outputs = operator.inputs, operator.outputs
    table = OPTIONS[operator.kind]
    if table:
        packed.builtinOptionsType = getattr(schema.BuiltinOptions, table)
        packed.builtinOptions = getattr(schema, f"{table}T")(**operator.options)
    return packed


def _tensor(schema: Any, tensor: Tensor, buffer: int) -> Any:
    packed = schema.TensorT()
    packed.name = tensor.name
    packed.shape = list(tensor.shape)
    kind = next(kind for kind, dtype in DTYPES.items() if dtype == tensor.dtype)
    packed.type = getattr(schema.TensorType, kind)
    packed.buffer = buffer
    if tensor.grid is not None:
        packed.quantization = schema.QuantizationParametersT()
        packed.quantization.scale = tensor.grid.scale
        packed.quantization.zeroPoint = np.full(len(tensor.grid.scale), tensor.grid.zero_point, np.int64)
        packed.quantization.quantizedDimension = tensor.grid.axis
    return packed


def _buffer(schema: Any, data: Array) -> Any:
    # The schema asks for constants at multiples of 16 bytes, which the generated code does not see to.
    def pack(builder: Any) -> Any:
        content = data.tobytes()
        builder.Prep(16, len(content))
        vector = builder.CreateByteVector(content)
        schema.BufferStart(builder)
        schema.BufferAddData(builder, vector)
        return schema.BufferEnd(builder)

    packed = schema.BufferT()
    packed.Pack = pack
    return packed
