"""Measure how fast everything is, each figure against a named reference in the same run."""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from pathlib import Path

import report
from benchmarks import (
    custom,
    endpoint,
    footprint,
    freshness,
    inference,
    memory,
    ocr,
    outbox,
    overload,
    pipeline,
    search,
    tasks,
)

from edge.errors import EXPECTED, exit_code

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "BENCHMARKS.md"
BENCHMARKS = {
    "pipeline": pipeline,
    "freshness": freshness,
    "overload": overload,
    "footprint": footprint,
    "search": search,
    "endpoint": endpoint,
    "outbox": outbox,
    "inference": inference,
    "ocr": ocr,
    "tasks": tasks,
    "custom": custom,
    "memory": memory,
}
LONG = {"overload": overload.long, "footprint": footprint.long}  # instead, with --long


def main() -> int:
    args = _arguments()
    chosen = {name: module for name, module in BENCHMARKS.items() if not args.only or name in args.only}
    sections = []
    try:
        for name, module in chosen.items():
            print(f"{name} …", file=sys.stderr, flush=True)
            figures = []
            measure = LONG.get(name, module.run) if args.long else module.run
            for figure in measure(args.quick):
                figures.append(figure)
                if args.json:
                    print(json.dumps(figure), flush=True)
            sections.append(report.section(*report.introduction(module), figures))
    except EXPECTED as error:
        print(f"bench: {error}", file=sys.stderr)
        return exit_code(error)
    if not args.json:
        _write(report.heading("How fast it is", shlex.join(["tools/bench", *sys.argv[1:]])) + "".join(sections), args)
    return 0


def _write(page: str, args: argparse.Namespace) -> None:
    """The page in docs is made by whole and unhurried runs only."""
    if args.only or args.quick:
        print(page)
        return
    PAGE.write_text(page, "utf-8")
    print(f"written: {PAGE.relative_to(ROOT)}", file=sys.stderr)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less precise, in a minute; prints instead of writing")
    parser.add_argument("--long", action="store_true", help="eight minutes more: five of overload, three of memory")
    parser.add_argument("--only", nargs="+", choices=BENCHMARKS, default=[], metavar="NAME",
                        help=f"print these alone: {', '.join(BENCHMARKS)}")  # fmt: skip
    parser.add_argument("--json", action="store_true", help="print one line a figure instead of docs/BENCHMARKS.md")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
