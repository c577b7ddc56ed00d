"""The data sets of a project: one to train on and one to test with, out of a manifest, changed line by line."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from edge.api import faults, naming, people
from edge.api.desk import Desk
from edge.custom import TakenError, entries
from edge.custom.datasets import Wanted
from edge.custom.entries import Entry

MOST = 100  # of a list
SAID = {
    "CREATE_COMPLETE": "The dataset was successfully created.",
    "UPDATE_COMPLETE": "The dataset was successfully updated.",
}


def create_dataset(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Empty, out of a manifest, or with the entries of another one; done when answered."""
    project = naming.project_of(desk, members["ProjectArn"])
    found = _source(desk, members.get("DatasetSource") or {})
    with naming.told():
        try:
            made = desk.workshop.projects.create_dataset(
                project.name, members["DatasetType"], found, members.get("Tags")
            )
        except TakenError as error:
            raise faults.resource_already_exists(str(error)) from error
    return {"DatasetArn": naming.dataset_arn(desk, project.name, made)}


def describe_dataset(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    _, dataset = naming.dataset_of(desk, members["DatasetArn"])
    stats = desk.workshop.projects.dataset_stats(dataset)
    return {
        "DatasetDescription": {
            "CreationTimestamp": dataset.created_at,
            "LastUpdatedTimestamp": dataset.updated_at,
            "Status": dataset.status,
            "StatusMessage": SAID[dataset.status],
            "StatusMessageCode": "SUCCESS",
            "DatasetStats": {
                "LabeledEntries": stats.labeled,
                "TotalEntries": stats.entries,
                "TotalLabels": stats.labels,
                "ErrorEntries": stats.wrong,
            },
        }
    }


def update_dataset_entries(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """A line takes the place of the one with the same picture; done when answered."""
    _, dataset = naming.dataset_of(desk, members["DatasetArn"])
    found = list(entries.read(members["Changes"]["GroundTruth"]))
    if not found:
        raise faults.invalid_parameter("Request has invalid parameters: GroundTruth has no JSON Lines")
    with naming.told():
        desk.workshop.projects.update_entries(dataset, found)
    return {}


def distribute_dataset_entries(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """A fifth of the training set goes to the test set, which must be empty."""
    named = [naming.dataset_of(desk, one["Arn"]) for one in members["Datasets"]]
    if len({project for project, _ in named}) > 1:
        raise faults.invalid_parameter("Request has invalid parameters: the datasets are of two projects")
    found = {dataset.kind: dataset for _, dataset in named}
    if len(found) < len(named):
        raise faults.invalid_parameter("Request has invalid parameters: one dataset must be TRAIN, the other TEST")
    desk.workshop.projects.distribute(found["TRAIN"], found["TEST"])
    return {}


def list_dataset_entries(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In the order they came, each with what is told of it in `cl-metadata`."""
    _, dataset = naming.dataset_of(desk, members["DatasetArn"])
    wanted = Wanted(
        members.get("ContainsLabels", ()),
        members.get("Labeled"),
        members.get("SourceRefContains", ""),
        members.get("HasErrors", False),
    )
    read = partial(desk.workshop.projects.page_entries, dataset, wanted)
    found, more = people.page(desk, "ListDatasetEntries", members, read, MOST)
    return {"DatasetEntries": found, **more}


def list_dataset_labels(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """By name."""
    _, dataset = naming.dataset_of(desk, members["DatasetArn"])
    read = partial(desk.workshop.projects.page_labels, dataset)
    found, more = people.page(desk, "ListDatasetLabels", members, read, MOST)
    return {
        "DatasetLabelDescriptions": [
            {"LabelName": one.label, "LabelStats": {"EntryCount": one.entries, "BoundingBoxCount": one.boxes}}
            for one in found
        ],
        **more,
    }


def delete_dataset(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Orders keep the entries they were written with."""
    _, dataset = naming.dataset_of(desk, members["DatasetArn"])
    desk.workshop.projects.delete_dataset(dataset)
    return {}


def _source(desk: Desk, source: Mapping[str, Any]) -> list[Entry]:
    manifest, arn = source.get("GroundTruthManifest"), source.get("DatasetArn")
    if manifest is not None and arn is not None:
        raise faults.invalid_parameter("Request has invalid parameters: give a GroundTruthManifest or a DatasetArn")
    if manifest is not None:
        return list(entries.read(desk.workshop.manifest(manifest)))
    if arn is not None:
        _, dataset = naming.dataset_of(desk, arn)
        return desk.workshop.projects.entries(dataset)
    return []
