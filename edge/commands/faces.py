"""`vedette faces`: enrol faces out of pictures, search for them, list and delete them."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import collections, table
from edge.commands.arguments import count, filtered, place, tiled, upto, word
from edge.errors import InputError, MissingError, exit_code
from edge.quality import Reason

if TYPE_CHECKING:
    from edge.collections import Collections, IndexedFace
    from edge.values import Match
    from edge.vision.faces import FaceAnalyzer, FaceView

DOUBLE = 99.0  # percent from which two faces are taken for one person's


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("faces", help="enrol, search, list and delete faces")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    indexing = actions.add_parser("index", help="enrol the faces of pictures; a picture indexed before is left alone")
    indexing.add_argument("collection", metavar="COLLECTION")
    indexing.add_argument("images", type=place, nargs="+", metavar="IMAGE")
    indexing.add_argument(
        "--name",
        "--external-image-id",
        type=word,
        metavar="ID",
        help="whose face it is; the largest one is taken",
    )
    indexing.add_argument("--all", action="store_true", help="with --name: every face of the picture bears it")
    indexing.add_argument("--max-faces", type=count, metavar="N", help="at most so many of a picture, the largest")
    indexing.add_argument("--min-quality", type=upto(1.0), default=0.0, metavar="Q", help="0 to 1 (0)")
    filtered(indexing, "AUTO")
    tiled(indexing)
    indexing.set_defaults(handler=index, log_level="ERROR")

    searching = actions.add_parser("search", help="whom the largest face of a picture resembles")
    searching.add_argument("collection", metavar="COLLECTION")
    searching.add_argument("image", type=place, metavar="IMAGE")
    searching.add_argument("--similarity", type=upto(100.0), default=80.0, metavar="P", help="least percent (80)")
    searching.add_argument("--limit", type=count, default=5, metavar="N", help="at most so many matches (5)")
    tiled(searching)
    searching.set_defaults(handler=search, log_level="ERROR")

    listing = actions.add_parser("list", help="the faces of a collection")
    listing.add_argument("collection", metavar="COLLECTION")
    listing.set_defaults(handler=show)

    deleting = actions.add_parser("delete", help="delete faces for good")
    deleting.add_argument("collection", metavar="COLLECTION")
    deleting.add_argument("faces", nargs="+", metavar="FACE_ID")
    deleting.set_defaults(handler=delete)
    for parser in (indexing, searching, listing, deleting):
        parser.add_argument("--json", action="store_true", help="one JSON document a line")


def index(args: argparse.Namespace) -> int:
    """A picture without a fit face is told of and passed over; the others are enrolled all the same."""
    from edge.collections.records import check_external

    if args.name:
        check_external(args.name)
    status = 0
    with collections.opened(args) as people:
        people.describe_collection(args.collection)
        analyzer = _analyzer(args)
        try:
            for path in args.images:
                try:
                    views = look(path, analyzer, small=args.small)
                    chosen, dropped = choose(path, views, args)
                except (InputError, MissingError) as error:
                    print(f"vedette: {error}", file=sys.stderr)
                    status = exit_code(error)
                    continue
                warn_of_doubles(people, path, chosen, args)
                _tell_indexed(args, path, enrol(people, path, chosen, args), dropped, len(views))
        finally:
            analyzer.close()
    return status


def look(path: Path, analyzer: FaceAnalyzer, *, small: bool) -> list[FaceView]:
    """The faces of a picture, largest first; raises InputError if there is none."""
    from edge import pictures

    views = analyzer.analyze(pictures.read(path), small=small)
    if not views:
        raise InputError(f"{path}: no face found; take a picture in which a face is larger, sharper or more frontal")
    return views


def choose(
    path: Path, views: Sequence[FaceView], args: argparse.Namespace
) -> tuple[list[FaceView], list[tuple[FaceView, tuple[Reason, ...]]]]:
    """The faces that the arguments ask for, and those left out, with the reasons; raises InputError if none is left."""
    from edge.vision.faces import limited, sift, unfit

    asked = views[:1] if args.name and not args.all else views
    good = [view for view in asked if view.quality >= args.min_quality]
    if not good:
        best = max(view.quality for view in asked)
        raise InputError(f"{path}: quality {best:.2f} is below {args.min_quality:.2f}; take a better picture")
    passing, dropped = sift(good, args.quality)
    if not passing:
        raise InputError(f"{path}: {unfit(dropped, args.quality)}")
    dropped += [(view, (Reason.LOW_FACE_QUALITY,)) for view in asked if view.quality < args.min_quality]
    kept, beyond = limited(passing, args.max_faces or len(passing))
    return kept, [*dropped, *beyond]


def warn_of_doubles(people: Collections, path: Path, views: Sequence[FaceView], args: argparse.Namespace) -> None:
    """Two names for one face: neither stands out from the other by the margin, so neither is ever recognised."""
    for view in views if args.name else ():
        alike = people.search(args.collection, view.vector, view.embedding.digest, 20, DOUBLE)
        for match in alike:
            if args.name not in (match.person, match.external_image_id) and match.person != match.face_id:
                print(
                    f"vedette: {path}: as good as the face {match.face_id} of {match.person!r} "
                    f"({match.similarity:.1f} % alike); under two names it is recognised as neither: "
                    f"'vedette faces delete {args.collection} FACE_ID' takes one away",
                    file=sys.stderr,
                )


def enrol(people: Collections, path: Path, views: Sequence[FaceView], args: argparse.Namespace) -> list[IndexedFace]:
    from edge.collections import NewFace, picture_id

    faces = [NewFace(view.vector, view.face.box, view.face.score, view.quality) for view in views]
    return people.add_faces(
        args.collection,
        faces,
        views[0].embedding.digest,
        image_id=picture_id(path.read_bytes()),
        external_image_id=args.name or "",
    )


def search(args: argparse.Namespace) -> int:
    with collections.opened(args) as people:
        people.describe_collection(args.collection)
        view = largest(args)
        matches = people.search(args.collection, view.vector, view.embedding.digest, args.limit, args.similarity)
    if args.json:
        found = [{"person": match.person, **asdict(match)} for match in matches]
        print(json.dumps({"image": str(args.image), "box": asdict(view.face.box), "matches": found}))
    elif matches:
        table.show(("SIMILARITY", "COSINE", "PERSON", "FACE"), [_match_row(match) for match in matches])
    else:
        print(f"{args.image}: nobody in {args.collection} is similar by {args.similarity:g} % or more")
    return 0


def largest(args: argparse.Namespace) -> FaceView:
    """The largest face of `args.image`; raises InputError if there is none."""
    analyzer = _analyzer(args)
    try:
        return look(args.image, analyzer, small=args.small)[0]
    finally:
        analyzer.close()


def show(args: argparse.Namespace) -> int:
    with collections.opened(args) as people:
        faces = people.list_faces(args.collection)
    if args.json:
        for face in faces:
            print(json.dumps(asdict(face)))
    else:
        rows = [
            (
                face.face_id,
                face.external_image_id or "-",
                face.user_id or "-",
                f"{face.quality:.2f}",
                table.when(face.created_at),
            )
            for face in faces
        ]
        table.show(("FACE", "NAME", "USER", "QUALITY", "INDEXED"), rows)
    return 0


def delete(args: argparse.Namespace) -> int:
    with collections.opened(args) as people:
        gone = people.delete_faces(args.collection, args.faces).done
    if args.json:
        print(json.dumps({"deleted": list(gone)}))
    else:
        for face_id in gone:
            print(f"{face_id}: deleted")
    if left := [face_id for face_id in args.faces if face_id not in gone]:
        raise MissingError(
            f"{', '.join(left)}: no such face in collection {args.collection!r}; "
            f"see 'vedette faces list {args.collection}'"
        )
    return 0


def _analyzer(args: argparse.Namespace) -> FaceAnalyzer:
    from edge import config
    from edge.vision.faces import open_faces

    return open_faces(config.load(args.config))


def _tell_indexed(
    args: argparse.Namespace,
    path: Path,
    faces: Sequence[IndexedFace],
    dropped: Sequence[tuple[FaceView, tuple[Reason, ...]]],
    found: int,
) -> None:
    """Printed once the faces are on the disk, so a line is a promise."""
    if args.json:
        document: dict[str, Any] = {"image": str(path), "found": found, "faces": [asdict(face) for face in faces]}
        document["dropped"] = [{"box": asdict(view.face.box), "reasons": list(why)} for view, why in dropped]
        print(json.dumps(document), flush=True)
        return
    for face in faces:
        print(f"{path}: {face.external_image_id or 'face'} {face.face_id} quality {face.quality:.2f}", flush=True)
    for view, why in dropped:
        box = view.face.box
        print(f"{path}: the face at {box.x1:.2f} {box.y1:.2f} is left out: {', '.join(why)}", flush=True)
    if args.name and not args.all and found > 1:
        print(f"{path}: {found} faces, the largest was taken; '--all' takes every one", flush=True)


def _match_row(match: Match) -> tuple[str, str, str, str]:
    return (f"{match.similarity:.2f} %", f"{match.cosine:.3f}", match.person, match.face_id)
