"""`vedette run` and `vedette check`: the daemon, and what it would do."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edge.config import Config


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    run = commands.add_parser("run", help="watch the configured cameras until stopped")
    run.add_argument("--seconds", type=float, help="stop by itself after so many seconds")
    run.set_defaults(handler=_run)
    check = commands.add_parser("check", help="validate a configuration and say what each line would do")
    check.add_argument("file", type=Path, nargs="?", help="the TOML (default: that of --config)")
    check.set_defaults(handler=_check)


def _run(args: argparse.Namespace) -> int:
    from edge import config
    from edge.daemon import watch

    watch(_with_cameras(config.load(args.config), args.config), args.seconds)
    return 0


def _with_cameras(config: Config, path: Path | None) -> Config:
    from edge.errors import ConfigError

    if not config.cameras:
        raise ConfigError(f"{path or 'no --config given'}: no [cameras.NAME]; 'vedette cameras' lists what there is")
    return config


def _check(args: argparse.Namespace) -> int:
    from edge import config
    from edge.explain import lines, problems

    path = args.file or args.config
    checked = _with_cameras(config.load(path), path)
    for line in lines(checked):
        print(line)
    found = list(problems(checked))
    for problem in found:
        print(f"! {problem}")
    print(f"{path}: {'valid, but would not run as it is' if found else 'valid'}")
    return 1 if found else 0
