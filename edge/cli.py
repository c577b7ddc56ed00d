"""The command line: `vedette COMMAND …`. Thin: parse, call, print; exit statuses are drawn in edge/errors.py."""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edge import __version__, logs
from edge.commands import (
    analyze,
    audit,
    cameras,
    celebrities,
    collections,
    compare,
    custom,
    doctor,
    events,
    faces,
    keys,
    labels,
    models,
    moderation,
    run,
    serve,
    snapshots,
    top,
)
from edge.errors import EXPECTED, InputError, StorageError, exit_code
from edge.hush import spare_python

log = logging.getLogger(__name__)

GROUPS = (
    run,
    serve,
    top,
    analyze,
    doctor,
    models,
    labels,
    moderation,
    collections,
    faces,
    compare,
    celebrities,
    custom,
    events,
    snapshots,
    cameras,
    keys,
    audit,
)
INTERRUPTED = 130  # what shells expect after Ctrl-C
DEFAULT = Path("/etc/vedette/vedette.toml")


def parser() -> argparse.ArgumentParser:
    """Every command with its arguments."""
    root = argparse.ArgumentParser(
        prog="vedette",
        description="Rekognition for the edge: what your cameras see, on your own machine, told over MQTT.",
        epilog="Exit: 0 well, 1 a problem was found, 2 wrong arguments, 65 unreadable input, 66 not found, "
        "69 unavailable, 74 storage, 77 denied, 78 wrong configuration, 70 a defect of ours.",
    )
    root.add_argument("--version", action="version", version=f"vedette {__version__}")
    root.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        default=DEFAULT if DEFAULT.exists() else None,
        help=f"the TOML (default: {DEFAULT} if there is one, else built-in defaults)",
    )
    root.add_argument("--log", choices=("DEBUG", "INFO", "WARNING", "ERROR"), help="least level logged")
    commands = root.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for group in GROUPS:
        group.add(commands)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; gives its exit status."""
    args = parser().parse_args(arguments)
    spare_python()
    logs.start(args.log or getattr(args, "log_level", "INFO"))
    try:
        status = int(args.handler(args))
        sys.stdout.flush()
    except EXPECTED as error:
        print("\n".join(f"vedette: {line}" for line in str(error).splitlines()), file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader of our output left (`vedette … | head`): not an error.
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (OSError, UnicodeEncodeError) as error:
        sentence, status = _refused(error)
        print(f"vedette: {sentence}", file=sys.stderr)
    except Exception as error:
        log.debug("where it happened", exc_info=True)
        print(
            f"vedette: a defect of ours ({type(error).__name__}: {error}); please report what"
            f" 'vedette --log DEBUG {args.command}' prints",
            file=sys.stderr,
        )
        return exit_code(error)
    return status


def _refused(error: OSError | UnicodeEncodeError) -> tuple[str, int]:
    """What to say, and the exit status."""
    if isinstance(error, UnicodeEncodeError):  # of an argument in another encoding that names no file
        return f"{error.object[:60]!a}: not text in UTF-8; write it in UTF-8", InputError.exit_code
    place, reason = error.filename or "output", error.strerror or error
    return f"{place}: {reason}; check the path, its owner and the disk", StorageError.exit_code


if __name__ == "__main__":
    sys.exit(main())
