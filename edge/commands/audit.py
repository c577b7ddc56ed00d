"""`vedette audit`: what was asked of the API, by whom, and whether the records of it are whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from edge.commands import table
from edge.commands.arguments import count
from edge.errors import MissingError


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("audit", help="show and verify the records of what was asked of the API")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    verifying = actions.add_parser("verify", help="whether no record was altered, added or taken away")
    verifying.add_argument("--json", action="store_true", help="one JSON document")
    verifying.set_defaults(handler=verify)
    tailing = actions.add_parser("tail", help="the newest records")
    tailing.add_argument("-n", type=count, default=20, metavar="N", help="how many (20)")
    tailing.add_argument("--json", action="store_true", help="each as it stands in the file")
    tailing.set_defaults(handler=tail)


def verify(args: argparse.Namespace) -> int:
    """Exit 1 if something is broken."""
    from edge import config
    from edge.api import chain
    from edge.keys import master

    settings = config.load(args.config)
    file = settings.data / master.NAME
    if not file.exists():
        raise MissingError(f"{file}: missing; without the very one that the audit was written under, restore a copy")
    folder = settings.api.audit.within(settings.data)
    found = chain.verify(folder, chain.key_of(master.open_master(settings.data)))
    if args.json:
        last = {"number": found.last.number, "hash": found.last.hash} if found.last else None
        told = {"records": found.records, "first": found.first, "last": last}
        print(json.dumps({"folder": str(folder)} | told | {"findings": found.findings, "notes": found.notes}))
        return int(bool(found.findings))
    for note in found.notes:
        print(f"note: {note}")
    for finding in found.findings:
        print(f"{folder}: {finding}", file=sys.stderr)
    if found.last:
        print(f"{found.records} records, {found.first} to {found.last.number}; the last hash is {found.last.hash}")
    if not found.findings:
        print("none was altered, added or taken away")
    return int(bool(found.findings))


def tail(args: argparse.Namespace) -> int:
    from edge import config

    settings = config.load(args.config)
    lines = _newest(settings.api.audit.within(settings.data), args.n)
    if args.json:
        for line in lines:
            print(line)
    else:
        table.show(("AT", "FROM", "KEY", "OPERATION", "OUTCOME", "ON"), [_row(line) for line in lines])
    return 0


def _newest(folder: Path, number: int) -> list[str]:
    """The last lines, oldest first."""
    from edge.api import chain

    files = chain.files(folder)
    if not files:
        raise MissingError(f"{folder}: no audit here; it begins with the first request to the endpoint")
    lines: list[str] = []
    for file in reversed(files):
        lines = file.read_text("utf-8", "replace").splitlines()[-(number - len(lines)) :] + lines
        if len(lines) >= number:
            break
    return lines


def _row(line: str) -> tuple[str, ...]:
    try:
        record: Mapping[str, Any] = json.loads(line)
        who = record["userIdentity"]
        where = [resource["ARN"].rpartition(":")[2] for resource in record.get("resources", ())]
        cells = (
            record["eventTime"],
            record.get("sourceIPAddress", "-"),
            who.get("userName") or who.get("accessKeyId") or who.get("invokedBy") or "-",
            record["eventName"] or "-",
            record.get("errorCode", "ok"),
            ", ".join(where or record.get("serviceEventDetails", {}).get("told", ())) or "-",
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ("unreadable: see 'vedette audit verify'", "", "", "", "", "")
    return tuple(_harmless(str(cell)) for cell in cells)


def _harmless(text: str) -> str:
    """What a client sent must not steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
