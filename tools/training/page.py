"""The report of a training as one page to look at: `report.html`, a single file that asks for nothing from outside."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from training import sections
from training.datasets import Dataset, Sample
from training.evaluation import Evaluation
from training.export import MOST_LOST, Exported, Leaving
from training.pieces import counted, percent, section, table
from training.plots import bar
from training.settings import Job
from training.trained import Trained

STYLE = Path(__file__).with_name("report.css")
BACKENDS = {"openvino": "OpenVINO", "tflite": "LiteRT", "coral": "Edge TPU"}
MOST_FINDINGS = 12
NARROW = 10  # labels up to which the matrix fits beside other figures
FEW = 8  # labels that a note names


@dataclass(frozen=True, slots=True)
class Story:
    """All that the page tells. `findings` are check.json's, `seconds` those of each step, `machine` in words."""

    job: Job
    dataset: Dataset
    trained: Trained
    exported: Exported
    evaluation: Evaluation
    findings: Mapping[str, Any]
    seconds: Mapping[str, float]
    machine: str
    ended_at: float


def page(story: Story) -> str:
    """The whole HTML file."""
    title = f"{story.job.project} {story.job.version}"
    found, data = story.evaluation, story.dataset
    parts = (
        _backends(story),
        _labels(story),
        _row(found, data),
        sections.learning(story.trained),
        sections.mistakes(found, data, story.trained.thresholds),
        _data(story),
        _made(story),
    )
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; '
        "style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}: training report</title>\n<style>{STYLE.read_text('utf-8')}</style>\n</head>\n<body>\n"
        f"{_head(story)}<main>\n{''.join(parts)}</main>\n</body>\n</html>\n"
    )


def _head(story: Story) -> str:
    job, data, total = story.job, story.dataset, story.evaluation.overall
    what = "Object detection" if data.task == "detect" else "Image classification"
    several = ", several labels a picture" if data.multi else ""
    first = story.exported.files["openvino"]
    tiles = [
        ("F1", f"{total['f1']:.2f}", "at each label's threshold"),
        (_measure_name(story), percent(first.score), f"float {percent(story.exported.float_score)}"),
        ("Latency", f"{first.whole_ms:.1f} ms" if first.whole_ms else "", "a picture, OpenVINO int8"),
        ("Test pictures", f"{len(data.test)}", f"never trained on; {len(data.train)} for training"),
    ]
    drawn = "".join(f"<div class=tile><span>{a}</span><b>{b}</b><small>{c}</small></div>" for a, b, c in tiles)
    when = time.strftime("%d %B %Y, %H:%M UTC", time.gmtime(story.ended_at))
    return (
        f"<header><p class=kicker>Vedette custom labels · training report</p><h1>{escape(job.project)} "
        f"<small>{escape(job.version)}</small></h1><p class=soft>{what}{several} · "
        f"{counted(len(data.labels), 'label')} · {when}</p><div class=tiles>{drawn}</div>{_verdict(story)}</header>\n"
    )


def _verdict(story: Story) -> str:
    """What one should know before relying on the figures."""
    notes = []
    one = 100 / max(len(story.dataset.test), 1)
    if one > 100 * MOST_LOST:
        notes.append(f"The test set is small: one picture moves {story.exported.measure} by about {one:.1f} points.")
    weak = [item.label for item in story.evaluation.measured if item.images and item.f1 < 0.5]
    if weak:
        notes.append(f"Weak: {_few(weak)}. More varied pictures of these help most.")
    untested = [item.label for item in story.evaluation.measured if not item.images]
    if untested:
        notes.append(f"Not tested, for want of test pictures: {_few(untested)}.")
    if story.evaluation.overall["f1"] == 1.0:
        notes.append("Perfect figures on few pictures say that the test was easy, not that the model never errs.")
    return f"<ul class=notes>{''.join(f'<li>{note}</li>' for note in notes)}</ul>" if notes else ""


def _row(found: Evaluation, data: Dataset) -> str:
    """Figures side by side; a large matrix has a row of its own."""
    matrix, sure = sections.confusion(found, data), sections.confidence(found, data)
    if len(data.labels) > NARROW:
        return f'<div class="row">{sections.curves(found)}{sure}</div>{matrix}'
    return f'<div class="row">{sections.curves(found)}{matrix}{sure}</div>'


def _few(names: Sequence[str]) -> str:
    more = f" and {len(names) - FEW} more" if len(names) > FEW else ""
    return escape(", ".join(names[:FEW])) + more


def _backends(story: Story) -> str:
    exported, rows = story.exported, []
    rows.append(
        f"<tr><th scope=row>PyTorch, float</th><td>{bar(exported.float_score, 'k7')}</td>"
        f"<td class=number>{percent(exported.float_score)}</td>" + "<td class=number></td>" * 5 + "</tr>"
    )
    rows += [_backend(exported, one) for one in exported.files.values()]
    head = ("On", "", _measure_name(story), "Against float", "ms a picture", "ms inference", "Ratio", "Size")
    if exported.faults:
        listed = "".join(f"<li>{escape(fault)}</li>" for fault in exported.faults)
        tpu = f"<p>Not ready for the Edge TPU as a whole:</p><ul>{listed}</ul>"
    else:
        compiled = "compiled" if "coral" in exported.files else "edgetpu_compiler was not on the PATH"
        tpu = f"<p class=soft>Edge TPU: every operator of the TFLite file can run on it ({compiled}).</p>"
    return section(
        "Float against int8, on each back end",
        "Measured on the exported files through the device's own steps: fit, infer, decode. The ratio is the whole "
        "picture's time over the bare inference.",
        table(head, rows) + tpu,
    )


