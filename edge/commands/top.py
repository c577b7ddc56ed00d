"""`vedette top`: the live picture of the daemon on this machine."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from edge.stats import FATES, quantile

if TYPE_CHECKING:
    from rich.console import Group
    from rich.table import Table

EVERY = 1.0  # seconds between two pictures
WINDOW = 10  # pictures that times are drawn from: the last ten seconds, not all since the start
WIDTH = 120  # columns where there is no terminal to ask

Picture = Mapping[str, Any]


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    top = commands.add_parser("top", help="show the running daemon: cameras, stages, models, outbox, board")
    top.add_argument("--once", action="store_true", help="print one picture and end, as without a terminal")
    top.add_argument("--json", action="store_true", help="one picture as JSON, times as histograms")
    top.set_defaults(handler=_top)


def _top(args: argparse.Namespace) -> int:
    from edge import config, live

    data = config.load(args.config).data
    now = live.ask(data)
    if args.json:
        print(json.dumps(now, ensure_ascii=False))
        return 0

    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else WIDTH)
    if args.once or not sys.stdout.isatty():
        console.print(draw(now, None))
        return 0

    from rich.live import Live

    earlier = deque([now], maxlen=WINDOW)
    with Live(draw(now, None), console=console, screen=True, auto_refresh=False) as screen:
        while True:
            time.sleep(EVERY)
            now = live.ask(data)
            if earlier and now["up"] < earlier[-1]["up"]:  # another daemon, which counts from 0
                earlier.clear()
            screen.update(draw(now, earlier[0] if earlier else None), refresh=True)
            earlier.append(now)


def draw(now: Picture, before: Picture | None) -> Group:
    """The picture as tables; times are of what happened since `before`, without one since the daemon's start."""
    from rich.console import Group
    from rich.text import Text

    up = _span(now["up"])
    head = Text(f"{now['device']}  vedette {now['version']}  up {up}  {now['memory'] / 2**20:.0f} MB", style="bold")
    well = Text(now["fault"] or now["summary"], style="red" if now["fault"] else "green")
    models = _models(now, before)
    missing = [Text(f"no {task}: {reason}", style="red") for task, reason in now["missing"].items()]
    feet = [Text(line) for line in (*_outbox(now), *_board(now["board"]))]
    # A small terminal shows the beginning: what may be wrong comes before how long everything takes.
    return Group(head, well, *missing, *feet, "", _cameras(now), "", models, "", _stages(now, before))


def _cameras(now: Picture) -> Table:
    drops = tuple(fate for fate in FATES if fate not in ("idle", "analysed"))
    table = _table("camera", "state", ">fps", ">analysed/s", ">age ms", ">idle", ">dropped", "last event")
    for name, camera in now["cameras"].items():
        frames, last, age = camera["frames"], camera["last_event"], camera["age"]
        causes = ", ".join(f"{frames[fate]} {fate}" for fate in drops if frames[fate])
        _row(
            table,
            name,
            f"{camera['state']}: {camera['reason']}" if camera.get("reason") else camera["state"],
            f"{camera['fps']:.1f}",
            f"{camera['analysed_fps']:.1f}",
            "-" if age is None else f"{age * 1e3:.0f}",
            str(frames["idle"]),
            causes or "0",
            f"{last['type']} {_span(now['at'] - last['at'])} ago" if last else "-",
        )
    return table


def _stages(now: Picture, before: Picture | None) -> Table:
    table = _table("stage", ">p50 ms", ">p99 ms", ">count")
    delivered = {"capture to broker": now["delivery"]}
    earlier = {**before["stages"], "capture to broker": before["delivery"]} if before else {}
    for stage, spent in (now["stages"] | delivered).items():
        _row(table, stage, *_times(spent, earlier.get(stage)))
    return table


def _models(now: Picture, before: Picture | None) -> Table:
    table = _table("task", "model", "back end", ">p50 ms", ">p99 ms", ">count")
    spent, earlier = _inferences(now), _inferences(before) if before else {}
    for task, model in now["models"].items():
        key = (model["name"], model["backend"], model["device"])
        times = _times(spent[key], earlier.get(key)) if key in spent else ("-", "-", "0")
        _row(table, task, model["name"] or "none works", f"{model['backend'] or '-'} {model['device'] or ''}", *times)
        for failed in model.get("failed", ()):
            _row(table, "", failed["name"], f"{failed['backend']} failed: {failed['reason']}")
    return table


def _inferences(picture: Picture) -> dict[tuple[str, str, str], Any]:
    return {(one["model"], one["backend"], one["device"]): one for one in picture["inferences"]}


def _times(spent: Mapping[str, Any], before: Mapping[str, Any] | None) -> tuple[str, str, str]:
    """Median and 99th percentile since `before`, and the count since the start."""
    buckets = spent["buckets"]
    if before:
        buckets = [count - then for count, then in zip(buckets, before["buckets"], strict=True)]
    shown = (quantile(buckets, share) for share in (0.5, 0.99))
    p50, p99 = ("-" if seconds is None else f"{seconds * 1e3:.1f}" for seconds in shown)
    return p50, p99, str(spent["count"])


def _outbox(now: Picture) -> Iterator[str]:
    outbox, disk = now["outbox"], now["disk"]
    if outbox:
        oldest = f", the oldest for {_span(now['at'] - outbox['oldest_at'])}" if outbox["oldest_at"] else ""
        yield f"outbox   {outbox['waiting']} events wait{oldest}"
    if disk["held"] or disk["dropped"]:
        yield f"disk     {disk['held']} events wait in memory, {disk['dropped']} were dropped"
    yield f"broker   {now['broker']['state']}"


def _board(board: Mapping[str, Any]) -> Iterator[str]:
    heat = [f"{sensor} {degrees:.0f} °C" for sensor, degrees in board["temperatures"].items()]
    room = [f"{share['available'] / 2**30:.1f} GiB of {what} left" for what, share in _shares(board)]
    yield f"board    {', '.join([*heat, *room]) or 'says nothing'}"
    if board["throttled"]:
        yield f"         held back now by {', '.join(board['throttled'])}"
    elif board["throttled_since_boot"]:
        yield f"         was held back since boot by {', '.join(board['throttled_since_boot'])}"


def _shares(board: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, int]]]:
    for what in ("memory", "disk"):
        if "available" in board[what]:
            yield what, board[what]


def _table(*columns: str) -> Table:
    """Columns whose names begin with > hold numbers."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in columns:
        table.add_column(name.removeprefix(">"), justify="right" if name.startswith(">") else "left")
    return table


def _row(table: Table, *cells: str) -> None:
    from rich.text import Text

    table.add_row(*(Text(cell, style="red" if cell.startswith("offline") else "") for cell in cells))


def _span(seconds: float) -> str:
    """A length of time as people say it, in its largest unit."""
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 0.0):.0f} s"
