"""`vedette cameras` lists what there is, with TOML that can be pasted."""

from __future__ import annotations

import argparse
import json
import tomllib
from pathlib import Path

import pytest

from edge import config
from edge.cameras import picamera, v4l2
from edge.cameras.v4l2 import Device
from edge.commands import cameras
from edge.errors import CameraError


def run(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    cameras.add(parser.add_subparsers())
    args = parser.parse_args(["cameras", *arguments])
    status: int = args.handler(args)
    return status


def no_picamera() -> list[tuple[int, str]]:
    raise CameraError("picamera: picamera2 cannot be loaded; install it")


@pytest.fixture
def two_cameras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(v4l2, "devices", lambda: [Device("/dev/video0", "HD Webcam", "permission denied")])
    monkeypatch.setattr(picamera, "cameras", lambda: [(1, "imx708")])


@pytest.mark.usefixtures("two_cameras")
def test_the_listing_is_a_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    text = capsys.readouterr().out
    assert "HD Webcam at /dev/video0  (permission denied)" in text
    found = config.parse(tomllib.loads(text), Path("vedette.toml")).cameras
    assert [(name, camera.place) for name, camera in found.items()] == [
        ("webcam1", "/dev/video0"),
        ("ribbon1", "picamera 1"),
    ]


@pytest.mark.usefixtures("two_cameras")
def test_json_is_one_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert [(one["kind"], one["name"], one["fault"]) for one in document["cameras"]] == [
        ("v4l2", "HD Webcam", "permission denied"),
        ("picamera", "imx708", ""),
    ]


def test_a_machine_without_cameras_says_so(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(v4l2, "devices", list)
    monkeypatch.setattr(picamera, "cameras", no_picamera)
    assert run() == 0
    text = capsys.readouterr().out
    assert text.startswith("No camera is plugged into this machine.")
    assert "ribbon cameras were not looked for: picamera: picamera2 cannot be loaded; install it." in text
