"""Celebrities: whom of the installed packs a face belongs to, if it is like nobody by chance.

Each person is one vector, the centre of their faces. A face is a person's if it is nearest to theirs and as near as so
few strangers come by chance that, however large the packs are, about STRANGERS of all strangers are taken for
somebody: a stranger meets everybody in the packs, so the rate of false matches that is allowed for one is STRANGERS
over their number, and never more than at LEAST percent. Measured in docs/ACCURACY.md (`recognition.celebrities`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from edge.centre import centre
from edge.engine import Settings
from edge.errors import EdgeError
from edge.failover import AnyModel
from edge.findings import Celebrity
from edge.packs import celebrities as packs
from edge.packs.celebrities import Pack, Person
from edge.packs.records import identity
from edge.similarity import cosine, cosine_at, percent
from models import manifest as manifests
from models.manifest import ModelError

log = logging.getLogger(__name__)

STRANGERS = 0.005
LEAST = 95.0  # percent: what a camera asks for to name anybody
MOST = 64  # celebrities of one picture
NO_PACK = "no celebrity pack is installed: see 'vedette celebrities install'"


class Celebrities:
    """`faults` are of packs that were left out: whom they know is taken for a stranger."""

    models: tuple[AnyModel, ...] = ()

    def __init__(self, *opened: Pack, faults: Sequence[str] = ()) -> None:
        self.faults = tuple(faults)
        self._people = [(pack.index.name, person) for pack in opened for person in pack.index.people]
        centres = [centre(rows) for pack in opened for rows in _rows(pack)]
        self._centres = np.stack(centres) if centres else np.zeros((0, 0), np.float32)
        self.floor = max(cosine(LEAST), cosine_at(STRANGERS / max(len(centres), 1)))

    def look(self, vectors: NDArray[np.float32]) -> list[Celebrity | None]:
        """Who each face is, in the order of `vectors` [N, dimensions] of unit length; None for whom no pack knows.

        Of the first MOST rows, so give the largest faces first.
        """
        found: list[Celebrity | None] = [None] * len(vectors)
        if not self._people or not len(vectors):
            return found
        cosines = vectors[:MOST] @ self._centres.T
        for row, best in enumerate(cosines.argmax(axis=1).tolist()):
            if (value := float(cosines[row, best])) >= self.floor:
                pack, person = self._people[best]
                found[row] = Celebrity(person.id, person.name, person.urls, person.gender, percent(value), pack)
        return found

    def person(self, number: str) -> Person | None:
        """Who has this id; of two packs that know it, the first one's."""
        return next((person for _, person in self._people if person.id == number), None)

    def close(self) -> None:
        pass


def _rows(pack: Pack) -> list[NDArray[np.float32]]:
    """Each person's vectors."""
    ends = np.cumsum([person.faces for person in pack.index.people])
    return np.split(pack.vectors, ends[:-1])


def digests_of(settings: Settings) -> frozenset[str]:
    """Of the embedding models that may speak under these settings, installed or not."""
    known = [manifests.load(name) for name in settings.models.of("embedding")]
    return frozenset(
        identity(model, backend) for model in known for backend in settings.accel.order if backend in model.variants
    )


def installed_packs(settings: Settings) -> Iterator[tuple[str, Pack | EdgeError]]:
    """Each installed pack by name, opened, or why it cannot be used."""
    store = settings.models.open_store()
    for file in packs.installed(store):
        name = file.name.removesuffix(packs.SUFFIX)
        try:
            pack = packs.read(file, packs.trusted(store))
            packs.check_model(pack, digests_of(settings), file)
            yield name, pack
        except EdgeError as error:
            yield name, error


def open_celebrities(settings: Settings) -> Celebrities:
    """Open every installed pack; one that cannot be used is told of in the log and left out.

    Raises ModelError with the reasons if none is left.
    """
    opened, faults = [], []
    for _, pack in installed_packs(settings):
        if isinstance(pack, EdgeError):
            faults.append(str(pack))
            log.warning("%s", pack)
        else:
            opened.append(pack)
    if not opened:
        raise ModelError("; ".join(faults) or NO_PACK)
    return Celebrities(*opened, faults=faults)