def _backend(exported: Exported, one: Leaving) -> str:
    name = f"{BACKENDS[one.backend]} <small>{escape(one.how)}</small>"
    size = f"{one.bytes / 1e6:.1f} MB"
    if one.score is None or one.whole_ms is None or one.raw_ms is None:
        absent = "<td class=soft colspan=6>not measured: no such device here</td>"
        return f"<tr><th scope=row>{name}</th>{absent}<td class=number>{size}</td></tr>"
    lost = 100 * (one.score - exported.float_score)
    cells = (
        percent(one.score), f"{lost:+.1f}", f"{one.whole_ms:.2f}", f"{one.raw_ms:.2f}",
        f"{one.whole_ms / one.raw_ms:.2f}", size,
    )  # fmt: skip
    numbers = "".join(f"<td class=number>{cell}</td>" for cell in cells)
    return f"<tr><th scope=row>{name}</th><td>{bar(one.score, 'k0')}</td>{numbers}</tr>"


def _labels(story: Story) -> str:
    detect = story.dataset.task == "detect"
    rows = []
    for one in sorted(story.evaluation.measured, key=lambda one: (-one.f1, one.label)):
        cells = (f"{one.f1:.2f}", f"{one.precision:.2f}", f"{one.recall:.2f}", f"{one.threshold:.2f}",
                 "" if np.isnan(one.ap) else f"{one.ap:.2f}", str(one.images))  # fmt: skip
        numbers = "".join(f"<td class=number>{cell}</td>" for cell in cells)
        kind = "good" if one.f1 >= 0.8 else "fair" if one.f1 >= 0.5 else "bad"
        rows.append(f"<tr><th scope=row>{escape(one.label)}</th><td>{bar(one.f1, kind)}</td>{numbers}</tr>")
    head = ("Label", "F1", "", "Precision", "Recall", "Threshold", "AP50" if detect else "AP", "Test pictures")
    return section(
        "Each label",
        "At the threshold with the best F1 on training pictures that were held out; the test pictures chose nothing.",
        table(head, rows),
    )


def _data(story: Story) -> str:
    data, rows = story.dataset, []
    counts = [(label, _bearing(data.train, label), _bearing(data.test, label)) for label in data.labels]
    most = max((train + test for _, train, test in counts), default=1) or 1
    for label, train, test in counts:
        drawn = bar((train + test) / most, "k0", train / most)
        rows.append(
            f"<tr><th scope=row>{escape(label)}</th><td>{drawn}</td><td class=number>{train}</td>"
            f"<td class=number>{test}</td></tr>"
        )
    found: list[Mapping[str, Any]] = list(story.findings.get("findings", []))
    kinds: dict[str, list[Mapping[str, Any]]] = {}
    for one in found:
        kinds.setdefault(str(one["kind"]), []).append(one)
    listed = "".join(_findings(kind, ones) for kind, ones in kinds.items()) or "<p>Nothing to mend was found.</p>"
    used = f"{story.findings.get('used', len(data.train) + len(data.test))} of {story.findings.get('pictures', '?')}"
    return section(
        "The data",
        f"{used} pictures were used; {len(data.train)} for training, {len(data.test)} for the test.",
        f"<div class=pair>{table(('Label', 'Pictures', 'Training', 'Test'), rows)}<div>{listed}</div></div>",
    )


def _findings(kind: str, ones: Sequence[Mapping[str, Any]]) -> str:
    left_out = sum(bool(one.get("left_out")) for one in ones)
    more = f", {left_out} left out" if left_out else ""
    items = "".join(
        f"<li><b>{escape(str(one['name']))}</b>: {escape(str(one['said']))}</li>" for one in ones[:MOST_FINDINGS]
    )
    rest = f"<li class=soft>and {len(ones) - MOST_FINDINGS} more</li>" if len(ones) > MOST_FINDINGS else ""
    return f"<details><summary>{escape(kind)}: {len(ones)}{more}</summary><ul>{items}{rest}</ul></details>"


def _made(story: Story) -> str:
    rows = [("Data fingerprint", story.dataset.fingerprint), ("Seed", str(story.job.seed)), ("Machine", story.machine)]
    rows += [(f"Time for {step}", f"{seconds:.0f} s") for step, seconds in story.seconds.items()]
    body = [f"<tr><th scope=row>{escape(name)}</th><td>{escape(value)}</td></tr>" for name, value in rows]
    return section("How it was made", "The same data and seed give the same model.", f"<table>{''.join(body)}</table>")


def _bearing(samples: Sequence[Sample], label: str) -> int:
    return sum(label in one.labels or any(mark.label == label for mark in one.marks) for one in samples)


def _measure_name(story: Story) -> str:
    return story.exported.measure if story.exported.measure == "AP50" else story.exported.measure.capitalize()
