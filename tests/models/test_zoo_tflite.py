"""The TFLite models as they are pulled and built, on real photos."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from accel.graphs.tflite_file import read
from accel.session import Session, Tensors, open_session
from edge.packs.build import float_tflite
from edge.packs.store import Built, Store, default_root
from models import manifest as manifests
from models.boxes import iou
from models.decode import DECODERS
from models.manifest import ModelError
from models.outputs import Boxes, Floats, Result
from models.tensors import dequantise, fit, pack

pytestmark = pytest.mark.models
SHARED = Path(__file__).parents[2] / "../shared/data"


def built(name: str) -> Built:
    try:
        return Store(default_root()).find(name, "tflite")
    except ModelError as error:
        pytest.skip(str(error))


def photos(folder: str, count: int) -> list[Path]:
    found = sorted((SHARED / folder).glob("*.jpg"))[:count]
    if not found:
        pytest.skip(f"no photos in {SHARED / folder}")
    return found


def float_file(model: Built, folder: Path) -> Path:
    manifest, store = model.manifest, Store(default_root())
    variant = manifest.variants["tflite"]
    sources = [store.blob(manifest.source(name)) for name in variant.sources]
    (folder / "float.tflite").write_bytes(float_tflite(manifest, variant, sources))
    return folder / "float.tflite"


@pytest.fixture(params=["efficientnet-lite0", "ssd-mobilenet-v2"])
def model(request: pytest.FixtureRequest) -> Built:
    return built(request.param)


@pytest.fixture
def pair(model: Built, tmp_path: Path) -> Iterator[tuple[Session, Session]]:
    """The int8 model and the float one it was made from."""
    small = open_session("tflite", model.weights)
    full = open_session("tflite", float_file(model, tmp_path))
    yield small, full
    small.close()
    full.close()


def run(session: Session, model: Built, photo: Path) -> tuple[Tensors, Result]:
    spec, wants = session.inputs[0], model.manifest.input_for("tflite")
    image = cv2.imread(str(photo))
    assert image is not None
    pixels = pack(fit(image.astype(np.uint8), wants)[0], wants, spec.dtype, spec.scale, spec.zero_point)
    stored = session.run({spec.name: pixels})
    names = model.manifest.variants["tflite"].outputs
    real: dict[str, Floats] = {
        name: dequantise(stored[spec.name], spec.scale, spec.zero_point)
        for name, spec in zip(names, session.outputs, strict=True)
    }
    how = model.manifest.decode_for("tflite")
    return real, DECODERS[how.name](real, how, 0.3)


def test_nothing_runs_in_float(model: Built) -> None:
    graph = read(model.weights.read_bytes())
    assert {tensor.dtype.name for tensor in graph.tensors} <= {"int8", "int32", "uint8"}
    assert graph.tensors[graph.inputs[0]].dtype == np.uint8


def test_pixels_go_in_as_they_are(model: Built) -> None:
    session, wants = open_session("tflite", model.weights), model.manifest.input_for("tflite")
    spec = session.inputs[0]
    session.close()
    image = np.random.default_rng(0).integers(0, 256, (wants.height, wants.width, 3)).astype(np.uint8)
    tensor = pack(image, wants, spec.dtype, spec.scale, spec.zero_point)
    assert np.array_equal(tensor[0], image[..., ::-1])  # RGB


@pytest.mark.parametrize("model", ["efficientnet-lite0"], indirect=True)
def test_int8_names_what_float_names(model: Built, pair: tuple[Session, Session]) -> None:
    small, full = pair
    agreed, likeness = 0, []
    for photo in (chosen := photos("labels/imagenet", 40)):
        (a, _), (b, _) = run(small, model, photo), run(full, model, photo)
        # Two names that float finds nearly equal may change places.
        best = int(a["logits"].argmax())
        agreed += b["logits"].ravel()[best] > b["logits"].max() - 1.0
        x, y = a["features"].ravel(), b["features"].ravel()
        likeness.append(float(x @ y / np.linalg.norm(x) / np.linalg.norm(y)))
    assert agreed >= len(chosen) - 1
    assert np.mean(likeness) > 0.99


@pytest.mark.parametrize("model", ["ssd-mobilenet-v2"], indirect=True)
def test_int8_finds_what_float_finds(model: Built, pair: tuple[Session, Session]) -> None:
    small, full = pair
    overlaps: list[float] = []
    for photo in photos("detection/coco", 48):
        (_, found), (_, wanted) = run(small, model, photo), run(full, model, photo)
        assert isinstance(found, Boxes)
        assert isinstance(wanted, Boxes)
        sure = wanted.take(wanted.scores > 0.45)
        shared = iou(sure.xyxy, found.xyxy) * (sure.classes[:, None] == found.classes)
        overlaps += [float(row.max(initial=0.0)) for row in shared]
    assert overlaps
    assert np.mean(overlaps) > 0.85
    assert min(overlaps) > 0.4


def test_labels_count_the_classes(model: Built) -> None:
    graph = read(model.weights.read_bytes())
    how = model.manifest.decode_for("tflite")
    places = {"classify": 0, "ssd": 1}
    classes = graph.tensors[graph.outputs[places[how.name]]].shape[-1]
    assert len(manifests.labels(model.manifest.name)) == classes - how.background
