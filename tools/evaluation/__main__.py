"""Measure how right the shipped models are: against ground truth, and against the same graphs in float.

The data folder is laid out as tools/evaluation/ reads it. What it does not hold is passed over; `agreement` needs
only photos that packages ship.
"""

from __future__ import annotations

import argparse
import json
import shlex
import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import ModuleType

import report
from evaluation import (
    agreement,
    attributes,
    classification,
    detection,
    faces,
    labels,
    liveness,
    moderation,
    ppe,
    properties,
    recognition,
    text,
    tracking,
)
from evaluation.figures import Figure

from edge.errors import EXPECTED, MissingError, exit_code

ROOT = Path(__file__).resolve().parents[2]
DATA = ROOT.parent / "shared" / "data"
PAGE = ROOT / "docs" / "ACCURACY.md"

# The evaluation, and what it needs of the data folder.
EVALUATIONS: dict[str, tuple[ModuleType, Path | None]] = {
    "faces": (faces, faces.LFW),
    "recognition": (recognition, recognition.LFW),
    "attributes": (attributes, attributes.LFW),
    "detection": (detection, detection.TRUTH),
    "classification": (classification, classification.TRUTH),
    "labels": (labels, labels.TRUTH),
    "tracking": (tracking, tracking.SEQUENCE),
    "moderation": (moderation, moderation.TRUTH),
    "liveness": (liveness, liveness.LFW),
    "ppe": (ppe, ppe.TRUTH),
    "properties": (properties, None),
    "text": (text, text.TRUTH),
    "agreement": (agreement, None),
}


def main() -> int:
    args = _arguments()
    try:
        chosen = choose(args.data, args.only)
        if args.json:
            for _, figures in chosen:
                for figure in figures():
                    print(json.dumps(figure), flush=True)
            return 0
        sections = [
            report.section(*report.introduction(EVALUATIONS[name][0]), list(figures())) for name, figures in chosen
        ]
    except EXPECTED as error:
        print(f"evaluate: {error}", file=sys.stderr)
        return exit_code(error)
    command = shlex.join(["tools/evaluate", *sys.argv[1:]])
    page = report.heading("How right the models are", command) + "".join(sections)
    if args.only:
        print(page)
    else:
        PAGE.write_text(page, "utf-8")
        print(f"written: {PAGE.relative_to(ROOT)}", file=sys.stderr)
    return 0


def choose(data: Path, only: list[str]) -> list[tuple[str, Callable[[], Iterator[Figure]]]]:
    """The evaluations whose data is there; raises MissingError if one that was asked for by name has none."""
    chosen: list[tuple[str, Callable[[], Iterator[Figure]]]] = []
    for name, (module, needed) in EVALUATIONS.items():
        if only and name not in only:
            continue
        if needed is None or (data / needed).exists():
            chosen.append((name, partial(module.run, data)))
        elif only:
            raise MissingError(f"{data / needed}: no such file or folder; name the folder that holds it with --data")
        else:
            print(f"evaluate: {name} is left out, {data / needed} is not there", file=sys.stderr)
    return chosen


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/evaluate", description=__doc__)
    parser.add_argument(
        "--data", type=Path, default=DATA, metavar="DIR", help="pictures and ground truth (%(default)s)"
    )
    parser.add_argument("--only", nargs="+", choices=EVALUATIONS, default=[], metavar="NAME",
                        help=f"print these alone: {', '.join(EVALUATIONS)}")  # fmt: skip
    parser.add_argument(
        "--json", action="store_true", help="print one line a figure instead of writing docs/ACCURACY.md"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
