"""Writers of the one tiny model that all back ends are tested with: inverse = 255 - image, four bytes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest


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
