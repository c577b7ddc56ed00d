from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

vendor = pytest.importorskip("openvino", reason="openvino is not installed")

from accel import openvino as backend  # noqa: E402
from accel.session import AcceleratorError, Options, open_session, probe  # noqa: E402

IMAGE = {"image": np.array([[1, 2, 3, 4]], np.uint8)}


@pytest.fixture
def weights(write_ir: Callable[[Path], Path], tmp_path: Path) -> Path:
    return write_ir(tmp_path)


def graph(*, names: set[str], shape: list[int]) -> Any:
    """Two inputs and their sum, under these names."""
    ports = [vendor.opset13.parameter(shape, np.float32) for _ in range(2)]
    for port in ports:
        port.output(0).set_names({f"{name}{ports.index(port)}" for name in names})
    total = vendor.opset13.add(*ports)
    total.output(0).set_names(names)
    return vendor.Model([total], ports)


def test_the_first_opening_fills_the_cache_and_the_next_reads_it(weights: Path, tmp_path: Path) -> None:
    cache = tmp_path / "made" / "on demand"
    open_session("openvino", weights, Options(cache=cache)).close()
    (blob,) = cache.rglob("*.blob")
    written = blob.stat().st_mtime_ns
    session = open_session("openvino", weights, Options(cache=cache))
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    linked = tmp_path / "linked"
    linked.symlink_to(weights.parent)
    open_session("openvino", linked / weights.name, Options(cache=cache)).close()
    assert [file.stat().st_mtime_ns for file in cache.rglob("*.blob")] == [written]


def test_what_another_version_compiled_is_removed(weights: Path, tmp_path: Path) -> None:
    old, foreign = tmp_path / "openvino-2025.1.0", tmp_path / "photos"
    for folder in (old, foreign):
        folder.mkdir()
        (folder / "1.blob").touch()
    open_session("openvino", weights, Options(cache=tmp_path)).close()
    assert (old.exists(), foreign.exists(), len(list(tmp_path.rglob("*.blob")))) == (False, True, 2)


CLOSED_ELSEWHERE = """
import os, signal, sys, threading
from pathlib import Path
from accel.session import Options, open_session
sessions = [open_session("openvino", Path(sys.argv[1]), Options())]
closing = threading.Thread(target=lambda: sessions.pop().close())
closing.start()
closing.join()
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGTERM)
"""


MANY_AT_ONCE = """
import signal, sys, threading
from pathlib import Path
from accel.session import Options, open_session
session = open_session("openvino", Path(sys.argv[1]), Options())
numbers = [signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP]
heard = []
for number in numbers:
    signal.signal(number, lambda number, _: heard.append(number))
signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
for number in numbers:
    signal.pthread_kill(threading.main_thread().ident, number)
signal.pthread_sigmask(signal.SIG_UNBLOCK, numbers)
print(len(heard))
"""


def test_who_opened_a_model_hears_several_signals_at_once(weights: Path) -> None:
    words = [sys.executable, "-c", MANY_AT_ONCE, str(weights)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout) == (0, "5\n"), done.stderr


