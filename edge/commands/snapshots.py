"""`vedette snapshots`: what the cameras saw, undrawn: listed, labelled, and written out to train a model from."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import table
from edge.commands.events import moment
from edge.errors import EdgeError, InputError, MissingError, exit_code

if TYPE_CHECKING:
    from edge.snapshots import Snapshot


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("snapshots", help="what the cameras saw, undrawn: list, label, export to train from")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the undrawn pictures there are, and what is said of them")
    _select(listing)
    listing.add_argument("--json", action="store_true", help="one JSON document a line")
    listing.set_defaults(handler=show)

    labelling = actions.add_parser("label", help="say what a picture shows; from then on it is not rotated away")
    labelling.add_argument("name", metavar="NAME", help="as 'list' prints it")
    labelling.add_argument(
        "labels", nargs="*", metavar="LABEL", help="of the whole picture; none at all: nothing of interest"
    )
    labelling.add_argument(
        "--box",
        nargs=5,
        action="append",
        default=[],
        metavar=("LABEL", "X1", "Y1", "X2", "Y2"),
        help="where it is: ratios of the picture or pixels, from its left and top (may be repeated)",
    )
    labelling.add_argument(
        "--proposed",
        nargs=2,
        action="append",
        default=[],
        metavar=("FOUND", "LABEL"),
        help="take over the detector's boxes of FOUND as boxes of LABEL (may be repeated)",
    )
    labelling.set_defaults(handler=label)

    exporting = actions.add_parser("export", help="write what is labelled as pictures and a manifest for tools/train")
    exporting.add_argument("folder", type=Path, metavar="FOLDER")
    _select(exporting)
    exporting.set_defaults(handler=export)


def _select(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--camera", default="", metavar="NAME")
    parser.add_argument("--type", default="", metavar="TYPE", help="the event it was kept for, such as track_started")
    parser.add_argument(
        "--since", type=moment, metavar="TIME", help="taken then or later; ISO 8601, or an age such as 12h, 7d"
    )


def _label(text: str) -> str:
    """Raises InputError, which the command line prints as it is."""
    if not 1 <= len(text) <= 255 or not text.isprintable():
        raise InputError(f"{text!r}: a label is 1 to 255 printable characters")
    return text


def show(args: argparse.Namespace) -> int:
    """A picture whose notes are damaged is listed with the reason; exit 65 if there is one."""
    rows, documents, status = [], [], 0
    for snapshot in _chosen(args):
        try:
            document = _document(snapshot)
        except EdgeError as error:
            document = {"name": snapshot.name, "path": str(snapshot.path), "fault": str(error)}
            status = exit_code(error)
        documents.append(document)
        rows.append((snapshot.name, table.when(snapshot.at), _labels(document), _found(document)))
    if args.json:
        print("\n".join(json.dumps(one, ensure_ascii=False) for one in documents), end="\n" if documents else "")
    else:
        table.show(("NAME", "TAKEN", "LABELS", "DETECTOR"), rows)
    return status


def _document(snapshot: Snapshot) -> dict[str, Any]:
    from edge.events.schema import iso

    notes = snapshot.notes().model_dump(mode="json", exclude={"labelled_at"})
    where = {"name": snapshot.name, "path": str(snapshot.path), "camera": snapshot.camera, "type": snapshot.type}
    return {**where, "at": iso(snapshot.at), **notes}


def _labels(document: dict[str, Any]) -> str:
    if fault := document.get("fault"):
        return str(fault)
    if document["labels"] is None:
        return "-"
    boxes = [f"{box['label']} [{_corners(box)}]" for box in document["boxes"]]
    return ", ".join([*document["labels"], *boxes]) or "nothing"


def _found(document: dict[str, Any]) -> str:
    return ", ".join(f"{box['label']} {box['score']:.2f}" for box in document.get("found", ())) or "-"


def _corners(box: dict[str, Any]) -> str:
    return " ".join(f"{box[side]:.3f}" for side in ("x1", "y1", "x2", "y2"))


def label(args: argparse.Namespace) -> int:
    from edge import snapshots

    found = snapshots.find(_folder(args), args.name)
    boxes = []
    for name, *corners in args.box:
        try:
            numbers = [float(corner) for corner in corners]
        except ValueError:
            raise InputError(f"--box {name} {' '.join(corners)}: give four numbers behind the label") from None
        boxes.append(snapshots.boxed(found, _label(name), numbers))
    for what, name in args.proposed:
        boxes += snapshots.proposed(found, what, _label(name))
    kept = snapshots.label(found, map(_label, args.labels), boxes, time.time())
    print(f"{kept.name}: {_labels(_document(kept))}")
    return 0


def export(args: argparse.Namespace) -> int:
    from edge import snapshots

    chosen = _chosen(args)
    labelled = [one for one in chosen if one.labelled and one.notes().labels is not None]
    if not labelled:
        raise MissingError(f"none of {len(chosen)} snapshots is labelled; run 'vedette snapshots label NAME LABEL'")
    manifest = snapshots.export(labelled, args.folder)
    print(f"{manifest}: {len(labelled)} picture{'s' * (len(labelled) > 1)}")
    if rest := len(chosen) - len(labelled):
        print(f"{rest} without a label {'was' if rest == 1 else 'were'} left out", file=sys.stderr)
    return 0


def _chosen(args: argparse.Namespace) -> list[Snapshot]:
    from edge import snapshots

    wanted = snapshots.Selection(args.camera, args.type, args.since)
    return [one for one in snapshots.snapshots(_folder(args)) if wanted.has(one)]


def _folder(args: argparse.Namespace) -> Path:
    """Raises MissingError where no undrawn picture was ever asked for."""
    from edge import config
    from edge.stills import CLEAN, LABELLED

    stills = config.load(args.config).stills
    there = stills.folder and any((stills.folder / place).is_dir() for place in (CLEAN, LABELLED))
    if not stills.folder or not (there or stills.clean):
        raise MissingError("stills: no undrawn pictures are kept; write folder and clean = true under [stills]")
    return stills.folder
