"""OpenVINO graphs in and out of files."""

from __future__ import annotations

from pathlib import Path

import openvino as ov


def read(file: Path) -> ov.Model:
    """Read an ONNX file, a frozen TensorFlow graph (.pb) or an IR; raises RuntimeError if it is none of these."""
    return ov.Core().read_model(file)


def save(model: ov.Model, file: Path) -> None:
    """Write an IR: `file` (.xml) and its weights beside it.

    Floats stay float32, since float16 would move the biases that calibration corrected.
    """
    ov.save_model(model, file, compress_to_fp16=False)
