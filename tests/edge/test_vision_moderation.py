"""Flags of taxonomy 7.0: what each rests on, and that a flag never comes without those above it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import pictures
from edge.findings import Moderated
from edge.values import Box, Detection, Label
from edge.vision.moderation import Moderation
from models import manifest, moderation
from models.manifest import ModelError
from models.outputs import Embedding, Scores

Photos = Callable[..., list[Path]]

IMAGE = np.zeros((48, 64, 3), np.uint8)
WHOLE = Box(0.0, 0.0, 1.0, 1.0)
CLASSES = manifest.labels("nsfwjs")
HARMLESS = {"Neutral": 1.0}
LABELS = sorted({label for entry in moderation.names() for label in entry.labels})

score = st.floats(0.0, 1.0)


def model(name: str, scores: Mapping[str, float]) -> Any:
    """A model of the zoo that always says this."""
    labels = manifest.labels(name)
    found = Scores(np.array([scores.get(label, 0.0) for label in labels], np.float32))
    return SimpleNamespace(
        labels=labels,
        use=SimpleNamespace(name=name),
        manifest=manifest.load(name),
        run=lambda _: found,
        close=lambda: None,
    )


def ability(unsafe: float = 0.0, nudity: Mapping[str, float] | None = HARMLESS) -> Moderation:
    second = None if nudity is None else model("nsfwjs", nudity)
    return Moderation(model("open-nsfw", {"unsafe": unsafe, "safe": 1.0 - unsafe}), second)


def flagged(found: Moderated) -> dict[str, float]:
    return {flag.name: round(flag.score, 3) for flag in found.flags}


@given(
    unsafe=score,
    nudity=st.lists(score, min_size=len(CLASSES), max_size=len(CLASSES)),
    labels=st.dictionaries(st.sampled_from(LABELS), score),
    glass=score,
    floor=score,
)
def test_a_flag_comes_with_those_above_it(
    unsafe: float, nudity: list[float], labels: dict[str, float], glass: float, floor: float
) -> None:
    found = ability(unsafe, dict(zip(CLASSES, nudity, strict=True))).look(
        IMAGE, floor, [Detection("Wine Glass", glass, WHOLE)], [Label(*item) for item in labels.items()]
    )
    by_name = {flag.name: flag for flag in found.flags}
    assert len(by_name) == len(found.flags)
    assert by_name.keys() <= moderation.offered()
    for place, flag in enumerate(found.flags):
        assert floor <= flag.score <= 1.0
        assert bool(flag.parent) == (flag.level > 1)
        if flag.parent:
            above = by_name[flag.parent]
            assert above in found.flags[:place]
            assert above.level == flag.level - 1
            assert above.score >= flag.score


def test_both_networks_have_to_agree_on_nudity() -> None:
    def explicit(unsafe: float, **nudity: float) -> float:
        return flagged(ability(unsafe, nudity).look(IMAGE, 0.0))["Explicit Nudity"]

    assert explicit(0.9, Porn=0.5, Hentai=0.4) == pytest.approx(0.9, abs=1e-3)
    assert explicit(0.9, Porn=0.1, Neutral=0.9) == pytest.approx(0.5, abs=1e-3)
    assert explicit(0.99, Drawing=1.0) < 0.1  # the other's best class says nothing, its doubt does
    assert explicit(0.9) > explicit(0.5) > explicit(0.1)


def test_one_network_alone_speaks_for_itself() -> None:
    found = flagged(ability(0.8, None).look(IMAGE, 0.1))
    assert found == {"Explicit": 0.8, "Explicit Nudity": 0.8}


def test_swimwear_takes_labels_and_a_suggestive_picture() -> None:
    bikini = [Label("Bikini", 0.5), Label("Brassiere", 0.2)]
    name, above = "Female Swimwear or Underwear", "Swimwear or Underwear"
    at_the_beach = flagged(ability(0.0, {"Sexy": 0.9, "Neutral": 0.1}).look(IMAGE, 0.5, labels=bikini))
    assert at_the_beach[name] == at_the_beach[above] > 0.7
    in_the_office = flagged(ability(0.0, {"Sexy": 0.01, "Neutral": 0.99}).look(IMAGE, 0.5, labels=bikini))
    assert in_the_office == {}
    unknown = flagged(ability(0.0, {"Sexy": 0.9, "Neutral": 0.1}).look(IMAGE, 0.5))
    assert unknown == {"Non-Explicit Nudity of Intimate parts and Kissing": 0.9}
    without_a_second_network = flagged(ability(0.0, None).look(IMAGE, 0.4, labels=bikini))
    assert without_a_second_network == {name: 0.6, above: 0.6}


def test_labels_and_objects_are_evidence() -> None:
    def seen(*labels: Label, objects: tuple[Detection, ...] = ()) -> dict[str, float]:
        return flagged(ability().look(IMAGE, 0.5, objects, labels))

    assert seen(Label("Weapon", 0.9), Label("Rifle", 0.9)) == {"Violence": 0.9, "Weapons": 0.9}
    assert seen(Label("Beer Glass", 0.5), Label("Wine Bottle", 0.2)) == {"Alcohol": 0.6, "Alcoholic Beverages": 0.6}
    glasses = (Detection("Wine Glass", 0.2, WHOLE), Detection("Wine Glass", 0.7, WHOLE))
    assert seen(objects=glasses) == {"Alcohol": 0.7, "Alcoholic Beverages": 0.7}
    assert seen(Label("Slot Machine", 0.8)) == {"Gambling": 0.8}
    assert seen(Label("Pill Bottle", 0.8)) == {"Drugs & Tobacco": 0.8, "Products": 0.8, "Pills": 0.8}
    assert seen(Label("Kitchen", 1.0), objects=(Detection("Knife", 1.0, WHOLE),)) == {}


def test_a_drawing_is_illustrated_and_noise_is_not() -> None:
    drawing = np.full((240, 320, 3), 255, np.uint8)
    for place, colour in enumerate(((0, 0, 255), (0, 200, 0), (255, 80, 0))):
        cv2.circle(drawing, (80 + 80 * place, 120), 50, colour, -1)
        cv2.circle(drawing, (80 + 80 * place, 120), 50, (0, 0, 0), 3)
    (kind,) = ability().look(drawing, 0.5).content_types
    assert kind.value == "Illustrated"
    rng = np.random.default_rng(1)
    noise = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3), np.uint8), (5, 5), 0)
    assert ability().look(noise.astype(np.uint8), 0.5).content_types == ()


def test_a_picture_of_one_pixel_is_looked_at() -> None:
    for kind in ability().look(np.zeros((1, 1, 3), np.uint8), 0.0).content_types:
        assert 0.0 <= kind.score <= 1.0


def test_a_model_that_cannot_serve_is_refused() -> None:
    with pytest.raises(ModelError, match="no label 'unsafe'"):
        Moderation(model("nsfwjs", HARMLESS))
    with pytest.raises(ModelError, match="no label 'Porn'"):
        Moderation(model("open-nsfw", {}), model("open-nsfw", {}))
    vectors = model("open-nsfw", {})
    vectors.run = lambda _: Embedding(np.zeros(3, np.float32))
    with pytest.raises(ModelError, match="gives no scores"):
        Moderation(vectors).score(IMAGE)


def test_the_cameras_score_is_the_first_network_alone() -> None:
    one = ability(0.7)
    assert one.score(IMAGE) == pytest.approx(0.7)
    assert [used.use.name for used in one.models] == ["open-nsfw", "nsfwjs"]


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_harmless_photos_are_not_flagged(photos: Photos) -> None:
    from edge.engine import AccelSettings, ModelSettings
    from edge.failover import open_failover

    settings = SimpleNamespace(models=ModelSettings(), accel=AccelSettings())
    one = Moderation(open_failover("moderation", settings), open_failover("nudity", settings))
    try:
        for path in photos("astronaut.png", "chelsea.png", "coffee.png", "sample5.jpg"):
            image = pictures.read(path)
            seen, mirrored = (one.look(view, 0.0) for view in (image, np.ascontiguousarray(image[:, ::-1])))
            assert max(flag.score for flag in seen.flags) < 0.2, path.name
            assert flagged(seen) == pytest.approx(flagged(mirrored), abs=0.1)
        assert one.look(IMAGE, 0.5).flags == ()
    finally:
        one.close()
