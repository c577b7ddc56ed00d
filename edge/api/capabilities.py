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
TRAINING = "No models are trained here, and none are brought along."
LIVENESS = "It takes a video dialogue with the client; 'vedette analyze' and cameras give advice on a picture instead."

# By group, in the order of the service model's documentation.
GROUPS: Mapping[str, Mapping[str, Capability]] = {
    "Image analysis": {
        "DetectLabels": _offered("Labels with parents, aliases, categories and boxes, and IMAGE_PROPERTIES."),
        "DetectFaces": _offered("All attributes, landmarks, pose and quality of up to 100 faces."),
        "DetectModerationLabels": _offered("The taxonomy of version 7.0; no adapters and no human loops."),
        "DetectText": _offered("Lines and words, with filters and regions."),
        "DetectProtectiveEquipment": _offered("Face and head covers; hand covers are never found."),
        "DetectCustomLabels": Capability(
            "partly", "Asked and refused as by Rekognition: no model of one's own can run yet."
        ),
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
    "Custom labels": _absent(
        TRAINING,
        "CreateProject", "DescribeProjects", "DeleteProject", "CreateProjectVersion", "DescribeProjectVersions",
        "StartProjectVersion", "StopProjectVersion", "DeleteProjectVersion", "CopyProjectVersion", "CreateDataset",
        "DescribeDataset", "UpdateDatasetEntries", "DistributeDatasetEntries", "ListDatasetEntries",
        "ListDatasetLabels", "DeleteDataset", "PutProjectPolicy", "ListProjectPolicies", "DeleteProjectPolicy",
    ),
    "Face liveness": _absent(LIVENESS, "CreateFaceLivenessSession", "GetFaceLivenessSessionResults"),
    "Tags": {
        "TagResource": _offered("Of collections."),
        "UntagResource": _offered("Of collections."),
        "ListTagsForResource": _offered("Of collections."),
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
