"""What each operation works on, as ARNs; and which permissions a request needs altogether."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Arn = Callable[[str, str], str]  # of a kind and a name: ours

# The kind of resource, and the member that names it; a member that ends in "Arn" holds the ARN itself.
_COLLECTION = (("collection", "CollectionId"),)
_PROCESSOR = (("streamprocessor", "Name"),)
_PROJECT = (("project", "ProjectArn"),)
_VERSION = (("projectversion", "ProjectVersionArn"),)
_DATASET = (("dataset", "DatasetArn"),)
_ANY = (("resource", "ResourceArn"),)

# All 75 operations; an empty tuple where there is no resource, and only a policy for "*" applies.
RESOURCES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "AssociateFaces": _COLLECTION,
    "CompareFaces": (),
    "CopyProjectVersion": (("project", "DestinationProjectArn"), ("projectversion", "SourceProjectVersionArn")),
    "CreateCollection": (),
    "CreateDataset": _PROJECT,
    "CreateFaceLivenessSession": (),
    "CreateProject": (),
    "CreateProjectVersion": _PROJECT,
    "CreateStreamProcessor": (("collection", "Settings.FaceSearch.CollectionId"),),
    "CreateUser": _COLLECTION,
    "DeleteCollection": _COLLECTION,
    "DeleteDataset": _DATASET,
    "DeleteFaces": _COLLECTION,
    "DeleteProject": _PROJECT,
    "DeleteProjectPolicy": _PROJECT,
    "DeleteProjectVersion": _VERSION,
    "DeleteStreamProcessor": _PROCESSOR,
    "DeleteUser": _COLLECTION,
    "DescribeCollection": _COLLECTION,
    "DescribeDataset": _DATASET,
    "DescribeProjectVersions": _PROJECT,
    "DescribeProjects": (),
    "DescribeStreamProcessor": _PROCESSOR,
    "DetectCustomLabels": _VERSION,
    "DetectFaces": (),
    "DetectLabels": (),
    "DetectModerationLabels": (("projectversion", "ProjectVersion"),),
    "DetectProtectiveEquipment": (),
    "DetectText": (),
    "DisassociateFaces": _COLLECTION,
    "DistributeDatasetEntries": (("dataset", "Datasets.Arn"),),
    "GetCelebrityInfo": (),
    "GetCelebrityRecognition": (),
    "GetContentModeration": (),
    "GetFaceDetection": (),
    "GetFaceLivenessSessionResults": (),
    "GetFaceSearch": (),
    "GetLabelDetection": (),
    "GetMediaAnalysisJob": (),
    "GetPersonTracking": (),
    "GetSegmentDetection": (),
    "GetTextDetection": (),
    "IndexFaces": _COLLECTION,
    "ListCollections": (),
    "ListDatasetEntries": _DATASET,
    "ListDatasetLabels": _DATASET,
    "ListFaces": _COLLECTION,
    "ListMediaAnalysisJobs": (),
    "ListProjectPolicies": _PROJECT,
    "ListStreamProcessors": (),
    "ListTagsForResource": _ANY,
    "ListUsers": _COLLECTION,
    "PutProjectPolicy": _PROJECT,
    "RecognizeCelebrities": (),
    "SearchFaces": _COLLECTION,
    "SearchFacesByImage": _COLLECTION,
    "SearchUsers": _COLLECTION,
    "SearchUsersByImage": _COLLECTION,
    "StartCelebrityRecognition": (),
    "StartContentModeration": (),
    "StartFaceDetection": (),
    "StartFaceSearch": _COLLECTION,
    "StartLabelDetection": (),
    "StartMediaAnalysisJob": (("projectversion", "OperationsConfig.DetectModerationLabels.ProjectVersion"),),
    "StartPersonTracking": (),
    "StartProjectVersion": _VERSION,
    "StartSegmentDetection": (),
    "StartStreamProcessor": _PROCESSOR,
    "StartTextDetection": (),
    "StopProjectVersion": _VERSION,
    "StopStreamProcessor": _PROCESSOR,
    "TagResource": _ANY,
    "UntagResource": _ANY,
    "UpdateDatasetEntries": _DATASET,
    "UpdateStreamProcessor": _PROCESSOR,
}
# What a workstation asks that trains for this device, as the action `vedette:Train` on what it trains.
TRAINING: Mapping[str, tuple[tuple[str, str], ...]] = {
    "ListOrders": (("ordered", "ProjectName"),),
    **dict.fromkeys(("ClaimOrder", "GetEntries", "GetImage", "ReportProgress", "PutPack", "FailOrder"), _VERSION),
}
TRAIN = "vedette:Train"
_READING = ("Detect", "Recognize", "Compare", "Search", "List", "Describe", "Get")
_OURS = ("collection", "streamprocessor")  # are named by a name, all others by their ARN
# Tags can be given to what is made; that is an action of its own.
_TAGGED = {"CreateCollection": ("collection", "CollectionId"), "CreateStreamProcessor": ("streamprocessor", "Name")}


def reads(operation: str) -> bool:
    """Whether it changes nothing."""
    return operation.startswith(_READING)


def resource_of(operation: str, members: Mapping[str, Any], arn: Arn) -> list[str]:
    """The ARNs that a request is about; `*` alone where it is about none."""
    found = []
    for kind, path in TRAINING.get(operation) or RESOURCES.get(operation, ()):
        names = _at(members, path.split("."))
        found += [_named(kind, name, arn) for name in names]
    return found or ["*"]


def needed(operation: str, members: Mapping[str, Any], arn: Arn) -> list[tuple[str, str]]:
    """Each action with its resource that must be allowed for this request."""
    action = TRAIN if operation in TRAINING else f"rekognition:{operation}"
    wanted = [(action, resource) for resource in resource_of(operation, members, arn)]
    if members.get("Tags") and operation.startswith(("Create", "Copy")):
        kind, member = _TAGGED.get(operation, ("", ""))
        made = arn(kind, members[member]) if kind else "*"
        wanted.append(("rekognition:TagResource", made))
    return wanted


def _named(kind: str, name: str, arn: Arn) -> str:
    if kind == "ordered":  # whatever is below the project: a policy for `project/NAME/*` covers it
        return arn("project", f"{name}/")
    return arn(kind, name) if kind in _OURS else name


def _at(value: Any, path: Sequence[str]) -> list[str]:
    """The texts at a path of members; a list on the way stands for each of its items."""
    if isinstance(value, list):
        return [text for item in value for text in _at(item, path)]
    if not path:
        return [value] if isinstance(value, str) and value else []
    return _at(value.get(path[0]), path[1:]) if isinstance(value, Mapping) else []
