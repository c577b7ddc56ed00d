"""From labelled pictures to a signed pack: check, learn, export, evaluate, pack.

Each stage keeps what it has finished in the work folder, whole or not at all: whatever ends a run, the same again goes
on from there. Data and settings decide what comes out; other ones in the same folder begin anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training import checks, doubts, splits, state
from training.datasets import Dataset, Sample
from training.findings import Finding, Findings
from training.settings import Job, Progress, signing_key
from training.trained import Trained

from edge.errors import InputError
from edge.packs import custom
from edge.packs.signing import fingerprint

CHECK, REPORT, EVALUATION = "check.json", "report.html", "evaluation.json"
PACKED = "packed"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The pack, and the files beside it. `fresh` is false where all of it had been finished before."""

    pack: Path
    report: Path
    evaluation: Path
    findings: Findings
    dataset: Dataset
    fresh: bool


def check(samples: Sequence[Sample], root: Path, job: Job, progress: Progress) -> Findings:
    """Whatever is wrong with a data set; check.json says so too."""
    found = _doubted(checks.look(samples, root, progress, task=job.task, multi=job.multi), job, progress)
    state.write(job.out / CHECK, found.plain())
    return found


def run(samples: Sequence[Sample], root: Path, job: Job, progress: Progress) -> Outcome:
    """All of it."""
    return train(check(samples, root, job, progress), job, progress)


def train(findings: Findings, job: Job, progress: Progress) -> Outcome:
    """All but the check; nobody else may work in the same folder.

    Raises InputError where nothing can be learnt from the pictures that are left, or int8 is too far from float.
    """
    if findings.stops:
        raise InputError("; ".join(str(one) for one in findings.stops))
    pack, report, judged = job.out / custom.file_name(job.project, job.version), job.out / REPORT, job.out / EVALUATION
    with state.locked(job.out):
        name = findings.root.resolve().name
        dataset = splits.part(findings.kept, job.seed, task=job.task, multi=job.multi, name=name)
        of = state.order(job, dataset.fingerprint, fingerprint(signing_key(job).public))
        fresh = not state.finished(job.out, of, PACKED)
        if fresh:
            state.room(job.out)
            trained = learn(dataset, job, progress)
            leave(trained, dataset, job, findings, progress)
            if trained.whole:  # else the same command learns on
                state.finish(job.out, of, PACKED, [pack, report, judged])
    return Outcome(pack, report, judged, findings, dataset, fresh)


def learn(dataset: Dataset, job: Job, progress: Progress) -> Trained:
    """Goes on from the checkpoints in the work folder, if they are of the same data and settings."""
    if job.task == "classify":
        from training import classify

        return classify.train(dataset, job, progress)
    from training import detect

    return detect.train(dataset, job, progress)


def leave(trained: Trained, dataset: Dataset, job: Job, findings: Findings, progress: Progress) -> None:
    """Pack, report and evaluation, in the work folder."""
    from training import packing

    packing.leave(trained, dataset, job, findings, progress)


def _doubted(findings: Findings, job: Job, progress: Progress) -> Findings:
    """Less the pictures to be trained on whose single label is probably wrong; those of a test set are only named."""
    kept = findings.kept
    if job.task != "classify" or any(len(one.labels) != 1 for one in kept) or findings.stops:
        return findings
    known = doubts.features(kept, lambda done: progress("looking for wrong labels", done))
    wrong = doubts.doubted(known, [one.labels[0] for one in kept])
    root = findings.root.resolve()
    found = [
        Finding(
            "wrong label",
            str(kept[at].path.relative_to(root) if kept[at].path.is_relative_to(root) else kept[at].path),
            f"is labelled {kept[at].labels[0]}, but looks like {other}", "look at it, and correct its label",
            left_out=not kept[at].test,
        )
        for at, other in wrong.items()
    ]  # fmt: skip
    left = tuple(one for at, one in enumerate(kept) if at not in wrong or one.test)
    return replace(findings, found=(*findings.found, *found), kept=left)
