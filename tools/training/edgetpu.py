"""Whether a .tflite file can run on Coral's Edge TPU, and the way there: its compiler, where that is installed.

The rules are those that Coral documents for its compiler: 8-bit tensors of fixed sizes, parameters that are constants,
at most three dimensions larger than one, operators of a list with a limit or two each. The compiler itself exists for
x86 Linux only and cannot be packaged, so the rules are checked here, and the compiler is used where it is.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from training.steps import Step, Tensor, steps

from accel.coral import CUSTOM_OPERATION
from edge.errors import InputError

COMPILER = "edgetpu_compiler"
SECONDS = 900.0  # large models take the compiler minutes
WIDEST_SOFTMAX = 16_000
EIGHT_BITS = ("INT8", "UINT8")
PARAMETERS = ("INT8", "UINT8", "INT32")
NO_ACTIVATION = 0


@dataclass(frozen=True, slots=True)
class Fault:
    """An operator that would not run on the Edge TPU, and why."""

    place: int
    kind: str
    output: str
    reason: str

    def __str__(self) -> str:
        return f"operator {self.place} {self.kind} ({self.output}): {self.reason}"


def faults(file: Path) -> list[Fault]:
    """Every operator that is not Edge TPU capable; empty if the whole model is. Raises InputError for another file."""
    found = []
    for place, step in enumerate(steps(file)):
        name = step.outputs[0].name if step.outputs else "no output"
        found += [Fault(place, step.kind, name, reason) for reason in dict.fromkeys(_reasons(step))]
    return found


def left_over(file: Path) -> list[str]:
    """Of a compiled file: the operators that run on the CPU all the same."""
    return [step.kind for step in steps(file) if step.kind != CUSTOM_OPERATION.decode()]


def compiled(file: Path, folder: Path) -> Path | None:
    """The file as the Edge TPU takes it, made in `folder`; None where the compiler is not installed.

    Raises InputError with the compiler's own words if it refuses the file.
    """
    if shutil.which(COMPILER) is None:
        return None
    try:
        done = subprocess.run(
            [COMPILER, "-s", "-o", folder, file], capture_output=True, text=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InputError(f"{file}: {COMPILER} was not done within {SECONDS:g} s; try a smaller model") from error
    made = folder / f"{file.stem}_edgetpu.tflite"
    if done.returncode or not made.is_file():
        words = (done.stderr.strip() or done.stdout.strip() or "it said nothing").splitlines()[-1]
        raise InputError(f"{file}: {COMPILER} refuses it ({words}); take it from the PATH to export without it")
    return made


# The rules


def _reasons(step: Step) -> Iterator[str]:
    if step.kind not in RULES:
        yield "the Edge TPU has no such operator"
        return
    for tensor in step.inputs + step.outputs:
        if (why := _unfit(tensor)) is not None:
            yield why
    yield from RULES[step.kind](step)


def _unfit(tensor: Tensor) -> str | None:
    if tensor.constant:
        known = tensor.kind in PARAMETERS
        return None if known else f"the parameter {tensor.name!r} is of type {tensor.kind}, not quantized to 8 bits"
    if tensor.kind not in EIGHT_BITS:
        return f"{tensor.name!r} is of type {tensor.kind}, not int8 or uint8"
    if tensor.scales != 1:
        return f"{tensor.name!r} has {tensor.scales or 'no'} scales of quantization, not one"
    if any(side < 1 for side in tensor.shape):
        return f"{tensor.name!r} has no fixed size ({list(tensor.shape)})"
    if any(side > 1 for side in tensor.shape[:-3]):
        return f"{tensor.name!r} is larger than one in more than its three inner dimensions ({list(tensor.shape)})"
    return None


def _any(step: Step) -> Iterator[str]:  # noqa: ARG001 - a rule that all steps keep
    yield from ()


def _plain(step: Step) -> Iterator[str]:
    if step.options.get("fusedActivationFunction", NO_ACTIVATION) != NO_ACTIVATION:
        yield "it has an activation function fused to it"


def _weighted(step: Step) -> Iterator[str]:
    if not all(tensor.constant for tensor in step.inputs[1:]):
        yield "its weights are no constants"


def _convolution(step: Step) -> Iterator[str]:
    yield from _weighted(step)
    if step.options.get("dilationWFactor", 1) != step.options.get("dilationHFactor", 1):
        yield "its dilation differs between width and height"


def _connected(step: Step) -> Iterator[str]:
    yield from _weighted(step)
    if step.options.get("weightsFormat", 0) != 0:
        yield "its weights are shuffled, not in the default format"
    if any(side > 1 for side in step.outputs[0].shape[:-1]):
        yield "its output has more than one dimension"
    if step.inputs[1].scales > 1:
        yield "its weights have a scale for each row, not one in all"


def _joined(step: Step) -> Iterator[str]:
    yield from _plain(step)
    constants = sum(tensor.constant for tensor in step.inputs)
    if constants and len(step.inputs) > 1 + constants:
        yield "it joins a constant with more than one other input"


def _reduced(step: Step) -> Iterator[str]:
    """Not over the batch, which is the first of four dimensions."""
    rank = len(step.inputs[0].shape)
    axes = {axis % rank for axis in step.inputs[1].values}
    if not step.inputs[1].constant:
        yield "its axes are no constants"
    if rank - 4 in axes or (rank < 4 and 0 in axes):
        yield "it reduces the batch"


def _averaged(step: Step) -> Iterator[str]:
    yield from _reduced(step)
    shape = step.inputs[0].shape
    inner = {axis % len(shape) for axis in step.inputs[1].values} & {len(shape) - 1}
    if inner and shape[-1] % 4:
        yield f"it averages over {shape[-1]} channels, which is no multiple of 4"


def _padded(step: Step) -> Iterator[str]:
    widths = step.inputs[1].values
    if not step.inputs[1].constant:
        yield "its widths are no constants"
    if len(step.inputs[0].shape) == 4 and any(widths[:2]):
        yield "it pads the batch"


def _resized(step: Step) -> Iterator[str]:
    if any(side > 1 for side in step.inputs[0].shape[:-3]):
        yield "its input has more than three dimensions"


def _soft(step: Step) -> Iterator[str]:
    shape = step.inputs[0].shape
    if any(side > 1 for side in shape[:-1]) or shape[-1] > WIDEST_SOFTMAX:
        yield f"its input is no single row of at most {WIDEST_SOFTMAX} values"


def _strided(step: Step) -> Iterator[str]:
    if len(step.inputs) > 3 and any(stride != 1 for stride in step.inputs[3].values):
        yield "its strides are not 1"
    if step.options.get("ellipsisMask", 0) or step.options.get("newAxisMask", 0):
        yield "it has a mask for an ellipsis or a new axis"


def _sloped(step: Step) -> Iterator[str]:
    yield from _weighted(step)
    if any(side > 1 for side in step.inputs[1].shape[:-1]):
        yield "its slopes differ within a channel"


def _stacked(step: Step) -> Iterator[str]:
    if step.options.get("axis", 0) in (0, -len(step.outputs[0].shape)):
        yield "it packs the batch"


def _split(step: Step) -> Iterator[str]:
    rank = len(step.inputs[-1].shape)
    if step.inputs[0].values and step.inputs[0].values[0] % rank == 0:
        yield "it splits the batch"


RULES: dict[str, Callable[[Step], Iterator[str]]] = {
    "ADD": _any,
    "AVERAGE_POOL_2D": _plain,
    "CONCATENATION": _joined,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "EXPAND_DIMS": _any,
    "FULLY_CONNECTED": _connected,
    "L2_NORMALIZATION": _any,
    "LOGISTIC": _any,
    "MAXIMUM": _any,
    "MAX_POOL_2D": _plain,
    "MEAN": _averaged,
    "MINIMUM": _any,
    "MUL": _any,
    "PACK": _stacked,
    "PAD": _padded,
    "PRELU": _sloped,
    "QUANTIZE": _any,
    "REDUCE_MAX": _reduced,
    "REDUCE_MIN": _reduced,
    "RELU": _any,
    "RELU6": _any,
    "RELU_N1_TO_1": _any,
    "RESHAPE": _any,
    "RESIZE_BILINEAR": _resized,
    "RESIZE_NEAREST_NEIGHBOR": _resized,
    "RSQRT": _any,
    "SLICE": _any,
    "SOFTMAX": _soft,
    "SPACE_TO_DEPTH": _any,
    "SPLIT": _split,
    "SQUARED_DIFFERENCE": _any,
    "SQUEEZE": _any,
    "STRIDED_SLICE": _strided,
    "SUB": _any,
    "SUM": _reduced,
    "TANH": _any,
    "TRANSPOSE": _any,
    "TRANSPOSE_CONV": _weighted,
    CUSTOM_OPERATION.decode(): _any,
}
"""By operator; what Coral lists for runtime 14 (the last), recurrent cells left out."""
