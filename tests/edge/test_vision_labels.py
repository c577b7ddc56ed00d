"""Labels of a picture: what the classifier says, with the objects that a detector found."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.engine import Model
from edge.values import Box, Detection, Label
from edge.vision.labels import LabelFilter, Labels, told
from models import labels, manifest
from models.manifest import ModelError
from models.outputs import Embedding, Floats, Result, Scores

MODEL = "efficientnet-lite0"
CLASSES = manifest.labels(MODEL)
SOMEWHERE = Box(0.1, 0.1, 0.4, 0.5)
ELSEWHERE = Box(0.6, 0.1, 0.9, 0.5)
NOTHING = np.full(1000, 1e-4, np.float32)


def probabilities(**named: float) -> Floats:
    """The network's answer where these classes have so much, and the others share the rest."""
    values = np.zeros(1000, np.float32)
    for name, value in named.items():
        values[CLASSES.index(name.replace("_", " "))] = value
    rest = values == 0
    values[rest] = (1 - values.sum()) / rest.sum()
    return values


def looked(values: Floats, objects: tuple[Detection, ...] = (), floor: float = 0.55) -> dict[str, Label]:
    return {label.name: label for label in told(labels.load(MODEL), values, floor, objects)}


def test_the_detectors_dogs_and_the_classifiers_are_one_label_with_two_instances() -> None:
    dogs = (Detection("Dog", 0.7, SOMEWHERE), Detection("Dog", 0.6, ELSEWHERE), Detection("Dog", 0.2, SOMEWHERE))
    found = told(labels.load(MODEL), probabilities(Golden_Retriever=0.8), 0.55, dogs)
    assert [label.name for label in found].count("Dog") == 1
    dog = next(label for label in found if label.name == "Dog")
    assert [one.box for one in dog.instances] == [SOMEWHERE, ELSEWHERE]  # the third is too doubtful
    assert {one.label for one in dog.instances} == {"Dog"}
    assert dog.score >= dog.instances[0].score > dog.instances[1].score > 0.55
    assert dog.aliases == ("Domestic Dog",)
    assert dog.categories == ("Animals and Pets",)
    assert next(label for label in found if label.name == "Golden Retriever").instances == ()


def test_an_object_that_the_classifier_does_not_see_brings_its_parents_along() -> None:
    found = looked(NOTHING, (Detection("Cell Phone", 0.7, SOMEWHERE),))
    assert found["Mobile Phone"].instances[0].label == "Mobile Phone"
    assert found["Mobile Phone"].score == found["Telephone"].score == pytest.approx(0.96, abs=0.02)
    assert found["Telephone"].instances == ()


def test_a_label_that_only_the_classifier_sees_has_no_instances() -> None:
    assert looked(probabilities(Seashore=0.9))["Nature"].instances == ()


def test_what_the_vocabulary_does_not_know_is_no_label() -> None:
    assert looked(NOTHING, (Detection("Gizmo", 0.9, SOMEWHERE),)) == {}


def test_people_on_bicycles_are_cycling() -> None:
    person, bicycle = Box(0.4, 0.2, 0.6, 0.7), Box(0.3, 0.45, 0.7, 0.9)
    found = looked(NOTHING, (Detection("Person", 0.8, person), Detection("Bicycle", 0.8, bicycle)))
    assert found["Cycling"].parents == ("Sport", "Activity")
    assert found["Cycling"].score < found["Bicycle"].score
    beside = Box(0.75, 0.2, 0.95, 0.9)
    assert "Cycling" not in looked(NOTHING, (Detection("Person", 0.8, beside), Detection("Bicycle", 0.8, bicycle)))


def test_a_classifiers_and_a_detectors_clue_make_a_kitchen() -> None:
    found = looked(probabilities(Dishwasher=0.9), (Detection("Oven", 0.8, SOMEWHERE),))
    assert found["Kitchen"].parents == ("Room", "Indoors")
    assert "Kitchen" not in looked(NOTHING, (Detection("Oven", 0.8, SOMEWHERE),))


BOXES = st.tuples(*[st.floats(0, 1)] * 4).map(
    lambda c: Box(min(c[0], c[2]), min(c[1], c[3]), max(c[0], c[2]), max(c[1], c[3]))
)
OBJECTS = st.builds(Detection, st.sampled_from(manifest.labels("nanodet-g")), st.floats(0, 1), BOXES)


