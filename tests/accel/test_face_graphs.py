"""The graphs of faces that are built or changed here, against what they stand for."""

from __future__ import annotations

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray

from accel.graphs import expression
from accel.graphs.blendshapes import open_batch
from accel.session import AcceleratorError
from edge.packs.build import GRAPHS
from edge.packs.store import Store, default_root
from models import manifest

Floats = NDArray[np.float32]
EXACTLY = {"INFERENCE_PRECISION_HINT": "f32"}


def weights(width: int = 4) -> dict[str, Floats]:
    """Small random weights under face-api's names and in its layouts."""
    dice = np.random.default_rng(0)
    found: dict[str, Floats] = {}
    before = 3
    for block in range(expression.BLOCKS):
        for place in range(4):
            name = f"dense{block}/conv{place}"
            wide = width * (block + 1)
            if block == place == 0:
                found[f"{name}/filters"] = dice.normal(0, 0.3, (3, 3, before, wide))
            else:
                found[f"{name}/depthwise_filter"] = dice.normal(0, 0.3, (3, 3, before, 1))
                found[f"{name}/pointwise_filter"] = dice.normal(0, 0.5, (1, 1, before, wide))
            found[f"{name}/bias"] = dice.normal(0, 0.1, wide)
            before = wide
    return found | {"fc/weights": dice.normal(0, 1, (before, 7)), "fc/bias": dice.normal(0, 1, 7)}


def convolved(x: NDArray[np.float64], filters: NDArray[np.float64], stride: int) -> NDArray[np.float64]:
    """TensorFlow's "same" convolution of [H,W,C] with [3,3,C,M]; an even side that is halved is padded at its end."""
    begin, side = (0 if stride == 2 else 1), x.shape[0] // stride
    padded = np.pad(x, ((begin, 1), (begin, 1), (0, 0)))
    taps = [
        padded[y : y + side * stride : stride, z : z + side * stride : stride] @ filters[y, z]
        for y in range(3)
        for z in range(3)
    ]
    return np.sum(taps, axis=0)


def expected(image: NDArray[np.float64], known: dict[str, Floats]) -> NDArray[np.float64]:
    """face-api.js in numpy: each convolution sees the sum of those before it."""

    def layer(x: NDArray[np.float64], name: str, stride: int) -> NDArray[np.float64]:
        if f"{name}/filters" in known:
            return convolved(x, known[f"{name}/filters"], stride) + known[f"{name}/bias"]
        each = known[f"{name}/depthwise_filter"][..., 0]
        wide = convolved(x, each[..., None] * np.eye(x.shape[2]), stride)
        return wide @ known[f"{name}/pointwise_filter"][0, 0] + known[f"{name}/bias"]

    x = image
    for block in range(expression.BLOCKS):
        parts = [np.maximum(layer(x, f"dense{block}/conv0", 2), 0)]
        for place in (1, 2, 3):
            parts.append(layer(np.maximum(np.sum(parts, axis=0), 0), f"dense{block}/conv{place}", 1))
        x = np.maximum(np.sum(parts, axis=0), 0)
    return x.mean((0, 1))


def test_the_expression_network_is_the_one_that_was_published() -> None:
    known = weights()
    model = ov.Core().compile_model(expression.build(known, 32), "CPU", EXACTLY)
    image = np.random.default_rng(1).normal(0, 1, (32, 32, 3))
    scores, features = model(image.transpose(2, 0, 1)[None].astype(np.float32)).values()
    wanted = expected(image, known)
    assert features[0] == pytest.approx(wanted, rel=1e-3, abs=1e-4)
    logits = wanted @ known["fc/weights"] + known["fc/bias"]
    assert scores[0] == pytest.approx(np.exp(logits - logits.max()) / np.exp(logits - logits.max()).sum(), abs=1e-4)


def test_another_network_is_not_taken_for_the_blendshapes() -> None:
    with pytest.raises(AcceleratorError, match="not the blendshape network"):
        open_batch(expression.build(weights(), 32))


@pytest.mark.models
def test_blendshapes_of_several_faces_are_those_of_each() -> None:
    known = manifest.load("face-blendshapes")
    source = Store(default_root()).blob(known.source("weights"))
    if not source.is_file():
        pytest.skip("no sources of face-blendshapes; run 'vedette models pull face-blendshapes'")
    core = ov.Core()
    together = core.compile_model(GRAPHS["blendshapes"](known, [source]), "CPU", EXACTLY)
    alone = core.compile_model(GRAPHS["tflite"](known, [source]), "CPU", EXACTLY)
    points = np.random.default_rng(2).random((5, 146, 2), np.float32)
    each = np.stack([alone(face[None])[0] for face in points])
    assert together(points)[0] == pytest.approx(each, abs=1e-4)
    assert together(points[:1])[0] == pytest.approx(each[:1], abs=1e-4)
