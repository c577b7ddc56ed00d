from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel.session import (
    AcceleratorError,
    Options,
    TensorSpec,
    check_feeds,
    open_first,
    open_session,
    probe,
    unique_names,
)


def test_an_unknown_back_end_is_named_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(AcceleratorError, match="no back end 'tensorrt': there is openvino"):
        open_session("tensorrt", tmp_path)
    assert "no back end 'tensorrt'" in str(probe("tensorrt"))


def test_the_first_back_end_that_works_is_opened_and_the_others_say_why_not(
    write_ir: Callable[[Path], Path], tmp_path: Path
) -> None:
    pytest.importorskip("openvino", reason="openvino is not installed")
    weights = write_ir(tmp_path)
    session, reasons = open_first(
        [
            ("tensorrt", weights, Options()),
            ("openvino", tmp_path / "absent.xml", Options()),
            ("openvino", weights, Options(threads=1)),
        ]
    )
    session.close()
    assert session.backend == "openvino"
    assert [reason.split(": ")[0] for reason in reasons] == ["tensorrt", "openvino"]
    assert "no such file" in reasons[1]


def test_if_none_works_every_reason_is_told(tmp_path: Path) -> None:
    with pytest.raises(AcceleratorError, match=r"no back end can run the model: a: no back end 'a'.*; b: no back"):
        open_first([("a", tmp_path, Options()), ("b", tmp_path, Options())])
    with pytest.raises(AcceleratorError, match="none is configured"):
        open_first([])


def test_a_free_size_is_not_checked_but_the_others_are() -> None:
    specs = (TensorSpec("x", (1, -1), np.dtype(np.float32)),)
    check_feeds(specs, {"x": np.zeros((1, 7), np.float32)})
    with pytest.raises(AcceleratorError, match=r"input 'x' is float32\[1, -1\], not float32\[2, 7\]"):
        check_feeds(specs, {"x": np.zeros((2, 7), np.float32)})


@given(st.lists(st.sampled_from(["", "a", "b", "output1"])))
def test_every_tensor_has_a_name_of_its_own(names: list[str]) -> None:
    unique = unique_names(names, "output")
    assert len(set(unique)) == len(names)
    assert all(unique)


def test_no_vendor_library_is_imported_before_it_is_asked_for() -> None:
    code = "import sys, accel.session; print({'openvino', 'ai_edge_litert', 'tflite_runtime'} & sys.modules.keys())"
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "set()\n"
