"""What Coral's compiler makes of a TFLite file, by its shape: the same input and outputs around one custom operator."""

from __future__ import annotations

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from accel.coral import CUSTOM_OPERATION
from accel.graphs.tflite_file import IDENTIFIER


def shaped(content: bytes) -> bytes:
    """The file with all operators in one."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    code = schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.CUSTOM
    code.customCode, code.version = CUSTOM_OPERATION.decode(), 1
    whole = schema.OperatorT()
    whole.inputs, whole.outputs = list(graph.inputs), list(graph.outputs)
    model.operatorCodes, graph.operators = [code], [whole]
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())
