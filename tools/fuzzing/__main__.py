"""Shoot requests drawn from the service model at a real server: such as obey it, such as break it, and mere bytes.

Never a fault of the server, never a request without an answer, never more memory than declared; every answer is held
against the model as botocore has it, and the server answers afterwards as it did before.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import SystemRandom

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from edge.errors import EXPECTED, exit_code
from tools.fuzzing import pictures
from tools.fuzzing.campaign import Report, campaign
from tools.media import get

SHOWN = 20  # findings that are told


def main(arguments: Sequence[str] | None = None) -> int:
    args = _arguments(arguments)
    number = SystemRandom().getrandbits(32) if args.seed is None else args.seed
    columns = (TextColumn("seed {task.fields[seed]}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
               TextColumn("{task.fields[what]}"))  # fmt: skip
    try:
        photos = get(*pictures.NAMES)
        with tempfile.TemporaryDirectory() as name, Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task("fuzz", total=args.requests, seed=number, what="")

            def told(report: Report) -> None:
                bar.update(task, completed=report.sent.total(), what=f"{len(report.findings)} findings")

            report = campaign(Path(name), args.requests, number, photos, told)
    except EXPECTED as error:
        print(f"fuzz: {error}", file=sys.stderr)
        return exit_code(error)
    faults = report.faults()
    for place, finding in enumerate(report.findings):
        _keep(args.keep, place, finding.shot.data)
    print(json.dumps(_figures(report, number)) if args.json else _words(report, number))
    for fault in faults[:SHOWN]:
        print(f"fuzz: {fault}", file=sys.stderr)
    return int(bool(faults))


def _keep(folder: Path | None, place: int, data: bytes) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{place}.http").write_bytes(data)


def _figures(report: Report, number: int) -> dict[str, object]:
    return {
        "seed": number,
        "sent": dict(report.sent),
        "outcomes": dict(report.outcomes.most_common()),
        "operations_answered": sum(map(bool, report.answered.values())),
        "faults": len(report.faults()),
        "memory_mb": round(report.before_mb, 1),
        "peak_mb": round(report.peak_mb, 1),
        "limit_mb": round(report.limit_mb, 1),
        "seconds": round(report.seconds, 1),
    }


def _words(report: Report, number: int) -> str:
    sent = ", ".join(f"{count} {kind}" for kind, count in report.sent.most_common())
    outcomes = "".join(f"  {count:6} {outcome}\n" for outcome, count in report.outcomes.most_common())
    return (
        f"seed {number}: {sent}, in {report.seconds:.0f} s\n{outcomes}"
        f"memory {report.before_mb:.0f} MB before, {report.peak_mb:.0f} MB at most, {report.limit_mb:.0f} MB declared\n"
        f"{len(report.faults()) or 'no'} faults"
    )


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tools/fuzz", description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000, help="how many (default: 10000)")
    parser.add_argument("--seed", type=int, help="draw the same requests again; what they find may be other")
    parser.add_argument("--keep", type=Path, metavar="FOLDER", help="keep the bytes of each finding there")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    args = parser.parse_args(given)
    if args.requests < 1:
        parser.error(f"--requests {args.requests}: name one at least")
    return args


if __name__ == "__main__":
    sys.exit(main())
