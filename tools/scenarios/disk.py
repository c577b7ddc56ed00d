"""A disk that is full, read-only or refuses writes: while the daemon runs, and when it starts."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from edge.database import NAME
from edge.errors import StorageError, UnavailableError
from tools.scenarios.stage import (
    Figures,
    Progress,
    Sentry,
    Witness,
    every,
    lasting,
    nothing_lost,
    opened,
    silent,
    sound,
    wait,
)

RATE = 20.0
SMALL_MB = 8
# Between the abort of its journal and its being read-only, ext4 may let an fsync succeed that wrote nothing.
UNDONE = 2
SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
STORAGE = StorageError.exit_code


@dataclass(frozen=True)
class Disk:
    """A folder, and what makes its disk refuse writes and take them again."""

    data: Path
    refuse: Callable[[Sentry], None]
    allow: Callable[[Sentry], None]


Way = Callable[[Path], AbstractContextManager[Disk]]


@contextmanager
def limited(folder: Path) -> Iterator[Disk]:
    """The system refuses the daemon every write past 64 KB of a file: no root is needed for that."""
    yield Disk(folder / "data", lambda sentry: sentry.limit(1 << 16), lambda sentry: sentry.limit(-1))


@contextmanager
def full(folder: Path) -> Iterator[Disk]:
    """A small file system in memory, and a file that fills it to the last byte."""
    with _mounted(folder / "disk", "-t", "tmpfs", "-o", f"size={SMALL_MB}m", "tmpfs") as disk:
        ballast = disk / "ballast"

        def fill(_: Sentry) -> None:
            with ballast.open("wb", buffering=0) as file, suppress(OSError):
                while True:
                    file.write(bytes(4096))

        yield Disk(disk / "data", fill, lambda _: ballast.unlink())


def refused(folder: Path, way: Way, seconds: float = 30.0, progress: Progress = silent) -> Figures:
    """The disk refuses writes for `seconds` while cameras tell 20 events a second; nobody helps the daemon."""
    with (
        way(folder) as disk,
        lasting(folder) as broker,
        Witness(broker.port) as witness,
        Sentry(folder, broker.port, RATE, data=disk.data) as sentry,
    ):
        sentry.start()
        wait(lambda: len(witness.ids) > RATE, "events arrive while the disk is well")
        disk.refuse(sentry)
        began = time.monotonic()
        fault = wait(lambda: witness.disk.get("fault"), "the status says that the disk refuses")
        told = time.monotonic() - began
        progress(0.2, fault)
        time.sleep(seconds)
        assert sentry.alive, f"the daemon died of it: {sentry.said[-500:]}"
        disk.allow(sentry)
        began = time.monotonic()
        progress(0.8, "the disk takes writes again")
        wait(lambda: not witness.disk.get("fault"), "the status says that the disk is well")
        healed = time.monotonic() - began
        heard = len(witness.ids)
        wait(lambda: len(witness.ids) > heard + RATE, "events arrive again")
        assert sentry.stop() == 0, sentry.said[-500:]
        assert "Traceback" not in sentry.said, sentry.said
        assert sentry.said.count("events wait in memory") == 1, "it is logged once"
        with opened(disk.data) as log:
            events = nothing_lost(log, witness)
            scenes = [int(number) for event in every(log) for number in re.findall(r"Scene (\d+)", event.body)]
        assert sorted(scenes) == list(range(1, len(scenes) + 1)), "an event is missing that a camera has told"
        sound(disk.data)
    return {"events": events, "refused_s": seconds, "told_after_s": round(told, 2), "well_after_s": round(healed, 2)}


def readonly(folder: Path, progress: Progress = silent) -> Figures:
    """A file system that the kernel makes read-only after an error, and the daemon's starts until it is mended."""
    image = folder / "image"
    with lasting(folder) as broker, Witness(broker.port) as witness:
        with _ext4(image, folder / "disk") as disk, Sentry(folder, broker.port, RATE, data=disk / "data") as sentry:
            sentry.start()
            wait(lambda: len(witness.ids) > RATE, "events arrive while the disk is well")
            progress(0.3, "the file system fails")
            _fail(disk)
            fault = wait(lambda: witness.disk.get("fault"), "the status says that the disk refuses")
            assert NAME in fault, fault
            heard = len(witness.ids)
            time.sleep(2)
            assert sentry.alive, sentry.said[-500:]
            assert sentry.stop() == STORAGE, sentry.said[-500:]
            assert "that were never written are lost" in sentry.said
            progress(0.6, "it starts on the read-only disk")
            for _ in range(2):
                assert _start_fails(sentry) == STORAGE, sentry.said[-500:]
        with _ext4(image, folder / "disk") as disk, Sentry(folder, broker.port, RATE, data=disk / "data") as sentry:
            progress(0.8, "the disk is mended")
            sentry.start()
            wait(lambda: len(witness.ids) > heard + RATE, "events arrive again")
            assert sentry.stop() == 0
            assert "Traceback" not in sentry.said, sentry.said
            with opened(disk / "data") as log:
                events = nothing_lost(log, witness, undone=UNDONE)
            sound(disk / "data")
    return {"events": events, "undone_by_the_disk": len(witness.others)}


