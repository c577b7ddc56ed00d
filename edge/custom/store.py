"""All that can be done with custom models, on one connection."""

from __future__ import annotations

from edge.custom.labelled import DatasetCalls
from edge.custom.ordering import OrderCalls
from edge.custom.projects import ProjectCalls
from edge.custom.serving import ServingCalls
from edge.custom.sharing import PolicyCalls
from edge.custom.versions import VersionCalls


class Projects(ProjectCalls, VersionCalls, ServingCalls, DatasetCalls, OrderCalls, PolicyCalls):
    """Projects, versions and which of them serve. What another process commits is seen by the next call."""
