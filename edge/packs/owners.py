"""Which databases need which custom packs of a model store that they share.

::

    owners/<owner>/<digest>     empty; this owner has a version with that pack, or is about to

A pack is removed with the last marker that names it, and one that none names is left alone. A marker is written before
its pack is in its place, and goes after that is gone: what a killed process leaves is found by it. All of this is for
who holds the store.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

from edge.packs.store import Store, flush

GONE = ".gone-"  # what an installed pack is called while its files are removed


def folder(store: Store) -> Path:
    """Where the packs are."""
    return store.root / "custom"


def marker(store: Store, owner: str, digest: str) -> Path:
    return store.root / "owners" / owner / digest


def mark(store: Store, owner: str, digest: str) -> bool:
    """Whether it was not marked yet."""
    place = marker(store, owner, digest)
    if place.exists():
        return False
    place.parent.mkdir(parents=True, exist_ok=True)
    place.touch()
    for path in (place, *place.parents[:2], store.root):
        flush(path)
    return True


def sweep(store: Store, owner: str, keep: Collection[str]) -> None:
    """Give up this owner's packs whose digests are not among `keep`, and remove those that no other one marks."""
    for path in folder(store).glob(f"{GONE}*"):
        shutil.rmtree(path)
    others = {path.name for path in store.root.glob("owners/*/*") if path.parent.name != owner}
    for own in list(marker(store, owner, "").glob("*")):
        if own.name in keep:
            continue
        place = folder(store) / own.name
        if own.name not in others and place.is_dir():
            shutil.rmtree(place.rename(place.with_name(f"{GONE}{place.name}")))
            shutil.rmtree(store.compiled(own.name), ignore_errors=True)
        own.unlink()
