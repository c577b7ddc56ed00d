"""Data sets of a project, as it is asked for and about them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from edge.custom import datasets, rows
from edge.custom.base import Stored
from edge.custom.datasets import Dataset, Kind, LabelStats, Stats, Wanted
from edge.custom.entries import Entry
from edge.custom.records import Page


class DatasetCalls(Stored):
    def create_dataset(
        self, project: str, kind: Kind, found: Iterable[Entry], tags: Mapping[str, str] | None = None
    ) -> Dataset:
        """With these entries. Raises NoProjectError, TakenError, FullError."""
        with self._writing() as connection:
            key = rows.project_key(connection, project)
            made = datasets.create(connection, key, kind, found, rows.now())
            rows.put_tags(connection, "dataset", made.id, tags or {})
        return made

    def datasets(self, project: str) -> list[Dataset]:
        """In the order they were made. Raises NoProjectError."""
        with self._reading() as connection:
            return datasets.of_project(connection, rows.project_key(connection, project))

    def dataset(self, project: str, kind: str) -> Dataset:
        """Raises NoProjectError, NoDatasetError."""
        with self._reading() as connection:
            return datasets.find(connection, rows.project_key(connection, project), kind)

    def dataset_stats(self, dataset: Dataset) -> Stats:
        with self._reading() as connection:
            return datasets.stats(connection, dataset.id)

    def page_entries(self, dataset: Dataset, wanted: Wanted, after: int, limit: int) -> Page[str]:
        """Lines as they are listed, in the order they came. Begins after a place: 0, or that of the page before."""
        with self._reading() as connection:
            return datasets.page(connection, dataset.id, wanted, after, limit)

    def page_labels(self, dataset: Dataset, after: int, limit: int) -> Page[LabelStats]:
        """By name; as `page_entries`."""
        with self._reading() as connection:
            return datasets.label_page(connection, dataset.id, after, limit)

    def entries(self, dataset: Dataset) -> list[Entry]:
        with self._reading() as connection:
            return datasets.copy(connection, dataset.id)

    def update_entries(self, dataset: Dataset, found: Iterable[Entry]) -> None:
        """Each takes the place of the one with the same picture. Raises FullError."""
        with self._writing() as connection:
            datasets.update(connection, dataset.id, found, rows.now())

    def distribute(self, train: Dataset, test: Dataset) -> None:
        """Move a fifth of the entries from one to the other; raises InputError if that has some already."""
        with self._writing() as connection:
            datasets.distribute(connection, train, test, rows.now())

    def delete_dataset(self, dataset: Dataset) -> None:
        """With its entries; what was ordered with them stays as it is."""
        with self._writing() as connection:
            datasets.delete(connection, dataset.id)
