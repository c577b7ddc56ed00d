"""Imports run downward only, vendor libraries stay in their own files, and one file spawns threads."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# Lowest first; rooms on one line never import each other. As drawn in edge/__init__.py.
LAYERS = (
    (
        "errors",
        "values",
        "settings",
        "stats",
        "turns",
        "mailbox",
        "logs",
        "hush",
        "notify",
        "stopping",
        "board",
        "similarity",
    ),
    ("pictures", "database", "findings", "centre", "threads"),
    ("drawing",),
    ("report",),
    ("packs", "keys", "quality"),
    ("engine",),
    ("candidates",),
    ("failover",),
    (
        "cameras",
        "vision",
        "tracking",
        "collections",
        "custom",
        "events",
        "identity",
        "stills",
        "live",
        "metrics",
        "endpoint",
    ),
    ("config", "exporter", "snapshots", "customs"),
    ("abilities", "comparison", "presence", "obstacles"),
    ("scene",),
    ("looks", "futile"),
    ("watch", "explain", "checkup", "status"),
    ("pipeline", "api"),
    ("daemon",),
    ("commands",),
    ("cli",),
    ("start",),
)
RANK = {room: rank for rank, rooms in enumerate(LAYERS) for room in rooms}

VENDORS = {
    "openvino": {"accel/openvino.py", "accel/graphs/"},
    "ai_edge_litert": {"accel/tflite.py", "accel/graphs/", "accel/coral.py"},
    "tflite_runtime": {"accel/tflite.py"},
    "flatbuffers": {"accel/graphs/"},
    "picamera2": {"edge/cameras/picamera.py"},
    "paho": {"edge/events/"},
    "prometheus_client": {"edge/metrics.py"},
    "numkong": {"edge/collections/compact.py"},
    "cryptography": {"edge/packs/signing.py", "edge/keys/"},
    "starlette": {"edge/api/server.py", "edge/api/http"},
    "uvicorn": {"edge/api/server.py", "edge/api/http"},
    "httptools": {"edge/api/http"},
    "pybase64": {"edge/api/reading"},
    "minio": {"edge/api/s3.py"},
    "urllib3": {"edge/api/s3.py"},
    "botocore": set(),
    "boto3": set(),
    "nncf": set(),
    "torch": set(),
    "tensorflow": set(),
}


def sources(*packages: str) -> list[Path]:
    return sorted(file for package in packages for file in (ROOT / package).rglob("*.py"))


def imported(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def room(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "edge" else ""


@pytest.mark.parametrize("leaf", ["accel", "models"])
def test_a_leaf_imports_nothing_of_ours(leaf: str) -> None:
    others = {"accel", "models", "edge"} - {leaf}
    found = [(file.name, name) for file in sources(leaf) for name in imported(file) if name.split(".")[0] in others]
    assert not found


def test_the_trunk_imports_downward_only() -> None:
    upward = []
    for file in sources("edge"):
        here = room(".".join(file.relative_to(ROOT).with_suffix("").parts))
        for name in imported(file):
            there = room(name)
            if there not in RANK or here in ("", "__init__") or here == there:
                continue
            if RANK[there] >= RANK[here]:
                upward.append(f"{file.relative_to(ROOT)} imports {name}")
    assert not upward


def test_every_room_has_a_layer() -> None:
    rooms = {file.relative_to(ROOT / "edge").parts[0].removesuffix(".py") for file in sources("edge")}
    assert rooms - {"__init__"} == set(RANK)


def test_vendor_libraries_are_imported_only_in_their_own_file() -> None:
    astray = []
    for file in sources("edge", "accel", "models"):
        path = file.relative_to(ROOT).as_posix()
        for name in imported(file):
            homes = VENDORS.get(name.split(".")[0])
            if homes is not None and not any(path.startswith(home) for home in homes):
                astray.append(f"{path} imports {name}")
    assert not astray


def test_threads_are_spawned_in_one_place() -> None:
    spawning = {
        file.relative_to(ROOT).as_posix()
        for file in sources("edge", "accel")
        for node in ast.walk(ast.parse(file.read_text("utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ("threading.Thread", "Thread")
    }
    assert spawning == {"edge/threads.py"}


def test_a_command_line_without_a_command_loads_no_heavy_library() -> None:
    code = (
        "import sys, edge, edge.cli; edge.cli.parser(); "
        "print(*sorted({name.split('.')[0] for name in sys.modules} "
        "& {'openvino', 'ai_edge_litert', 'tflite_runtime', 'cv2', 'paho', 'picamera2', 'nncf', 'numkong', "
        "'sqlite_utils', 'starlette', 'uvicorn', 'cryptography'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == ""


def test_no_file_of_tests_has_a_twin() -> None:
    names = [file.name for file in (ROOT / "tests").rglob("test_*.py")]
    assert len(names) == len(set(names))
    assert not list((ROOT / "tests").rglob("__init__.py"))
