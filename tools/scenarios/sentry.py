"""`vedette` itself with made-up eyes: each frame shows one label nobody has seen before, so each is an event.

Threads, cameras, commits, publisher and command line are the real ones. The file that VEDETTE_SHIFT names, if any,
holds the seconds by which the clock is wrong, and may change at any time.
"""

from __future__ import annotations

import itertools
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import cast

from edge import cli, daemon
from edge.abilities import Abilities
from edge.failover import AnyModel
from edge.values import Label, ModelUse
from edge.vision.labels import Labels


class Made:
    """Stands where an opened model would."""

    use = ModelUse("labels", "made-up", 1, "5" * 64, "replay")
    session = SimpleNamespace(device="none", streams=1)
    skipped = ()

    def close(self) -> None:
        """Nothing was opened."""


class Eyes:
    """Stands where the ability of labels would."""

    def __init__(self) -> None:
        self._scenes = itertools.count(1)
        self.model = cast(AnyModel, Made())
        self.models = (self.model,)

    def look(self, *_: object) -> list[Label]:
        return [Label(f"Scene {next(self._scenes)}", 0.9)]


def shift(file: Path) -> None:
    """Have this process believe the clock that `file` tells."""
    told, ns = time.time, time.time_ns

    def seconds() -> float:
        with suppress(OSError, ValueError):
            return float(file.read_text("ascii"))
        return 0.0

    time.time = lambda: told() + seconds()
    time.time_ns = lambda: ns() + round(seconds() * 1e9)


if __name__ == "__main__":
    if "VEDETTE_SHIFT" in os.environ:
        shift(Path(os.environ["VEDETTE_SHIFT"]))
    vars(daemon)["open_abilities"] = lambda *_, **__: Abilities(labels=cast(Labels, Eyes()))
    sys.exit(cli.main())
