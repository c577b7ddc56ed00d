"""What is read off a quantized graph rebuilds it."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

ov = pytest.importorskip("openvino", reason="openvino is not installed")
from openvino import opset13 as ops  # noqa: E402

from accel.graphs.recipe import Activation, Bias, Recipe, Weight, apply_recipe, load_recipe  # noqa: E402

DICE = np.random.default_rng(7)
KERNEL = DICE.normal(0, 1, (4, 3, 3, 3)).astype(np.float32)
SHIFT = DICE.normal(0, 1, (1, 4, 1, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def extraction() -> ModuleType:
    """The script's module, which is in no package."""
    file = Path(__file__).parents[2] / "tools/extraction.py"
    spec = importlib.util.spec_from_file_location("extraction", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def graph(kernel: Any = KERNEL) -> Any:
    image = ops.parameter([1, 3, 8, 8], np.float32, name="image")
    x = ops.convolution(image, ops.constant(kernel), [1, 1], [1, 1], [1, 1], [1, 1])
    x = ops.relu(ops.add(x, ops.constant(SHIFT)))
    return ov.Model([ops.result(ops.add(x, x))], [image], "small")


def recipe(steps: float = 127.0) -> Recipe:
    wide = [np.array([[[[limit]]] * 3], np.float32).reshape(1, 3, 1, 1) for limit in (-1, 2, -1, 2)]
    flat = [np.array(limit, np.float32) for limit in (0, 5, 0, 4.9)]
    return Recipe(
        {"Add": 2, "Convolution": 1},
        [Activation([("Convolution#0", 0)], 256, *wide), Activation([("Add#1", 0), ("Add#1", 1)], 256, *flat)],
        [Weight(("Convolution#0", 1), [0], list(KERNEL.shape), steps, float(np.abs(KERNEL).mean(dtype=np.float64)))],
        [Bias(("Add#0", 1), np.full(SHIFT.shape, 0.25, np.float32))],
    )


@pytest.mark.parametrize("steps", [127.0, 63.5])
def test_a_recipe_survives_being_applied_extracted_saved_and_loaded(
    extraction: ModuleType, steps: float, tmp_path: Path
) -> None:
    quantized = apply_recipe(graph(), recipe(steps))
    extraction.save_recipe(extraction.extract(graph(), quantized), tmp_path / "recipe.npz")
    found = load_recipe(tmp_path / "recipe.npz")
    assert found.counts == recipe().counts
    assert [act.places for act in found.activations] == [act.places for act in recipe().activations]
    assert found.weights[0].steps == steps
    image = DICE.normal(0, 1, (1, 3, 8, 8)).astype(np.float32)
    core, exact = ov.Core(), {"INFERENCE_PRECISION_HINT": "f32"}
    wanted = core.compile_model(quantized, "CPU", exact)(image)[0]
    assert np.array_equal(core.compile_model(apply_recipe(graph(), found), "CPU", exact)(image)[0], wanted)


def test_a_scale_that_a_device_would_not_find_is_refused(extraction: ModuleType) -> None:
    quantized = apply_recipe(graph(), recipe())
    with pytest.raises(extraction.UnsupportedError, match="does not follow from the largest weight"):
        extraction.extract(graph(KERNEL * 1.5), quantized)


def test_another_graph_is_refused(extraction: ModuleType) -> None:
    other = graph()
    other.add_results([ops.result(ops.exp(other.get_ordered_ops()[0]))])
    with pytest.raises(extraction.UnsupportedError, match="added or removed"):
        extraction.extract(other, apply_recipe(graph(), recipe()))