def begun_full(folder: Path, progress: Progress = silent) -> Figures:
    """The disk is full when the daemon starts, with no database yet, and with one."""
    with (
        full(folder) as disk,
        lasting(folder) as broker,
        Witness(broker.port) as witness,
        Sentry(folder, broker.port, RATE, data=disk.data) as sentry,
    ):
        disk.refuse(sentry)
        progress(0.2, "there is no database")
        assert _start_fails(sentry) == STORAGE, sentry.said[-500:]
        assert "no space left" in sentry.said.lower(), sentry.said
        disk.allow(sentry)
        sentry.start()
        wait(lambda: len(witness.ids) > RATE, "events arrive when there is room")
        assert sentry.stop() == 0
        disk.refuse(sentry)
        progress(0.6, "there is a database")
        sentry.start()
        wait(lambda: witness.disk.get("fault") or not sentry.alive, "it waits for the disk, or says why not")
        runs = sentry.alive
        disk.allow(sentry)
        heard = len(witness.ids)
        if not runs:
            sentry.start()  # as the service manager does
        wait(lambda: len(witness.ids) > heard + RATE, "events arrive again")
        assert sentry.stop() == 0
        assert "Traceback" not in sentry.said, sentry.said
        with opened(disk.data) as log:
            events = nothing_lost(log, witness)
    return {"events": events, "starts_on_a_full_disk": runs}


def _start_fails(sentry: Sentry) -> int:
    sentry.start()
    assert sentry.process
    return sentry.process.wait(30)


@contextmanager
def _mounted(at: Path, *words: str) -> Iterator[Path]:
    if os.geteuid() != 0 or shutil.which("mount") is None:
        raise UnavailableError("mounting a small disk takes root")
    at.mkdir(exist_ok=True)
    done = subprocess.run(["mount", *words, str(at)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnavailableError(f"no small disk can be mounted here: {done.stderr.strip()}")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True)


@contextmanager
def _ext4(image: Path, at: Path) -> Iterator[Path]:
    make, mend = (shutil.which(name, path=SYSTEM) for name in ("mkfs.ext4", "e2fsck"))
    if make is None or mend is None:
        raise UnavailableError("mkfs.ext4 is not installed: apt-get install e2fsprogs")
    if image.exists():
        subprocess.run([mend, "-p", "-f", str(image)], capture_output=True, check=False)
    else:
        with image.open("wb") as file:
            file.truncate(4 * SMALL_MB << 20)
        subprocess.run([make, "-q", "-F", str(image)], check=True)
    with _mounted(at, "-o", "loop,errors=remount-ro", str(image)) as disk:
        kernels = Path("/sys/fs/ext4") / _device(disk)
        yield disk
    try:
        wait(lambda: not kernels.exists(), "the kernel lets go of the file system", 5)
    except AssertionError as error:  # it is kept by a copy of the mount table, as containers have
        raise UnavailableError(str(error)) from error


def _device(disk: Path) -> str:
    found = subprocess.run(["findmnt", "-no", "SOURCE", str(disk)], capture_output=True, text=True, check=True)
    return Path(found.stdout.strip()).name


def _fail(disk: Path) -> None:
    """Have the kernel believe that this ext4 has an error."""
    trigger = Path("/sys/fs/ext4") / _device(disk) / "trigger_fs_error"
    if not trigger.exists():
        raise UnavailableError("this kernel cannot make a file system fail")
    trigger.write_text("1")