def test_another_users_store_serves_as_it_is(weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    open_session("openvino", weights, Options(cache=tmp_path)).close()
    (blob,) = tmp_path.rglob("*.blob")
    assert blob.stat().st_mode & 0o044 == 0o044
    monkeypatch.setattr("accel.openvino._ours", lambda _: False)
    blob.unlink()
    blob.mkdir()  # what it may not read, as root, who reads everything, sees it
    assert open_session("openvino", weights, Options(cache=tmp_path)).run(IMAGE)["inverse"].tolist()

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError

    monkeypatch.setattr(Path, "mkdir", refuse)
    assert open_session("openvino", weights, Options(cache=tmp_path / "new")).run(IMAGE)["inverse"].tolist()


def test_who_opened_a_model_hears_signals_after_another_thread_closed_it(weights: Path) -> None:
    words = [sys.executable, "-c", CLOSED_ELSEWHERE, str(weights)]
    done = subprocess.run(words, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_a_torn_cache_is_written_anew(weights: Path, tmp_path: Path) -> None:
    open_session("openvino", weights, Options(cache=tmp_path)).close()
    (blob,) = tmp_path.rglob("*.blob")
    blob.write_bytes(blob.read_bytes()[:1000])
    session = open_session("openvino", weights, Options(cache=tmp_path))
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    assert blob.stat().st_size > 1000


def test_a_cache_that_cannot_be_kept_is_named(weights: Path) -> None:
    with pytest.raises(AcceleratorError, match=r"model\.xml: cannot keep compiled models here"):
        open_session("openvino", weights, Options(cache=weights))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), {"PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": 1}),
        (Options(threads=1), {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_NUM_THREADS": 1}),
        (Options(threads=2, streams=2), {"NUM_STREAMS": 2, "INFERENCE_NUM_THREADS": 2}),
        (Options(precision="f32"), {"INFERENCE_PRECISION_HINT": "f32"}),
    ],
    ids=["alone", "one thread", "two streams", "precision"],
)
def test_the_device_is_set_up_as_asked(weights: Path, options: Options, expected: dict[str, Any]) -> None:
    core = vendor.Core()
    compiled = core.compile_model(str(weights), "CPU", backend._properties(core, "CPU", options))
    found = {name: compiled.get_property(name) for name in expected}
    found = {name: value.to_string() if isinstance(value, vendor.Type) else value for name, value in found.items()}
    found = {name: getattr(value, "name", value) for name, value in found.items()}
    assert found == expected


def test_auto_says_which_device_it_took(weights: Path) -> None:
    session = open_session("openvino", weights, Options(device="auto", streams=2, threads=1))
    assert session.device in vendor.Core().available_devices
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    session.close()


def test_an_absent_device_is_named_with_those_there_are(weights: Path) -> None:
    message = "OpenVINO finds no device 'NPU.7' here, only CPU.*: choose one of them or install its driver"
    with pytest.raises(AcceleratorError, match=message):
        open_session("openvino", weights, Options(device="npu.7"))
    assert "NPU.7" in str(probe("openvino", Options(device="npu.7")))


