"""What the conditions of a policy may look at: who asks, from where and when, and with which tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from edge.api import naming
from edge.api.desk import Desk
from edge.api.faults import Fault
from edge.api.messages import Head
from edge.errors import MissingError
from edge.keys import AccessKey


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose signature it is, in which account, and the region that it names."""

    key: AccessKey
    account: str
    region: str

    @property
    def arn(self) -> str:
        """The user that an access key is to policies and to the audit."""
        return f"arn:aws:iam::{self.account}:user/{self.key.name}"


def context_of(head: Head, caller: Caller, members: Mapping[str, Any], now: float) -> dict[str, str | Sequence[str]]:
    """The keys of `edge.keys.conditions` that this request has, but for the tags of what it is about (`tags_of`)."""
    context: dict[str, str | Sequence[str]] = {
        "aws:SourceIp": head.address,
        "aws:SecureTransport": "true" if head.tls else "false",
        "aws:CurrentTime": datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "aws:EpochTime": str(int(now)),
        "aws:username": caller.key.name,
        "aws:userid": caller.key.id,
        "aws:PrincipalArn": caller.arn,
        "aws:PrincipalAccount": caller.account,
        "aws:PrincipalType": "User",
        "aws:RequestedRegion": caller.region,
    }
    if agent := head.get("user-agent"):
        context["aws:UserAgent"] = agent
    tags: Mapping[str, str] = members.get("Tags") or {}
    context |= {f"aws:RequestTag/{name}": value for name, value in tags.items()}
    if named := [*tags, *(members.get("TagKeys") or ())]:
        context["aws:TagKeys"] = named
    return context


def tags_of(desk: Desk, resource: str) -> dict[str, str]:
    """The keys for the tags of what an ARN names: a collection, a project, a version or a data set."""
    with suppress(MissingError, Fault):  # which the operation will tell, if it is allowed
        return {f"aws:ResourceTag/{name}": value for name, value in _tags(desk, resource).items()}
    return {}


def _tags(desk: Desk, resource: str) -> Mapping[str, str]:
    collection = desk.arn("collection", "")
    if resource.startswith(collection):
        return desk.collections.tags(resource.removeprefix(collection))
    if resource.startswith(desk.arn("project", "")):
        return desk.workshop.projects.tags(*naming.tagged(desk, resource))
    return {}
