"""What a training shows on the terminal: one bar for all of it with the time left, one for the stage it is in."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from training.datasets import Task

# The stages in their order, with how long each takes of the whole, as measured on two cores.
STAGES: dict[Task, dict[str, float]] = {
    "classify": {"checking the pictures": 2, "looking for wrong labels": 2, "features": 40, "head": 10, "learning": 20,
                 "export": 30, "report": 4, "pack": 4},
    "detect": {"checking the pictures": 1, "reading the pictures": 1, "learning": 82, "export": 14, "report": 2,
               "pack": 1},
}  # fmt: skip
SILENT = 60.0  # seconds without a line
RECENT = 60.0  # seconds whose pace says how long the rest takes


class Display:
    """A settings.Progress. Without a terminal, a stage is a line when it begins, at its end, and each minute."""

    def __init__(self, task: Task, console: Console) -> None:
        self.console = console
        self._stages = STAGES[task]
        self._bars = Progress(
            TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn(),
            TextColumn("left"), TimeRemainingColumn(), TextColumn("[dim]{task.fields[note]}", markup=True),
            console=console, disable=not console.is_terminal, speed_estimate_period=RECENT, transient=True,
        )  # fmt: skip
        self._all = self._bars.add_task("all of it", total=1.0, note="")
        self._one = self._bars.add_task("", total=1.0, note="", visible=False)
        self._stage, self._ended, self._told = "", False, time.monotonic()

    def __enter__(self) -> Self:
        self._bars.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bars.stop()

    def __call__(self, stage: str, done: float, note: str = "") -> None:
        if stage != self._stage:
            self._stage, self._ended = stage, False
            self._bars.reset(self._one, description=stage, visible=True)
            self._tell(f"{stage} …")
        if done >= 1.0 and not self._ended:
            self._ended = True
            self._tell(f"{stage}: {note or 'done'}")
        elif time.monotonic() - self._told > SILENT:
            self._tell(f"{stage}: {done:.0%}{note and f', {note}'}")
        self._bars.update(self._one, completed=done, note=note.replace("[", r"\["))
        self._bars.update(self._all, completed=max(self._share(stage, done), self._bars.tasks[0].completed))

    def _tell(self, text: str) -> None:
        self._told = time.monotonic()
        if not self.console.is_terminal:
            self.console.print(text, markup=False, highlight=False)

    def _share(self, stage: str, done: float) -> float:
        """Of all: what lies before this stage, and what is done of it; a stage without a name here adds nothing."""
        if stage not in self._stages:
            return 0.0
        names = list(self._stages)
        before = sum(self._stages[name] for name in names[: names.index(stage)])
        return (before + done * self._stages[stage]) / sum(self._stages.values())


def verdict(evaluation: dict[str, Any]) -> str:
    """What a training that found none of the test pictures' labels, or some never, is not fit for; else empty."""
    rows = [row for row in evaluation["LabelEvaluationResults"] if row["NumberOfTestingImages"]]
    missed = sorted(row["Label"] for row in rows if not row["Metrics"]["F1Score"])
    if not missed:
        return ""
    if len(missed) == len(rows):
        return "the model finds nothing of what it was to learn, so do not install it; give it more pictures or time"
    return f"the model never finds {', '.join(missed)} in the test pictures; give it more pictures of that, or time"