def test_without_openvino_the_remedy_is_named(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(AcceleratorError, match=r"openvino cannot be imported .*: pip install 'openvino>=2026\.2'"):
        open_session("openvino", weights)


def test_a_weights_file_cut_short_is_named(tmp_path: Path) -> None:
    table = vendor.opset13.constant(np.arange(1000, dtype=np.float32))
    image = vendor.opset13.parameter([1000], np.float32)
    vendor.save_model(vendor.Model([vendor.opset13.add(image, table)], [image]), tmp_path / "model.xml")
    (tmp_path / "model.bin").write_bytes(b"short")
    with pytest.raises(AcceleratorError, match=r"model\.xml: not a model that OpenVINO can read"):
        open_session("openvino", tmp_path / "model.xml")


def test_of_several_names_the_first_in_the_alphabet_is_taken(tmp_path: Path) -> None:
    vendor.save_model(graph(names={"b", "a"}, shape=[2]), tmp_path / "model.xml")
    session = open_session("openvino", tmp_path / "model.xml")
    assert [spec.name for spec in session.inputs + session.outputs] == ["a0", "a1", "a"]


def test_tensors_without_a_name_are_numbered(tmp_path: Path) -> None:
    vendor.save_model(graph(names=set(), shape=[2]), tmp_path / "model.xml")
    session = open_session("openvino", tmp_path / "model.xml", Options(precision="f32"))
    assert [spec.name for spec in session.inputs + session.outputs] == ["input0", "input1", "output0"]
    feeds = {"input1": np.array([1, 2], np.float32), "input0": np.array([10, 20], np.float32)}
    assert session.run(feeds)["output0"].tolist() == [11, 22]


def test_a_free_size_takes_any(tmp_path: Path) -> None:
    vendor.save_model(graph(names={"x"}, shape=[1, -1]), tmp_path / "model.xml")
    session = open_session("openvino", tmp_path / "model.xml", Options(precision="f32"))
    assert session.inputs[0].shape == (1, -1)
    for size in (2, 5):
        ones = np.ones((1, size), np.float32)
        assert session.run({"x0": ones, "x1": ones})["x"].tolist() == [[2.0] * size]


def test_an_onnx_file_is_read(tmp_path: Path) -> None:
    weights = tmp_path / "model.onnx"
    weights.write_bytes(onnx_negation())
    session = open_session("openvino", weights, Options(precision="f32"))
    assert session.run({"x": np.array([1, -2], np.float32)})["y"].tolist() == [-1, 2]


def onnx_negation() -> bytes:
    """y = -x on two floats, in ONNX's protobuf: field numbers are those of onnx.proto."""

    def field(number: int, value: int | bytes) -> bytes:
        if isinstance(value, int):
            return bytes([number << 3, value])
        return bytes([number << 3 | 2, len(value)]) + value

    def tensor(name: bytes) -> bytes:
        shape = field(2, field(1, field(1, 2)))  # one dimension of 2
        return field(1, name) + field(2, field(1, field(1, 1) + shape))  # element type 1: float

    node = field(1, b"x") + field(2, b"y") + field(4, b"Neg")
    body = field(1, node) + field(2, b"negation") + field(11, tensor(b"x")) + field(12, tensor(b"y"))
    return field(1, 8) + field(7, body) + field(8, field(2, 13))


def test_a_tflite_file_is_read(tflite_model: Callable[..., bytes], tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(tflite_model())
    session = open_session("openvino", tmp_path / "model.tflite")
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]


@pytest.mark.parametrize(
    ("machine", "features", "in_float"),
    [
        ("aarch64", "fp asimd evtstrm crc32 cpuid", True),  # Raspberry Pi 4
        ("aarch64", "fp asimd atomics fphp asimdhp asimddp", False),  # Raspberry Pi 5
        ("x86_64", "fpu sse4_2 avx2", False),
    ],
)
def test_an_arm_core_without_the_dot_product_computes_in_float(
    machine: str, features: str, in_float: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nFeatures\t: {features}\n")
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert backend._computes_in_float(tmp_path / "cpuinfo") is in_float
    assert not backend._computes_in_float(tmp_path / "absent")


@pytest.mark.parametrize(
    ("machine", "flags", "cut_off"),
    [
        ("x86_64", "fpu sse4_2 avx2", True),  # up to Intel's tenth generation, and AMD's Zen 3
        ("x86_64", "fpu avx2 avx_vnni", False),
        ("x86_64", "fpu avx512f avx512_vnni", False),
        ("aarch64", "fp asimd asimddp", False),
    ],
)
def test_an_x86_processor_without_vnni_adds_in_16_bits(
    machine: str, flags: str, *, cut_off: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\nflags\t\t: {flags}\n")
    monkeypatch.setattr("platform.machine", lambda: machine)
    assert backend._adds_in_16_bits(tmp_path / "cpuinfo") is cut_off
    assert not backend._adds_in_16_bits(tmp_path / "absent")


@pytest.mark.parametrize(("machine", "kept"), [("x86_64", True), ("aarch64", False)])
def test_kernels_are_kept_for_other_sizes_but_not_on_arm(
    machine: str, *, kept: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("platform.machine", lambda: machine)
    properties = backend._properties(vendor.Core(), "CPU", Options())
    assert ("CPU_RUNTIME_CACHE_CAPACITY" in properties) is kept


def test_computing_in_float_gives_the_same(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "_computes_in_float", lambda: True)
    session = open_session("openvino", weights, Options())
    assert session.run(IMAGE)["inverse"].tolist() == [[254, 253, 252, 251]]
    session.close()
