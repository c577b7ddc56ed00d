"""The board beneath us: temperatures, throttling, memory and disk, as far as it tells. Nothing here raises."""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TIMEX, UNSYNCHRONISED = 512, 5  # more than the bytes of a struct timex; see adjtimex(2)
KEPT = 5.0  # seconds a look is good for
PLAUSIBLE = range(-40, 150)  # degrees Celsius; sensors that are off tell -256, 0 K or 255
# The bits of the Raspberry Pi's get_throttled; those since boot lie 16 higher.
PI_BITS = ("under_voltage", "frequency_capped", "throttled", "soft_temperature_limit")
PI_FILES = ("platform/soc*/*firmware/get_throttled", "platform/*firmware/get_throttled")
# Cooling devices that work by slowing the processor down; others are fans.
BRAKES = ("cpufreq", "thermal-cpufreq", "Processor", "throttle-alert")


class Board:
    """Looks at `root`/sys and `root`/proc, and at the disk that holds `data`; a look is kept for a few seconds."""

    def __init__(self, data: Path, root: Path = Path("/")) -> None:
        self._data = data
        self._root = root
        self._state: dict[str, Any] = {}
        self._looked = float("-inf")

    def state(self) -> dict[str, Any]:
        """`temperatures` in °C by sensor; `throttled` and `throttled_since_boot`, causes, or None where the board
        does not say; `memory` and `disk` with `total` and `available` bytes, empty if unknown."""
        now = time.monotonic()
        if now - self._looked >= KEPT:
            state = {
                "temperatures": temperatures(self._root),
                **throttling(self._root),
                "memory": memory(self._root),
                "disk": disk(self._data),
            }
            self._state, self._looked = state, now
        return self._state


def temperatures(root: Path) -> dict[str, float]:
    """Degrees Celsius by sensor: thermal zones, then those of hwmon that are no zone already."""
    found: dict[str, float] = {}
    for zone in _sorted(root, "sys/class/thermal/thermal_zone*"):
        _note(found, _read(zone / "type") or zone.name, _read(zone / "temp"))
    zones = {name.replace("_", "-") for name in found}
    for chip in _sorted(root, "sys/class/hwmon/hwmon*"):
        name = _read(chip / "name") or chip.name
        if name.replace("_", "-") not in zones:
            for sensor in sorted(chip.glob("temp*_input")):
                label = _read(sensor.with_name(sensor.name.replace("_input", "_label")))
                _note(found, f"{name} {label}".strip(), _read(sensor))
    return found


def throttling(root: Path) -> dict[str, list[str] | None]:
    """What slows the processor down now, and what did since boot; None where nothing on the board says."""
    signs = [*_pi(root), *_brakes(root), *_counters(root)]
    if not signs:
        return {"throttled": None, "throttled_since_boot": None}
    now = sorted({cause for cause, is_now, _ in signs if is_now})
    ever = sorted({cause for cause, is_now, was in signs if is_now or was})
    return {"throttled": now, "throttled_since_boot": ever}


def memory(root: Path) -> dict[str, int]:
    """Bytes of main memory: `total`, and `available` to whoever asks for them."""
    lines = (line.split() for line in _read(root / "proc/meminfo").splitlines())
    bytes_of = {words[0]: int(words[1]) * 1024 for words in lines if len(words) > 1 and words[1].isdecimal()}
    names = {"total": "MemTotal:", "available": "MemAvailable:"}
    return {name: bytes_of[word] for name, word in names.items() if word in bytes_of}


def disk(data: Path) -> dict[str, int]:
    """Bytes of the disk that holds a folder: `total`, and `available` to this user."""
    try:
        usage = shutil.disk_usage(data)
    except OSError:
        return {}
    return {"total": usage.total, "available": usage.free}


def resident() -> int:
    """Bytes of main memory that this process holds."""
    words = _read(Path("/proc/self/statm")).split()
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


def synchronised() -> bool | None:
    """Whether a time server keeps the kernel's clock; None if the kernel does not say."""
    state: int = ctypes.CDLL(None).adjtimex(ctypes.create_string_buffer(TIMEX))
    return None if state < 0 else state != UNSYNCHRONISED


def is_locked(file: Path, locks: Path = Path("/proc/locks")) -> bool:
    """Whether a process holds a lock on a file."""
    try:
        inode = file.stat().st_ino
    except OSError:
        return False
    return f":{inode} " in _read(locks)


Sign = tuple[str, bool, bool]  # cause, now, at some time since boot


def _pi(root: Path) -> Iterator[Sign]:
    bits = _pi_bits(root)
    if bits is not None:
        for place, cause in enumerate(PI_BITS):
            yield cause, bool(bits >> place & 1), bool(bits >> place + 16 & 1)


def _pi_bits(root: Path) -> int | None:
    """From the kernel's file, or from the firmware's own tool where the kernel has none."""
    files = [file for pattern in PI_FILES for file in _sorted(root, f"sys/devices/{pattern}")]
    text = _read(files[0]) if files else _asked(root / "usr/bin/vcgencmd")
    try:
        return int(text.rpartition("=")[2], 16)
    except ValueError:
        return None


def _asked(tool: Path) -> str:
    if not os.access(tool, os.X_OK):
        return ""
    try:
        return subprocess.run([tool, "get_throttled"], capture_output=True, text=True, timeout=2, check=False).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def _brakes(root: Path) -> Iterator[Sign]:
    for device in _sorted(root, "sys/class/thermal/cooling_device*"):
        kind, state = _read(device / "type"), _read(device / "cur_state")
        if kind.startswith(BRAKES) or kind.endswith(BRAKES):
            yield "heat", state.isdecimal() and int(state) > 0, False


def _counters(root: Path) -> Iterator[Sign]:
    for file in _sorted(root, "sys/devices/system/cpu/cpu[0-9]*/thermal_throttle/core_throttle_count"):
        count = _read(file)
        yield "heat", False, count.isdecimal() and int(count) > 0


def _sorted(root: Path, pattern: str) -> list[Path]:
    try:
        return sorted(root.glob(pattern))
    except OSError:
        return []


def _note(found: dict[str, float], name: str, millidegrees: str) -> None:
    if not millidegrees.removeprefix("-").isdecimal() or int(millidegrees) // 1000 not in PLAUSIBLE:
        return
    twins = sum(known == name or known.startswith(f"{name} #") for known in found)
    found[f"{name} #{twins + 1}" if twins else name] = int(millidegrees) / 1000


def _read(file: Path) -> str:
    """A small text of the kernel's; empty if there is none, or none now."""
    try:
        return file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""
