"""What is shipped, under which licences, and what must never lie in this repository."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from models import manifest as manifests

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
PACKAGES = ("edge", "accel", "models")
PERMISSIVE = re.compile(r"apache|\bmit\b|bsd|psf|\bisc\b|zlib|cc0|epl-2\.0 or bsd|public domain", re.IGNORECASE)
COPYLEFT = re.compile(r"gpl|\bgnu\b|mpl|mozilla|\bcddl\b|\beupl\b|cc-by-(sa|nc)", re.IGNORECASE)
# LiteRT asks for it: a progress bar under MPL-2.0, which we neither import nor ship.
ASKED_FOR_BY_OTHERS = {"tqdm"}
LARGEST = 1_000_000  # bytes
PHOTOS = {f"docs/{name}.jpg" for name in ("still", "seen-astronaut", "seen-hopper", "seen-notice")}
MEDIA = {".jpg", ".jpeg", ".png", ".gif", ".webp", ".bmp", ".mp4", ".avi", ".mkv", ".mov", ".webm"}
WEIGHTS = {".bin", ".h5", ".onnx", ".pb", ".pdparams", ".pt", ".pth", ".safetensors", ".tflite", ".xml"}
PLACES = re.compile(r"(?<![\w.~-])/(?:root|work|workspaces?|Users|home/(?!who\b|pi\b|you\b))/")
REGISTRIES = re.compile(r"https?://[^\s\"']*(?:pythonhosted|registry\.|pypi\.|/simple\b|artifactory|nexus)")


def tracked() -> list[Path]:
    if not (ROOT / ".git").exists():
        pytest.skip("this is no git checkout")
    done = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    return [path for name in done.stdout.split("\0") if name and (path := ROOT / name).exists()]


def shipped_data() -> Iterator[str]:
    """What the program needs besides code: for its endpoint, and for each model."""
    yield "edge/api/service-model.json"
    for name in manifests.names():
        model = manifests.load(name)
        files = ["model.toml", "CARD.md", model.labels, *(variant.recipe for variant in model.variants.values())]
        yield from (f"models/zoo/{name}/{file}" for file in files if file)
        if model.task == "labels" and (ROOT / "models/zoo" / name / "taxonomy.json").exists():
            yield from (f"models/zoo/{name}/{file}" for file in ("taxonomy.json", "vocabulary.csv", "calibration.toml"))


def test_whatever_the_program_needs_is_tracked() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in tracked()}
    assert set(shipped_data()) <= names


@pytest.mark.skipif(find_spec("hatchling") is None, reason="hatchling is not installed")
def test_the_wheel_holds_the_code_the_models_and_the_command(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*build, "--wheel-dir", tmp_path, ROOT], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("vedette-*.whl")
    with zipfile.ZipFile(wheel) as opened:
        held = set(opened.namelist())
        (about,) = (name for name in held if name.endswith(".dist-info/entry_points.txt"))
        assert "vedette = edge.start:main" in opened.read(about).decode()
    code = {path.relative_to(ROOT).as_posix() for path in tracked() if path.suffix == ".py"}
    assert {name for name in code if name.startswith(PACKAGES)} <= held
    assert set(shipped_data()) <= held
    folders = {name.split("/")[0] for name in held}
    assert folders <= {*PACKAGES, wheel.name.split("-py3")[0] + ".dist-info"}
    assert {"LICENSE", "NOTICE"} <= {Path(name).name for name in held}
    assert wheel.stat().st_size < 2 * LARGEST


def test_the_command_is_the_one_function() -> None:
    assert PROJECT["scripts"] == {"vedette": "edge.start:main"}


def test_the_version_is_told_alike_everywhere() -> None:
    from edge import __version__

    assert PROJECT["version"] == __version__
    assert metadata.version("vedette") == __version__


def licences(package: str) -> str:
    about: Any = metadata.metadata(package)
    classifiers = [text for text in about.get_all("Classifier", []) if text.startswith("License ::")]
    return "; ".join(filter(None, [about.get("License-Expression"), (about.get("License") or "")[:200], *classifiers]))


def needed(package: str, known: set[str]) -> set[str]:
    """Everything that is installed along with a package on this machine."""
    for text in metadata.requires(package) or []:
        wanted = Requirement(text)
        name = wanted.name.lower().replace("_", "-")
        if name not in known and (wanted.marker is None or wanted.marker.evaluate({"extra": ""})):
            known.add(name)
            needed(name, known)
    return known


@pytest.mark.parametrize("dependency", [Requirement(text).name for text in PROJECT["dependencies"]])
def test_each_dependency_is_permissively_licensed(dependency: str) -> None:
    licence = licences(dependency)
    assert PERMISSIVE.search(licence), licence
    assert not COPYLEFT.search(licence), licence


def test_what_dependencies_need_is_permissively_licensed_too() -> None:
    odd = {
        name: licence
        for name in needed("vedette", set())
        if not PERMISSIVE.search(licence := licences(name)) or COPYLEFT.search(licence)
    }
    assert odd.keys() <= ASKED_FOR_BY_OTHERS, odd
    imports = re.compile(rf"^\s*(?:import|from) (?:{'|'.join(ASKED_FOR_BY_OTHERS)})\b", re.MULTILINE)
    assert not [path for path in tracked() if path.suffix == ".py" and imports.search(path.read_text("utf-8"))]


def test_licence_and_notice_cover_every_model() -> None:
    assert "Apache License" in (ROOT / "LICENSE").read_text("utf-8")
    notice = (ROOT / "NOTICE").read_text("utf-8")
    assert [name for name in manifests.names() if manifests.load(name).origin not in notice] == []


def test_no_large_file_no_photo_and_no_weights_are_tracked() -> None:
    files = {path.relative_to(ROOT).as_posix(): path for path in tracked()}
    assert [name for name, path in files.items() if path.stat().st_size > LARGEST] == []
    assert {name for name, path in files.items() if path.suffix.lower() in MEDIA} <= PHOTOS
    assert [name for name, path in files.items() if path.suffix.lower() in WEIGHTS] == []


def test_no_place_on_one_machine_and_no_registry_is_tracked() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue  # a recipe
        lines = enumerate(text.splitlines(), 1)
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:90]}"
            for number, line in lines
            if PLACES.search(line) or REGISTRIES.search(line)
        ]
    assert [line for line in found if "127.0.0.1" not in line] == []
