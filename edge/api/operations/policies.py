"""Policies of a project, which say who may not copy its versions: put, listed and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from edge.api import faults, naming, people
from edge.api.desk import Desk
from edge.custom import FullError, TakenError
from edge.custom.policies import MOST, MalformedError, RevisionError


def put_project_policy(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """Without a revision it is a new one; with one, it takes the place of just that."""
    project = naming.project_of(desk, members["ProjectArn"])
    with _told():
        revision = desk.workshop.projects.put_policy(
            project.name, members["PolicyName"], members["PolicyDocument"], members.get("PolicyRevisionId", "")
        )
    return {"PolicyRevisionId": revision}


def list_project_policies(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    """In the order they were made."""
    project = naming.project_of(desk, members["ProjectArn"])
    read = partial(desk.workshop.projects.page_policies, project.name)
    found, more = people.page(desk, "ListProjectPolicies", members, read, MOST)
    described = [
        {
            "ProjectArn": naming.project_arn(desk, project),
            "PolicyName": policy.name,
            "PolicyRevisionId": policy.revision,
            "PolicyDocument": policy.document,
            "CreationTimestamp": policy.created_at,
            "LastUpdatedTimestamp": policy.updated_at,
        }
        for policy in found
    ]
    return {"ProjectPolicies": described, **more}


def delete_project_policy(desk: Desk, members: Mapping[str, Any]) -> dict[str, Any]:
    project = naming.project_of(desk, members["ProjectArn"])
    with _told():
        desk.workshop.projects.delete_policy(project.name, members["PolicyName"], members.get("PolicyRevisionId", ""))
    return {}


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except MalformedError as error:
        raise faults.malformed_policy_document(str(error)) from error
    except RevisionError as error:
        raise faults.invalid_policy_revision_id(str(error)) from error
    except TakenError as error:
        raise faults.resource_already_exists(str(error)) from error
    except FullError as error:
        raise faults.service_quota_exceeded(str(error)) from error
