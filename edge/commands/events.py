"""`vedette events`: what happened, read from the device's own log."""

from __future__ import annotations

import argparse
import json
import re
import time
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edge.events.log import EventLog, Selection, Stored

UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
FOLLOW_S = 0.3
EVERYTHING = 1 << 62
GIST = {
    "track_started": "{label} {track}, score {score:.2f}",
    "track_ended": "{label} {track}, {reason} after {duration:.1f} s",
    "face_matched": "{person}, {similarity:.1f} % alike",
    "face_unknown": "no one of '{collection}' stands out; the nearest is {best_similarity:.1f} % alike",
    "moderation": "{name} {score:.2f}",
    "picture_quality": "{state}: brightness {brightness:.0f}, sharpness {sharpness:.0f}, contrast {contrast:.0f}",
    "ppe": "{with_required} with, {without_required} without what is required, {indeterminate} unclear",
    "celebrity": "{name}, {similarity:.1f} % alike",
    "custom_labels": "{project}/{version}: ",
    "custom_shadow": "{project}/{version} and {shadow} on trial, agree {agree}: ",
    "custom_pack": "{project}/{version}, {state} {reason}",
    "events_lost": "{count} undelivered events, {first} to {last}",
}
# Types that tell a list: which, and the gist of each item, after what GIST says.
ITEMS = {
    "custom_labels": ("labels", "{name} {score:.2f}"),
    "custom_shadow": ("labels", "{name} {score:.2f}"),
    "labels": ("labels", "{name} {score:.2f}"),
    "text": ("lines", "{text}"),
    "face_details": ("faces", "{gender[value]} of {age[0]} to {age[1]}, {emotions[0][value]}"),
    "liveness": ("faces", "live {live}, {score:.2f}"),
}


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("events", help="read, search and send again what happened")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    tailing = actions.add_parser("tail", help="the newest events")
    tailing.add_argument("-n", type=_count, default=20, metavar="N", help="how many (20)")
    tailing.add_argument("--follow", action="store_true", help="and every new one, until Ctrl-C")
    tailing.add_argument("--json", action="store_true", help="one JSON document a line")
    tailing.set_defaults(handler=tail)

    searching = actions.add_parser("search", help="the newest events that fit")
    _select(searching, limit=100)
    searching.add_argument("--json", action="store_true", help="one JSON document a line")
    searching.set_defaults(handler=search)

    replaying = actions.add_parser("replay", help="have events published again, with the same id and sequence")
    _select(replaying, limit=EVERYTHING)
    replaying.set_defaults(handler=replay)

    actions.add_parser("schema", help="the JSON schema of every event").set_defaults(handler=schema)


def _select(parser: argparse.ArgumentParser, limit: int) -> None:
    parser.add_argument("--type", default="", metavar="TYPE", help="such as face_matched")
    parser.add_argument("--camera", default="", metavar="NAME")
    parser.add_argument("--person", default="", metavar="NAME", help="events that name this person")
    when = "ISO 8601, or an age such as 90s, 30m, 12h, 7d"
    parser.add_argument("--since", type=moment, metavar="TIME", help=f"captured then or later; {when}")
    parser.add_argument("--until", type=moment, metavar="TIME", help="captured before then")
    shown = "all" if limit == EVERYTHING else limit
    parser.add_argument(
        "--limit", type=_count, default=limit, metavar="N", help=f"at most so many, the newest ({shown})"
    )


def moment(text: str, now: float | None = None) -> float:
    """Epoch seconds of an age ("12h") or an ISO 8601 time, which is local unless it says otherwise."""
    if age := re.fullmatch(r"(\d{1,9})([smhdw])", text):
        return (time.time() if now is None else now) - int(age[1]) * UNITS[age[2]]
    try:
        return datetime.fromisoformat(text).timestamp()
    except (ValueError, OverflowError, OSError):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a time such as 2026-01-31T07:05 nor an age such as 12h"
        ) from None


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= EVERYTHING:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def tail(args: argparse.Namespace) -> int:
    from edge.events.log import Selection

    log = _open(args)
    try:
        last = _show(log.search(Selection(limit=args.n)), as_json=args.json)
        while args.follow:
            time.sleep(FOLLOW_S)
            last = _show(log.tail(last), as_json=args.json) or last
    finally:
        log.close()
    return 0


def search(args: argparse.Namespace) -> int:
    log = _open(args)
    try:
        _show(log.search(_selection(args)), as_json=args.json)
    finally:
        log.close()
    return 0


def replay(args: argparse.Namespace) -> int:
    log = _open(args)
    try:
        count = log.replay(_selection(args))
    finally:
        log.close()
    print(f"{count} events will be published again as soon as 'vedette run' is connected")
    return 0


def schema(_args: argparse.Namespace) -> int:
    from edge.events.schema import json_schema

    print(json.dumps(json_schema(), indent=2))
    return 0


def line(event: Stored) -> str:
    """One event for a person to read."""
    at = datetime.fromtimestamp(event.captured_at).astimezone().isoformat(" ", "milliseconds")[:23]
    said = describe(event.type, _values(event))
    return f"{event.sequence:>8}  {at}  {event.camera:<12} {event.type:<14} {said}".rstrip()


def _values(event: Stored) -> Mapping[str, Any]:
    """Raises StorageError for a body that is no event, as a worn disk may leave it."""
    from edge.errors import StorageError

    try:
        values: Mapping[str, Any] = json.loads(event.body)["values"]
        describe(event.type, values)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StorageError(
            f"event {event.sequence}: what is stored is damaged; check the disk, and restore a copy of vedette.db"
        ) from error
    return values


def describe(kind: str, values: Mapping[str, Any]) -> str:
    """The gist of an event's values."""
    if kind not in GIST and kind not in ITEMS:
        return str(values.get("reason", ""))
    said = GIST.get(kind, "").format_map(values)
    if kind in ITEMS:
        column, gist = ITEMS[kind]
        said += ", ".join(gist.format_map(item) for item in values[column]) or "none"
    return said


def _show(events: Iterable[Stored], *, as_json: bool) -> int:
    """Print events; gives the last one's sequence, 0 if there was none."""
    last = 0
    for event in events:
        text = line(event)
        print(event.body if as_json else text, flush=True)
        last = event.sequence
    return last


def _selection(args: argparse.Namespace) -> Selection:
    from edge.errors import InputError
    from edge.events.log import Selection
    from edge.events.schema import TYPES

    if args.type and args.type not in TYPES:
        raise InputError(f"--type {args.type}: there is no such event; there are {', '.join(TYPES)}")
    return Selection(args.type, args.camera, args.person, args.since, args.until, args.limit)


def _open(args: argparse.Namespace) -> EventLog:
    from edge import config, database
    from edge.errors import MissingError
    from edge.events.log import EventLog

    settings = config.load(args.config)
    if not (settings.data / database.NAME).exists():
        raise MissingError(f"{settings.data}: no events here; start 'vedette run', or name its TOML with --config")
    return EventLog(database.connect(settings.data, or_snapshot=True), settings.device, settings.events)
