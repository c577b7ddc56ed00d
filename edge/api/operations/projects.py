"""Projects, that hold the data sets and versions of a model of one's own: made, described and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults, naming, people
from edge.api.desk import Desk
from edge.custom import Page, Project

MOST = 100  # of a list


def create_project(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """For labels of one's own, or to adapt moderation; with its tags, in one commit."""
    with naming.told():
        project = desk.workshop.projects.create_project(
            members["ProjectName"],
            members.get("Feature", "CUSTOM_LABELS"),
            members.get("AutoUpdate", "DISABLED"),
            members.get("Tags") or {},
        )
    return {"ProjectArn": naming.project_arn(desk, project)}


def describe_projects(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """The newest first."""

    def read(after: int, limit: int) -> Page[Project]:
        return desk.workshop.projects.page_projects(
            after or None, limit, members.get("ProjectNames", ()), members.get("Features", ())
        )

    found, more = people.page(desk, "DescribeProjects", members, read, MOST)
    return {"ProjectDescriptions": [_described(desk, project) for project in found], **more}


def delete_project(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Once its versions and data sets are gone."""
    project = naming.project_of(desk, members["ProjectArn"])
    if desk.workshop.projects.datasets(project.name):
        raise faults.resource_in_use(f"project {project.name!r} has datasets; delete them first")
    with naming.told():
        desk.workshop.projects.delete_project(project.name)
    return {"Status": "DELETING"}


def _described(desk: Desk, project: Project) -> dict[str, Any]:
    return {
        "ProjectArn": naming.project_arn(desk, project),
        "CreationTimestamp": project.created_at,
        "Status": project.status,
        "Feature": project.feature,
        "AutoUpdate": project.auto_update,
        "Datasets": [
            {
                "CreationTimestamp": dataset.created_at,
                "DatasetType": dataset.kind,
                "DatasetArn": naming.dataset_arn(desk, project.name, dataset),
                "Status": dataset.status,
                "StatusMessageCode": "SUCCESS",
            }
            for dataset in desk.workshop.projects.datasets(project.name)
        ],
    }
