"""What a version is to be trained on: the data sets of its project, or manifests that the request names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from edge.api import faults
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.custom import Project, entries
from edge.custom.entries import Entry

Found = list[tuple[bool | None, Entry]]  # whether to test with it; None: the training decides


def entries_of(desk: Desk, project: Project, members: Mapping[str, Any]) -> Found:
    """Raises Fault where there is nothing to train on, or too much said of it."""
    sets = {dataset.kind: dataset for dataset in desk.workshop.projects.datasets(project.name)}
    training, testing = members.get("TrainingData"), members.get("TestingData")
    if training is None and testing is None:
        if "TRAIN" not in sets:
            raise _wrong(f"project {project.name} has no training dataset, and TrainingData is not given")
        train = desk.workshop.projects.entries(sets["TRAIN"])
        test = desk.workshop.projects.entries(sets["TEST"]) if "TEST" in sets else []
        found = _parted(train, test)
    elif training is None or testing is None:
        raise _wrong("TrainingData and TestingData need each other")
    elif sets:
        raise _wrong(f"project {project.name} has datasets; leave TrainingData and TestingData out")
    else:
        assets, automatic = testing.get("Assets") or [], testing.get("AutoCreate", False)
        if bool(assets) == automatic:
            raise _wrong("TestingData needs either Assets or AutoCreate")
        found = _parted(list(_read(desk, training.get("Assets") or [])), list(_read(desk, assets)))
    _check(project, [one for _, one in found])
    return found


def _parted(train: Sequence[Entry], test: Sequence[Entry]) -> Found:
    sound = any(one.kind for one in test)
    return [(False if sound else None, one) for one in train] + [(True, one) for one in test]


def _read(desk: Desk, assets: Sequence[Mapping[str, Any]]) -> Iterator[Entry]:
    for asset in assets:
        try:
            yield from entries.read(desk.workshop.manifest(asset.get("GroundTruthManifest") or {}))
        except Fault as fault:
            if fault.code == "InvalidS3ObjectException":  # which this operation does not have
                raise faults.invalid_parameter(fault.message) from fault
            raise


def _check(project: Project, found: Sequence[Entry]) -> None:
    moderated = {one.kind == "moderate" for one in found if one.kind}
    if moderated - {project.feature == "CONTENT_MODERATION"}:
        raise _wrong(
            f"the labels are not for {project.feature}: adapters take '{entries.MODERATION}', and only they do"
        )


def _wrong(reason: str) -> Fault:
    return faults.invalid_parameter(f"Request has invalid parameters: {reason}")
