"""`vedette moderation`: which names of Rekognition's taxonomy this device can flag, and on what evidence."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    group = commands.add_parser("moderation", help="what can be flagged in pictures, and on what evidence")
    actions = group.add_subparsers(required=True, metavar="ACTION")

    listing = actions.add_parser("list", help="the 52 names of taxonomy 7.0 and the content types")
    listing.add_argument("--json", action="store_true", help="one JSON document")
    listing.set_defaults(handler=show)


def show(args: argparse.Namespace) -> int:
    from edge.commands import table
    from models.moderation import VERSION
    from models.moderation.capabilities import alarms, capabilities, content_types, hits

    rows, types = capabilities(), content_types()
    if args.json:
        document = {
            "version": VERSION,
            "names": [asdict(row) for row in rows],
            "content_types": [asdict(row) for row in types],
        }
        print(json.dumps(document, indent=2))
        return 0
    table.show(
        ("NAME", "OFFERED", "FALSE ALARMS AT 50, 80", "HITS AT 50, 80", "BECAUSE"),
        (
            (
                "  " * max(row.level - 1, 0) + row.name,
                "yes" if row.offered else "no",
                alarms(row.measured) or "-",
                hits(row.measured) or "-",
                row.because,
            )
            for row in (*rows, *types)
        ),
    )
    return 0
