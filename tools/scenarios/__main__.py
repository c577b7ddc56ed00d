"""The long form of the faults in tests/faults: each scenario in a folder of its own, then a report."""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from edge.errors import UnavailableError
from tools.scenarios import cameras
from tools.scenarios.backlog import backlog
from tools.scenarios.disk import begun_full, full, limited, readonly, refused
from tools.scenarios.kills import kills
from tools.scenarios.outage import outage
from tools.scenarios.promises import promises
from tools.scenarios.slope import slope
from tools.scenarios.stage import Figures

Scenario = Callable[..., Figures]
SCENARIOS: dict[str, Scenario] = {
    "outage": outage,
    "backlog": backlog,
    "kills": kills,
    "promises": promises,
    "disk-full": partial(refused, way=full),
    "disk-limit": partial(refused, way=limited),
    "disk-full-at-start": begun_full,
    "disk-readonly": readonly,
    "camera-stopped": cameras.stopped,
    "camera-frozen": cameras.frozen,
    "camera-unplugged": cameras.unplugged,
    "camera-hanging": cameras.hanging,
    "slope": slope,
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="tools/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0, help="how long memory is watched (default: 30)")
    parser.add_argument(
        "--only", nargs="+", choices=SCENARIOS, default=[*SCENARIOS], metavar="NAME", help="some of %(choices)s"
    )
    parser.add_argument("--json", action="store_true", help="a line of JSON for each scenario")
    args = parser.parse_args(arguments)
    if not 1.0 <= args.minutes <= 10_080.0:
        parser.error(f"--minutes {args.minutes:g}: name 1 to 10080 (a week)")
    console = Console(stderr=True)
    failed = False
    for name in args.only:
        scenario = partial(slope, minutes=args.minutes) if name == "slope" else SCENARIOS[name]
        report = _run(name, scenario, console)
        failed |= report["result"] == "failed"
        print(json.dumps(report) if args.json else _words(report), flush=True)
    return int(failed)


def _run(name: str, scenario: Scenario, console: Console) -> dict[str, object]:
    began = time.monotonic()
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.fields[what]}"))
    # Not in /tmp, which may be memory: a commit is worth its fsync.
    with tempfile.TemporaryDirectory(dir=Path.home()) as folder, Progress(*columns, console=console) as bar:
        task = bar.add_task(name, total=1.0, what="")

        def progress(share: float, what: str) -> None:
            bar.update(task, completed=min(share, 1.0), what=what)

        try:
            figures = scenario(Path(folder), progress=progress)
            result: dict[str, object] = {"result": "passed", **figures}
        except UnavailableError as reason:
            result = {"result": "skipped", "reason": str(reason)}
        except AssertionError as reason:
            result = {"result": "failed", "reason": str(reason)}
        bar.update(task, completed=1.0, what=str(result["result"]))
    return {"scenario": name, "seconds": round(time.monotonic() - began, 1), **result}


def _words(report: dict[str, object]) -> str:
    head = f"{report['scenario']}: {report['result']} in {report['seconds']} s"
    rest = [f"  {name} {value}" for name, value in report.items() if name not in ("scenario", "result", "seconds")]
    return "\n".join([head, *rest])


if __name__ == "__main__":
    sys.exit(main())
