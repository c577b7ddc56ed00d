"""The built wheel on an emulated arm64 Debian 12: back ends, outbox and a short demo, compared with this machine.

It is slow, and what it takes says nothing of a board. Everything is kept in a folder that a next run goes on with.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from emulation import root, wheels
from emulation.root import PROCESSORS, Guest
from emulation.trial import Trial

from edge.errors import EXPECTED, EdgeError, exit_code

FOLDER = wheels.ROOT / ".arm64"


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/arm64", description=__doc__)
    known = ", ".join(f"{name} ({processor.board})" for name, processor in PROCESSORS.items())
    parser.add_argument("--cpu", choices=PROCESSORS, default="cortex-a76", help=f"of: {known}; default: %(default)s")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the root is kept (default: .arm64)")
    arguments = parser.parse_args()
    try:
        return run(arguments.folder.resolve(), arguments.cpu)
    except EXPECTED as error:
        print(f"arm64: {error}", file=sys.stderr)
        return exit_code(error)
    except KeyboardInterrupt:
        return 130


def run(folder: Path, cpu: str) -> int:
    """Prepare everything, then try it; 0 if each step held."""
    root.check()
    guest = Guest(folder / "root", cpu)
    _step("arm64 Debian 12", lambda: root.make(guest.root))
    root.describe(guest.root, cpu)
    with root.children_start() as children:
        if not children:
            print("  the kernel has no binfmt_misc: child processes do not start, their tests are left out")
        _step("wheels", lambda: wheels.gather(folder / "wheels"))
        _step("installation", lambda: wheels.install(guest, folder / "wheels"))
        _step("models here", _models)
        print(f"\nEmulated {cpu} ({PROCESSORS[cpu].board}); x86 → arm64:\n", flush=True)
        trial = Trial(guest, children)
        return max([_try(name, step) for name, step in trial.steps()])


def _step(name: str, work: object) -> None:
    started = time.monotonic()
    print(f"{name} …", flush=True)
    assert callable(work)  # noqa: S101
    work()
    print(f"{name}: {time.monotonic() - started:.0f} s", flush=True)


def _models() -> None:
    done = subprocess.run([sys.executable, "-m", "edge.cli", "models", "pull"], capture_output=True, check=False)
    if done.returncode:
        raise EdgeError("'vedette models pull' failed on this machine; run it to see why")


def _try(name: str, step: object) -> int:
    assert callable(step)  # noqa: S101
    started = time.monotonic()
    try:
        held, said = step()
    except subprocess.TimeoutExpired as error:
        held, said = False, f"no end within {error.timeout:g} s"
    except subprocess.CalledProcessError as error:
        held, said = False, f"'{error.cmd[0]}' ended with {error.returncode} on this machine"
    print(f"{'ok' if held else '!!'}  {name}: {said} ({time.monotonic() - started:.0f} s)", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
