"""Versions of a project: ordered, described, started, stopped, copied and deleted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from edge.api import faults, naming, ordering, people, publishing
from edge.api.desk import Desk
from edge.api.operations.projects import MOST
from edge.api.workshop import loaded
from edge.custom import NewVersion, Page, Status, Version, installing
from edge.errors import MissingError

SAID = {
    Status.TRAINING_COMPLETED: "The model is ready to run.",
    Status.COPYING_COMPLETED: "Model copy operation was successful.",
    Status.STARTING: "The model is being started.",
    Status.RUNNING: "The model is running.",
    Status.STOPPING: "The model is being stopped.",
    Status.STOPPED: "The model is not running.",
}


def create_project_version(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Writes the order that a workstation picks up: `tools/train --serve-device`."""
    project = naming.project_of(desk, members["ProjectArn"])
    if members.get("FeatureConfig") and project.feature != "CONTENT_MODERATION":
        raise faults.invalid_parameter("Request has invalid parameters: FeatureConfig is for CONTENT_MODERATION")
    asked = {name: members[name] for name in ("TrainingData", "TestingData", "FeatureConfig") if name in members}
    new = NewVersion(
        project.name,
        members["VersionName"],
        description=members.get("VersionDescription", ""),
        output=json.dumps({"Config": publishing.place(desk, members["OutputConfig"])}),
        training=json.dumps(asked),
        kms=members.get("KmsKeyId", ""),
        tags=members.get("Tags") or {},
    )
    found = ordering.entries_of(desk, project, members)
    with naming.told():
        version = desk.workshop.projects.order(new, found)
    return {"ProjectVersionArn": naming.version_arn(desk, version)}


def describe_project_versions(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The newest first."""
    project = naming.project_of(desk, members["ProjectArn"])

    def read(after: int, limit: int) -> Page[Version]:
        names = members.get("VersionNames", ())
        return desk.workshop.projects.page_versions(project.name, after or None, limit, names)

    found, more = people.page(desk, "DescribeProjectVersions", members, read, MOST)
    return {"ProjectVersionDescriptions": [_described(desk, version) for version in found], **more}


def start_project_version(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """It runs once it has been opened and has passed its self-test; inference units are kept, and change nothing."""
    version = naming.version_of(desk, members["ProjectVersionArn"])
    least, most = members["MinInferenceUnits"], members.get("MaxInferenceUnits")
    if most is not None and most < least:
        raise faults.invalid_parameter("Request has invalid parameters: MaxInferenceUnits is below MinInferenceUnits")
    with naming.told():
        return {"Status": desk.workshop.projects.begin(version.project, version.name, least, most).status}


def stop_project_version(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    version = naming.version_of(desk, members["ProjectVersionArn"])
    with naming.told():
        return {"Status": desk.workshop.projects.stop(version.project, version.name).status}


def delete_project_version(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Its model leaves the disk, unless another version is a copy. An order that nobody is at is withdrawn."""
    version = naming.version_of(desk, members["ProjectVersionArn"])
    work = desk.workshop
    if version.status == Status.TRAINING_IN_PROGRESS:
        try:
            held = work.projects.order_of(version).held(desk.now())
        except MissingError:
            held = False
        if held:
            raise faults.resource_in_use(f"version {version.place} is being trained; wait until that is done")
        work.projects.fail_training(version, "withdrawn")
    with naming.told():
        installing.remove(work.projects, work.store, version.project, version.name)
    work.uploads.forget(version.id)
    return {"Status": "DELETING"}


def copy_project_version(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Within this device; done when answered."""
    source_project = naming.project_of(desk, members["SourceProjectArn"])
    source = naming.version_of(desk, members["SourceProjectVersionArn"])
    target = naming.project_of(desk, members["DestinationProjectArn"])
    if source.project != source_project.name:
        raise faults.invalid_parameter("Request has invalid parameters: the version is of another project")
    if "CONTENT_MODERATION" in (source.feature, target.feature):
        raise faults.invalid_parameter("Request has invalid parameters: adapters cannot be copied")
    new = NewVersion(
        target.name,
        members["VersionName"],
        Status.COPYING_IN_PROGRESS,
        output=json.dumps({"Config": publishing.place(desk, members["OutputConfig"])}),
        source_arn=naming.version_arn(desk, source),
        kms=members.get("KmsKeyId", ""),
        tags=members.get("Tags") or {},
    )
    with naming.told():
        copy = desk.workshop.projects.copy_version(source, new)
    return {"ProjectVersionArn": naming.version_arn(desk, publishing.publish(desk, copy))}


def _described(desk: Desk, version: Version) -> dict[str, Any]:
    output, asked, index = loaded(version.output), loaded(version.training), version.index
    told: dict[str, Any] = {
        "ProjectVersionArn": naming.version_arn(desk, version),
        "CreationTimestamp": version.created_at,
        "Status": version.status,
        "StatusMessage": _message(desk, version),
        "Feature": version.feature,
        "OutputConfig": output.get("Config"),
        "MinInferenceUnits": version.min_units,
        "MaxInferenceUnits": version.max_units,
        "KmsKeyId": version.kms or None,
        "VersionDescription": version.description or None,
        "SourceProjectVersionArn": version.source_arn or None,
        "FeatureConfig": asked.get("FeatureConfig"),
        "TrainingEndTimestamp": version.ended_at,
        "TrainingDataResult": {"Input": asked.get("TrainingData"), "Output": output.get("Training")},
        "TestingDataResult": {"Input": asked.get("TestingData"), "Output": output.get("Testing")},
        "ManifestSummary": output.get("Manifest"),
    }
    if version.seconds is not None:
        told["BillableTrainingTimeInSeconds"] = round(version.seconds)
    if index is not None:
        told["EvaluationResult"] = {"F1Score": index.f1, "Summary": output.get("Summary")}
    return told


def _message(desk: Desk, version: Version) -> str:
    if version.message:
        return version.message
    if version.status != Status.TRAINING_IN_PROGRESS:
        return SAID.get(version.status, "")
    try:
        order = desk.workshop.projects.order_of(version)
    except MissingError:
        return "The model is being trained."
    if not order.held(desk.now()):
        return "The model waits for a workstation: run 'tools/train --serve-device'."
    return f"The model is being trained by {order.worker}: {order.stage or 'begun'}, {order.done:.0%}."
