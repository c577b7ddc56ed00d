from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from accel import tflite as backend
from accel.session import AcceleratorError, Options, open_session, probe


@pytest.fixture(autouse=True)
def _forget_the_runtime() -> Iterator[None]:
    backend.find_runtime.cache_clear()
    yield
    backend.find_runtime.cache_clear()


@pytest.fixture
def runtime() -> str:
    """Whatever runtime works here, else the reason for skipping."""
    if reason := probe("tflite"):
        pytest.skip(reason)
    return backend.find_runtime(backend.RUNTIMES).name


@pytest.fixture
def weights(tflite_model: Callable[..., bytes], tmp_path: Path, runtime: str) -> Path:
    assert runtime
    (tmp_path / "model.tflite").write_bytes(tflite_model())
    return tmp_path / "model.tflite"


def stand_in(name: str, interpreter: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a runtime of this name in place of the one that may be installed."""
    module: Any = ModuleType(f"{name}.interpreter")
    module.Interpreter = interpreter
    monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, f"{name}.interpreter", module)


def absent(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, f"{name}.interpreter", None)


def built_for_numpy_1(**_: object) -> Any:
    """What tflite_runtime 2.14 does beside numpy 2: numpy prints half a page, then this."""
    sys.stderr.write("A module that was compiled using NumPy 1.x cannot be run in NumPy 2.4.6 as it may crash.\n")
    raise SystemError("<built-in method CreateWrapperFromFile> returned a result with an exception set")


def test_the_model_of_the_self_test_is_what_the_writer_writes(tflite_model: Callable[..., bytes]) -> None:
    assert tflite_model() == backend.SELF_TEST


def test_the_writers_models_are_as_litert_s_own_schema_reads_them(tflite_model: Callable[..., bytes]) -> None:
    schema = pytest.importorskip("ai_edge_litert.schema_py_generated", reason="ai_edge_litert is not installed")
    for custom, operator in (("", schema.BuiltinOperator.SUB), ("some-op", schema.BuiltinOperator.CUSTOM)):
        model = schema.ModelT.InitFromPackedBuf(tflite_model(custom), 0)
        (code,), (graph,) = model.operatorCodes, model.subgraphs
        assert code.builtinCode == operator
        assert code.customCode == (custom.encode() or None)
        assert [tensor.name for tensor in graph.tensors][:2] == [b"image", b"inverse"]
        assert all(tensor.type == schema.TensorType.UINT8 for tensor in graph.tensors)


def test_tensors_tell_their_quantization(weights: Path) -> None:
    session = open_session("tflite", weights)
    assert [(spec.scale, spec.zero_point) for spec in session.inputs + session.outputs] == [(0.5, 0)] * 2
    session.close()


def test_every_stream_has_an_interpreter_with_its_share_of_the_threads(
    weights: Path, runtime: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    found = backend.find_runtime((runtime,))

    def counting(**settings: Any) -> Any:
        asked.append(settings["num_threads"])
        return found.module.Interpreter(**settings)

    module: Any = ModuleType("counting")
    module.Interpreter = counting
    monkeypatch.setattr(backend, "find_runtime", lambda _: replace(found, module=module))
    for options in (Options(threads=4, streams=2), Options(threads=3), Options(threads=1, streams=2)):
        open_session("tflite", weights, options).close()
    assert asked == [2, 2, 3, 1, 1]


def test_beside_numpy_2_the_old_runtime_is_refused_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    absent("ai_edge_litert", monkeypatch)
    stand_in("tflite_runtime", built_for_numpy_1, monkeypatch)
    monkeypatch.setattr(np, "__version__", "2.4.6")
    reason = probe("tflite")
    assert reason is not None
    assert "tflite_runtime was built for numpy 1 and this is numpy 2.4.6 (it needs 'numpy<2')" in reason
    assert reason.endswith("pip install ai-edge-litert")
    assert "\n" not in reason
    assert capfd.readouterr() == ("", "")


def test_a_first_runtime_that_fails_makes_way_for_the_second(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("broken_runtime", built_for_numpy_1, monkeypatch)
    assert backend.find_runtime(("broken_runtime", runtime)).name == runtime


def test_a_runtime_that_computes_wrongly_is_refused(runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    genuine = backend.find_runtime((runtime,)).module.Interpreter

    class Wrong(genuine):  # type: ignore[misc]
        def get_tensor(self, *place: Any) -> Any:
            return super().get_tensor(*place) + 1

    stand_in("wrong_runtime", Wrong, monkeypatch)
    with pytest.raises(AcceleratorError, match=r"wrong_runtime fails its test inference \(255 - \[0, 1, 128, 255\]"):
        backend.find_runtime(("wrong_runtime",))


def test_without_a_runtime_the_remedy_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absent("ai_edge_litert", monkeypatch)
    absent("tflite_runtime", monkeypatch)
    (tmp_path / "model.tflite").write_bytes(backend.SELF_TEST)
    message = r"ai_edge_litert cannot be imported .*, and tflite_runtime cannot .*: pip install ai-edge-litert"
    with pytest.raises(AcceleratorError, match=message):
        open_session("tflite", tmp_path / "model.tflite")


def test_a_model_for_the_edge_tpu_is_told_where_to_go(weights: Path, tflite_model: Callable[..., bytes]) -> None:
    weights.write_bytes(tflite_model("edgetpu-custom-op"))
    with pytest.raises(AcceleratorError, match="compiled for the Edge TPU; open it with the coral back end"):
        open_session("tflite", weights)


def test_an_operation_nobody_knows_is_named(weights: Path, tflite_model: Callable[..., bytes]) -> None:
    weights.write_bytes(tflite_model("conjure"))
    with pytest.raises(AcceleratorError, match=r"an operation this TFLite runtime does not know .*conjure"):
        open_session("tflite", weights)
