"""What a training leaves behind: evaluation.json, report.html and the signed pack with card and self-test."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import report
from numpy.typing import NDArray
from training import export, page, state
from training.card import card
from training.datasets import Dataset, Sample
from training.evaluation import Evaluation, evaluate, summary
from training.export import Exported
from training.findings import Findings
from training.measure import Answer, Device
from training.page import Story
from training.settings import Job, Progress, signing_key
from training.trained import Trained

from edge import pictures
from edge.packs import custom
from edge.packs.store import flush, reported
from edge.values import Image
from edge.vision.selftest import BOX_DRIFT, DRIFT, SURE
from edge.vision.selftest import FILE as SELFTEST
from models import moderation
from models.boxes import iou
from models.decode import DECODERS
from models.manifest import Backend
from models.outputs import Boxes
from models.tensors import fit

EVALUATION, REPORT, CARD = "evaluation.json", "report.html", "CARD.md"
CONTENT = ".pack"
PROVING = 4  # pictures of the self-test
CONSIDERED = 40
CALM = 0.5  # part of what the self-test lets a back end differ by, that its pictures may differ by here


def leave(trained: Trained, dataset: Dataset, job: Job, findings: Findings, progress: Progress) -> custom.Index:
    """Export, evaluate, report and pack; every file appears whole or not at all."""
    started = time.monotonic()
    exported = export.export(trained, dataset, job, progress)
    took = {"learning": trained.seconds, "export": time.monotonic() - started}
    progress("report", 0.0, "the test pictures")
    found, ended = evaluate(exported, trained, dataset), time.time()
    told = summary(found, dataset, job, ended)
    state.write(job.out / EVALUATION, told)
    story = Story(job, dataset, trained, exported, found, findings.plain(), took, report.machine(), ended)
    progress("report", 0.5, REPORT)
    _write(job.out / REPORT, page.page(story))
    progress("report", 1.0)
    progress("pack", 0.0)
    index = pack(story, told)
    progress("pack", 1.0)
    return index


def pack(story: Story, told: dict[str, Any]) -> custom.Index:
    """The signed pack of one version, PROJECT-VERSION.vedette in the work folder."""
    job, content = story.job, story.job.out / CONTENT
    with reported(job.out, state.ELSEWHERE):
        shutil.rmtree(content, ignore_errors=True)
        content.mkdir(parents=True)
    try:
        _fill(content, story, told)
        out = job.out / custom.file_name(job.project, job.version)
        return custom.make(draft(story), content, signing_key(job), out)
    finally:
        shutil.rmtree(content, ignore_errors=True)


def _fill(content: Path, story: Story, told: dict[str, Any]) -> None:
    exported = story.exported
    with reported(content, state.ELSEWHERE):
        for leaving in exported.files.values():
            for name in leaving.digests:
                shutil.copyfile(exported.folder / name, content / name)
        (content / EVALUATION).write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", "utf-8")
        (content / CARD).write_text(card(story), "utf-8")
        np.savez_compressed(content / SELFTEST, **proof(exported, story.dataset, story.evaluation))


def draft(story: Story) -> custom.Draft:
    """What the pack says of the version."""
    job, data, trained, exported = story.job, story.dataset, story.trained, story.exported
    adapter = job.feature == "CONTENT_MODERATION"
    parents = {name.name: name.parent for name in moderation.names()} if adapter else {}
    variants: dict[Backend, custom.Variant] = {
        backend: custom.Variant(
            weights=leaving.weights,
            outputs=exported.network.outputs,
            precision="int8",
            input=exported.input(backend),
            decode=exported.network.decode,
        )
        for backend, leaving in exported.files.items()
    }
    return custom.Draft(
        project=job.project,
        version=job.version,
        feature=job.feature,
        task=data.task,
        multi=data.multi,
        labels=tuple(
            custom.Label(name=name, threshold=threshold, parent=parents.get(name, ""))
            for name, threshold in zip(data.labels, trained.thresholds, strict=True)
        ),
        variants=variants,
        data=data.fingerprint,
        made_at=story.ended_at,
        f1=story.evaluation.overall["f1"],
        images=(len(data.train), len(data.test)),
        seconds=sum(story.seconds.values()),
    )


# The self-test


def proof(exported: Exported, dataset: Dataset, evaluation: Evaluation) -> dict[str, NDArray[Any]]:
    """Test pictures that both files answer alike, as the network takes them, and what OpenVINO's said of them.

    Those that the model is sure of come first: a device that sees something else there is wrong.
    """
    spec = exported.network.input(normalise=False)
    first, other = exported.open("openvino"), exported.open("tflite")
    chosen: list[tuple[Image, Answer]] = []
    try:
        for sample in _surest(dataset.test, evaluation.said)[:CONSIDERED]:
            fitted, _ = fit(pictures.read(sample.path), spec)
            said = _said(exported, first, fitted)
            if agree(said, _said(exported, other, fitted)):
                chosen.append((np.ascontiguousarray(fitted), said))
            if len(chosen) == PROVING:
                break
    finally:
        first.close()
        other.close()
    return _arrays(chosen, exported.network.size)


def _said(exported: Exported, device: Device, fitted: Image) -> Answer:
    how = exported.network.decode
    found = DECODERS[how.name](device.run(fitted), how, SURE - BOX_DRIFT)
    assert not isinstance(found, tuple)  # noqa: S101 - decoders give one result
    return found  # type: ignore[return-value]


def _surest(samples: Sequence[Sample], said: Sequence[Answer]) -> list[Sample]:
    """By how far the best answer leads; each label's own best are not sorted out, for a device fails on all alike."""
    leads = []
    for one in said:
        if isinstance(one, Boxes):
            leads.append(float(one.scores.max(initial=0.0)))
        else:
            ranked = np.sort(np.append(one.values, 0.0))
            leads.append(float(ranked[-1] - ranked[-2]))
    return [samples[place] for place in np.argsort(-np.array(leads), kind="stable")]


