"""What cameras are told to look for, and will never find: a slip of the pen, or something that is not there yet."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from difflib import get_close_matches

from edge.collections import Collection
from edge.config import Config
from edge.customs import unserved
from edge.engine import fault_of, installed_of
from edge.errors import EdgeError, StorageError
from edge.settings import TASKS, LabelsTask
from edge.vision.celebrities import NO_PACK, installed_packs
from edge.vision.labels import filter_of
from models import labels as hierarchy
from models.labels import Taxonomy
from models.manifest import ModelError, labels

CATEGORY_KEYS = ("include_categories", "exclude_categories")
SHOWN = 8  # labels named where none is alike


def futile(config: Config) -> Iterator[str]:
    """One sentence for each that cannot come."""
    yield from _unknown_objects(config)
    yield from _unknown_labels(config)
    yield from _unserved(config)


def absent_collections(config: Config, known: Iterable[Collection]) -> Iterator[str]:
    """Those against which cameras match faces in vain, though nothing is wrong: they may come yet."""
    names = {found.name for found in known}
    for name, camera in config.cameras.items() if config.models.faces else ():
        wanted = camera.faces.collection
        if camera.faces.enabled and wanted not in names:
            yield (
                f"cameras.{name}.faces.collection: there is no collection {wanted!r} yet, so every face is unknown: "
                f"run 'vedette collections create {wanted}', then 'vedette faces index {wanted} …'"
            )


def switched_off(config: Config) -> Iterator[str]:
    """Tasks that were given settings, and are not asked for."""
    for name, camera in config.cameras.items():
        for task in TASKS:
            section = getattr(camera, task)
            written = section.model_fields_set
            if written and "enabled" not in written and not section.enabled:
                yield f"cameras.{name}.{task}: is off unless it has enabled = true"


def _unknown_objects(config: Config) -> Iterator[str]:
    asking = {name: camera.objects for name, camera in config.cameras.items() if camera.objects.enabled}
    known = _detected(config) if any(task.labels for task in asking.values()) else ()
    for name, task in asking.items() if known else ():
        for label in task.labels:
            yield from _label(f"cameras.{name}.objects.labels", label, known)


def _unknown_labels(config: Config) -> Iterator[str]:
    """Names and categories of labels that no picture will ever be given."""
    if not config.models.labels:
        return
    try:
        taxonomy = hierarchy.load(config.models.labels[0])
    except ModelError as error:
        yield f"models.labels: {error}"
        return
    for name, camera in config.cameras.items():
        task = camera.labels
        slips = list(_slips(task, taxonomy)) if task.enabled else []
        yield from (f"cameras.{name}.labels.{slip}" for slip in slips)
        if task.enabled and not slips and not any(map(filter_of(task).passes, taxonomy.labels)):
            yield f"cameras.{name}.labels: no label is included and not excluded as well; leave one of both out"


def _slips(task: LabelsTask, taxonomy: Taxonomy) -> Iterator[str]:
    names = [label.name for label in taxonomy.labels]
    told = {"include": names, "exclude": names, **dict.fromkeys(CATEGORY_KEYS, hierarchy.CATEGORIES)}
    for key, known in told.items():
        lower = {name.lower(): name for name in known}
        for unknown in set(getattr(task, key)) - set(known):
            near = get_close_matches(unknown.lower(), lower, n=1)
            hint = f"did you mean {lower[near[0]]!r}?" if near else "'vedette labels list' names them all"
            yield f"{key}: there is no {unknown!r}; {hint}"


def uncelebrated(config: Config) -> Iterator[str]:
    """Packs that are not there or cannot be read: all of each is, so who opens them anyway tells by himself."""
    asking = [name for name, camera in config.cameras.items() if camera.celebrities.enabled]
    packs = list(installed_packs(config)) if asking else []
    for name in asking:
        yield from (f"cameras.{name}.celebrities: {pack}" for _, pack in packs if isinstance(pack, EdgeError))
        if not packs:
            yield f"cameras.{name}.celebrities: {NO_PACK}"


def _unserved(config: Config) -> Iterator[str]:
    """Projects that cameras ask, and that will not answer."""
    for name, camera in config.cameras.items():
        if camera.custom.enabled:
            with suppress(StorageError):  # which is said elsewhere
                for reason in unserved(config, camera.custom.projects):
                    yield f"cameras.{name}.custom.projects: {reason}"


def _detected(config: Config) -> tuple[str, ...]:
    """What the detector that would be opened can see; if none is installed, what the first one named could."""
    with suppress(ModelError):
        installed, _ = installed_of("objects", config)
        for built in installed:
            if fault_of(built.backend, config) is None:
                return labels(built.manifest.name)
    with suppress(ModelError):
        return labels(config.models.objects[0]) if config.models.objects else ()
    return ()


def _label(place: str, label: str, known: tuple[str, ...]) -> Iterator[str]:
    """Labels compare in any case of letters, as in `edge.vision.objects.allowed`."""
    lower = {name.lower(): name for name in known}
    if label.lower() in lower:
        return
    near = [lower[name] for name in get_close_matches(label.lower(), lower, n=3)]
    hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it knows {', '.join(known[:SHOWN])} …"
    yield f"{place}: the detector knows no {label!r}; {hint}"
