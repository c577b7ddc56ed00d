"""All that can be done with custom models, on one connection."""

from __future__ import annotations

from edge.custom.projects import ProjectCalls
from edge.custom.serving import ServingCalls
from edge.custom.versions import VersionCalls


class Projects(ProjectCalls, VersionCalls, ServingCalls):
    """Projects, versions and which of them serve. What another process commits is seen by the next call."""
