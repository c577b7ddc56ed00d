"""Builds, on a small graph written here, and on the pulled models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from accel.session import open_session
from edge.packs.build import BUILDERS, GRAPHS, build
from edge.packs.store import Store, default_root
from models import manifest as manifests
from models.manifest import Decode, Input, Manifest, ModelError, Source, Variant

ov = pytest.importorskip("openvino", reason="openvino is not installed")
from openvino import opset13 as ops  # noqa: E402

DEFAULT = [name for name in manifests.names() if "openvino" in manifests.load(name).variants]


def manifest(build: str = "onnx", outputs: tuple[str, ...] = ("sum",)) -> Manifest:
    return Manifest(
        name="small",
        version=1,
        task="labels",
        title="",
        licence="",
        origin="",
        input=Input(width=4, height=2, fit="stretch", colour="RGB", layout="NCHW", mean=(1, 2, 3)),
        decode=Decode(name="classify"),
        sources=(Source(name="weights", kind="url", bytes=1),),
        variants={"openvino": Variant(build=build, precision="f32", sources=("weights",), outputs=outputs)},
    )


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A graph that sums each colour over the picture, of any size, in a file OpenVINO reads."""
    image = ops.parameter([-1, 3, -1, -1], np.float32, name="image")
    total = ops.reduce_sum(image, ops.constant(np.array([2, 3])), keep_dims=False)
    ov.save_model(ov.Model([ops.result(total)], [image], "small"), tmp_path / "small.xml")
    return tmp_path / "small.xml"


def test_a_built_graph_takes_a_frame_at_the_manifests_size(weights: Path, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    session = open_session("openvino", build(manifest(), "openvino", {"weights": weights}, tmp_path / "out"))
    try:
        assert session.inputs[0].shape == (1, 2, 4, 3)
        assert session.inputs[0].dtype == np.uint8
        frame = np.empty((1, 2, 4, 3), np.uint8)
        frame[...] = (30, 20, 10)
        totals = session.run({session.inputs[0].name: frame})["sum"]
        assert totals.tolist() == [[8 * (10 - 1), 8 * (20 - 2), 8 * (30 - 3)]]
    finally:
        session.close()


def test_the_same_sources_give_the_same_bytes(weights: Path, tmp_path: Path) -> None:
    found = []
    for attempt in ("first", "second"):
        (tmp_path / attempt).mkdir()
        build(manifest(), "openvino", {"weights": weights}, tmp_path / attempt)
        found.append({file.name: file.read_bytes() for file in (tmp_path / attempt).iterdir()})
    assert found[0].keys() == {"model.xml", "model.bin"}
    assert found[0] == found[1]


def test_what_cannot_be_built_says_which_model_and_why(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="small: no builder 'magic': there is onnx"):
        build(manifest("magic"), "openvino", {"weights": weights}, tmp_path)
    with pytest.raises(ModelError, match="small for openvino: the graph has 1 outputs, not the 2"):
        build(manifest(outputs=("a", "b")), "openvino", {"weights": weights}, tmp_path)
    weights.write_bytes(b"no model at all")
    with pytest.raises(ModelError, match="small for openvino: "):
        build(manifest(), "openvino", {"weights": weights}, tmp_path)


def test_every_kind_of_graph_has_its_builder() -> None:
    assert GRAPHS.keys() <= BUILDERS.keys()


@pytest.mark.models
@pytest.mark.parametrize("name", DEFAULT)
def test_a_pulled_model_builds_and_runs(name: str, tmp_path: Path) -> None:
    model, store = manifests.load(name), Store(default_root())
    variant = model.variants["openvino"]
    files = {source: store.blob(model.source(source)) for source in variant.sources}
    if not all(file.is_file() for file in files.values()):
        pytest.skip(f"{name} is not pulled: vedette models pull {name}")
    session = open_session("openvino", build(model, "openvino", files, tmp_path))
    try:
        assert tuple(output.name for output in session.outputs) == variant.outputs
        wanted, (feed,) = model.input_for("openvino"), session.inputs
        sides = {"N": 1, "H": wanted.height, "W": wanted.width}
        picture = () if wanted.fit == "tensor" else (3,)
        assert feed.shape == (*(-1 if axis in wanted.open else side for axis, side in sides.items()), *picture)
        assert (feed.dtype == np.uint8) == (wanted.fit != "tensor")
        outputs = session.run({feed.name: np.zeros((*sides.values(), *picture), feed.dtype)})
        assert all(np.isfinite(array).all() for array in outputs.values())
    finally:
        session.close()
