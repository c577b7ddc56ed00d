"""Which TFLite files an Edge TPU takes, and the way of one through compiler and delegate."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from accel.graphs.tflite_file import Graph, Grid, Operator, write
from accel.session import open_session, probe
from edge.errors import InputError
from tests import toy_training

sys.path.append(str(Path(__file__).parents[2] / "tools"))

from training import edgetpu, export, litert, measure, packing, steps
from training.measure import Device

UNIT = Grid.of(1.0, 0)


def saved(graph: Graph, folder: Path) -> Path:
    (folder / "model.tflite").write_bytes(write(graph))
    return folder / "model.tflite"


def reasons(graph: Graph, folder: Path) -> list[str]:
    return [fault.reason for fault in edgetpu.faults(saved(graph, folder))]


def one_step(kind: str, shape: tuple[int, ...], out: tuple[int, ...], dtype: str = "int8", **options: object) -> Graph:
    """A graph of one operator from one tensor to another."""
    graph = Graph()
    values = [graph.value("before", shape, dtype), graph.value("after", out, dtype)]
    for value in values:
        graph.tensors[value].grid = None if dtype == "float32" else UNIT
    graph.operators = [Operator(kind, values[:1], values[1:], dict(options))]
    graph.inputs, graph.outputs = values[:1], values[1:]
    return graph


def test_a_network_that_is_int8_throughout_runs_on_it(tmp_path: Path) -> None:
    assert edgetpu.faults(saved(toy_training.colours(), tmp_path)) == []


def test_so_does_one_with_bytes_in_and_out(tmp_path: Path) -> None:
    graph = toy_training.colours()
    litert.unsigned(graph)
    assert edgetpu.faults(saved(graph, tmp_path)) == []


def test_a_float_operator_is_named_with_its_place(tmp_path: Path) -> None:
    (fault, *_) = edgetpu.faults(saved(one_step("LOGISTIC", (1, 4), (1, 4), "float32"), tmp_path))
    assert str(fault) == "operator 0 LOGISTIC (after): 'before' is of type FLOAT32, not int8 or uint8"


def test_an_operator_that_it_does_not_have_is_named(tmp_path: Path) -> None:
    assert reasons(one_step("DEQUANTIZE", (1, 4), (1, 4)), tmp_path) == ["the Edge TPU has no such operator"]


@pytest.mark.parametrize(
    ("graph", "reason"),
    [
        (one_step("LOGISTIC", (2, 3, 4, 5), (2, 3, 4, 5)), "larger than one in more than its three inner dimensions"),
        (one_step("LOGISTIC", (1, 0), (1, 0)), "has no fixed size"),
        (one_step("SOFTMAX", (1, 5, 4), (1, 5, 4)), "no single row of at most 16000 values"),
        (one_step("SOFTMAX", (1, 16001), (1, 16001)), "no single row"),
        (one_step("CONCATENATION", (1, 4), (1, 4), fusedActivationFunction=1), "an activation function fused to it"),
    ],
)
def test_its_limits_are_told(graph: Graph, reason: str, tmp_path: Path) -> None:
    assert any(reason in found for found in reasons(graph, tmp_path))


def test_a_dense_layer_with_a_scale_for_each_row_is_told(tmp_path: Path) -> None:
    graph = toy_training.colours()
    weights = next(tensor for tensor in graph.tensors if tensor.name == "weights")
    weights.grid = Grid(np.array([0.1, 0.2, 0.3], np.float32))
    assert reasons(graph, tmp_path) == ["its weights have a scale for each row, not one in all"]


def test_a_mean_over_channels_needs_a_multiple_of_four(tmp_path: Path) -> None:
    graph = one_step("MEAN", (1, 8, 8, 6), (1, 8, 8), keepDims=False)
    graph.operators[0].inputs.append(graph.constant("axes", np.array([3], np.int32)))
    assert reasons(graph, tmp_path) == ["it averages over 6 channels, which is no multiple of 4"]


@pytest.mark.parametrize("content", [b"", b"no model", b"\x1c\0\0\0TFL3" + bytes(range(64))])
def test_another_file_is_refused_in_a_sentence(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.tflite").write_bytes(content)
    with pytest.raises(InputError, match=r"model\.tflite: (no TFLite file|the TFLite file is damaged)"):
        edgetpu.faults(tmp_path / "model.tflite")


# The converter's graph is put right without changing a number


def run(graph: Graph, folder: Path, image: np.ndarray) -> np.ndarray:
    session = open_session("tflite", saved(graph, folder))
    (feed,), (out,) = session.inputs, session.outputs
    try:
        return session.run({feed.name: image})[out.name]
    finally:
        session.close()


def turned() -> Graph:
    """A mean over height and width as PyTorch's order of axes makes it."""
    graph = Graph()
    image, chw, mean = (
        graph.value("image", (1, 6, 5, 8), "int8"),
        graph.value("turned", (1, 8, 6, 5), "int8"),
        graph.value("mean", (1, 8), "int8"),
    )
    for value in (image, chw, mean):
        graph.tensors[value].grid = UNIT
    order, axes = (graph.constant(str(one), np.array(one, np.int32)) for one in ([0, 3, 1, 2], [2, 3]))
    graph.operators = [
        Operator("TRANSPOSE", [image, order], [chw]),
        Operator("MEAN", [chw, axes], [mean], {"keepDims": False}),
    ]
    graph.inputs, graph.outputs = [image], [mean]
    return graph


