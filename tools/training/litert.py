"""The trained network as a TFLite file that is int8 throughout, so that an Edge TPU can take all of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from training import state
from training.images import normalised
from training.network import Network, silenced

from accel.graphs.tflite_file import Graph, Grid, Operator, Tensor, read
from accel.graphs.tflite_file import write as written
from edge.errors import InputError
from edge.values import Image

INPUT = "image"
PIXELS = Grid.of(1 / 128, -1)  # of the input: int8 is exactly the pixel less 128
TO_UNSIGNED = 128


def write(
    network: Network, pictures: Sequence[Image], file: Path, *, io: Literal["int8", "uint8"], mean: bool = False
) -> None:
    """Convert the network, quantize it with fitted training pictures (uint8 [size,size,3] BGR), and save it.

    The range of a tensor is the widest in any of the pictures, or the `mean` over them, which costs detectors dearly
    (four points of AP50 on photos of raccoons). `io` is the type of input and outputs.
    """
    work = file.with_suffix(".float.tflite")
    with silenced():
        _convert(network, work)
        content = _quantized(work, pictures, mean=mean)
    work.unlink()
    graph = read(content)
    pool_where_it_lies(graph)
    lower_versions(graph)
    name(graph, network.outputs)
    if io == "uint8":
        unsigned(graph)
    file.write_bytes(written(graph))


def _convert(network: Network, file: Path) -> None:
    import litert_torch
    import torch

    state.room(file.parent)
    side = network.size
    module = litert_torch.to_channel_last_io(network.module, args=[0]).eval()
    litert_torch.convert(module, (torch.zeros(1, side, side, 3),)).export(str(file))


def _quantized(file: Path, pictures: Sequence[Image], *, mean: bool) -> bytes:
    from ai_edge_litert.interpreter import Interpreter
    from ai_edge_quantizer import calibrator, qtyping, quantizer, recipe_manager
    from ai_edge_quantizer.utils import qsv_utils

    ((signature, names),) = Interpreter(str(file)).get_signature_list().items()
    quantizing = quantizer.Quantizer(str(file))
    quantizing.load_quantization_recipe(_recipe(qtyping, recipe_manager))
    update = qsv_utils.moving_average_update if mean else qsv_utils.min_max_update
    calibrating = calibrator.Calibrator(str(file), qsv_update_func=update)
    feeds = [{names["inputs"][0]: normalised([one]).transpose(0, 2, 3, 1)} for one in pictures]
    calibrating.calibrate({signature: feeds}, quantizing._recipe_manager)  # noqa: SLF001 - `calibrate` takes no update
    ranges = calibrating.get_model_qsvs()
    tensor = read(file.read_bytes())
    first = tensor.tensors[tensor.inputs[0]].name
    like = ranges[first]["min"].shape
    ranges[first] |= {"min": np.full(like, -127 / 128, np.float32), "max": np.full(like, 1.0, np.float32)}
    return bytes(quantizing.quantize(ranges).quantized_model)


def _recipe(qtyping: Any, recipe_manager: Any) -> Any:
    """int8 everywhere; weights with a scale for each channel, but one in all where the Edge TPU knows no other."""
    recipe = recipe_manager.RecipeManager()
    operations = qtyping.TFLOperationName
    recipe.add_static_config(
        regex=".*", operation_name=operations.ALL_SUPPORTED, activation_num_bits=8, weight_num_bits=8
    )
    recipe.add_static_config(
        regex=".*",
        operation_name=operations.FULLY_CONNECTED,
        activation_num_bits=8,
        weight_num_bits=8,
        weight_granularity=qtyping.QuantGranularity.TENSORWISE,
    )
    return recipe.get_quantization_recipe()


# What is put right in the converter's graph; none of it changes a number


def pool_where_it_lies(graph: Graph) -> None:
    """Average over height and width without turning the tensor round first, as PyTorch's order of axes has it."""
    made = {step.outputs[0]: step for step in graph.operators}
    for step in list(graph.operators):
        turn = made.get(step.inputs[0])
        if step.kind != "MEAN" or turn is None or turn.kind != "TRANSPOSE":
            continue
        order, axes = (graph.tensors[one.inputs[1]].data for one in (turn, step))
        if order is None or axes is None or step.options.get("keepDims"):
            continue
        kept = [int(axis) for place, axis in enumerate(order.tolist()) if place not in axes.tolist()]
        if kept != sorted(kept):
            continue
        turned = np.sort(order[axes]).astype(np.int32)
        step.inputs = [turn.inputs[0], graph.constant(f"axes{turn.outputs[0]}", turned)]
        if not any(turn.outputs[0] in other.inputs for other in graph.operators):
            graph.operators.remove(turn)


def lower_versions(graph: Graph) -> None:
    """Say a doubling by the oldest of the ways that give the same: the Edge TPU's compiler knows no newer ones."""
    for step in graph.operators:
        if step.kind != "RESIZE_NEAREST_NEIGHBOR":
            continue
        before, after = (graph.tensors[index].shape for index in (step.inputs[0], step.outputs[0]))
        if not all(large % small == 0 for small, large in zip(before, after, strict=True)):
            raise InputError(f"a tensor is resized from {before} to {after}, which is no whole factor; use whole ones")
        step.options |= {"alignCorners": False, "halfPixelCenters": False}


def name(graph: Graph, outputs: Sequence[str]) -> None:
    """Call input and outputs what the pack calls them."""
    if len(graph.outputs) != len(outputs):
        raise InputError(f"the converted graph has {len(graph.outputs)} outputs, not {len(outputs)}")
    for index, word in zip([*graph.inputs, *graph.outputs], (INPUT, *outputs), strict=True):
        graph.tensors[index].name = word


def unsigned(graph: Graph) -> None:
    """Let input and outputs be uint8: each is turned into int8 by one more operator."""
    for place, index in enumerate(graph.inputs):
        given = graph.add(_unsigned(graph.tensors[index]))
        graph.operators.insert(0, Operator("QUANTIZE", [given], [index]))
        graph.inputs[place] = given
    for place, index in enumerate(graph.outputs):
        told = graph.add(_unsigned(graph.tensors[index]))
        graph.operators.append(Operator("QUANTIZE", [index], [told]))
        graph.outputs[place] = told


def _unsigned(tensor: Tensor) -> Tensor:
    if tensor.grid is None:
        raise InputError(f"tensor {tensor.name!r} is not quantized; report this")
    grid = Grid(tensor.grid.scale, tensor.grid.zero_point + TO_UNSIGNED)
    outside = Tensor(tensor.name, tensor.shape, np.dtype(np.uint8), None, grid)
    tensor.name = f"{tensor.name}_int8"
    return outside
