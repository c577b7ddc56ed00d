"""`vedette collections` and `vedette users`: who may be recognised, and by which faces."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING

from edge.commands import table
from edge.commands.arguments import count, place, tiled, upto
from edge.errors import InputError, MissingError
from edge.similarity import OF_USER

if TYPE_CHECKING:
    from edge.collections import Collection, Collections


@contextmanager
def opened(args: argparse.Namespace) -> Iterator[Collections]:
    """The collections of the configured device."""
    from edge import config, database
    from edge.collections import Collections

    collections = Collections(database.connect(config.load(args.config).data, or_snapshot=True))
    try:
        yield collections
    finally:
        collections.close()


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("collections", help="make, list and delete collections of faces")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="every collection with its number of faces and users")
    listing.set_defaults(handler=show_all)
    creating = actions.add_parser("create", help="make an empty collection")
    creating.set_defaults(handler=create)
    describing = actions.add_parser("describe", help="what one collection holds, and the model of its vectors")
    describing.set_defaults(handler=describe)
    deleting = actions.add_parser("delete", help="delete a collection with all its faces and users, for good")
    deleting.set_defaults(handler=delete)
    for parser in (creating, describing, deleting):
        parser.add_argument("collection", metavar="COLLECTION")
    for parser in (listing, describing):
        parser.add_argument("--json", action="store_true", help="one JSON document a line")
    _add_users(commands)


def _add_users(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("users", help="people of a collection, to whom several faces belong")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="the users of a collection")
    listing.add_argument("collection", metavar="COLLECTION")
    listing.add_argument("--json", action="store_true", help="one JSON document a line")
    listing.set_defaults(handler=show_users)
    searching = actions.add_parser("search", help="which users the largest face of a picture resembles, by all theirs")
    searching.add_argument("collection", metavar="COLLECTION")
    searching.add_argument("image", type=place, metavar="IMAGE")
    searching.add_argument("--similarity", type=upto(100.0), default=80.0, metavar="P", help="least percent (80)")
    searching.add_argument("--limit", type=count, default=5, metavar="N", help="at most so many users (5)")
    searching.add_argument("--json", action="store_true", help="one JSON document")
    tiled(searching)
    searching.set_defaults(handler=search_users, log_level="ERROR")
    for name, handler, help_ in (
        ("create", create_user, "make a user without faces"),
        ("delete", delete_user, "delete a user; the faces stay"),
        ("associate", associate, "say that faces are this user's"),
        ("disassociate", disassociate, "say that faces are not this user's"),
    ):
        parser = actions.add_parser(name, help=help_)
        parser.add_argument("collection", metavar="COLLECTION")
        parser.add_argument("user", metavar="USER")
        if name in ("associate", "disassociate"):
            parser.add_argument("faces", nargs="+", metavar="FACE_ID")
        if name == "associate":
            parser.add_argument(
                "--similarity",
                type=upto(100.0),
                default=OF_USER,
                metavar="P",
                help=f"least percent by which a face must be like the user's others ({OF_USER:g})",
            )
        parser.set_defaults(handler=handler)


def show_all(args: argparse.Namespace) -> int:
    with opened(args) as people:
        _show(people.list_collections(), args.json)
    return 0


def create(args: argparse.Namespace) -> int:
    with opened(args) as people:
        people.create_collection(args.collection)
    print(f"{args.collection}: created")
    return 0


def describe(args: argparse.Namespace) -> int:
    with opened(args) as people:
        _show([people.describe_collection(args.collection)], args.json)
    return 0


def delete(args: argparse.Namespace) -> int:
    with opened(args) as people:
        people.delete_collection(args.collection)
    print(f"{args.collection}: deleted")
    return 0


def show_users(args: argparse.Namespace) -> int:
    with opened(args) as people:
        users = people.list_users(args.collection)
    if args.json:
        for user in users:
            print(json.dumps(asdict(user)))
    else:
        table.show(
            ("USER", "FACES", "CREATED"), [(user.user_id, user.faces, table.when(user.created_at)) for user in users]
        )
    return 0


def search_users(args: argparse.Namespace) -> int:
    from edge.commands import faces  # which stands on this module

    with opened(args) as people:
        people.describe_collection(args.collection)
        view = faces.largest(args)
        matches = people.search_users(args.collection, view.vector, view.embedding.digest, args.limit, args.similarity)
    if args.json:
        found = [asdict(match) for match in matches]
        print(json.dumps({"image": str(args.image), "box": asdict(view.face.box), "matches": found}))
    elif matches:
        rows = [(f"{match.similarity:.2f} %", f"{match.cosine:.3f}", match.user_id) for match in matches]
        table.show(("SIMILARITY", "COSINE", "USER"), rows)
    else:
        print(f"{args.image}: no user of {args.collection} is similar by {args.similarity:g} % or more")
    return 0


def create_user(args: argparse.Namespace) -> int:
    with opened(args) as people:
        people.create_user(args.collection, args.user)
    print(f"{args.user}: created")
    return 0


def delete_user(args: argparse.Namespace) -> int:
    with opened(args) as people:
        people.delete_user(args.collection, args.user)
    print(f"{args.user}: deleted")
    return 0


def associate(args: argparse.Namespace) -> int:
    """A face that is not like the user's others is told of and left out: it would let a stranger in."""
    with opened(args) as people:
        refused = people.associate(args.collection, args.user, args.faces, args.similarity).refused
    unlike = {face.face_id: face.similarity for face in refused if face.similarity is not None}
    for face_id, similarity in unlike.items():
        print(
            f"vedette: {face_id}: only {similarity:.2f} % like the other faces of {args.user}; "
            "if it is theirs all the same, take a lower --similarity",
            file=sys.stderr,
        )
    left = [face.face_id for face in refused if face.face_id not in unlike]
    done = [face_id for face_id in args.faces if face_id not in (*left, *unlike)]
    _tell(args, done, left, "associated", "missing, or another user's")
    return InputError.exit_code if unlike else 0


def disassociate(args: argparse.Namespace) -> int:
    with opened(args) as people:
        done = people.disassociate(args.collection, args.user, args.faces).done
    left = [face_id for face_id in args.faces if face_id not in done]
    _tell(args, done, left, "disassociated", "missing, or not this user's")
    return 0


def _tell(args: argparse.Namespace, done: Sequence[str], left: Sequence[str], word: str, reason: str) -> None:
    """Raises MissingError for those that are left."""
    for face_id in done:
        print(f"{face_id}: {word}")
    if left:
        raise MissingError(f"{', '.join(left)}: {reason}; see 'vedette faces list {args.collection}'")


def _show(collections: Sequence[Collection], as_json: bool) -> None:
    if as_json:
        for found in collections:
            print(json.dumps(asdict(found)))
        return
    table.show(
        ("COLLECTION", "FACES", "USERS", "MODEL", "CREATED"),
        [
            (found.name, found.faces, found.users, found.digest[:12] or "-", table.when(found.created_at))
            for found in collections
        ],
    )
