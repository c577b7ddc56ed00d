"""`vedette audit`: what was asked of the API, by whom, and whether the records of it are whole."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.commands import table
from edge.commands.arguments import count
from edge.errors import MissingError

# What operations without a resource are about: it was not there before.
MADE = {"collectionId": "collection", "projectName": "project"}

if TYPE_CHECKING:
    from edge.api.verifying import Verdict
    from edge.config import Config


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("audit", help="show and verify the records of what was asked of the API")
    actions = group.add_subparsers(required=True, metavar="ACTION")
    verifying = actions.add_parser("verify", help="whether no record was altered, added or taken away")
    verifying.add_argument("--json", action="store_true", help="one JSON document a folder and line")
    verifying.set_defaults(handler=verify)
    tailing = actions.add_parser("tail", help="the newest records")
    tailing.add_argument("-n", type=count, default=20, metavar="N", help="how many (20)")
    tailing.add_argument("--json", action="store_true", help="each as it stands in the file")
    tailing.set_defaults(handler=tail)


def verify(args: argparse.Namespace) -> int:
    """Exit 1 if something is broken."""
    from edge import config
    from edge.api import chain, folders
    from edge.keys import master

    settings = config.load(args.config)
    file = settings.data / master.NAME
    if not file.exists():
        _folders(settings)  # where there is no audit, nothing is missing
        raise MissingError(
            f"{file}: missing, and the audit is verified with the one it was written under; restore a copy"
        )
    key = chain.key_of(master.open_master(settings.data))
    status = 0
    for folder, found in folders.verify_all(settings.data, key, settings.api.audit.folders(settings.data)):
        _tell(folder, found, as_json=args.json)
        status |= bool(found.findings)
    return status


def _tell(folder: Path, found: Verdict, *, as_json: bool) -> None:
    last = found.last
    if as_json:
        told = {"folder": str(folder), "records": found.records, "first": found.first}
        end = {"number": last.number, "hash": last.hash} if last else None
        print(json.dumps(told | {"last": end, "findings": found.findings, "notes": found.notes}))
        return
    for note in found.notes:
        print(f"{folder}: note: {_harmless(note)}")
    for finding in found.findings:
        print(f"{folder}: {finding}", file=sys.stderr)
    if last:
        print(f"{folder}: {found.records} records, {found.first} to {last.number}; the last hash is {last.hash}")
    if not found.findings:
        noted = "none was altered or added, and none taken away but as the notes tell"
        print(f"{folder}: {noted if found.notes else 'none was altered, added or taken away'}")


def tail(args: argparse.Namespace) -> int:
    from edge import config

    found = [line for folder in _folders(config.load(args.config)) for line in _newest(folder, args.n)]
    lines = sorted(found, key=_time)[-args.n :]  # those of the same second stay as they are
    if args.json:
        for line in lines:
            print(line)
    else:
        table.show(("AT", "FROM", "KEY", "OPERATION", "OUTCOME", "ON"), [_row(line) for line in lines])
    return 0


def _folders(settings: Config) -> list[Path]:
    """Those in which something was written; each process has its own."""
    first, *others = settings.api.audit.folders(settings.data)
    used = [folder for folder in (first, *others) if folder.is_dir()]
    if not used:
        raise MissingError(f"{first}: no audit here; it begins with the first request to the endpoint")
    return used


def _newest(folder: Path, number: int) -> list[str]:
    """The last lines, oldest first."""
    from edge.api import chain

    lines: list[str] = []
    for file in reversed(chain.files(folder)):
        lines = file.read_text("utf-8", "replace").splitlines()[-(number - len(lines)) :] + lines
        if len(lines) >= number:
            break
    return lines


def _time(line: str) -> str:
    """Of a line that is no record: last, where it is seen."""
    try:
        return str(json.loads(line)["eventTime"])
    except (ValueError, KeyError, TypeError):
        return "~"


def _row(line: str) -> tuple[str, ...]:
    try:
        record: Mapping[str, Any] = json.loads(line)
        who = record["userIdentity"]
        where = [resource["ARN"].rpartition(":")[2] for resource in record.get("resources", ())]
        asked = record.get("requestParameters") or {}
        where = where or [f"{kind}/{asked[name]}" for name, kind in MADE.items() if name in asked]
        details = record.get("serviceEventDetails", {})
        cells = (
            record["eventTime"],
            record.get("sourceIPAddress", "-"),
            who.get("userName") or who.get("accessKeyId") or who.get("invokedBy") or "-",
            record["eventName"] or "-",
            record.get("errorCode", "ok"),
            ", ".join(where or details.get("told", ())) or (record["errorMessage"] if "count" in details else "-"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return ("unreadable: see 'vedette audit verify'", "", "", "", "", "")
    return tuple(_harmless(str(cell)) for cell in cells)


def _harmless(text: str) -> str:
    """What a client sent must not steer a terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)
