"""The operations that are offered, by the name that a client asks for. The others stand in `edge.api.capabilities`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from edge.api.desk import Desk
from edge.api.operations import (
    celebrities,
    collections,
    comparing,
    custom,
    datasets,
    details,
    faces,
    labels,
    moderation,
    policies,
    projects,
    protection,
    tags,
    text,
    users,
    versions,
)

Operate = Callable[[Desk, Mapping[str, Any]], Mapping[str, Any]]

OPERATIONS: Mapping[str, Operate] = {
    "DetectLabels": labels.detect_labels,
    "DetectFaces": details.detect_faces,
    "DetectModerationLabels": moderation.detect_moderation_labels,
    "DetectText": text.detect_text,
    "DetectProtectiveEquipment": protection.detect_protective_equipment,
    "DetectCustomLabels": custom.detect_custom_labels,
    "RecognizeCelebrities": celebrities.recognize_celebrities,
    "GetCelebrityInfo": celebrities.get_celebrity_info,
    "CompareFaces": comparing.compare_faces,
    "CreateCollection": collections.create_collection,
    "DescribeCollection": collections.describe_collection,
    "ListCollections": collections.list_collections,
    "DeleteCollection": collections.delete_collection,
    "IndexFaces": faces.index_faces,
    "ListFaces": faces.list_faces,
    "DeleteFaces": faces.delete_faces,
    "SearchFaces": faces.search_faces,
    "SearchFacesByImage": faces.search_faces_by_image,
    "CreateUser": users.create_user,
    "DeleteUser": users.delete_user,
    "ListUsers": users.list_users,
    "AssociateFaces": users.associate_faces,
    "DisassociateFaces": users.disassociate_faces,
    "SearchUsers": users.search_users,
    "SearchUsersByImage": users.search_users_by_image,
    "CreateProject": projects.create_project,
    "DescribeProjects": projects.describe_projects,
    "DeleteProject": projects.delete_project,
    "CreateProjectVersion": versions.create_project_version,
    "DescribeProjectVersions": versions.describe_project_versions,
    "StartProjectVersion": versions.start_project_version,
    "StopProjectVersion": versions.stop_project_version,
    "DeleteProjectVersion": versions.delete_project_version,
    "CopyProjectVersion": versions.copy_project_version,
    "CreateDataset": datasets.create_dataset,
    "DescribeDataset": datasets.describe_dataset,
    "UpdateDatasetEntries": datasets.update_dataset_entries,
    "DistributeDatasetEntries": datasets.distribute_dataset_entries,
    "ListDatasetEntries": datasets.list_dataset_entries,
    "ListDatasetLabels": datasets.list_dataset_labels,
    "DeleteDataset": datasets.delete_dataset,
    "PutProjectPolicy": policies.put_project_policy,
    "ListProjectPolicies": policies.list_project_policies,
    "DeleteProjectPolicy": policies.delete_project_policy,
    "TagResource": tags.tag_resource,
    "UntagResource": tags.untag_resource,
    "ListTagsForResource": tags.list_tags_for_resource,
}
