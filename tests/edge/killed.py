"""Runs one piece of work again and again in processes of its own, each killed (SIGKILL) one step later than the last.

A step is anything that Python asks the system about files. Called as `python -m tests.edge.killed FOLDER`, where
colours/v1 runs and the pack colours-v2.vedette lies: that is installed and deleted. After each kill it is looked at
what is there; what is wrong ends it with an AssertionError.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

from edge.custom import NoVersionError, Projects
from edge.custom.installing import install, remove
from edge.database import connect
from edge.packs import custom as packs
from edge.packs.store import Store

FILES = ("open", "os.", "shutil.", "fcntl.", "tempfile.")

Work = Callable[[Projects, Store], object]


def main(folder: Path) -> None:
    store = Store(folder / "models")

    def installing(projects: Projects, store: Store) -> object:
        return install(projects, store, folder / "colours-v2.vedette")

    def removing(projects: Projects, store: Store) -> object:
        return remove(projects, store, "colours", "v2")

    for work, undo in ((installing, removing), (removing, installing)):
        kills = 0
        while killed(folder, store, work, kills + 1):
            kills += 1
            sound(folder, store)
            carry_on(folder, store, work, undo)
        sound(folder, store)
        print(kills)  # noqa: T201


def opened(folder: Path) -> Projects:
    return Projects(connect(folder / "data"))


def killed(folder: Path, store: Store, work: Work, steps: int) -> bool:
    """Do the work in a process of its own; whether it was killed before it was done."""
    child = os.fork()
    if child:
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "the work itself failed"
        return os.WIFSIGNALED(status)
    left = [steps]

    def count(event: str, _: object) -> None:
        if event.startswith(FILES):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)

    try:
        with closing(opened(folder)) as projects:
            sys.addaudithook(count)
            work(projects, store)
            left[0] = -1
        os._exit(0)
    finally:
        os._exit(1)


def sound(folder: Path, store: Store) -> None:
    """What runs is whole and serves; every version there is whole."""
    with closing(opened(folder)) as projects:
        first, *others = sorted(projects.versions("colours"), key=lambda version: version.name)
        assert (first.name, first.status) == ("v1", "RUNNING"), first
        assert projects.serving("colours").current == first.id
        for version in (first, *others):
            assert packs.faults(packs.find(store, version.digest)) == [], version.place


def carry_on(folder: Path, store: Store, work: Work, undo: Work) -> None:
    """The same work is done now, leaves nothing of the attempt before, and is undone for the next attempt."""
    with closing(opened(folder)) as projects:
        with suppress(NoVersionError):  # it was deleted before the kill
            work(projects, store)
        undo(projects, store)
        work(projects, store)
        there = {version.digest for version in projects.versions()}
        assert {path.name for path in packs.folder(store).iterdir()} == there | {"trusted"}
        assert {path.name for path in store.root.glob("owners/*/*")} == there
        assert not list(store.root.glob("tmp/*"))
        undo(projects, store)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
