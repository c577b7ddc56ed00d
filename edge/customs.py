"""The custom models that are open, and which of them are asked: as the database says, which others may change.

A version that is to be started is opened and tried out here; one that fails its self-test is FAILED, and the one
before goes on.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from accel.session import AcceleratorError
from edge import database, engine
from edge.custom import Projects, Status, Version, installing
from edge.custom.records import place_of
from edge.errors import InputError, MissingError, StorageError
from edge.failover import Failover, open_built
from edge.packs import custom as packs
from edge.packs.store import Built
from edge.vision import selftest
from edge.vision.custom import Custom
from models.manifest import Backend, ModelError

LOOK = 1.0  # seconds between two looks at the database,
AGAIN = 10.0  # and after one that it refused
PATIENCE = 10.0  # seconds in which a back end must be there for a version that is to be started

log = logging.getLogger(__name__)


class Settings(engine.Settings, Protocol):
    """What opening custom models takes; `edge.config.Config` is one."""

    @property
    def data(self) -> Path: ...


class Open(NamedTuple):
    """Every open version by PROJECT/VERSION; and by project, the one that is asked, and the one only listened to."""

    versions: Mapping[str, Custom] = {}
    current: Mapping[str, Custom] = {}
    shadow: Mapping[str, Custom] = {}


class Customs:
    """Those that are open. May be shared between threads: what is looked at is replaced, and never changed."""

    def __init__(self, opened: Open) -> None:
        self._open = opened

    def of(self, project: str) -> Custom | None:
        """The version that is asked; None if none runs."""
        return self._open.current.get(project)

    def shadow_of(self, project: str) -> Custom | None:
        """The version whose answers are only logged."""
        return self._open.shadow.get(project)

    def version(self, project: str, version: str) -> Custom | None:
        """None if it does not run."""
        return self._open.versions.get(f"{project}/{version}")

    def failovers(self) -> list[Failover]:
        return [custom.model for custom in self._open.versions.values() if isinstance(custom.model, Failover)]

    def standing(self) -> dict[str, dict[str, Any]]:
        """For the status message, as `Abilities.standing`."""
        return {f"custom {model.manifest.name}": model.standing() for model in self.failovers()}

    def tend(self) -> None:
        """Who is given what is open has nothing to look after."""

    def close(self) -> None:
        opened, self._open = self._open, Open()
        for custom in opened.versions.values():
            custom.close()


@dataclass(slots=True)
class Kept:
    """A version of whose model one of the back ends is to be found, and tried out as soon as it is there."""

    custom: Custom
    model: Failover
    tested: bool = False
    since: float = field(default_factory=time.monotonic)


class ServedCustoms(Customs):
    """Those that run, as the database has it. `tend` looks at it, for one thread; it owns its connection.

    Raises StorageError if there is no database to be had.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(Open())
        self._settings = settings
        self._projects = Projects(database.connect(settings.data))
        self._kept: dict[int, Kept] = {}
        self._due = -inf
        self._seen: int | None = None
        self._complaint = ""
        with suppress(StorageError):  # a store that cannot be written to holds nothing that others remove
            installing.adopt(self._projects, settings.models.open_store())
        self.tend()

    def failovers(self) -> list[Failover]:
        return [kept.model for kept in list(self._kept.values())]

    def tend(self) -> None:
        """Open and close what was started and stopped since; the models themselves are tended by others."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + LOOK
        try:
            seen = self._projects.changes()
            if seen != self._seen or not all(kept.tested for kept in self._kept.values()):
                self._follow()
            self._seen, self._complaint = seen, ""
        except StorageError as error:
            self._due = time.monotonic() + AGAIN
            if str(error) != self._complaint:
                self._complaint = str(error)
                log.warning("custom models: %s", error)

    def close(self) -> None:
        self._open = Open()
        for kept in self._kept.values():
            kept.custom.close()
        self._kept.clear()
        self._projects.close()

    def _follow(self) -> None:
        working = {version.id for version in self._projects.live() if self._runs(version)}
        live = {version.id: version for version in self._projects.live()}  # one that starts may have stopped another
        running = {
            key: version for key, version in live.items() if key in working and version.status != Status.STOPPING
        }
        self._open = self._opened(running)
        for key in self._kept.keys() - live.keys():
            self._drop(key)
        for key, version in live.items():
            if version.status == Status.STOPPING:
                self._drop(key)
                self._projects.stopped(version)
                log.info("custom models: %s stopped", version.place)

    def _runs(self, version: Version) -> bool:
        """Whether it may be asked; it is opened and tried out if it is not yet."""
        if version.status == Status.STOPPING or not self._works(version):
            return False
        if version.status == Status.STARTING:
            try:
                self._projects.started(version)
            except (InputError, MissingError):  # stopped or deleted meanwhile: the next look sees to it
                return False
            log.info("custom models: %s runs", version.place)
        return True

    def _works(self, version: Version) -> bool:
        try:
            kept = self._kept.get(version.id) or self._opening(version)
            if kept.tested:
                return True
            if reason := kept.model.fault:
                if version.status == Status.STARTING and time.monotonic() - kept.since >= PATIENCE:
                    self._fail(version, reason)
                return False
            reason = selftest.fault(kept.custom)
        except ModelError as error:
            reason = str(error)
        except AcceleratorError:  # it is tried again by whoever tends the model
            return False
        if reason:
            self._fail(version, reason)
            return False
        kept.tested = True
        return True

    def _opening(self, version: Version) -> Kept:
        custom = open_version(self._settings, version, lasting=True)
        assert isinstance(custom.model, Failover)  # noqa: S101 - open_version() has made it
        kept = self._kept[version.id] = Kept(custom, custom.model)
        return kept

    def _fail(self, version: Version, reason: str) -> None:
        log.error("custom models: %s failed: %s", version.place, reason)
        self._drop(version.id)
        self._projects.failed(version, reason)

    def _opened(self, running: Mapping[int, Version]) -> Open:
        by_key = {key: self._kept[key].custom for key in running}
        current, shadow = {}, {}
        for project in {version.project for version in running.values()}:
            with suppress(MissingError):
                serving = self._projects.serving(project)
                if serving.current in by_key:
                    current[project] = by_key[serving.current]
                if serving.shadow in by_key:
                    shadow[project] = by_key[serving.shadow]
        return Open({version.place: by_key[key] for key, version in running.items()}, current, shadow)

    def _drop(self, key: int) -> None:
        """Who asks it at this moment is told that it is closed."""
        if kept := self._kept.pop(key, None):
            kept.custom.close()


def open_version(settings: Settings, version: Version, *, lasting: bool = False) -> Custom:
    """Raises ModelError if its pack is not installed or damaged, AcceleratorError if no back end opens it.

    `lasting` is as for `open_failover`.
    """
    if not version.digest:
        raise ModelError(f"version {version.place} is {version.status}: it has no model; train it, or install its pack")
    installed = packs.find(settings.models.open_store(), version.digest)
    if altered := packs.faults(installed):
        raise ModelError("; ".join(altered))
    built: list[Built] = []
    absent: list[tuple[Backend, str]] = []
    for backend in settings.accel.order:
        try:
            one = packs.built(installed, backend)
        except ModelError as error:
            absent.append((backend, str(error)))
            continue
        built.append(replace(one, manifest=one.manifest.model_copy(update={"name": version.place})))
    if not built:
        raise ModelError(f"{'; '.join(reason for _, reason in absent)}: add one of them to accel.order")
    return Custom(open_built(built, absent, settings, lasting=lasting), installed, version.place)


def try_out(settings: Settings, version: Version, then: Callable[[Custom], None] = lambda _: None) -> str:
    """Why it may not run, in one sentence; empty if it may, which `then` is given while it is open.

    Raises AcceleratorError if no back end opens it.
    """
    try:
        with closing(open_version(settings, version)) as custom:
            if not (reason := selftest.fault(custom)):
                then(custom)
            return reason
    except ModelError as error:
        return str(error)


def open_named(settings: Settings, name: str) -> Customs:
    """Open one version: PROJECT/VERSION, or PROJECT for the one that serves, or else its newest.

    Raises InputError for what names none, MissingError if there is none, and what `open_version` does.
    """
    project, _ = place_of(name)
    if not database.is_there(settings.data):
        raise MissingError(f"no project {project!r}: there is none; install a pack, 'vedette custom install'")
    with closing(Projects(database.connect(settings.data, or_snapshot=True))) as projects:
        version = projects.model_of(*place_of(name))
    custom = open_version(settings, version)
    return Customs(Open({custom.place: custom}, {custom.project: custom}))


def unserved(settings: Settings, names: Collection[str]) -> Iterator[str]:
    """Which of these projects are not there, or have no version running, each with the remedy."""
    if not database.is_there(settings.data):
        yield from (f"there is no project {name!r}; run 'vedette custom install'" for name in names)
        return
    with closing(Projects(database.connect(settings.data, or_snapshot=True))) as projects:
        known = [project.name for project in projects.projects()]
        for name in names:
            if name not in known:
                near = get_close_matches(name, known, n=1)
                hint = f"did you mean {near[0]!r}?" if near else "run 'vedette custom install'"
                yield f"there is no project {name!r}; {hint}"
            elif projects.serving(name).current is None:
                yield f"no version of {name!r} runs; run 'vedette custom start {name}'"


def examined(settings: Settings) -> Iterator[tuple[str, str]]:
    """Each version that runs, tried out now: its place, and why it should not run; empty if all is well."""
    if not database.is_there(settings.data):
        return
    with closing(Projects(database.connect(settings.data, or_snapshot=True))) as projects:
        running = [version for version in projects.live() if version.status == Status.RUNNING]
    for version in running:
        try:
            yield version.place, try_out(settings, version)
        except AcceleratorError as error:
            yield version.place, str(error)