def test_a_mean_is_taken_where_the_tensor_lies(tmp_path: Path) -> None:
    image = np.random.default_rng(0).integers(-128, 128, (1, 6, 5, 8)).astype(np.int8)
    before, graph = run(turned(), tmp_path, image), turned()
    litert.pool_where_it_lies(graph)
    assert [step.kind for step in graph.operators] == ["MEAN"]
    assert np.array_equal(run(graph, tmp_path, image), before)


def test_doubling_is_told_in_words_that_old_compilers_know(tmp_path: Path) -> None:
    def graph() -> Graph:
        made = one_step("RESIZE_NEAREST_NEIGHBOR", (1, 3, 3, 2), (1, 6, 6, 2), halfPixelCenters=True)
        made.operators[0].inputs.append(made.constant("size", np.array([6, 6], np.int32)))
        return made

    image = np.arange(18, dtype=np.int8).reshape(1, 3, 3, 2)
    before, plain = run(graph(), tmp_path, image), graph()
    litert.lower_versions(plain)
    assert plain.operators[0].options["halfPixelCenters"] is False
    assert np.array_equal(run(plain, tmp_path, image), before)


def test_bytes_in_and_out_are_the_signed_ones_shifted(tmp_path: Path) -> None:
    image = np.random.default_rng(1).integers(0, 256, (1, 8, 8, 3)).astype(np.uint8)
    signed = run(toy_training.colours(), tmp_path, (image.astype(np.int16) - 128).astype(np.int8))
    graph = toy_training.colours()
    litert.unsigned(graph)
    assert np.array_equal(run(graph, tmp_path, image), (signed.astype(np.int16) + 128).astype(np.uint8))


# Compiled, and on a delegate

COMPILER = """#!{python}
import sys
sys.path[:0] = [{root!r}, {tools!r}]
from pathlib import Path
from tests.tools.edgetpu_shape import shaped
folder, file = Path(sys.argv[3]), Path(sys.argv[4])
if "refuse" in file.name:
    sys.exit("Invalid model: " + file.name)
(folder / (file.stem + "_edgetpu.tflite")).write_bytes(shaped(file.read_bytes()))
print("Edge TPU Compiler version 16.0 (of this test)")
"""


