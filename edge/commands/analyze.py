"""`vedette analyze IMAGE…`: everything the models see in a picture."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands.arguments import place, tiled
from edge.commands.wording import human
from edge.errors import InputError, MissingError, StorageError, UnavailableError, UsageError, exit_code
from edge.settings import TASKS

if TYPE_CHECKING:
    from edge.report import Entry
    from edge.values import Image

OWN = "custom"  # has an option of its own, which names the model
NAMED = tuple(task for task in TASKS if task != OWN)
# Without what needs packs or the extended set of models, and what is a question of its own.
SPECIAL = ("ppe", "celebrities", "liveness")
DEFAULT = tuple(task for task in NAMED if task not in SPECIAL)
ALL = "all"
WRITTEN = (".jpg", ".jpeg", ".png")
PAGES = (".html", ".htm")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    analyze = commands.add_parser("analyze", help="say what is in pictures")
    analyze.add_argument("images", type=place, nargs="+", metavar="IMAGE", help="a picture, or a folder of pictures")
    analyze.add_argument(
        "--tasks",
        type=_tasks,
        metavar="TASK,…",
        help=f"of: {', '.join(NAMED)}; or {ALL}; all but the last three if left out",
    )
    tiled(analyze)
    analyze.add_argument(
        "--custom",
        metavar="PROJECT[/VERSION]",
        help="ask a model of your own; it alone, unless --tasks names more (default version: the one that serves)",
    )
    analyze.add_argument("--json", action="store_true", help="one JSON document a picture and line")
    analyze.add_argument("--draw", type=place, metavar="OUT", help="draw what was found: a .jpg or .png, or a folder")
    analyze.add_argument("--html", type=_page_place, metavar="OUT", help="write one page about all pictures: a .html")
    analyze.set_defaults(handler=_analyze, log_level="ERROR")


def _analyze(args: argparse.Namespace) -> int:
    from accel.pages import give_back_early
    from edge import config, pictures
    from edge.abilities import GAINS, open_abilities, with_needs
    from edge.custom.records import place_of
    from edge.customs import open_named
    from edge.scene import Scene
    from edge.settings import CustomTask, FacesTask, Tasks

    settings = config.load(args.config)
    own = args.custom is not None
    tasks = args.tasks or (() if own else DEFAULT)
    project = place_of(args.custom)[0] if own else ""
    asked = Tasks(faces=FacesTask(small=args.small), custom=CustomTask(projects=(project,) if project else ()))
    paths, status = _pictures(args.images)
    sinks = _sinks(args, paths)
    give_back_early()
    sources = with_needs(tasks, GAINS)
    abilities = open_abilities(settings, sources)
    try:
        if own:
            abilities.custom, tasks = open_named(settings, args.custom), (*tasks, OWN)
        for fault in abilities.celebrities.faults if abilities.celebrities else ():
            print(f"vedette: {fault}", file=sys.stderr)
            status = InputError.exit_code
        for path in paths:
            try:
                image = pictures.read(path)
            except (InputError, MissingError) as error:
                print(f"vedette: {error}", file=sys.stderr)
                status = exit_code(error)
                for sink in sinks:
                    sink.pass_over(path, error)
                continue
            document = {"image": str(path), **Scene(image, abilities, asked).document(tasks)}
            # What a task gains from, too: without labels no weapon is flagged, and that is not to look like peace.
            if missing := {task: reason for task, reason in abilities.missing.items() if task in sources}:
                document["missing"] = missing
                status = status or UnavailableError.exit_code
            print(json.dumps(document) if args.json else human(document), flush=True)
            for sink in sinks:
                sink.take(image, document)
        for sink in sinks:
            sink.close()
    finally:
        abilities.close()
    return status


def _pictures(given: Sequence[Path]) -> tuple[list[Path], int]:
    """The files themselves, and those of each folder that are called as pictures are; and the exit status.

    A folder without any is told of and passed over; raises InputError if nothing is left.
    """
    from edge.pictures import inside

    found: list[Path] = []
    status = 0
    for path in given:
        if not os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises where a folder above may not be looked into
            found.append(path)
            continue
        try:
            found += inside(path)
        except InputError as error:
            if len(given) == 1:
                raise
            print(f"vedette: {error}", file=sys.stderr)
            status = error.exit_code
    if not found:
        raise InputError("no picture is left; name pictures, or folders that hold some")
    return found, status


def _page_place(text: str) -> Path:
    page = place(text)
    if page.suffix.lower() not in PAGES:
        raise argparse.ArgumentTypeError(f"{text}: ends in none of {', '.join(PAGES)}; name a page to write")
    return page


def _tasks(text: str) -> tuple[str, ...]:
    asked = frozenset(filter(None, map(str.strip, text.split(","))))
    if unknown := asked - {*NAMED, ALL}:
        raise argparse.ArgumentTypeError(f"no task {', '.join(sorted(unknown))}; there is {', '.join(NAMED)}, {ALL}")
    if not asked:
        raise argparse.ArgumentTypeError(f"names no task; there is {', '.join(NAMED)}, {ALL}")
    return tuple(task for task in NAMED if task in asked or ALL in asked)


class _Drawings:
    """Each picture with what was found in it: into the file `out`, or under its own name into the folder `out`."""

    def __init__(self, out: Path, given: Sequence[Path]) -> None:
        several, named = len(given) > 1, out.suffix.lower() in WRITTEN
        self._out = out
        self._folder = out.is_dir() or several
        if not self._folder and not named:
            raise UsageError(f"--draw {out}: ends in none of {', '.join(WRITTEN)}; name a picture or a folder")
        if self._folder and named and not out.is_dir():
            raise UsageError(f"--draw {out}: is one file for several pictures; name a folder")
        self._taken: set[str] = set()
        self._places = {path: self._path(path) for path in dict.fromkeys(given)}
        for drawn in self._places.values():
            _keep_apart("--draw", drawn, given)

    def take(self, image: Image, document: Mapping[str, Any]) -> None:
        from edge.drawing import draw
        from edge.pictures import write

        write(self._places[Path(document["image"])], draw(image, document))

    def pass_over(self, path: Path, error: Exception) -> None:
        """There is nothing to draw."""

    def close(self) -> None:
        """Everything is written already."""

    def _path(self, source: Path) -> Path:
        if not self._folder:
            return self._out
        name = next(name for name in _names(source.stem) if name not in self._taken)
        self._taken.add(name)
        return self._out / f"{name}.jpg"


class _Page:
    """One page about all pictures."""

    def __init__(self, out: Path) -> None:
        self._out = out
        self._entries: list[Entry] = []

    def take(self, image: Image, document: Mapping[str, Any]) -> None:
        from edge.report import entry

        self._entries.append(entry(image, document))

    def pass_over(self, path: Path, error: Exception) -> None:
        from edge.report import Entry

        self._entries.append(Entry({"image": str(path), "error": str(error)}))

    def close(self) -> None:
        from edge.pictures import save
        from edge.report import page

        save(self._out, page(self._entries).encode("utf-8", "replace"))


def _names(stem: str) -> Iterator[str]:
    yield stem
    yield from (f"{stem}-{number}" for number in count(2))


def _sinks(args: argparse.Namespace, given: Sequence[Path]) -> list[_Drawings | _Page]:
    """Raises UsageError for an output that is one of the pictures, before anything is looked at."""
    sinks: list[_Drawings | _Page] = []
    if args.draw is not None:
        sinks.append(_Drawings(args.draw, given))
    if args.html is not None:
        _keep_apart("--html", args.html, given)
        sinks.append(_Page(args.html))
    return sinks


def _keep_apart(option: str, out: Path, given: Sequence[Path]) -> None:
    if os.path.lexists(out) and any(_same(out, path) for path in given):
        raise UsageError(f"{option} {out}: is one of the pictures, which would be lost; name another place")
    if out.is_dir():
        raise UsageError(f"{option} {out}: is a folder; name a file in it")
    above = next(folder for folder in (out, *out.resolve().parents) if os.path.lexists(folder))
    if above != out and not above.is_dir():
        raise UsageError(f"{option} {out}: {above} is a file; name a place in a folder")
    if not os.access(above, os.W_OK):
        raise StorageError(f"{option} {out}: {above} cannot be written to; name another place")


def _same(out: Path, picture: Path) -> bool:
    try:
        return out.samefile(picture)
    except OSError:  # one of both is not there, or may not be seen
        return False
