"""All that can be done with custom models, on one connection."""

from __future__ import annotations

from edge.custom.labelled import DatasetCalls
from edge.custom.ordering import OrderCalls
from edge.custom.projects import ProjectCalls
from edge.custom.records import Version
from edge.custom.serving import ServingCalls
from edge.custom.sharing import PolicyCalls
from edge.custom.versions import VersionCalls
from edge.errors import MissingError


class Projects(ProjectCalls, VersionCalls, ServingCalls, DatasetCalls, OrderCalls, PolicyCalls):
    """Projects, versions and which of them serve. What another process commits is seen by the next call."""

    def model_of(self, project: str, name: str = "") -> Version:
        """The version of this name, else the one that serves, else the newest with a model. Raises MissingError."""
        if name:
            return self.version(project, name)
        serving = self.serving(project).current
        for version in self.versions(project):
            if version.id == serving or (serving is None and version.digest):
                return version
        raise MissingError(f"project {project!r} has no version with a model; install a pack, 'vedette custom install'")
