"""A zoo, packages and clients of the test's own: no network, and nothing of the machine's own model store."""

from __future__ import annotations

import hashlib
import io
import os
import sys
import tarfile
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from edge.packs.store import Store
from models import manifest as manifests
from models.manifest import Backend, Manifest, Source

MODEL = """
name = "{name}"
version = 1
set = "{set}"
task = "objects"
title = "A detector"
licence = "Apache-2.0"
origin = "the test"
input = {{ width = 4, height = 4, fit = "stretch" }}
decode = {{ name = "boxes" }}
{sources}
[variants.openvino]
build = "copy"
precision = "f32"
sources = {wanted}
recipe = "recipe.txt"
outputs = ["out"]
[variants.coral]
build = "copy"
precision = "int8"
sources = {wanted}
outputs = ["out"]
"""
NPM = """#!{python}
import os, pathlib, shutil, sys
with open({log!r}, "a") as log:
    print(*sys.argv[1:], file=log)
if sys.argv[1] != "pack" or "--ignore-scripts" not in sys.argv or os.listdir():
    sys.exit("npm error code EWRONG")
name = sys.argv[2].removeprefix("@").replace("/", "-").replace("@", "-") + ".tgz"
shelf = pathlib.Path({shelf!r}, name)
if not shelf.exists():
    sys.exit("npm error code E404\\nnpm error 404 Not Found")
shutil.copy(shelf, name)
"""


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Shelf:
    """Packages that the real pip and a stand-in for npm can fetch."""

    def __init__(self, folder: Path, log: Path) -> None:
        self.folder = folder
        self._log = log

    def calls(self) -> list[str]:
        """What npm was asked for."""
        return self._log.read_text().splitlines() if self._log.exists() else []

    def wheel(self, package: str, version: str, files: Mapping[str, bytes]) -> Path:
        stem = f"{package.replace('-', '_')}-{version}"
        path = self.folder / f"{stem}-py3-none-any.whl"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as wheel:
            for name, data in files.items():
                wheel.writestr(name, data)
            about = f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\nRequires-Python: <3\n"
            wheel.writestr(f"{stem}.dist-info/METADATA", about)
            wheel.writestr(f"{stem}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            wheel.writestr(f"{stem}.dist-info/RECORD", "")
        return path

    def tgz(self, package: str, version: str, files: Mapping[str, bytes]) -> Path:
        path = self.folder / f"{package.removeprefix('@').replace('/', '-')}-{version}.tgz"
        with tarfile.open(path, "w:gz") as tarball:
            for name, data in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                tarball.addfile(entry, io.BytesIO(data))
        return path


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shelf:
    """Clients that find packages in one folder and nowhere else."""
    folder, commands = tmp_path / "shelf", tmp_path / "bin"
    folder.mkdir()
    commands.mkdir()
    log = tmp_path / "npm.log"
    npm = commands / "npm"
    npm.write_text(NPM.format(python=sys.executable, log=str(log), shelf=str(folder)))
    npm.chmod(0o755)
    monkeypatch.setenv("PATH", f"{commands}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Shelf(folder, log)


class Zoo:
    """Manifests of the test's own, in place of those that ship."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def add(self, name: str, *sources: Source, part_of: str = "default", recipe: str = "learned") -> Manifest:
        place = self.folder / "zoo" / name
        place.mkdir(parents=True, exist_ok=True)
        (place / "recipe.txt").write_text(recipe)
        tables = ""
        for source in sources:
            tables += "[[sources]]\n"
            for key, value in source.model_dump(exclude_defaults=True).items():
                tables += f"{key} = {list(value) if isinstance(value, tuple) else value!r}\n"
        wanted = [source.name for source in sources]
        (place / "model.toml").write_text(MODEL.format(name=name, set=part_of, sources=tables, wanted=wanted))
        manifests.load.cache_clear()
        return manifests.load(name)


@pytest.fixture
def zoo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Zoo]:
    folder = tmp_path / "models"
    (folder / "zoo").mkdir(parents=True)
    monkeypatch.setattr(manifests, "files", lambda _: folder)
    manifests.load.cache_clear()
    yield Zoo(folder)
    manifests.load.cache_clear()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "store")


class Builder:
    """Stands in for `edge.packs.build.build`: writes what it was given, and counts."""

    def __init__(self) -> None:
        self.built: list[str] = []

    def __call__(self, manifest: Manifest, backend: Backend, files: Mapping[str, Path], target: Path) -> Path:
        self.built.append(f"{manifest.name} {backend}")
        (target / "model.bin").write_bytes(b"".join(path.read_bytes() for path in files.values()))
        (target / "model.xml").write_text(f"<{backend}/>")
        return target / "model.xml"


@pytest.fixture
def builder() -> Builder:
    return Builder()


def source(name: str, data: bytes, **more: object) -> Source:
    """A source whose pins are those of `data`."""
    pins = {"bytes": len(data), "sha256": sha256(data)} | more
    return Source.model_validate({"name": name, **pins})


@pytest.fixture(name="source")
def source_factory() -> object:
    return source