@pytest.fixture
def compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A stand-in for edgetpu_compiler on the PATH: all operators become one, as in what the real one makes."""
    root = Path(__file__).parents[2]
    script = tmp_path / "bin" / edgetpu.COMPILER
    script.parent.mkdir()
    script.write_text(COMPILER.format(python=sys.executable, root=str(root), tools=str(root / "tools")))
    script.chmod(script.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{script.parent}{os.pathsep}{os.environ['PATH']}")
    return script


def test_without_its_compiler_nothing_is_compiled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert edgetpu.compiled(saved(toy_training.colours(), tmp_path), tmp_path) is None


@pytest.mark.usefixtures("compiler")
def test_the_compiler_makes_one_operator_of_all(tmp_path: Path) -> None:
    made = edgetpu.compiled(saved(toy_training.colours(), tmp_path), tmp_path)
    assert made == tmp_path / "model_edgetpu.tflite"
    assert [step.kind for step in steps.steps(made)] == ["edgetpu-custom-op"]
    assert edgetpu.left_over(made) == []
    assert edgetpu.faults(made) == []


@pytest.mark.usefixtures("compiler")
def test_what_the_compiler_refuses_is_told_in_its_words(tmp_path: Path) -> None:
    file = saved(toy_training.colours(), tmp_path).rename(tmp_path / "refuse.tflite")
    with pytest.raises(InputError, match=r"edgetpu_compiler refuses it \(Invalid model: refuse\.tflite\)"):
        edgetpu.compiled(file, tmp_path)


@pytest.mark.usefixtures("compiler")
@pytest.mark.parametrize("io", ["int8", "uint8"])
def test_a_compiled_export_runs_through_the_delegate(
    io: str, tmp_path: Path, fake_edgetpu: str, dataset_network: Callable[[], toy_training.Network]
) -> None:
    if reason := probe("tflite"):
        pytest.skip(reason)
    network = dataset_network()
    toy_training.write_tflite(network, [], tmp_path / "model.tflite", io=io)
    made = edgetpu.compiled(tmp_path / "model.tflite", tmp_path)
    assert made is not None
    device = Device("coral", made, network.outputs, network.input(normalise=True), fake_edgetpu)
    fitted = np.full((8, 8, 3), (200, 10, 10), np.uint8)
    (logits,) = device.run(fitted).values()
    pixels = device.tensor(fitted).view(np.uint8).ravel()[:3]  # the stand-in answers 255 less the byte before it
    (out,) = device.session.outputs
    wanted = (255 - pixels).view(out.dtype).astype(np.float32)
    assert device.session.device == "EdgeTPU"
    assert np.allclose(logits[0], (wanted - out.zero_point) * np.float32(out.scale))
    device.close()


@pytest.mark.usefixtures("compiler")
def test_an_export_and_its_pack_bring_the_compiled_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_training.install(monkeypatch.setattr)
    monkeypatch.setattr(measure, "TIMED", 1)
    data, work = toy_training.dataset(tmp_path / "data"), toy_training.job(tmp_path, key=tmp_path / "key")
    index = packing.leave(toy_training.trained(), data, work, toy_training.findings(data), lambda *_: None)
    assert index.variants["coral"].weights == "model_edgetpu.tflite"
    assert index.variants["coral"].input == index.variants["tflite"].input
    assert "not measured: no such device here" in (tmp_path / "report.html").read_text("utf-8")


@pytest.mark.usefixtures("compiler")
def test_an_export_goes_on_without_what_the_compiler_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy_training.install(monkeypatch.setattr)
    monkeypatch.setattr(measure, "TIMED", 1)
    monkeypatch.setitem(export.FILES, "tflite", ("refuse.tflite",))
    made = export.export(
        toy_training.trained(), toy_training.dataset(tmp_path / "data"), toy_training.job(tmp_path), lambda *_: None
    )
    assert sorted(made.files) == ["openvino", "tflite"]
    assert "edgetpu_compiler refuses it (Invalid model: refuse.tflite)" in made.faults[0]


@pytest.fixture
def dataset_network() -> Callable[[], toy_training.Network]:
    return lambda: toy_training.Network(None, "classify", toy_training.SIDE, False)
