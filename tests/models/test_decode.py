"""Decoders against arrays whose meaning is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.boxes import iou
from models.decode import DECODERS, classify, dense, embed, nanodet, yunet
from models.manifest import Decode, ModelError
from models.outputs import Floats

SIDE = 64
STRIDES = (8, 16, 32)
NANODET = Decode(name="nanodet", size=SIDE, strides=STRIDES, bins=8, nms=0.6)
FIRST = {8: 0, 16: 64, 32: 80}  # the first cell of each stride among all 84
YUNET = Decode(name="yunet", strides=STRIDES, nms=0.3)


def cells(stride: int) -> int:
    return (SIDE // stride) ** 2


def quiet_nanodet(classes: int = 3) -> dict[str, Floats]:
    count = sum(map(cells, STRIDES))
    return {
        "cells": np.arange(count, dtype=np.float32)[None],
        "scores": np.zeros((1, count, classes), np.float32),
        "bins": np.zeros((1, count, 32), np.float32),
    }


def quiet_yunet() -> dict[str, Floats]:
    widths = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
    return {f"{k}_{s}": np.zeros((1, cells(s), w), np.float32) for k, w in widths.items() for s in STRIDES}


def test_nanodet_reads_a_box_off_its_bins() -> None:
    outputs = quiet_nanodet()
    place = FIRST[16] + 6  # second row, third column of 4
    outputs["scores"][0, place, 2] = 0.8
    sharp = np.full((4, 8), -50, np.float32)
    sharp[range(4), [1, 0, 2, 3]] = 50
    outputs["bins"][0, place] = sharp.ravel()
    found = nanodet.decode(outputs, NANODET, 0.5)
    assert found.xyxy.tolist() == [[40 - 16, 24, 40 + 32, 24 + 48]]
    assert found.scores == pytest.approx([0.8])
    assert found.classes.tolist() == [2]


def test_nanodet_takes_the_mean_of_even_bins() -> None:
    outputs = quiet_nanodet()
    outputs["scores"][0, 0, 0] = 0.9
    found = nanodet.decode(outputs, NANODET, 0.5)
    assert found.xyxy[0] == pytest.approx([4 - 28, 4 - 28, 4 + 28, 4 + 28])


def test_nanodet_bears_bins_that_no_exponential_does() -> None:
    outputs = quiet_nanodet()
    outputs["scores"][0, 70, 2] = 0.9
    outputs["bins"][0, 70] = [-1000.0, 1000.0] * (2 * NANODET.bins)
    assert np.isfinite(nanodet.decode(outputs, NANODET, 0.5).xyxy).all()


def test_a_quiet_picture_has_no_boxes() -> None:
    assert len(nanodet.decode(quiet_nanodet(), NANODET, 0.3)) == 0
    faces = yunet.decode(quiet_yunet(), YUNET, 0.3)
    assert len(faces) == 0
    assert faces.landmarks is not None


@given(st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_nanodet_never_breaks_its_promises(seed: int, floor: float) -> None:
    dice = np.random.default_rng(seed)
    quiet = quiet_nanodet()
    outputs = {name: dice.random(array.shape, np.float32) for name, array in quiet.items()} | {"cells": quiet["cells"]}
    found = nanodet.decode(outputs, NANODET, floor)
    assert (found.scores >= floor).all()
    assert (np.diff(found.scores) <= 0).all()
    assert len(found) <= dense.CANDIDATES
    assert (found.xyxy[:, 2:] >= found.xyxy[:, :2]).all()
    doubles = iou(found.xyxy, found.xyxy) * (found.classes[:, None] == found.classes) * ~np.eye(len(found), dtype=bool)
    assert (doubles <= NANODET.nms).all()


def test_more_candidates_than_the_cap_keep_the_best() -> None:
    outputs = quiet_nanodet(classes=80)
    dice = np.random.default_rng(1)
    outputs["scores"][0, : FIRST[16]] = dice.uniform(0.1, 0.8, (FIRST[16], 80))
    outputs["scores"][0, FIRST[32], 7] = 0.95
    found = nanodet.decode(outputs, NANODET, 0.05)
    assert (found.scores[0], found.classes[0]) == (np.float32(0.95), 7)
    assert len(found) <= dense.CANDIDATES


def test_yunet_reads_box_and_landmarks() -> None:
    outputs = quiet_yunet()
    outputs["cls_8"][0, 9], outputs["obj_8"][0, 9] = 0.64, 1.0  # second row, second column of 8
    outputs["bbox_8"][0, 9] = [0.5, 0.5, np.log(2), np.log(4)]
    outputs["kps_8"][0, 9, :4] = [0.25, 0.5, 1, 1]
    faces = yunet.decode(outputs, YUNET, 0.5)
    assert faces.xyxy[0] == pytest.approx([4, -4, 20, 28], abs=1e-4)
    assert faces.scores == pytest.approx([0.8])
    assert faces.landmarks is not None
    assert faces.landmarks[0, :2].tolist() == [[10, 12], [16, 16]]


def test_yunet_scores_stay_in_range_when_the_heads_do_not() -> None:
    outputs = quiet_yunet()
    outputs["cls_32"][0, 0], outputs["obj_32"][0, 0] = 1.7, 1.2
    outputs["cls_32"][0, 1], outputs["obj_32"][0, 1] = -1, -1
    assert yunet.decode(outputs, YUNET, 0.5).scores.tolist() == [1.0]


def test_nanodet_knows_a_cell_by_its_place_not_by_its_rank() -> None:
    outputs = quiet_nanodet()
    outputs["scores"][0, 3, 1] = 0.9
    best_first = np.argsort(-outputs["scores"][0].max(axis=1), kind="stable")
    picked = {name: array[:, best_first[:5]] for name, array in outputs.items()}
    assert nanodet.decode(picked, NANODET, 0.5).xyxy == pytest.approx(nanodet.decode(outputs, NANODET, 0.5).xyxy)


def test_an_oblong_input_is_named() -> None:
    outputs = quiet_yunet()
    for name in ("cls", "obj", "bbox", "kps"):
        outputs[f"{name}_8"] = outputs[f"{name}_8"][:, :48]
    with pytest.raises(ModelError, match="stride 8 has 48 cells"):
        yunet.decode(outputs, YUNET, 0.5)


@given(st.lists(st.floats(-200, 200, width=32), min_size=2, max_size=9), st.sampled_from(["softmax", "sigmoid"]))
def test_class_scores_are_probabilities_in_the_logits_order(values: list[float], activation: str) -> None:
    logits = np.array([values], np.float32)
    how = Decode.model_validate({"name": "classify", "activation": activation})
    scores = classify.decode({"logits": logits, "features": np.zeros(3, np.float32)}, how, 0.5).values
    assert ((scores >= 0) & (scores <= 1)).all()
    assert (np.diff(scores[np.argsort(logits[0], kind="stable")]) >= 0).all()
    if activation == "softmax":
        assert scores.sum() == pytest.approx(1, abs=1e-5)


def test_the_background_class_is_dropped_after_the_softmax() -> None:
    how = Decode(name="classify", activation="softmax", background=True)
    scores = classify.decode({"logits": np.log(np.array([[0.5, 0.3, 0.2]], np.float32))}, how, 0).values
    assert scores == pytest.approx([0.3, 0.2])


def test_an_embedding_has_length_one() -> None:
    outputs = {"logits": np.zeros((1, 2), np.float32), "features": np.array([[3, 4]], np.float32)}
    assert embed.decode(outputs, Decode(name="embed", index=1), 0).vector == pytest.approx([0.6, 0.8])
    with pytest.raises(ModelError, match="no direction"):
        embed.decode(outputs, Decode(name="embed", index=0), 0)


def test_every_decoder_is_registered_under_its_file() -> None:
    assert all(decoder.__module__ == f"models.decode.{name}" for name, decoder in DECODERS.items())