@given(st.lists(OBJECTS, max_size=12).map(tuple), st.lists(st.integers(0, 999), max_size=4), st.floats(0.05, 1))
def test_parents_are_there_names_are_single_and_instances_explain_scores(
    objects: tuple[Detection, ...], tops: list[int], floor: float
) -> None:
    values = NOTHING.copy()
    values[tops] = 0.2
    found = told(labels.load(MODEL), values, floor, objects)
    by_name = {label.name: label for label in found}
    assert len(by_name) == len(found)
    assert [label.score for label in found] == sorted((label.score for label in found), reverse=True)
    for label in found:
        assert floor <= label.score <= 1
        assert all(by_name[parent].score >= label.score for parent in label.parents)
        assert all(floor <= one.score <= label.score + 1e-6 for one in label.instances)
        assert all(one.box in [seen.box for seen in objects] for one in label.instances)


@given(st.lists(OBJECTS, max_size=12).map(tuple))
def test_a_mirrored_picture_has_the_same_labels(objects: tuple[Detection, ...]) -> None:
    mirrored = tuple(
        Detection(one.label, one.score, Box(1 - one.box.x2, one.box.y1, 1 - one.box.x1, one.box.y2)) for one in objects
    )
    ours, theirs = looked(NOTHING, objects), looked(NOTHING, mirrored)
    assert {name: round(label.score, 3) for name, label in ours.items()} == {
        name: round(label.score, 3) for name, label in theirs.items()
    }


ANIMAL, DOG, CAR = (
    Label("Animal", 0.9, (), (), ("Animals and Pets",)),
    Label("Dog", 0.8, ("Animal",), ("Hound",), ("Animals and Pets",)),
    Label("Car", 0.7, (), (), ("Vehicles and Automotive",)),
)


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (LabelFilter(), ["Animal", "Dog", "Car"]),
        (LabelFilter(names=frozenset({"Dog"})), ["Dog"]),
        (LabelFilter(names=frozenset({"dog", "Hound", "Do"})), []),
        (LabelFilter(categories=frozenset({"Animals and Pets"})), ["Animal", "Dog"]),
        (LabelFilter(names=frozenset({"Car"}), categories=frozenset({"Animals and Pets"})), ["Animal", "Dog", "Car"]),
        (LabelFilter(without_names=frozenset({"Animal"})), ["Dog", "Car"]),
        (LabelFilter(without_categories=frozenset({"Animals and Pets"})), ["Car"]),
        (LabelFilter(names=frozenset({"Dog"}), without_categories=frozenset({"Animals and Pets"})), []),
        (LabelFilter(without_names=frozenset({"Animal"}), most=1), ["Dog"]),
        (LabelFilter(most=0), []),
    ],
)
def test_filters(wanted: LabelFilter, names: list[str]) -> None:
    assert [label.name for label in wanted.take([ANIMAL, DOG, CAR])] == names


class Pretender:
    """A model that gives the same answer to every picture."""

    def __init__(self, answer: Result, name: str = MODEL) -> None:
        self.manifest = self.use = SimpleNamespace(name=name)
        self.answer, self.closed = answer, False

    def run(self, _image: Any) -> Result:
        return self.answer

    def close(self) -> None:
        self.closed = True


def test_looking_filters_and_closing_closes() -> None:
    model = Pretender(Scores(probabilities(Golden_Retriever=0.8)))
    ability = Labels(cast("Model", model))
    image = np.zeros((8, 8, 3), np.uint8)
    assert [label.name for label in ability.look(image, 0.5, wanted=LabelFilter(names=frozenset({"Dog"})))] == ["Dog"]
    assert ability.look(image, 0.5)[0].name == "Animal"
    assert ability.models == (model,)
    ability.close()
    assert model.closed


def test_a_model_that_cannot_serve_says_so() -> None:
    with pytest.raises(ModelError, match="has no taxonomy"):
        Labels(cast("Model", Pretender(Scores(NOTHING), "yunet")))
    with pytest.raises(ModelError, match="gives no scores"):
        Labels(cast("Model", Pretender(Embedding(NOTHING)))).look(np.zeros((8, 8, 3), np.uint8), 0.5)


@pytest.mark.models
@pytest.mark.usefixtures("pulled")
def test_a_black_picture_and_a_single_pixel_have_no_sure_label() -> None:
    from accel.session import open_session
    from edge.packs.store import Store, default_root

    built = Store(default_root()).find(MODEL, "openvino")
    ability = Labels(Model(built, open_session("openvino", built.weights)))
    try:
        for shape in ((480, 640, 3), (1, 1, 3)):
            found = ability.look(np.zeros(shape, np.uint8), 0.8)
            assert [label.name for label in found] == [], Path(built.weights)
    finally:
        ability.close()
