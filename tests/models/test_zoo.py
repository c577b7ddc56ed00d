"""Every manifest of the zoo holds together."""

from __future__ import annotations

import re

import pytest

from models import manifest
from models.decode import DECODERS

NAMES = manifest.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_manifest_holds_together(name: str) -> None:
    model = manifest.load(name)
    sources = {source.name for source in model.sources}
    for backend, variant in model.variants.items():
        assert set(variant.sources) <= sources
        assert model.decode_for(backend).name in DECODERS
        assert not variant.recipe or manifest.folder(name).joinpath(variant.recipe).is_file()
        wanted = model.input_for(backend)
        assert (wanted.width, wanted.height, wanted.fit) == (model.input.width, model.input.height, model.input.fit)
    for source in model.sources:
        assert re.fullmatch(r"[0-9a-f]{64}", source.sha256) or re.fullmatch(r"[0-9a-f]{40}", source.git_blob)


@pytest.mark.parametrize("name", NAMES)
def test_a_card_says_where_the_model_comes_from(name: str) -> None:
    card = manifest.folder(name).joinpath("CARD.md").read_text("utf-8").lower()
    assert {"licence", "origin", "input", "output"} <= set(re.findall(r"[a-z]+?(?=s?\b)", card))


@pytest.mark.parametrize("name", NAMES)
def test_an_openvino_graph_takes_frames_as_they_are(name: str) -> None:
    variant = manifest.load(name).variants.get("openvino")
    if variant is None:
        pytest.skip(f"{name} has no openvino variant")
    wanted = manifest.load(name).input_for("openvino")
    assert (wanted.colour, wanted.layout, wanted.mean, wanted.std) == ("BGR", "NHWC", None, None)


@pytest.mark.parametrize("name", [name for name in NAMES if manifest.load(name).set == "default"])
def test_the_default_set_comes_out_of_packages(name: str) -> None:
    assert {source.kind for source in manifest.load(name).sources} <= {"pip", "npm"}
