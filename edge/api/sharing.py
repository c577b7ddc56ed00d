"""What the policies of a project forbid, beside those of the key that asks: to copy its versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edge.api import faults
from edge.api.desk import Desk
from edge.api.naming import NAMED
from edge.custom import policies
from edge.errors import MissingError
from edge.keys.conditions import Context

COPY = "CopyProjectVersion"


def check_shared(desk: Desk, operation: str, members: Mapping[str, Any], user: str, context: Context) -> None:
    """Raises AccessDeniedException where the source's project denies it to the user, an ARN."""
    if operation != COPY:
        return
    resource = desk.local(members["SourceProjectVersionArn"])
    named = NAMED.search(resource)
    if named is None:
        return
    try:
        page = desk.workshop.projects.page_policies(named["project"], 0, policies.MOST)
    except MissingError:  # which the operation will tell
        return
    action = f"rekognition:{operation}"
    if policies.forbids([one.document for one in page.items], user, action, resource, context):
        raise faults.access_denied(user, action, resource)
