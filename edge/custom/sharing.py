"""Policies of a project, as it is asked for and about them."""

from __future__ import annotations

from edge.custom import policies, rows
from edge.custom.base import Stored
from edge.custom.policies import ProjectPolicy
from edge.custom.records import Page


class PolicyCalls(Stored):
    def put_policy(self, project: str, name: str, document: str, revision: str = "") -> str:
        """Gives the new revision. Raises NoProjectError, and what `policies.put` does."""
        with self._writing() as connection:
            key = rows.project_key(connection, project)
            return policies.put(connection, key, name, document, revision, rows.now())

    def page_policies(self, project: str, after: int, limit: int) -> Page[ProjectPolicy]:
        """In the order they were made. Raises NoProjectError."""
        with self._reading() as connection:
            return policies.page(connection, rows.project_key(connection, project), after, limit)

    def delete_policy(self, project: str, name: str, revision: str = "") -> None:
        """Raises NoProjectError, MissingError, RevisionError."""
        with self._writing() as connection:
            policies.delete(connection, rows.project_key(connection, project), name, revision)
