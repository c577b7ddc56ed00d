"""What makes Vedette a service: its unit, its user, its folders, its example configuration, its installer."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import config
from edge.errors import ConfigError, exit_code
from edge.obstacles import obstacles

ROOT = Path(__file__).parents[1]
SYSTEMD = ROOT / "systemd"
INSTALL = SYSTEMD / "install"
UNIT = SYSTEMD / "vedette.service"
SCRIPTS = [INSTALL, ROOT / "tools" / "test-install"]
EXPOSURE = 2.0  # what `systemd-analyze security` may say at most

Command = Callable[..., "subprocess.CompletedProcess[str]"]


def entries(file: Path) -> Iterator[tuple[str, str]]:
    """Each `Key=value` of a unit, in order."""
    for line in file.read_text("utf-8").splitlines():
        if line and line[0] not in "#[":
            key, separator, value = line.partition("=")
            assert separator, line
            yield key, value


def values(key: str) -> list[str]:
    return [value for known, value in entries(UNIT) if known == key]


def lines(file: Path) -> list[list[str]]:
    return [line.split() for line in file.read_text("utf-8").splitlines() if line and not line.startswith("#")]


def test_the_unit_runs_what_the_installer_makes() -> None:
    (start,) = values("ExecStart")
    program, _, file, command = start.split()
    script = INSTALL.read_text("utf-8")
    opt, toml = re.findall(r"^(?:opt|config)=(\S+)", script, re.MULTILINE)
    assert program == f"{opt}/current/bin/vedette"
    assert (file, command) == (toml, "run")


def test_a_wrong_configuration_is_not_tried_again_and_all_else_is() -> None:
    (never,) = values("RestartPreventExitStatus")
    assert values("Restart") == ["always"]
    assert never.split() == ["0", str(exit_code(ConfigError()))]
    assert values("StartLimitIntervalSec") == ["0"]
    assert int(*values("RestartSec")) >= 5


def test_the_watchdog_outwaits_the_silence_that_is_allowed() -> None:
    from edge.notify import LIMITS

    assert values("Type") == ["notify"]
    assert int(*values("WatchdogSec")) >= LIMITS["vision"]


def test_the_service_and_the_commands_share_one_user_and_its_folders() -> None:
    (user,) = values("User")
    known = lines(SYSTEMD / "vedette.sysusers")
    assert ["u", user] in [line[:2] for line in known]
    assert {line[2] for line in known if line[0] == "m"} == {"video", "render", "plugdev"}
    owned = {line[1]: line[3] for line in lines(SYSTEMD / "vedette.tmpfiles")}
    assert owned == {"/etc/vedette": "root", "/var/lib/vedette": user, "/var/cache/vedette": user}
    for key in ("StateDirectory", "CacheDirectory", "ConfigurationDirectory"):
        assert values(key) == ["vedette"]
        assert values(f"{key}Mode") == ["0750"]


@pytest.mark.parametrize("device", ["video4linux", "media", "dma_heap", "drm", "usb_device", "apex"])
def test_cameras_and_accelerators_are_within_reach(device: str) -> None:
    assert f"char-{device} rw" in values("DeviceAllow")
    assert values("PrivateDevices") == []


def test_the_example_is_a_valid_configuration_of_the_service() -> None:
    loaded = config.load(SYSTEMD / "vedette.toml")
    assert str(loaded.data) == "/var/lib/vedette"
    assert loaded.models.store == Path("/var/lib/vedette/models")
    assert loaded.accel.cache == Path("/var/cache/vedette")
    assert {camera.kind for camera in loaded.cameras.values()} == {"v4l2"}
    # The folders are the service's; nothing else stands in its way.
    assert [problem for problem in obstacles(loaded) if not problem.startswith("data: ")] == []


def test_the_example_holds_with_every_line_of_it_in_force(tmp_path: Path) -> None:
    text = (SYSTEMD / "vedette.toml").read_text("utf-8")
    whole = re.sub(r"^# ?(?=\[|[a-z_]+ = )", "", text, flags=re.MULTILINE)
    (tmp_path / "vedette.toml").write_text(whole)
    loaded = config.load(tmp_path / "vedette.toml")
    assert set(loaded.cameras) == {"front", "door", "garden"}
    assert loaded.stills.folder
    assert loaded.mqtt.password_file == tmp_path / "mqtt.password"


def test_check_reads_the_example(vedette: Command) -> None:
    done = vedette("check", SYSTEMD / "vedette.toml")
    assert done.returncode in (0, 1), done.stderr  # 1: no models on this machine, or no such folder
    assert "camera front: kind v4l2" in done.stdout


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
def test_scripts_are_posix_shell(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text("utf-8").startswith("#!/bin/sh\n")
    shells = [["dash"], ["bash", "--posix"]]
    for shell in (shell for shell in shells if shutil.which(shell[0])):
        done = subprocess.run([*shell, "-n", script], capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, "")
    if shutil.which("shellcheck"):
        subprocess.run(["shellcheck", "-S", "warning", script], check=True)


def test_the_installer_says_how_it_is_used_and_what_it_does_not_know() -> None:
    told = subprocess.run([INSTALL, "--help"], capture_output=True, text=True, check=True).stdout
    assert "--uninstall [--keep-data|--purge]" in told
    done = subprocess.run([INSTALL, "--frobnicate"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "vedette: --frobnicate: unknown; see --help\n"


def test_the_installer_needs_root_and_says_so() -> None:
    if os.geteuid() != 0:
        command = [INSTALL]
    elif shutil.which("setpriv") and all(parent.stat().st_mode & 1 for parent in INSTALL.resolve().parents):
        command = ["setpriv", "--reuid=65534", "--clear-groups", INSTALL]
    else:
        pytest.skip("this is root, and there is no way to be somebody else who may read the checkout")
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "vedette: this needs root: run it with sudo\n")


@pytest.fixture
def analyze(tmp_path: Path) -> Callable[..., str]:
    """systemd-analyze on our unit in a root where its program exists."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / "vedette.service"
    program = tmp_path / "vedette"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    text = UNIT.read_text("utf-8").replace("/opt/vedette/current/bin/vedette", str(program))
    unit.write_text(text)

    def analyze(*words: str) -> str:
        done = subprocess.run(["systemd-analyze", *words, str(unit)], capture_output=True, text=True, check=False)
        if "unrecognized option" in done.stderr or "Unknown operation" in done.stderr:
            pytest.skip(f"this systemd knows no {words[0]} {words[1:]}")
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    return analyze


def test_systemd_finds_no_fault_with_the_unit(analyze: Callable[..., str]) -> None:
    assert "vedette.service" not in analyze("verify")


def test_the_service_is_little_exposed(analyze: Callable[..., str]) -> None:
    said = analyze("security", "--offline=true", "--no-pager")
    level = re.search(r"Overall exposure level for vedette.service: ([0-9.]+)", said)
    assert level, said
    assert float(level[1]) <= EXPOSURE
