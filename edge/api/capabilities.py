"""Which of Rekognition's 75 operations this device offers, and how far: `GET /capabilities`, and README's table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from edge import __version__
from edge.abilities import Abilities
from edge.endpoint import MB, ApiSettings

State = Literal["offered", "partly", "not-offered"]


class Capability(NamedTuple):
    state: State
    note: str


def _offered(note: str) -> Capability:
    return Capability("offered", note)


def _absent(note: str, *names: str) -> dict[str, Capability]:
    return dict.fromkeys(names, Capability("not-offered", note))


VIDEOS = "Stored videos are not analysed; a camera of kind 'file' watches one, and tells what it sees over MQTT."
STREAMS = "Cameras stand in the TOML instead, and tell what they see over MQTT."
BULK = "There are no jobs over many pictures; ask for one after the other."
LIVENESS = "It takes a video dialogue with the client; 'vedette analyze' and cameras give advice on a picture instead."

# By group, in the order of the service model's documentation.
GROUPS: Mapping[str, Mapping[str, Capability]] = {
    "Image analysis": {
        "DetectLabels": _offered("Labels with parents, aliases, categories and boxes, and IMAGE_PROPERTIES."),
        "DetectFaces": _offered("All attributes, landmarks, pose and quality of up to 100 faces."),
        "DetectModerationLabels": _offered("The taxonomy of version 7.0, with adapters; no human loops."),
        "DetectText": _offered("Lines and words, with filters and regions."),
        "DetectProtectiveEquipment": _offered("Face and head covers; hand covers are never found."),
        "DetectCustomLabels": _offered("By the versions that run; labels of pictures, or in boxes."),
        "RecognizeCelebrities": _offered("Whom the installed celebrity packs know."),
        "GetCelebrityInfo": _offered("Of whom the installed celebrity packs know."),
        "CompareFaces": _offered("The largest face of one picture against up to 100 of another."),
    },
    "Faces and collections": {
        "CreateCollection": _offered("With tags."),
        "DescribeCollection": _offered("Counts of faces and users, the model and the age."),
        "ListCollections": _offered("In pages, in the order they were made."),
        "DeleteCollection": _offered("Its vectors are wiped from the disk."),
        "IndexFaces": _offered("What was answered is on the disk; with the quality filter."),
        "ListFaces": _offered("In pages, of a user or by id."),
        "DeleteFaces": _offered("Not of a face that belongs to a user."),
        "SearchFaces": _offered("By a stored face."),
        "SearchFacesByImage": _offered("By the largest face of a picture."),
    },
    "Users": {
        "CreateUser": _offered("With idempotency tokens."),
        "DeleteUser": _offered("Its faces stay, and belong to nobody."),
        "ListUsers": _offered("In pages."),
        "AssociateFaces": _offered("Up to 100 faces of a user."),
        "DisassociateFaces": _offered("Up to 100 faces at once."),
        "SearchUsers": _offered("By a stored face or a user."),
        "SearchUsersByImage": _offered("By the largest face of a picture."),
    },
    "Stored video": _absent(
        VIDEOS,
        "StartLabelDetection", "StartFaceDetection", "StartFaceSearch", "StartTextDetection",
        "StartContentModeration", "StartCelebrityRecognition", "StartPersonTracking", "StartSegmentDetection",
        "GetLabelDetection", "GetFaceDetection", "GetFaceSearch", "GetTextDetection",
        "GetContentModeration", "GetCelebrityRecognition", "GetPersonTracking", "GetSegmentDetection",
    ),
    "Stream processors": _absent(
        STREAMS,
        "CreateStreamProcessor", "DescribeStreamProcessor", "ListStreamProcessors", "StartStreamProcessor",
        "StopStreamProcessor", "UpdateStreamProcessor", "DeleteStreamProcessor",
    ),
    "Media analysis jobs": _absent(BULK, "StartMediaAnalysisJob", "GetMediaAnalysisJob", "ListMediaAnalysisJobs"),
    "Custom labels": {
        "CreateProject": _offered("For labels of one's own, or for adapters of moderation."),
        "DescribeProjects": _offered("In pages, the newest first."),
        "DeleteProject": _offered("Once its versions and datasets are gone."),
        "CreateProjectVersion": _offered("An order for 'tools/train --serve-device' on a workstation."),
        "DescribeProjectVersions": _offered("Status, F1 score and results; in pages, the newest first."),
        "StartProjectVersion": _offered("It runs once it has passed its self-test; inference units change nothing."),
        "StopProjectVersion": _offered("The version that served before serves again, if it still runs."),
        "DeleteProjectVersion": _offered("Of one that does not run; an order that nobody is at is withdrawn."),
        "CopyProjectVersion": _offered("Within this device, unless the project's policy denies it."),
        "CreateDataset": _offered("Empty, out of a manifest in a bucket, or as a copy."),
        "DescribeDataset": _offered("With the numbers of entries, labels and errors."),
        "UpdateDatasetEntries": _offered("A line takes the place of the one with the same picture."),
        "DistributeDatasetEntries": _offered("A fifth goes to the test set, evenly over the labels."),
        "ListDatasetEntries": _offered("In pages, with all filters and what is wrong with each."),
        "ListDatasetLabels": _offered("In pages, by name."),
        "DeleteDataset": _offered("Orders keep the entries they were written with."),
        "PutProjectPolicy": _offered("With revisions; what it denies is denied."),
        "ListProjectPolicies": _offered("In pages."),
        "DeleteProjectPolicy": _offered("Of a revision, if one is named."),
    },
    "Face liveness": _absent(LIVENESS, "CreateFaceLivenessSession", "GetFaceLivenessSessionResults"),
    "Tags": {
        "TagResource": _offered("Of collections, projects, versions and datasets."),
        "UntagResource": _offered("Of collections, projects, versions and datasets."),
        "ListTagsForResource": _offered("Of collections, projects, versions and datasets."),
    },
}  # fmt: skip


def every() -> Iterator[tuple[str, str, Capability]]:
    """Group, operation, and how far it is offered."""
    for group, operations in GROUPS.items():
        yield from ((group, name, capability) for name, capability in operations.items())


def document(abilities: Abilities, settings: ApiSettings) -> dict[str, Any]:
    """What `GET /capabilities` answers."""
    return {
        "version": __version__,
        "operations": {
            name: {"group": group, "state": capability.state, "note": capability.note}
            for group, name, capability in every()
        },
        "models": {
            task: {"name": model["name"], "backend": model["backend"], "device": model["device"]}
            for task, model in abilities.standing().items()
        },
        "missing": abilities.missing,
        "region": settings.region,
        "account": settings.account,
        "limits": {
            "request_bytes": settings.body_mb * MB,
            "requests_at_once": settings.workers,
            "requests_waiting": settings.queue,
            "clock_skew_seconds": settings.skew,
        },
    }