def agree(said: Answer, other: Answer) -> bool:
    """Whether two back ends are closer than the self-test asks for, so that it fails for a reason only."""
    if isinstance(said, Boxes) and isinstance(other, Boxes):
        sure = said.take(said.scores >= SURE - CALM * BOX_DRIFT)
        near = iou(sure.xyxy, other.xyxy) >= 0.75
        alike = near & (sure.classes[:, None] == other.classes)
        close = np.abs(sure.scores[:, None] - other.scores) <= CALM * BOX_DRIFT
        return bool((alike & close).any(axis=1).all())
    if isinstance(said, Boxes) or isinstance(other, Boxes):
        return False
    alike = said.values.argmax() == other.values.argmax()
    return bool(alike and np.abs(said.values - other.values).max() <= CALM * DRIFT)


def _arrays(chosen: Sequence[tuple[Image, Answer]], side: int) -> dict[str, NDArray[Any]]:
    images = np.array([image for image, _ in chosen], np.uint8).reshape(-1, side, side, 3)
    found = [said for _, said in chosen if isinstance(said, Boxes)]
    if not found:
        scores = [said.values for _, said in chosen if not isinstance(said, Boxes)]
        return {"images": images, "scores": np.array(scores, np.float32)}
    rows = np.repeat(np.arange(len(found)), [len(one) for one in found])
    return {
        "images": images,
        "rows": rows.astype(np.int64),
        "boxes": np.concatenate([one.xyxy for one in found]).astype(np.float32),
        "scores": np.concatenate([one.scores for one in found]).astype(np.float32),
        "classes": np.concatenate([one.classes for one in found]).astype(np.int64),
    }


def _write(file: Path, text: str) -> None:
    part = file.with_name(f".{file.name}.part")
    with reported(file, state.ELSEWHERE):
        try:
            part.write_text(text, "utf-8")
            flush(part)
            part.replace(file)
        finally:
            part.unlink(missing_ok=True)
