"""What different boards say of themselves, each as a folder of the kernel's files."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge import board
from edge.board import Board

Files = dict[str, str]

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
NOTHING: dict[str, list[str] | None] = {"throttled": None, "throttled_since_boot": None}


def rooted(folder: Path, files: Files) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text + "\n")
    return folder


def test_a_raspberry_pi_names_its_processor_once(tmp_path: Path) -> None:
    files = {
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
        "sys/class/thermal/thermal_zone0/temp": "61816",
        "sys/class/hwmon/hwmon0/name": "cpu_thermal",
        "sys/class/hwmon/hwmon0/temp1_input": "61816",
        "sys/class/hwmon/hwmon1/name": "rp1_adc",
        "sys/class/hwmon/hwmon1/temp1_input": "52345",
    }
    assert board.temperatures(rooted(tmp_path, files)) == {"cpu-thermal": 61.816, "rp1_adc": 52.345}


@pytest.mark.parametrize(
    ("bits", "now", "ever"),
    [
        ("0", [], []),
        ("50005", ["throttled", "under_voltage"], ["throttled", "under_voltage"]),
        ("80000", [], ["soft_temperature_limit"]),
        ("0x2", ["frequency_capped"], ["frequency_capped"]),
    ],
)
def test_the_bits_of_a_raspberry_pi(tmp_path: Path, bits: str, now: list[str], ever: list[str]) -> None:
    root = rooted(tmp_path, {THROTTLED: bits})
    assert board.throttling(root) == {"throttled": now, "throttled_since_boot": ever}


def test_the_firmware_is_asked_where_the_kernel_has_no_file(tmp_path: Path) -> None:
    tool = rooted(tmp_path, {"usr/bin/vcgencmd": "#!/bin/sh\necho throttled=0x50000"}) / "usr/bin/vcgencmd"
    assert board.throttling(tmp_path) == NOTHING
    tool.chmod(0o755)
    assert board.throttling(tmp_path) == {"throttled": [], "throttled_since_boot": ["throttled", "under_voltage"]}


def test_a_jetson_slows_down_and_some_of_its_zones_are_off(tmp_path: Path) -> None:
    files = {
        "sys/class/thermal/thermal_zone0/type": "cpu-thermal",
        "sys/class/thermal/thermal_zone0/temp": "97500",
        "sys/class/thermal/thermal_zone1/type": "cv0-thermal",
        "sys/class/thermal/thermal_zone1/temp": "-256000",
        "sys/class/thermal/cooling_device0/type": "pwm-fan",
        "sys/class/thermal/cooling_device0/cur_state": "3",
        "sys/class/thermal/cooling_device1/type": "cpu-throttle-alert",
        "sys/class/thermal/cooling_device1/cur_state": "1",
    }
    root = rooted(tmp_path, files)
    assert board.temperatures(root) == {"cpu-thermal": 97.5}
    assert board.throttling(root) == {"throttled": ["heat"], "throttled_since_boot": ["heat"]}


def test_a_pc_counts_what_was_and_has_sensors_of_one_name(tmp_path: Path) -> None:
    cpu = "sys/devices/system/cpu"
    files = {
        f"{cpu}/cpu0/thermal_throttle/core_throttle_count": "0",
        f"{cpu}/cpu1/thermal_throttle/core_throttle_count": "17",
        "sys/class/thermal/thermal_zone0/type": "acpitz",
        "sys/class/thermal/thermal_zone0/temp": "40000",
        "sys/class/thermal/thermal_zone1/type": "acpitz",
        "sys/class/thermal/thermal_zone1/temp": "41000",
        "sys/class/hwmon/hwmon2/name": "coretemp",
        "sys/class/hwmon/hwmon2/temp1_label": "Package id 0",
        "sys/class/hwmon/hwmon2/temp1_input": "71000",
    }
    root = rooted(tmp_path, files)
    assert board.temperatures(root) == {"acpitz": 40.0, "acpitz #2": 41.0, "coretemp Package id 0": 71.0}
    assert board.throttling(root) == {"throttled": [], "throttled_since_boot": ["heat"]}


def test_memory_and_disk_in_bytes(tmp_path: Path) -> None:
    root = rooted(tmp_path, {"proc/meminfo": "MemTotal:  4000 kB\nMemFree: 10 kB\nMemAvailable:  1000 kB"})
    assert board.memory(root) == {"total": 4_096_000, "available": 1_024_000}
    assert 0 < board.disk(tmp_path)["available"] <= board.disk(tmp_path)["total"]
    assert board.disk(tmp_path / "absent") == {}
    assert board.resident() > 1 << 20


def test_whether_a_file_is_locked(tmp_path: Path) -> None:
    file, locks = tmp_path / "lock", tmp_path / "locks"
    file.touch()
    inode = file.stat().st_ino
    locks.write_text(f"1: FLOCK  ADVISORY  WRITE 4711 fe:00:{inode} 0 EOF\n")
    assert board.is_locked(file, locks)
    locks.write_text(f"1: FLOCK  ADVISORY  WRITE 4711 fe:00:{inode}1 0 EOF\n")
    assert not board.is_locked(file, locks)
    assert not board.is_locked(tmp_path / "absent", locks)


def test_the_kernel_says_whether_its_clock_is_kept() -> None:
    assert board.synchronised() in (True, False, None)


def test_a_board_that_says_nothing(tmp_path: Path) -> None:
    state = Board(tmp_path, tmp_path / "nowhere").state()
    assert state == {"temperatures": {}, **NOTHING, "memory": {}, "disk": board.disk(tmp_path)}


def test_a_look_is_kept_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = rooted(tmp_path, {THROTTLED: "0"})
    looking = Board(tmp_path, root)
    assert looking.state()["throttled"] == []
    rooted(tmp_path, {THROTTLED: "1"})
    assert looking.state()["throttled"] == []
    monkeypatch.setattr("edge.board.KEPT", 0.0)
    assert looking.state()["throttled"] == ["under_voltage"]


@given(text=st.text(max_size=30))
def test_nonsense_in_any_file_raises_nothing(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    names = (
        THROTTLED,
        "sys/class/thermal/thermal_zone0/temp",
        "sys/class/thermal/cooling_device0/cur_state",
        "sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count",
        "proc/meminfo",
    )
    root = tmp_path_factory.mktemp("board")
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(text.encode("utf-8", "surrogatepass"))
    (root / "sys/class/thermal/cooling_device0/type").write_text("Processor")
    assert set(Board(root, root).state()) == {"temperatures", *NOTHING, "memory", "disk"}
