"""Advice on whether faces are there in the flesh: three networks, two opinions, the lower one counts."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from edge import pictures
from edge.engine import AccelSettings, ModelSettings
from edge.findings import Liveness
from edge.packs.store import Store, default_root
from edge.vision.faces import open_faces
from edge.vision.liveness import BATCH, LivenessCheck, open_liveness
from models import manifest as manifests
from models.decode import DECODERS
from models.manifest import Decode, ModelError
from models.outputs import Boxes, Scores, Votes
from tests.conftest import Photos

GREY = np.full((100, 200, 3), 100, np.uint8)
NETWORKS = ("minifasnet-v2", "minifasnet-v1se", "facenox")


class Network:
    """Says of each face what it is told to, and keeps what it was shown."""

    def __init__(self, name: str, *values: float) -> None:
        self.manifest = manifests.load(name)
        self.values = list(values)
        self.shown: list[Any] = []
        self.closed = False

    def infer(self, batch: Any, floor: float = 0.0) -> Votes:  # noqa: ARG002 - as models do
        self.shown.append(batch)
        said, self.values = self.values[: len(batch)], self.values[len(batch) :]
        return Votes(np.array(said, np.float32))

    def close(self) -> None:
        self.closed = True


def faces(count: int) -> Boxes:
    boxes = np.tile(np.array([80, 30, 110, 70], np.float32), (count, 1))
    return Boxes(boxes, np.full(count, 0.9, np.float32), np.zeros(count, np.int64))


def check(*values: tuple[float, ...]) -> tuple[LivenessCheck, list[Network]]:
    networks = [Network(name, *said) for name, said in zip(NETWORKS, values, strict=True)]
    return LivenessCheck(*networks), networks  # type: ignore[arg-type]


def test_the_lower_of_two_opinions_counts() -> None:
    live, _ = check((1.0, 0.25), (0.5, 0.25), (0.9, 0.9))
    first, second = live.look(GREY, faces(2))
    assert first.score == pytest.approx(0.75)
    assert first.votes == pytest.approx((1.0, 0.5, 0.9))
    assert second.score == pytest.approx(0.25)
    assert isinstance(second, Liveness)


def test_each_network_is_shown_what_it_was_trained_on() -> None:
    live, networks = check((1.0,), (1.0,), (1.0,))
    live.look(GREY, faces(1))
    assert [network.shown[0].shape for network in networks] == [(1, 80, 80, 3), (1, 80, 80, 3), (1, 128, 128, 3)]
    assert [network.manifest.input.around for network in networks] == [2.7, 4.0, 1.5]


def test_a_crowd_is_looked_at_in_parts() -> None:
    count = BATCH + 3
    live, networks = check(*[tuple(np.linspace(0, 1, count))] * 3)
    found = live.look(GREY, faces(count))
    assert [len(shown) for shown in networks[0].shown] == [BATCH, 3]
    assert [one.score for one in found] == pytest.approx(np.linspace(0, 1, count))


def test_without_faces_nobody_is_asked() -> None:
    live, networks = check((), (), ())
    assert live.look(GREY, faces(0)) == []
    assert networks[0].shown == []


def test_closing_closes_all_three() -> None:
    live, networks = check((), (), ())
    live.close()
    assert all(network.closed for network in networks)


def test_a_network_that_gives_no_votes_is_refused() -> None:
    live, networks = check((), (), ())
    networks[0].infer = lambda _: Scores(np.zeros(3, np.float32))  # type: ignore[assignment, method-assign, misc]
    with pytest.raises(ModelError, match="minifasnet-v2 gives no votes"):
        live.look(GREY, faces(1))


def test_the_decoder_takes_the_class_of_the_living() -> None:
    logits = np.array([[0.0, np.log(3.0), -np.inf], [800.0, 0.0, 0.0]], np.float32)
    said = DECODERS["liveness"]({"logits": logits}, Decode(name="liveness", index=1), 0.0)
    assert isinstance(said, Votes)
    assert said.values == pytest.approx([0.75, 0.0])


@pytest.fixture(scope="module")
def settings() -> Any:
    store = Store(default_root())
    installed = {built.manifest.name for built in store.installed()}
    if absent := {*NETWORKS, "yunet"} - installed:
        pytest.skip(f"not pulled: {', '.join(sorted(absent))}; run 'vedette models pull {' '.join(sorted(absent))}'")
    return SimpleNamespace(models=ModelSettings(), accel=AccelSettings())


@pytest.mark.models
def test_real_people_are_taken_for_such_and_their_mirror_images_too(settings: Any, photos: Photos) -> None:
    (path,) = photos("sample1.jpg")
    image = pictures.read(path)
    finder, live = open_faces(settings), open_liveness(settings)
    try:
        found = finder.find(image, 0.7)
        mirrored = image[:, ::-1].copy()
        said = live.look(image, found)
        turned = live.look(mirrored, finder.find(mirrored, 0.7))
        (alone,) = live.look(image, found.take(np.array([0])))
    finally:
        finder.close()
        live.close()
    assert len(said) == len(found) > 0
    assert said[0].score >= 0.5
    assert turned[0].score >= 0.5
    assert alone.votes == pytest.approx(said[0].votes, abs=0.02), "others in the batch make no difference"
