"""The wheel built here, and what it needs built for arm64, installed by the emulated Debian's own pip."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from emulation.root import Guest
from packaging.requirements import Requirement

from edge.errors import UnavailableError

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "requirements.lock"
GUEST_PYTHON = "3.11"
GLIBC = 36  # Debian 12 has 2.36
ENVIRONMENT = {"platform_machine": "aarch64", "python_version": GUEST_PYTHON, "python_full_version": "3.11.2"}
# tflite_runtime was built against numpy 1, so it lives in an environment of its own, without LiteRT and OpenVINO.
OLD_RUNTIME = ("tflite-runtime==2.14.0", "numpy==1.26.4", "opencv-python-headless==4.11.0.86")
# The back ends' own tests run there too; they are written with these.
TESTED_WITH = ("pytest", "hypothesis", "packaging", "iniconfig", "sortedcontainers", "attrs")
INSTALL_SECONDS = 900.0


def locked() -> list[str]:
    """The lock's lines for arm64, each as name==version."""
    lines = (line.partition("#")[0].strip() for line in LOCK.read_text("utf-8").splitlines())
    wanted = [Requirement(line) for line in lines if line]
    return [f"{one.name}{one.specifier}" for one in wanted if not one.marker or one.marker.evaluate(ENVIRONMENT)]


def gather(folder: Path) -> list[Path]:
    """Build the wheel and download the locked ones into a folder; raises UnavailableError naming what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("vedette-*.whl"):
        old.unlink()
    _pip("wheel", "--no-deps", "--wheel-dir", folder, ROOT)
    platforms = [f"--platform=manylinux_2_{minor}_aarch64" for minor in range(17, GLIBC + 1)]
    target = ["--only-binary=:all:", "--implementation=cp", f"--python-version={GUEST_PYTHON}", *platforms]
    _pip("download", "--no-deps", "--dest", folder, *target, "--platform=manylinux2014_aarch64", *locked())
    for one in (*OLD_RUNTIME, *TESTED_WITH):
        _pip("download", "--no-deps", "--dest", folder, *target, "--platform=manylinux2014_aarch64", one)
    return sorted(folder.glob("*.whl"))


def _pip(*words: object) -> None:
    command = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if line.startswith("ERROR")), "no reason given")
        raise UnavailableError(f"pip {words[0]} failed ({reason}); check the network, or the version in {LOCK.name}")


def install(guest: Guest, wheels: Path) -> None:
    """Make /opt/vedette and /opt/tflite-runtime in the root, from these wheels alone; the same ones cost nothing."""
    stamp, inside = guest.root / "installed", guest.root / "wheels"
    wanted = " ".join(hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in sorted(wheels.glob("*.whl")))
    if stamp.exists() and stamp.read_text("ascii") == wanted:
        return
    stamp.unlink(missing_ok=True)
    shutil.rmtree(inside, ignore_errors=True)
    shutil.copytree(wheels, inside)
    _environment(guest, "/opt/vedette", ["vedette", *locked(), *TESTED_WITH])
    without = ("openvino", "ai-edge-litert", "numpy", "opencv-python-headless")
    others = [one for one in locked() if not one.startswith(without)]
    _environment(guest, "/opt/tflite-runtime", ["--no-deps", "vedette", *others, *OLD_RUNTIME])
    stamp.write_text(wanted, "ascii")


def _environment(guest: Guest, place: str, wanted: list[str]) -> None:
    shutil.rmtree(guest.root / place.lstrip("/"), ignore_errors=True)
    _inside(guest, "/usr/bin/python3.11", "-m", "venv", "--without-pip", place)
    (pip,) = (guest.root / "usr/share/python-wheels").glob("pip-*.whl")
    runs = [f"{place}/bin/python", f"/usr/share/python-wheels/{pip.name}/pip", "--quiet"]
    _inside(guest, *runs, "install", "--no-index", "--find-links", "/wheels", *wanted)


def _inside(guest: Guest, *words: str) -> None:
    done = guest.run(words, INSTALL_SECONDS)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UnavailableError(
            f"the emulated '{Path(words[-1]).name}' failed ({reason}); delete {guest.root}, try again"
        )
