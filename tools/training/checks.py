"""The check of a data set before anything is learnt: what is wrong with it, and the pictures that are right."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from training import boxes, looks, twins
from training.datasets import Sample, Samples, Task, task_of
from training.findings import Finding, Findings, Kind, labels_of
from training.looks import Look
from training.names import fault_of_label
from training.pieces import counted
from training.settings import Progress

LEAST_SIDE = 32  # pixels
LEAST_EACH = 5  # pictures of a label: four to learn from and one to test on
FEW = 15  # below which a label is learnt badly
UNEVEN = 8  # so many times as many pictures of one label as of another
RARE = 0.1  # pictures with several labels, where the others have one, are mistakes

Faults = dict[int, tuple[str, str]]  # of a sample at its place: what is wrong with it, and the remedy


@dataclass(slots=True)
class _Check:
    """The samples that are still right, and what was found on the way here."""

    task: Task
    multi: bool
    root: Path
    samples: list[Sample]
    looks: dict[Path, Look] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)

    def name(self, path: Path) -> str:
        if path == self.root:
            return path.name or str(path)
        return path.relative_to(self.root).as_posix() if path.is_relative_to(self.root) else str(path)

    def leave_out(self, kind: Kind, faults: Faults) -> None:
        self.leave_out_all({kind: faults})

    def leave_out_all(self, faults: dict[Kind, Faults]) -> None:
        """Go on without these samples, by their places among those that are left."""
        for kind, places in faults.items():
            for place, (said, remedy) in places.items():
                self.found.append(Finding(kind, self.name(self.samples[place].path), said, remedy, left_out=True))
        gone = {place for places in faults.values() for place in places}
        self.samples = [one for place, one in enumerate(self.samples) if place not in gone]

    def seen(self) -> list[Look]:
        return [self.looks[sample.path] for sample in self.samples]


def look(
    samples: Sequence[Sample], root: Path, progress: Progress, *, task: Task | None = None, multi: bool = False
) -> Findings:
    """Whatever is wrong with the pictures and labels of a data set, and what is left to go on with."""
    check = _Check(
        task or task_of(samples), multi, _absolute(root), [replace(one, path=_absolute(one.path)) for one in samples]
    )
    if isinstance(samples, Samples):
        _noted(check, samples)
    _bad_labels(check)
    _unreadable(check, progress)
    _unlabelled(check)
    _boxes(check)
    _copies(check)
    _alike(check)
    _amounts(check, len(samples))
    return Findings(tuple(check.found), tuple(check.samples), len(samples), root)


def _absolute(path: Path) -> Path:
    """Links stay as they are: what is said of a file names it as people know it, not what it leads to."""
    parts = path.parts
    up = max((at for at, part in enumerate(parts, 1) if part == ".."), default=0)
    try:
        return Path(*parts[:up]).resolve().joinpath(*parts[up:])
    except (OSError, ValueError, RuntimeError):  # a name that no file can have, or links in a circle
        return path.absolute()


def _noted(check: _Check, samples: Samples) -> None:
    for note in samples.notes:
        name = check.name(_absolute(note.path))
        kind: Kind = "bad line" if note.entry else "ignored"
        place = f"{name}: {note.entry}" if note.entry else name
        check.found.append(Finding(kind, place, note.said, note.remedy, left_out=bool(note.entry)))


def _bad_labels(check: _Check) -> None:
    """Labels that no pack can have."""
    faults = {label: fault_of_label(label) for label in {label for one in check.samples for label in labels_of(one)}}
    check.leave_out("bad label", {
        at: (" and ".join(wrong), "rename it") for at, one in enumerate(check.samples)
        if (wrong := [faults[label] for label in sorted(labels_of(one)) if faults[label]])
    })  # fmt: skip


def _unreadable(check: _Check, progress: Progress) -> None:
    paths = list(dict.fromkeys(sample.path for sample in check.samples))
    check.looks, refused = looks.at(paths, lambda done: progress("checking the pictures", done))
    reasons = {path: reason.removeprefix(f"{path}: ").partition("; ") for path, reason in refused.items()}
    places = range(len(check.samples))
    check.leave_out(
        "unreadable",
        {at: (said, remedy) for at in places if (path := check.samples[at].path) in reasons
         for said, _, remedy in [reasons[path]]},
    )  # fmt: skip
    sizes = {at: (one.width, one.height) for at, one in enumerate(check.seen())}
    check.leave_out(
        "too small",
        {at: (f"{wide} x {high} pixels", f"take one of at least {LEAST_SIDE} pixels a side")
         for at, (wide, high) in sizes.items() if min(wide, high) < LEAST_SIDE},
    )  # fmt: skip
    check.leave_out(
        "blank", {at: ("shows a single colour", "take it out") for at, one in enumerate(check.seen()) if one.flat}
    )


def _unlabelled(check: _Check) -> None:
    if check.task == "detect":
        check.leave_out("no label", {
            at: (f"is labelled {', '.join(one.labels)}, but has no box", "draw the boxes")
            for at, one in enumerate(check.samples) if one.labels and not one.marks
        })  # fmt: skip
        check.samples = [replace(one, labels=()) for one in check.samples]
        return
    several = {at for at, one in enumerate(check.samples) if len(one.labels) > 1}
    if not check.multi and len(several) <= RARE * len(check.samples):
        check.leave_out("several labels", {
            at: (f"has several labels ({', '.join(check.samples[at].labels)}), where others have one",
                 "keep one of them, or pass --multi") for at in sorted(several)
        })  # fmt: skip
    check.multi = check.multi or any(len(one.labels) > 1 for one in check.samples)
    if not check.multi:
        check.leave_out("no label", {
            at: ("has no label", "give it one, such as one for whatever shows nothing, or pass --multi")
            for at, one in enumerate(check.samples) if not one.labels
        })  # fmt: skip


def _boxes(check: _Check) -> None:
    """Boxes that hold nothing, or stick out; those that stick out are cut off at the edge of the picture."""
    wrong = Faults()
    for at, (sample, seen) in enumerate(zip(check.samples, check.seen(), strict=True)):
        if bad := list(boxes.faults(sample.marks, seen)):
            wrong[at] = (", and ".join(bad), "draw it again")
        for mark in sample.marks:
            if not bad and boxes.sticks_out(mark):
                said = f"{boxes.where(mark)} sticks out of the picture and is cut off at its edge"
                check.found.append(Finding("bad box", check.name(sample.path), said, "draw it again"))
        check.samples[at] = replace(sample, marks=tuple(boxes.cut(mark) for mark in sample.marks))
    check.leave_out("bad box", wrong)


def _copies(check: _Check) -> None:
    """Of pictures that are pixel for pixel the same one stays; none where they are labelled differently."""
    wrong, again, leaked = Faults(), Faults(), Faults()
    for places in twins.exact(check.seen()):
        first = next((at for at in places if check.samples[at].test), places[0])
        if check.multi and check.task == "classify":
            union = tuple(sorted({label for at in places for label in check.samples[at].labels}))
            for at in places:
                check.samples[at] = replace(check.samples[at], labels=union)
        for at in places:
            other = _other(check, at, places)
            if other is not None:
                wrong[at] = _doubted(check, at, other)
            elif at != first and _parted(check, at, first):
                leaked[at] = _leaked(check, at, first)
            elif at != first:
                again[at] = _again(check, at, first)
    check.leave_out_all({"wrong label": wrong, "leak": leaked, "duplicate": again})


def _other(check: _Check, at: int, places: Iterable[int]) -> int | None:
    """One of the copies that says something else of the picture."""
    return next((place for place in places if not twins.agree(check.samples[at], check.samples[place])), None)


def _parted(check: _Check, at: int, first: int) -> bool:
    return check.samples[first].test is True and check.samples[at].test is not True


def _alike(check: _Check) -> None:
    """Pictures that look alike never part; one to be trained on that looks like one to be tested on is left out."""
    near = looks.pairs(check.seen())
    if check.task == "classify" and not check.multi:
        doubted = {twin.this: _doubted(check, twin.this, twin.other) for twin in twins.conflicts(check.samples, near)}
        check.leave_out("wrong label", doubted)
        near = looks.pairs(check.seen()) if doubted else near
    groups, scene = twins.grouped(len(check.samples), near)
    leaks = twins.leaks(check.samples, groups, near)
    _told(check, groups, {twin.this for twin in leaks}, scene=scene)
    check.samples = twins.with_groups(check.samples, groups)
    check.leave_out("leak", {twin.this: _leaked(check, twin.this, twin.other) for twin in leaks})


def _told(check: _Check, groups: list[int], leaked: set[int], *, scene: bool) -> None:
    members = defaultdict(list)
    for at, group in enumerate(groups):
        members[group].append(at)
    for first, *others in members.values():
        for at in set(others) - leaked:
            said = f"looks like {check.name(check.samples[first].path)}, so they are never parted"
            remedy = "delete one of them, or keep both"
            check.found.append(Finding("near duplicate", check.name(check.samples[at].path), said, remedy))
    if scene:
        said = "many pictures show one and the same scene, as a fixed camera sees it"
        remedy = "add pictures from elsewhere if the model is to work elsewhere"
        check.found.append(Finding("one scene", check.name(check.root), said, remedy))


def _again(check: _Check, at: int, first: int) -> tuple[str, str]:
    if check.samples[at].path == check.samples[first].path:
        return "is listed twice", "delete one line"
    return f"is the same picture as {check.name(check.samples[first].path)}", "delete one of them"


def _doubted(check: _Check, at: int, other: int) -> tuple[str, str]:
    mine, theirs = (_labelled(check.samples[place]) for place in (at, other))
    if check.samples[at].path == check.samples[other].path:
        return f"is listed twice, labelled {mine} and {theirs}", "delete the wrong line"
    same = check.name(check.samples[other].path)
    return f"is labelled {mine}, but {same} is the same picture and labelled {theirs}", "delete the wrong one"


def _leaked(check: _Check, at: int, other: int) -> tuple[str, str]:
    if check.samples[at].path == check.samples[other].path:
        return "is listed to learn from and to test on", "delete one line"
    said = f"looks like {check.name(check.samples[other].path)}, which is to be tested on"
    return said, "delete one of them: a test with pictures that were learnt says nothing"


def _labelled(sample: Sample) -> str:
    if sample.marks:
        return " ".join(f"{mark.label} at {mark.x1:.2f} {mark.y1:.2f}" for mark in sample.marks)
    return ", ".join(sample.labels) or "nothing"


def _amounts(check: _Check, pictures: int) -> None:
    """Enough of each label, in train and, where the data set has one, in test."""
    counts = Counter(label for one in check.samples for label in labels_of(one))
    given = any(one.test for one in check.samples)
    tested = Counter(label for one in check.samples if one.test for label in labels_of(one))
    least = LEAST_EACH - 1 if given else LEAST_EACH
    everywhere = [label for label, count in counts.items() if count == len(check.samples)]
    for label in everywhere if check.task == "classify" and check.multi else ():
        said, alone = "every picture has it, so nothing tells it from anything else", len(everywhere) == len(counts)
        check.found.append(Finding("too few", label, said, "add pictures without it", stops=alone))
    for label in sorted(counts):
        count = counts[label] - tested[label] * given
        said = f"has {counted(count, 'picture')} to learn from"
        if count < least:
            check.found.append(Finding("too few", label, said, f"add some: {least} are the least", stops=True))
        elif count < FEW:
            check.found.append(Finding("too few", label, said, f"add some: {FEW} or more make a model that holds"))
        if given and not tested[label]:
            said = "has no picture in the test set"
            check.found.append(Finding("untested", label, said, "add one, so that its accuracy is known"))
    _amount_of_labels(check, counts, pictures)


def _amount_of_labels(check: _Check, counts: Counter[str], pictures: int) -> None:
    least = 2 if check.task == "classify" and not check.multi else 1
    if len(counts) < least:
        said, remedy = _nothing(check, list(counts), pictures)
        check.found.append(Finding("too few", check.name(check.root), said, remedy, stops=True))
    elif counts and max(counts.values()) > UNEVEN * min(counts.values()):
        (most, many), (rare, few) = counts.most_common(1)[0], counts.most_common()[-1]
        said = f"has {counted(few, 'picture')}, {most} has {many}"
        check.found.append(Finding("imbalance", rare, said, f"add pictures of {rare}"))


def _nothing(check: _Check, labels: list[str], pictures: int) -> tuple[str, str]:
    """Why there is nothing to tell apart, and what to do."""
    if labels:
        return f"only the label {labels[0]!r} is left", "add pictures of another one"
    without = sum(one.kind == "no label" for one in check.found)
    if check.samples or without == pictures:
        what = "box" if check.task == "detect" else "label"
        return f"none of its {counted(pictures, 'picture')} has a {what}", "label some"
    gone = Counter(one.kind for one in check.found if one.left_out)
    why = ", ".join(f"{kind}: {count}" for kind, count in gone.items())
    return f"none of its {counted(pictures, 'picture')} is left to learn from ({why})", "mend them"
