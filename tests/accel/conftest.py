"""Writers of the one tiny model that all back ends are tested with: inverse = 255 - image, four bytes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
from numpy.typing import NDArray

from accel.replay import record
from accel.session import Tensors, TensorSpec


def ir(folder: Path) -> Path:
    import openvino
    from openvino import opset13

    image = opset13.parameter([1, 4], np.uint8)
    image.output(0).set_names({"image"})
    inverse = opset13.subtract(opset13.constant(np.uint8(255)), image)
    inverse.output(0).set_names({"inverse"})
    openvino.save_model(openvino.Model([inverse], [image]), folder / "model.xml")
    return folder / "model.xml"


@pytest.fixture
def write_ir() -> Callable[[Path], Path]:
    """Write the model as OpenVINO's IR into a folder."""
    return ir


class Flatbuffer:
    """Enough of TFLite's schema for one operation on uint8, by field numbers: needs no generated code."""

    def __init__(self) -> None:
        self.builder = flatbuffers.Builder(0)

    def table(self, fields: dict[int, tuple[str, int]]) -> int:
        """Write a table of (kind, value) by field number."""
        self.builder.StartObject(max(fields) + 1)
        for number, (kind, value) in fields.items():
            getattr(self.builder, f"Prepend{kind}Slot")(number, value, 0)
        return int(self.builder.EndObject())

    def vector(self, kind: str, size: int, items: Sequence[float]) -> tuple[str, int]:
        self.builder.StartVector(size, len(items), size)
        for item in reversed(items):
            getattr(self.builder, f"Prepend{kind}")(item)
        return OFFSET, self.builder.EndVector()

    def offsets(self, *items: int) -> tuple[str, int]:
        return self.vector("UOffsetTRelative", 4, items)

    def text(self, text: str) -> tuple[str, int]:
        return OFFSET, self.builder.CreateString(text)

    def tensor(self, name: str, shape: list[int], buffer: int) -> int:
        scale, zero = self.vector("Float32", 4, [0.5]), self.vector("Int64", 8, [0])
        fields = {0: self.vector("Int32", 4, shape), 1: ("Int8", 3), 2: ("Uint32", buffer), 3: self.text(name)}
        return self.table(fields | {4: (OFFSET, self.table({2: scale, 3: zero}))})

    def operator(self, inputs: list[int], outputs: list[int], options: dict[int, tuple[str, int]]) -> int:
        return self.table({1: self.vector("Int32", 4, inputs), 2: self.vector("Int32", 4, outputs)} | options)


OFFSET = "UOffsetTRelative"
SUB, CUSTOM = 41, 32


def tflite(custom: str = "") -> bytes:
    """The model as TFLite; with `custom`, one custom operation of that name stands for the subtraction."""
    file = Flatbuffer()
    tensors = [file.tensor("image", [1, 4], 0), file.tensor("inverse", [1, 4], 0)]
    if custom:
        code = file.table({0: ("Int8", CUSTOM), 1: file.text(custom), 2: ("Int32", 1), 3: ("Int32", CUSTOM)})
        operator = file.operator([0], [1], {})
    else:
        tensors.append(file.tensor("white", [1], 1))
        code = file.table({0: ("Int8", SUB), 2: ("Int32", 1), 3: ("Int32", SUB)})
        # 28 is SubOptions in the union of options; the table itself holds only defaults.
        operator = file.operator([2, 0], [1], {3: ("Uint8", 28), 4: (OFFSET, file.table({0: ("Int8", 0)}))})
    image, inverse = file.vector("Int32", 4, [0]), file.vector("Int32", 4, [1])
    graph = file.table({0: file.offsets(*tensors), 1: image, 2: inverse, 3: file.offsets(operator)})
    white = (OFFSET, file.builder.CreateByteVector(bytes([255])))
    buffers = file.offsets(file.table({0: (OFFSET, 0)}), file.table({0: white}))
    model = {0: ("Uint32", 3), 1: file.offsets(code), 2: file.offsets(graph), 4: buffers}
    file.builder.Finish(file.table(model), b"TFL3")
    return bytes(file.builder.Output())


@pytest.fixture
def tflite_model() -> Callable[..., bytes]:
    """Give the model as TFLite, or with a custom operation's name, as one that needs a delegate."""
    return tflite


@pytest.fixture
def write_recording() -> Callable[[Path, NDArray[np.uint8]], None]:
    """Record the model's answers to these images."""

    class Inverse:
        inputs = (TensorSpec("image", (1, 4), np.dtype(np.uint8)),)
        outputs = (TensorSpec("inverse", (1, 4), np.dtype(np.uint8)),)

        def run(self, feeds: Tensors) -> Tensors:
            return {"inverse": 255 - feeds["image"]}

    def write(file: Path, images: NDArray[np.uint8]) -> None:
        session: Any = Inverse()
        record(session, [{"image": image} for image in images], file)

    return write
