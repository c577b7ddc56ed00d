"""What README says is true: its TOML loads, its commands parse, its event and its picture are made again."""

from __future__ import annotations

import json
import re
import shlex
import sys
import tomllib
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge import cli, config
from edge.errors import EdgeError
from edge.events import schema
from models.manifest import ModelError

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, flags=re.DOTALL)


def test_its_toml_is_a_valid_configuration(tmp_path: Path) -> None:
    loaded = config.parse(tomllib.loads("\n".join(blocks("toml"))), tmp_path / "vedette.toml")
    assert loaded.cameras["door"].kind == "rtsp"
    assert loaded.api.buckets["my-bucket"].folder == Path("/srv/photos")
    assert loaded.mqtt.password_file == tmp_path / "mqtt.password"


def test_its_commands_are_commands() -> None:
    lines = [line for block in blocks("console") for line in block.splitlines() if line.startswith("$ vedette ")]
    assert len(lines) > 10
    for line in lines:
        assert cli.parser().parse_args(shlex.split(line.removeprefix("$ vedette "), comments=True)).handler


def test_its_event_is_one() -> None:
    (event,) = blocks("json")
    schema.validate(event)
    assert json.loads(event)["type"] == "face_matched"


def test_every_command_stands_in_it() -> None:
    actions = cli.parser()._subparsers._group_actions[0].choices  # type: ignore[union-attr]
    assert [name for name in actions if f"vedette {name}" not in README] == []  # type: ignore[union-attr]


def test_its_scripts_exist_and_can_be_run() -> None:
    for name in set(re.findall(r"\btools/([a-z-]+)\b", README)) - {"test-tflite-runtime"}:
        file = ROOT / "tools" / name
        assert file.exists(), name
        assert file.stat().st_mode & 0o111, name


def test_its_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README) + re.findall(r'src="([^"]+)"', README):
        assert (ROOT / target).exists(), target


@pytest.mark.models
def test_its_picture_and_event_are_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import readme

    try:
        still, event = readme.make(tmp_path)
    except (EdgeError, ModelError) as error:
        pytest.skip(f"models or media are not at hand: {error}")
    shown = json.loads(blocks("json")[0])
    assert event.keys() == shown.keys()
    for key in ("type", "device", "camera", "sequence", "models"):
        assert event[key] == shown[key]
    for key in ("person", "track", "collection"):
        assert event["values"][key] == shown["values"][key]
    assert event["values"]["cosine"] == pytest.approx(shown["values"]["cosine"], abs=0.05)
    made, committed = cv2.imread(str(still)).astype(float), cv2.imread(str(ROOT / "docs/still.jpg")).astype(float)
    assert made.shape == committed.shape
    assert np.abs(made - committed).mean() < 3


def test_a_new_gallery_changes_nothing_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import gallery

    changed = gallery.put(README, "NEW")
    assert gallery.generated(changed) == "\nNEW\n"
    assert gallery.put(changed, gallery.generated(README).strip("\n")) == README


@pytest.mark.models
def test_its_gallery_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import gallery

    try:
        text = gallery.page(gallery.make(tmp_path))
    except (EdgeError, ModelError) as error:
        pytest.skip(f"models or media are not at hand: {error}")
    assert gallery.skeleton(text) == gallery.skeleton(gallery.generated(README).strip("\n"))
    for _, picture in gallery.SHOWN:
        if picture:
            again, shown = (cv2.imread(str(folder / picture)) for folder in (tmp_path, ROOT / "docs"))
            assert again.shape == shown.shape
            assert np.abs(again.astype(int) - shown).mean() < 6.0


def test_its_operations_are_those_of_the_endpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT / "tools"), *sys.path])
    import operations

    for name, table in operations.PAGES.items():
        page = (ROOT / name).read_text("utf-8")
        assert operations.filled(page, table()) == page, f"{name}: run tools/operations"
        assert operations.BEGIN in page
