"""`vedette run` and `vedette check`: the daemon, and what it would do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.config import Config


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="watch the configured cameras until stopped")
    run.add_argument("--seconds", type=seconds, help="stop by itself after so many seconds")
    run.set_defaults(handler=_run)
    check = commands.add_parser("check", help="validate a configuration and say what each line would do")
    check.add_argument("file", type=Path, nargs="?", help="the TOML (default: that of --config)")
    check.set_defaults(handler=_check)


def seconds(text: str) -> float:
    """A length of time on the command line; raises ValueError, which argparse tells."""
    value = float(text)
    if not 0.0 < value < float("inf"):
        raise ValueError(text)
    return value


def _run(args: argparse.Namespace) -> int:
    from edge import stopping

    stopping.handle(stopping.at_once)  # also while libraries load and models open
    from edge.daemon import watch
    from edge.errors import ConfigError

    loaded = _load(args.config)
    if not loaded.cameras:
        raise ConfigError(f"{args.config}: cameras: there is none; for the API alone, run 'vedette serve'")
    watch(loaded, args.seconds)
    return 0


def _load(path: Path | None) -> Config:
    """A configuration that names cameras, or serves the API; raises ConfigError."""
    from edge import config
    from edge.errors import ConfigError

    if path is None:
        raise ConfigError("no configuration: name a TOML with --config FILE; 'vedette cameras' prints lines for one")
    loaded = config.load(path)
    if not loaded.cameras and not loaded.api.port:
        raise ConfigError(f"{path}: cameras: there is none; 'vedette cameras' prints lines to put here")
    return loaded


def _check(args: argparse.Namespace) -> int:
    from edge.explain import lines, problems, remarks

    path = args.file or args.config
    checked = _load(path)
    for line in lines(checked):
        print(line)
    found = list(problems(checked))
    for sentence in (*found, *remarks(checked)):
        print(f"! {sentence}")
    print(f"{path}: {'valid, but not all of it would work as it is' if found else 'valid'}")
    return 1 if found else 0
