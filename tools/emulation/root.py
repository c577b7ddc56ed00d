"""An arm64 Debian 12 in a folder, and commands in it: this machine's kernel runs them through qemu-user.

The packages are unpacked, not configured (the second stage of debootstrap takes minutes under emulation, and nothing
here needs it). What a program can read of the processor, in /proc/cpuinfo and /sys, is made up to match the
emulated one: with the host's own, OpenVINO takes it for an x86 or crashes inside hwloc.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge.errors import DeniedError, UnavailableError

SUITE = "bookworm"
INCLUDED = ("python3", "python3-venv", "python3-pip-whl", "libstdc++6")
PROGRAMS = {
    "debootstrap": "debootstrap",
    "qemu-aarch64-static": "qemu-user-static",
    "aarch64-linux-gnu-gcc": "gcc-aarch64-linux-gnu libc6-dev-arm64-cross",
    "mosquitto": "mosquitto",
}
SEARCHED = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
BINFMT = Path("/proc/sys/fs/binfmt_misc")
RULE = "vedette-arm64"
# The first bytes of a 64-bit ARM program, and which of their bits count.
MAGIC = r"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
MASK = r"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
CORES = 2


@dataclass(frozen=True, slots=True)
class Processor:
    """An ARM core as Linux describes it: `part` and `midr` name it, `features` are its instructions."""

    board: str
    part: str
    midr: str
    features: str


PROCESSORS = {
    "cortex-a72": Processor("Raspberry Pi 4", "0xd08", "0x00000000410fd083", "fp asimd evtstrm crc32 cpuid"),
    "cortex-a76": Processor(
        "Raspberry Pi 5",
        "0xd0b",
        "0x00000000414fd0b1",
        "fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp",
    ),
}


def check() -> None:
    """Raise DeniedError unless this is root, UnavailableError if a program is missing."""
    if os.geteuid() != 0:
        raise DeniedError("an arm64 root is made with chroot and mounts: run 'sudo tools/arm64'")
    missing = [package for program, package in PROGRAMS.items() if not shutil.which(program, path=SEARCHED)]
    if missing:
        raise UnavailableError(f"programs are missing: apt-get install --no-install-recommends {' '.join(missing)}")


def make(root: Path) -> None:
    """Make the root unless it is there; an unfinished one is made anew."""
    if (root / "made").exists():
        return
    shutil.rmtree(root, ignore_errors=True)
    root.parent.mkdir(parents=True, exist_ok=True)
    command = ["debootstrap", "--foreign", "--variant=minbase", "--arch=arm64", f"--include={','.join(INCLUDED)}"]
    done = subprocess.run([*command, SUITE, root], capture_output=True, text=True, check=False)
    if done.returncode:
        reason = next((line for line in reversed(done.stdout.splitlines()) if line.strip()), "no reason given")
        raise UnavailableError(f"debootstrap could not fetch Debian {SUITE} for arm64 ({reason}); check the network")
    for package in sorted((root / "var/cache/apt/archives").glob("*.deb")):
        _unpack(package, root)
    (root / "proc").unlink(missing_ok=True)  # debootstrap leaves a link to the host's
    (root / "proc").mkdir()
    # Where the kernel cannot start ARM programs by itself, the root's own copy does.
    shutil.copy2(shutil.which("qemu-aarch64-static", path=SEARCHED) or "", root / "usr/bin/qemu-aarch64-static")
    (root / "made").touch()


def _unpack(package: Path, root: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", package], stdout=subprocess.PIPE) as files:
        subprocess.run(["tar", "-x", "--keep-directory-symlink", "-C", root], stdin=files.stdout, check=True)


def describe(root: Path, name: str) -> None:
    """Write what the emulated processor tells of itself: `cpuinfo` and the files of /sys that back ends read."""
    core = PROCESSORS[name]
    lines = (
        f"processor\t: {{}}\nBogoMIPS\t: 108.00\nFeatures\t: {core.features}\nCPU implementer\t: 0x41\n"
        f"CPU architecture: 8\nCPU variant\t: 0x{core.midr[-6]}\nCPU part\t: {core.part}\n"
        f"CPU revision\t: {core.midr[-1]}\n\n"
    )
    (root / "cpuinfo").write_text("".join(lines.format(number) for number in range(CORES)), "utf-8")
    place = root / "sys/devices/system/cpu"
    shutil.rmtree(place, ignore_errors=True)
    everyone, together = f"0-{CORES - 1}", f"{(1 << CORES) - 1:x}"
    files = dict.fromkeys(("possible", "present", "online"), everyone)
    for number in range(CORES):
        alone = f"{1 << number:x}"
        topology = {"core_id": str(number), "physical_package_id": "0", "cluster_id": "0"}
        topology |= {"core_cpus": alone, "thread_siblings": alone, "core_cpus_list": str(number)}
        topology |= {"package_cpus": together, "core_siblings": together, "package_cpus_list": everyone}
        files |= {f"cpu{number}/topology/{file}": text for file, text in topology.items()}
        files[f"cpu{number}/regs/identification/midr_el1"] = core.midr
    for file, text in files.items():
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(f"{text}\n", "utf-8")


@contextmanager
def children_start() -> Iterator[bool]:
    """Have the kernel start ARM programs by itself; False if it cannot, and then no child process of one starts."""
    if modprobe := shutil.which("modprobe", path=SEARCHED):
        subprocess.run([modprobe, "binfmt_misc"], capture_output=True, check=False)
    if not (BINFMT / "register").exists():
        subprocess.run(["mount", "binfmt_misc", "-t", "binfmt_misc", BINFMT], capture_output=True, check=False)
    if any((BINFMT / rule).exists() for rule in (RULE, "qemu-aarch64")):  # Debian's own, or of a run that was killed
        yield True
        return
    qemu = shutil.which("qemu-aarch64-static", path=SEARCHED)
    try:
        (BINFMT / "register").write_text(f":{RULE}:M::{MAGIC}:{MASK}:{qemu}:F", "ascii")
    except OSError:
        yield False
        return
    try:
        yield True
    finally:
        (BINFMT / RULE).write_text("-1", "ascii")


@dataclass(frozen=True, slots=True)
class Guest:
    """A made root, and the processor that it believes to run on."""

    root: Path
    processor: str

    def command(self, *words: object) -> list[str]:
        """What runs an ARM program of the root; its mounts are its own and go with it."""
        root = self.root
        mounts = [
            f"mount --bind /proc '{root}/proc'",
            f"mount --bind '{root}/cpuinfo' '{root}/proc/cpuinfo'",
            f"mount --rbind /dev '{root}/dev'",
            f"exec chroot '{root}' /usr/bin/qemu-aarch64-static \"$@\"",
        ]
        return ["unshare", "--mount", "sh", "-ec", "; ".join(mounts), "sh", *map(str, words)]

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of the host's, but how to look up programs."""
        fixed = {"PATH": "/opt/vedette/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LANG": "C.UTF-8"}
        return fixed | {"QEMU_CPU": self.processor, "PYTHONSAFEPATH": "1"} | more

    def run(self, words: Sequence[object], seconds: float, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a program to its end; raises TimeoutExpired."""
        return subprocess.run(
            self.command(*words), env=self.environment(**more), capture_output=True, text=True, timeout=seconds,
            check=False,
        )  # fmt: skip
