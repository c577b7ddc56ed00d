"""A model on an accelerator: what is opened, in which order, and what comes back for a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest

from accel.session import AcceleratorError, Options, TensorSpec, open_session
from accel.tflite import SELF_TEST
from edge import engine
from edge.engine import AccelSettings, Model, ModelSettings, installed_of, open_model
from edge.packs.store import Built, Store, default_root
from edge.vision.labels import Labels
from models import manifest as manifests
from models.decode import DECODERS
from models.manifest import AbsentError, ModelError
from models.outputs import Boxes, Scores
from tests.edge.stores import FakeBackend, FakeSession, classifier, install, put

Photos = Callable[..., list[Path]]


def settings(store: Store, order: tuple[str, ...], **tasks: tuple[str, ...]) -> Any:
    return SimpleNamespace(models=ModelSettings(store=store.root, **tasks), accel=AccelSettings(order=order))


def built(name: str, backend: Any = "openvino") -> Built:
    return Built(manifests.load(name), backend, Path("model.xml"), "d" * 64, manifests.labels(name))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


def test_a_picture_becomes_the_input_the_model_wants_and_scores_come_back() -> None:
    def bright(image: Any) -> int:
        return 281 if image.mean() > 100 else 7

    session = classifier(bright)
    model = Model(built("efficientnet-lite0"), session)
    for shade, winner in ((200, 281), (20, 7)):
        found = model.run(np.full((300, 500, 3), shade, np.uint8))
        assert isinstance(found, Scores)
        assert int(found.values.argmax()) == winner
        assert found.values.sum() == pytest.approx(1.0)
    assert model.use.name == "efficientnet-lite0"
    assert (model.use.task, model.use.digest, model.use.backend) == ("labels", "d" * 64, "openvino")
    model.close()
    assert session.closed


def test_a_picture_of_the_inputs_own_size_is_fed_as_it_is() -> None:
    session = classifier(lambda image: 281 if (image[0, 0] == 9).all() else 7)
    model = Model(built("efficientnet-lite0"), session)
    edged = np.zeros((224, 224, 3), np.uint8)
    edged[0] = 9  # which is cut away from any other picture
    winners = [pending.result().values.argmax() for pending in (model.prepare_fitted(edged)(), model.prepare(edged)())]
    assert winners == [281, 7]


def test_nothing_is_inferred_before_it_is_started_and_every_stage_is_timed() -> None:
    asked = []
    session = classifier(lambda image: asked.append(image.shape) or 0)  # type: ignore[func-returns-value]
    start = Model(built("efficientnet-lite0"), session).prepare(np.zeros((60, 80, 3), np.uint8))
    assert asked == []
    pending = start()
    pending.wait()
    assert asked == [(1, 224, 224, 3)]
    assert pending.stages.keys() == {"prepare", "infer"}
    pending.result()
    assert pending.stages.keys() == {"prepare", "infer", "decode"}
    assert all(milliseconds >= 0 for milliseconds in pending.stages.values())


def detector(monkeypatch: pytest.MonkeyPatch, box: tuple[float, ...]) -> Model:
    """NanoDet's manifest, and a decoder that always finds this box in pixels of the network's input."""

    def decode(_outputs: Any, _how: Any, floor: float) -> Boxes:
        scores = np.array([0.6], np.float32)
        found = Boxes(np.array([box], np.float32), scores, np.zeros(1, np.int64))
        return found.take(scores >= floor)

    monkeypatch.setitem(DECODERS, "nanodet", decode)
    outputs = manifests.load("nanodet-g").variants["openvino"].outputs
    specs = tuple(TensorSpec(name, (1, 1), np.dtype(np.float32)) for name in outputs)
    inputs = (TensorSpec("image", (1, 416, 416, 3), np.dtype(np.uint8)),)
    answers = {name: np.zeros((1, 1), np.float32) for name in outputs}
    return Model(built("nanodet-g"), FakeSession(inputs, specs, lambda _: dict(answers)))


@pytest.mark.parametrize(("width", "height"), [(832, 416), (416, 832), (208, 208), (416, 416)])
def test_boxes_come_back_in_pixels_of_the_picture(monkeypatch: pytest.MonkeyPatch, width: int, height: int) -> None:
    scale = 416 / max(width, height)
    left, top = (416 - width * scale) / 2, (416 - height * scale) / 2
    inside = (left + 10 * scale, top + 20 * scale, left + 110 * scale, top + 60 * scale)
    (found,) = detector(monkeypatch, inside).detect(np.zeros((height, width, 3), np.uint8), 0.5).xyxy
    assert found == pytest.approx((10, 20, 110, 60), abs=1.0)


def test_a_floor_reaches_the_decoder(monkeypatch: pytest.MonkeyPatch) -> None:
    model = detector(monkeypatch, (0, 0, 9, 9))
    image = np.zeros((416, 416, 3), np.uint8)
    assert len(model.detect(image, 0.5)) == 1
    assert len(model.detect(image, 0.7)) == 0


def test_a_classifier_is_no_detector() -> None:
    with pytest.raises(ModelError, match="efficientnet-lite0 finds no boxes"):
        Model(built("efficientnet-lite0"), classifier()).detect(np.zeros((9, 9, 3), np.uint8), 0.5)


def test_a_graph_with_too_few_outputs_is_refused() -> None:
    session = classifier()
    session.outputs = session.outputs[:1]
    with pytest.raises(ModelError, match="1 outputs, not 2; pull the model again"):
        Model(built("efficientnet-lite0"), session)


def test_back_ends_are_tried_in_their_order(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, "efficientnet-lite0", "openvino")
    install(store, "efficientnet-lite0", "tflite")
    backends: Any = {name: put(monkeypatch, name, FakeBackend(classifier())) for name in ("openvino", "tflite")}
    for order in (("openvino", "tflite"), ("tflite", "openvino")):
        model = open_model("labels", settings(store, order))
        assert (model.use.backend, model.skipped) == (order[0], ())
    assert [len(backend.opened) for backend in backends.values()] == [1, 1]


def test_a_missing_back_end_is_passed_over_with_its_reason(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, "efficientnet-lite0", "openvino")
    install(store, "efficientnet-lite0", "tflite")
    put(monkeypatch, "openvino", FakeBackend(refusal="openvino is not installed: pip install openvino"))
    put(monkeypatch, "tflite", FakeBackend(classifier()))
    model = open_model("labels", settings(store, ("openvino", "tflite")))
    assert model.use.backend == "tflite"
    assert model.skipped == ("openvino: openvino is not installed: pip install openvino",)


def test_a_back_end_without_a_model_of_its_own_is_told_too(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, "efficientnet-lite0", "openvino")
    put(monkeypatch, "openvino", FakeBackend(classifier()))
    model = open_model("labels", settings(store, ("coral", "openvino", "tflite")))
    assert model.use.backend == "openvino"
    assert model.skipped == ("coral: efficientnet-lite0 has no coral variant: there is openvino, tflite",)


def test_when_nothing_opens_every_reason_is_told(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    install(store, "efficientnet-lite0", "openvino")
    install(store, "efficientnet-lite0", "tflite")
    put(monkeypatch, "openvino", FakeBackend(refusal="no plug-in"))
    put(monkeypatch, "tflite", FakeBackend(refusal="wrong numpy"))
    with pytest.raises(AcceleratorError, match=r"openvino: no plug-in; tflite: wrong numpy"):
        open_model("labels", settings(store, ("openvino", "tflite")))
    with pytest.raises(AcceleratorError, match=r"no back end of accel\.order works: tflite: wrong numpy"):
        engine.check_backends(settings(store, ("tflite",)))


def test_without_a_tpu_the_same_model_runs_on_the_cpu(store: Store) -> None:
    install(store, "mobilenet-v2", "coral", SELF_TEST)
    install(store, "mobilenet-v2", "tflite", SELF_TEST)
    chosen = settings(store, ("coral", "tflite"), labels=("mobilenet-v2",))
    chosen.accel = AccelSettings(order=("coral", "tflite"), coral={"library": "libno_such.so"})
    model = open_model("labels", chosen)
    model.close()
    assert model.use.backend == "tflite"
    (reason,) = model.skipped
    assert reason.startswith("coral: libno_such.so: cannot open shared object file")
    assert "install libedgetpu1-std" in reason


def test_what_is_not_installed_says_how_to_get_it(store: Store) -> None:
    with pytest.raises(AbsentError, match=r"no model is installed in .*store: run 'vedette models pull'"):
        installed_of("labels", settings(store, ("openvino",)))
    install(store, "yunet", "openvino")
    with pytest.raises(AbsentError, match="run 'vedette models pull efficientnet-lite0 --backend openvino'"):
        installed_of("labels", settings(store, ("openvino",)))


def test_a_model_must_be_one_for_its_task(store: Store) -> None:
    install(store, "efficientnet-lite0", "openvino")
    with pytest.raises(ModelError, match=r"models\.objects: efficientnet-lite0 is a model for labels; name another"):
        installed_of("objects", settings(store, ("openvino",), objects=("efficientnet-lite0",)))
    with pytest.raises(ModelError, match=r"models\.objects: names no model"):
        installed_of("objects", settings(store, ("openvino",), objects=()))


@pytest.fixture(params=["tflite", "coral"])
def accelerated(request: pytest.FixtureRequest) -> Callable[[str], Model]:
    """Open a model's TFLite variant through LiteRT, or through the Coral path with a delegate that stands in for it."""

    def accelerated(name: str) -> Model:
        model = Store(default_root()).find(name, "tflite")
        library = request.getfixturevalue("fake_edgetpu") if request.param == "coral" else ""
        return Model(model, open_session(request.param, model.weights, Options(library=library)))

    return accelerated


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_detector_sees_through_litert_and_through_coral(accelerated: Callable[[str], Model], photos: Photos) -> None:
    astronaut, cat = photos("astronaut.png", "chelsea.png")
    model = accelerated("ssd-mobilenet-v2")
    found = {}
    for path in (astronaut, cat):
        boxes = model.detect(cv2.imread(str(path)), 0.4)
        assert len(boxes) == 1
        found[model.labels[boxes.classes[0]]] = boxes
    model.close()
    assert found.keys() == {"Person", "Cat"}
    assert found["Cat"].scores[0] > 0.7
    x1, y1, x2, y2 = found["Person"].xyxy[0]
    assert x1 < 60
    assert y1 < 60
    assert 300 < x2 < 420
    assert y2 > 480


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_classifier_names_through_litert_and_through_coral(
    accelerated: Callable[[str], Model], photos: Photos
) -> None:
    labels = Labels(accelerated("efficientnet-lite0"))
    found = {label.name: label for label in labels.look(cv2.imread(str(photos("chelsea.png")[0])), 0.5)}
    labels.model.close()
    assert found["Cat"].score > 0.8
    assert "Mammal" in found["Cat"].parents
    assert "Dog" not in found


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_openvino_and_litert_agree_about_a_photo(photos: Photos) -> None:
    image = cv2.imread(str(photos("chelsea.png")[0]))
    store = Store(default_root())
    values = []
    for backend in ("openvino", "tflite"):
        model = open_model("labels", settings(store, (backend,)))
        scores = model.run(image)
        model.close()
        assert isinstance(scores, Scores)
        values.append(scores.values)
    assert set(values[0].argsort()[-3:]) & set(values[1].argsort()[-3:])
    assert np.abs(values[0] - values[1]).max() < 0.15
